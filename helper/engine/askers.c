/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/askers.h"

struct _ApAskers {
    const char *fetch_program; /* (not owned) absolute; outlives us */
    ApMetrics *metrics;        /* (not owned) outlives us */
    ApAskerFunc ended;
    gpointer user_data; /* (not owned) outlives us: the engine */
    GPtrArray *askers;  /* (owned) (element-type ApAsker) */
    GPtrArray *leaving; /* (owned) (element-type ApAsker) stopped, saying good-bye */
};

/**
 * Makes an empty set; ap_askers_update() fills it.
 *
 * @fetch_program: absolute path of the child
 * @metrics: (not owned): counts; must outlive the set
 * @ended: called from the main loop after each exchange
 *
 * Returns: (transfer full)
 */
ApAskers *
ap_askers_new(const char *fetch_program, ApMetrics *metrics, ApAskerFunc ended, gpointer user_data)
{
    ApAskers *self = g_new0(ApAskers, 1);

    self->fetch_program = fetch_program;
    self->metrics = metrics;
    self->ended = ended;
    self->user_data = user_data;
    self->askers = g_ptr_array_new_with_free_func((GDestroyNotify) ap_asker_unref);
    self->leaving = g_ptr_array_new_with_free_func((GDestroyNotify) ap_asker_unref);
    return self;
}

static ApAsker *
find(const ApAskers *self, guint32 ifindex)
{
    for (guint i = 0; i < self->askers->len; i++) {
        ApAsker *asker = g_ptr_array_index(self->askers, i);

        if (ap_asker_get_ifindex(asker) == ifindex)
            return asker;
    }
    return NULL;
}

static void
let_go(ApAskers *self, guint index)
{
    ApAsker *asker = g_ptr_array_steal_index(self->askers, index);

    ap_asker_stop(asker);
    g_ptr_array_add(self->leaving, asker);
}

static void
reap_leaving(ApAskers *self)
{
    for (guint i = self->leaving->len; i > 0; i--) {
        if (!ap_asker_is_busy(g_ptr_array_index(self->leaving, i - 1)))
            g_ptr_array_remove_index(self->leaving, i - 1);
    }
}

/**
 * Collects what the answers of all servers add up to.
 *
 * @network: fingerprint of the uplinks; what was told on another network does not count
 *
 * Returns: (transfer full) (element-type ApCandidate): in no order
 */
GArray *
ap_askers_list(ApAskers *self, guint64 network, ApInstant now)
{
    GArray *candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));

    reap_leaving(self);
    for (guint i = 0; i < self->askers->len; i++) {
        ApAsker *asker = g_ptr_array_index(self->askers, i);

        ap_asker_set_network(asker, network, now);
        ap_asker_list(asker, candidates, now);
    }
    return candidates;
}

static ApAsker *
find_or_add(ApAskers *self, const ApTunnel *tunnel, guint64 network, ApInstant now)
{
    ApAsker *asker = find(self, tunnel->ifindex);

    if (asker == NULL && tunnel->managed) {
        asker = ap_asker_new(tunnel->ifindex,
                             self->fetch_program,
                             self->metrics,
                             self->ended,
                             self->user_data);
        ap_asker_set_network(asker, network, now);
        g_ptr_array_add(self->askers, asker);
    }
    return asker;
}

/**
 * Lets every asker see the outcome of a turn, makes those that are missing and lets go of those
 * whose device is gone.
 *
 * Returns: when the first of them wants to be called again, on the boot clock
 */
gint64
ap_askers_update(ApAskers *self,
                 const ApWorld *world,
                 const ApPlan *plan,
                 const ApPolicy *policy,
                 guint64 network,
                 ApInstant now)
{
    gint64 wake_at = AP_NEVER;

    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);
        ApAsker *asker = find_or_add(self, tunnel, network, now);
        g_autoptr(GArray) direct = ap_plan_list_direct(plan, tunnel->ifindex);
        const ApAskerInput input = {
            .tunnel = tunnel,
            .device = ap_world_find_device(world, tunnel->ifindex),
            .links = world->links,
            .policy = policy,
            .direct = direct,
            .bfd = !ap_world_is_mute(world, tunnel->ifindex),
            .network = network,
        };

        if (asker != NULL) {
            const gint64 ask_at = ap_asker_update(asker, &input, now);

            wake_at = MIN(wake_at, ask_at);
        }
    }

    for (guint i = self->askers->len; i > 0; i--) {
        ApAsker *asker = g_ptr_array_index(self->askers, i - 1);

        if (ap_world_find_device(world, ap_asker_get_ifindex(asker)) == NULL)
            let_go(self, i - 1);
    }
    return wake_at;
}

/** Asks everybody at the next ap_askers_update(), whatever the schedules say. */
void
ap_askers_resync(ApAskers *self, ApInstant now)
{
    for (guint i = 0; i < self->askers->len; i++)
        ap_asker_resync(g_ptr_array_index(self->askers, i), now);
}

/** Returns: TRUE while the round of a server that ap_askers_resync() asked for is not over */
gboolean
ap_askers_are_resyncing(const ApAskers *self)
{
    for (guint i = 0; i < self->askers->len; i++) {
        if (ap_asker_is_resyncing(g_ptr_array_index(self->askers, i)))
            return TRUE;
    }
    return FALSE;
}

/** Says good-bye to every server that knows us; nobody is called back any more. */
void
ap_askers_stop(ApAskers *self)
{
    while (self->askers->len > 0)
        let_go(self, self->askers->len - 1);
}

/** Returns: TRUE while good-byes are under way */
gboolean
ap_askers_are_busy(const ApAskers *self)
{
    for (guint i = 0; i < self->leaving->len; i++) {
        if (ap_asker_is_busy(g_ptr_array_index(self->leaving, i)))
            return TRUE;
    }
    return FALSE;
}

/**
 * Tells how the coordination of a tunnel goes.
 *
 * @self: an ApAskers; last, and without its type, so that it serves as an ApServerNewsFunc
 *
 * Returns: good until the next call of the main loop
 */
ApServerNews
ap_askers_get_news(guint32 ifindex, gpointer self)
{
    const ApAsker *asker = find(self, ifindex);

    return asker != NULL ? ap_asker_get_news(asker) : (ApServerNews){.error = ""};
}

void
ap_askers_free(ApAskers *self)
{
    if (self == NULL)
        return;

    ap_askers_stop(self);
    g_ptr_array_unref(self->askers);
    g_ptr_array_unref(self->leaving);
    g_free(self);
}
