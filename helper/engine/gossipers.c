/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/gossipers.h"

/**
 * @all: (owned) (element-type ApGossiper)
 * @failures: (owned) (element-type ifindex utf8): the last of each tunnel, so that it is logged
 *     once
 */
struct _ApGossipers {
    ApGossiperSetup setup;
    GPtrArray *all;
    ApGossipStats stats;
    GHashTable *failures;
};

/**
 * Makes an empty set; ap_gossipers_match() fills it.
 *
 * @ops: &ap_gossiper_system
 * @wireguard: outlives @self
 *
 * Returns: (transfer full)
 */
ApGossipers *
ap_gossipers_new(const ApGossiperOps *ops,
                 ApWireguard *wireguard,
                 ApGossiperFunc heard,
                 gpointer user_data)
{
    ApGossipers *self = g_new0(ApGossipers, 1);

    self->setup = (ApGossiperSetup){
        .ops = ops,
        .wireguard = wireguard,
        .heard = heard,
        .user_data = user_data,
        .stats = &self->stats,
    };
    self->all = g_ptr_array_new_with_free_func((GDestroyNotify) ap_gossiper_free);
    self->failures = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return self;
}

void
ap_gossipers_free(ApGossipers *self)
{
    if (self == NULL)
        return;

    g_ptr_array_unref(self->all);
    g_hash_table_unref(self->failures);
    g_free(self);
}

static ApGossiper *
find(const ApGossipers *self, guint32 ifindex)
{
    for (guint i = 0; i < self->all->len; i++) {
        ApGossiper *gossiper = g_ptr_array_index(self->all, i);

        if (ap_gossiper_get_ifindex(gossiper) == ifindex)
            return gossiper;
    }
    return NULL;
}

/* Security rule G11: with the device's key goes everything that was shared by it. */
static void
drop_unwished(ApGossipers *self, const ApWorld *world, const ApPlan *plan)
{
    for (guint i = self->all->len; i > 0; i--) {
        const ApGossiper *gossiper = g_ptr_array_index(self->all, i - 1);
        const guint32 ifindex = ap_gossiper_get_ifindex(gossiper);
        const ApTunnel *tunnel = ap_plan_find_tunnel(plan, ifindex);
        const ApDevice *device = ap_world_find_device(world, ifindex);

        if (tunnel == NULL || !tunnel->gossips || device == NULL
            || !ap_key_equal(&device->public_key, ap_gossiper_get_key(gossiper)))
            g_ptr_array_remove_index(self->all, i - 1);
    }
}

static void
log_failure(ApGossipers *self, const ApDeviceId *id, const GError *error)
{
    const gpointer which = GUINT_TO_POINTER(id->ifindex);

    if (g_strcmp0(g_hash_table_lookup(self->failures, which), error->message) == 0)
        return;

    g_hash_table_insert(self->failures, which, g_strdup(error->message));
    g_warning("%s: no gossip: %s", id->name, error->message);
}

static GArray *
list_ours(const ApWorld *world, guint32 ifindex)
{
    GArray *keys = g_array_new(FALSE, TRUE, sizeof(ApKey));

    for (guint i = 0; i < world->owned->len; i++) {
        const ApOwned *owned = &g_array_index(world->owned, ApOwned, i);

        if (owned->ifindex == ifindex)
            g_array_append_val(keys, owned->key);
    }
    return keys;
}

static GArray *
list_bfd(const ApPlan *plan, guint32 ifindex)
{
    GArray *keys = g_array_new(FALSE, TRUE, sizeof(ApKey));

    for (guint i = 0; i < plan->paths->len; i++) {
        const ApPath *path = &g_array_index(plan->paths, ApPath, i);

        if (path->ifindex == ifindex && path->speaks_bfd)
            g_array_append_val(keys, path->key);
    }
    return keys;
}

