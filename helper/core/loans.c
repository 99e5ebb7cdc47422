/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/order.h"
#include "helper/core/plan-private.h"

/*
 * WireGuard drops what comes from an address that is not one of the sender's, so a peer that
 * somebody else configured has to get its link-local address before gossip can pass. It follows
 * from the peer's key, leads nowhere else, and is the only thing that is ever changed of such a
 * peer (decisions.md 3).
 */

/** Most peers of a tunnel with whom gossip is spoken: as many as a ledger file has room for. */
#define MAX_LOANS 2048

static gboolean
holds(const ApDevicePeer *peer, const ApCidr *prefix)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), prefix))
            return TRUE;
    }
    return FALSE;
}

/* Two keys with one address would take 2^32 keys to find; the first holder keeps it. */
static gboolean
is_held(const ApDevice *device, const ApCidr *prefix)
{
    for (guint i = 0; i < device->peers->len; i++) {
        if (holds(g_ptr_array_index(device->peers, i), prefix))
            return TRUE;
    }
    return FALSE;
}

static void
change_loan(ApTurn *self, const ApDevice *device, const ApKey *key, gboolean add)
{
    const ApLoanChange change = {
        .ifindex = device->id.ifindex,
        .device_key = device->public_key,
        .key = *key,
        .add = add,
    };

    g_array_append_val(self->plan->loans, change);
}

static gboolean
is_configured(const ApTurn *self, const ApDevice *device, const ApKey *key)
{
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(self->policy, device->id.name);

    for (guint i = 0; entry != NULL && i < entry->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(entry->peers, i);

        if (ap_key_equal(&peer->key, key))
            return !peer->is_basic;
    }
    return FALSE;
}

/* A hub speaks with everybody, everybody else with the hub, and with whom the files name. */
static gboolean
speaks_with(const ApTurn *self, const ApTunnel *tunnel, const ApDevice *device, const ApKey *key)
{
    if (ap_world_find_ours(&self->world, device, key) != NULL || !ap_key_is_safe(key)
        || ap_key_equal(key, &device->public_key))
        return FALSE;
    return !tunnel->managed || ap_key_equal(key, &tunnel->hub) || is_configured(self, device, key);
}

static void
lend(ApTurn *self, const ApTunnel *tunnel, const ApDevice *device)
{
    guint n = 0;

    for (guint i = 0; i < device->peers->len && n < MAX_LOANS; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);
        const ApAddr addr = ap_key_link_local(&peer->key);
        const ApCidr host = ap_cidr_host(&addr);

        if (!speaks_with(self, tunnel, device, &peer->key))
            continue;
        n++;
        if (!holds(peer, &host) && !is_held(device, &host))
            change_loan(self, device, &peer->key, TRUE);
    }
}

/* Also of a peer that is gone, or that lost the address: the record goes then. */
static void
take_back(ApTurn *self, const ApTunnel *tunnel, const ApDevice *device)
{
    for (guint i = 0; i < self->world.loans->len; i++) {
        const ApLoan *loan = &g_array_index(self->world.loans, ApLoan, i);

        if (loan->ifindex != device->id.ifindex)
            continue;
        if (!tunnel->gossips || ap_device_find(device, &loan->key) == NULL
            || !speaks_with(self, tunnel, device, &loan->key))
            change_loan(self, device, &loan->key, FALSE);
    }
}

static int
compare_loans(gconstpointer a, gconstpointer b)
{
    const ApLoanChange *x = a;
    const ApLoanChange *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

/**
 * Decides which peers of others get their link-local address, and which lose it again.
 */
void
ap_loans_plan(ApTurn *self)
{
    for (guint i = 0; i < self->plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(self->plan->tunnels, ApTunnel, i);
        const ApDevice *device = ap_world_find_device(&self->world, tunnel->ifindex);

        take_back(self, tunnel, device);
        if (tunnel->gossips && !ap_world_is_mute(&self->world, tunnel->ifindex))
            lend(self, tunnel, device);
    }
    g_array_sort(self->plan->loans, compare_loans);
}
