/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/plan-private.h"

/*
 * BFD and gossip are spoken between link-local addresses that follow from the keys. Ours belongs
 * on the interface while a peer of ours is on the tunnel, or while gossip is spoken there; what
 * the administrator put there serves as well. Such an address is used, and never removed.
 */

static gboolean
has_address(const ApLink *link, const ApAddr *addr)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i).addr, addr))
            return TRUE;
    }
    return FALSE;
}

/* Whether a peer of ours will be on the tunnel, and whether one is there to stay. */
static gboolean
has_peer(const ApTurn *self, guint32 ifindex, gboolean *to_stay)
{
    gboolean found = FALSE;

    *to_stay = FALSE;
    for (guint i = 0; i < self->subjects->len; i++) {
        const ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);

        if (subject->ifindex != ifindex || !subject->step.present)
            continue;
        found = TRUE;
        *to_stay |= !subject->step.leaving;
    }
    return found;
}

static void
change_address(ApTurn *self, const ApDevice *device, const ApAddr *addr, gboolean add)
{
    const ApAddressChange change = {
        .ifindex = device->id.ifindex,
        .device_key = device->public_key,
        .addr = *addr,
        .add = add,
    };

    g_array_append_val(self->plan->addresses, change);
}

/* Takes away what we added to the tunnel, but for @wanted. */
static void
remove_addresses(ApTurn *self, const ApDevice *device, const ApAddr *wanted)
{
    for (guint i = 0; i < self->world.addresses->len; i++) {
        const ApOwnedAddress *owned = &g_array_index(self->world.addresses, ApOwnedAddress, i);

        if (owned->ifindex == device->id.ifindex
            && (wanted == NULL || !ap_addr_equal(&owned->addr, wanted)))
            change_address(self, device, &owned->addr, FALSE);
    }
}

/* The sessions with all peers that will be on the tunnel. */
static void
wish_sessions(ApTurn *self, const ApLink *link, const ApAddr *local)
{
    for (guint i = 0; i < self->subjects->len; i++) {
        const ApSubject *subject = &g_array_index(self->subjects, ApSubject, i);
        const ApPathStep *step = &subject->step;
        ApSessionWish wish;

        if (subject->ifindex != link->ifindex || !step->present)
            continue;

        wish = (ApSessionWish){
            .ifindex = subject->ifindex,
            .key = subject->key,
            .local = *local,
            .remote = ap_key_link_local(&subject->key),
            .mtu = link->mtu,
            .active = step->active,
            .fast = step->fast,
            .usable = step->usable,
            .leaving = step->leaving,
            .doubted_boot_usec =
                subject->candidate != NULL ? subject->candidate->doubted_boot_usec : 0,
        };
        g_array_append_val(self->plan->sessions, wish);
    }
}

/*
 * A mute tunnel keeps the address that it has: taking it away would be news of the network, and
 * news make the engine try again whether the tunnel is mute.
 */
static void
plan_tunnel(ApTurn *self, const ApTunnel *tunnel)
{
    const ApDevice *device = ap_world_find_device(&self->world, tunnel->ifindex);
    const ApLink *link = ap_world_find_link(&self->world, tunnel->ifindex);
    const gboolean is_mute = ap_world_is_mute(&self->world, tunnel->ifindex);
    gboolean has_local, to_stay;
    ApAddr local;

    if (!has_peer(self, tunnel->ifindex, &to_stay) && !tunnel->gossips) {
        remove_addresses(self, device, NULL);
        return;
    }

    local = ap_key_link_local(&device->public_key);
    has_local = link != NULL && has_address(link, &local);
    if (link != NULL && !has_local && !is_mute && (to_stay || tunnel->gossips)) {
        change_address(self, device, &local, TRUE);
        has_local = TRUE;
    }
    remove_addresses(self, device, &local);
    if (has_local && !is_mute)
        wish_sessions(self, link, &local);
}

/**
 * Decides which address each tunnel needs for BFD and gossip, and which sessions are spoken.
 *
 * @self: with the steps of all subjects
 */
void
ap_speech_plan(ApTurn *self)
{
    for (guint i = 0; i < self->plan->tunnels->len; i++)
        plan_tunnel(self, &g_array_index(self->plan->tunnels, ApTunnel, i));
}