static void
match_tunnel(ApGossipers *self,
             const ApWorld *world,
             const ApPlan *plan,
             const ApPolicy *policy,
             const ApTunnel *tunnel,
             ApInstant now)
{
    const ApDevice *device = ap_world_find_device(world, tunnel->ifindex);
    g_autoptr(GArray) ours = list_ours(world, tunnel->ifindex);
    g_autoptr(GArray) bfd = list_bfd(plan, tunnel->ifindex);
    g_autoptr(GArray) direct = ap_plan_list_direct(plan, tunnel->ifindex);
    const ApGossiperTurn turn = {
        .device = device,
        .links = world->links,
        .policy = policy,
        .ours = ours,
        .bfd = bfd,
        .direct = direct,
        .is_hub = !tunnel->managed,
        .is_mute = ap_world_is_mute(world, tunnel->ifindex),
    };
    ApGossiper *gossiper = find(self, tunnel->ifindex);
    g_autoptr(GError) error = NULL;

    if (gossiper == NULL) {
        gossiper = ap_gossiper_new(device, &self->setup, now, &error);
        if (gossiper != NULL)
            g_ptr_array_add(self->all, gossiper);
    }
    if (gossiper == NULL || !ap_gossiper_match(gossiper, &turn, now, &error))
        log_failure(self, &device->id, error);
    else
        g_hash_table_remove(self->failures, GUINT_TO_POINTER(tunnel->ifindex));
}

/**
 * Makes gossip what @plan wishes, and says what is to be said. To be called when the plan has been
 * carried out.
 *
 * @world: that of the plan; in it, what the ledger holds by then
 */
void
ap_gossipers_match(ApGossipers *self,
                   const ApWorld *world,
                   const ApPlan *plan,
                   const ApPolicy *policy,
                   ApInstant now)
{
    drop_unwished(self, world, plan);
    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);

        if (tunnel->gossips)
            match_tunnel(self, world, plan, policy, tunnel, now);
    }
}

/** Begins anew in the eyes of all peers: after a suspend. */
void
ap_gossipers_begin_anew(ApGossipers *self)
{
    for (guint i = 0; i < self->all->len; i++)
        ap_gossiper_begin_anew(g_ptr_array_index(self->all, i));
}

/**
 * Does what is due on all tunnels, and what may be done on a wake-up: see ap_gossiper_run().
 *
 * Returns: TRUE when a turn should follow
 */
gboolean
ap_gossipers_run(ApGossipers *self, ApInstant now)
{
    gboolean decide = FALSE;

    for (guint i = 0; i < self->all->len; i++) {
        ApGossiper *gossiper = g_ptr_array_index(self->all, i);

        if (ap_gossiper_due(gossiper) <= now.boot_usec)
            decide |= ap_gossiper_run(gossiper, now);
    }
    return decide;
}

/** Returns: when to call ap_gossipers_run() next, on the boot clock */
gint64
ap_gossipers_deadline(const ApGossipers *self)
{
    gint64 next = AP_NEVER;

    for (guint i = 0; i < self->all->len; i++) {
        const gint64 deadline = ap_gossiper_deadline(g_ptr_array_index(self->all, i));

        next = MIN(next, deadline);
    }
    return next;
}

/**
 * Adds who may be reached by what was told on all tunnels.
 *
 * @candidates: (inout) (element-type ApCandidate): of other sources
 */
void
ap_gossipers_list(const ApGossipers *self, GArray *candidates)
{
    for (guint i = 0; i < self->all->len; i++)
        ap_gossiper_list(g_ptr_array_index(self->all, i), candidates);
}

/**
 * Adds what gossip has come to, to what is no traffic of peers.
 *
 * @proofs: (inout) (element-type ApProof)
 */
void
ap_gossipers_add_to(const ApGossipers *self, GArray *proofs)
{
    for (guint i = 0; i < self->all->len; i++)
        ap_gossiper_add_to(g_ptr_array_index(self->all, i), proofs);
}

/**
 * Says what gossip has come to, for the picture that people see.
 *
 * @self: an ApGossipers
 *
 * Returns: (transfer full) (nullable): what a peer is called: at most AP_PEER_NAME_MAX bytes of
 *     harmless text; NULL when nobody says
 */
char *
ap_gossipers_get_name(guint32 ifindex, const ApKey *key, gpointer self)
{
    const ApGossiper *gossiper = find(self, ifindex);

    return gossiper != NULL ? ap_gossiper_name(gossiper, key) : NULL;
}

/** Returns: whether this machine is known to be the hub of a tunnel; @self: an ApGossipers */
gboolean
ap_gossipers_is_hub(guint32 ifindex, gpointer self)
{
    const ApGossiper *gossiper = find(self, ifindex);

    return gossiper != NULL && ap_gossiper_is_hub(gossiper);
}

/** Counts everything since the start: @out: (out caller-allocates). */
void
ap_gossipers_count(const ApGossipers *self, ApGossipStats *out)
{
    *out = self->stats;
    for (guint i = 0; i < self->all->len; i++)
        ap_gossiper_count(g_ptr_array_index(self->all, i), out);
}
