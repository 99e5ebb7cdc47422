/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One turn of the engine: read, plan, ledger and device, sessions, servers, picture.
 */

#include "common/clock.h"
#include "common/names.h"
#include "helper/core/plan.h"
#include "helper/core/uplink.h"
#include "helper/engine/devices.h"
#include "helper/engine/engine-private.h"
#include "helper/engine/heap.h"
#include "helper/engine/publish.h"
#include "helper/io/neighbours.h"

/** How often it is looked whether a server has taken our good-bye, in microseconds. */
#define STOP_POLL_USEC (20 * AP_USEC_PER_MSEC)

/** Pause after a turn that failed, in microseconds: the device or the disk may recover. */
#define RETRY_USEC (2 * AP_USEC_PER_SEC)

/**
 * How old what we know of the LAN's hosts may be while a peer is probed, in microseconds: 250 ms.
 * A host answers ARP within milliseconds, and a try lasts a second (path-management.md).
 */
#define HOSTS_AGE_USEC (250 * AP_USEC_PER_MSEC)

static gboolean
is_probing(const GArray *paths)
{
    for (guint i = 0; i < paths->len; i++) {
        if (g_array_index(paths, ApPath, i).state == AP_PATH_PROBING)
            return TRUE;
    }
    return FALSE;
}

/* Whether the peers that are being probed are on the LAN at all. Nothing but the reason hangs on
 * it, so that a table which cannot be read is one that says nothing. */
static void
look_at_lan(ApEngine *self, ApInstant now)
{
    if (!is_probing(self->paths)) {
        g_clear_pointer(&self->hosts, g_array_unref);
        return;
    }
    if (self->hosts != NULL && now.boot_usec - self->hosts_boot_usec < HOSTS_AGE_USEC)
        return;

    g_clear_pointer(&self->hosts, g_array_unref);
    self->hosts = ap_neighbours_read(NULL);
    self->hosts_boot_usec = now.boot_usec;
}

static gboolean
has_left(const ApEngine *self)
{
    const ApHoldings *holdings = self->holdings;

    return holdings->peers->len + holdings->addresses->len + holdings->loans->len == 0;
}

/* Lets the machine sleep once nothing of ours is left, or the time for that is over. Returns when
 * to look again. */
static gint64
finish_leaving(ApEngine *self, ApInstant now)
{
    if (!self->asleep || self->sleep_by_boot_usec == AP_NEVER)
        return AP_NEVER;
    if (!has_left(self) && now.boot_usec < self->sleep_by_boot_usec)
        return self->sleep_by_boot_usec;

    self->sleep_by_boot_usec = AP_NEVER;
    ap_sleep_watch_release(self->sleep_watch);
    return AP_NEVER;
}

/* Counts a Resync that is done: no server is waited for any more. */
static void
settle_resync(ApEngine *self)
{
    if (!self->resyncing || ap_askers_are_resyncing(self->askers))
        return;

    self->resyncing = FALSE;
    self->n_resyncs++;
}

static void
publish_turn(ApEngine *self,
             const ApWorld *world,
             const ApPlan *plan,
             guint64 network,
             ApInstant now)
{
    const ApPublishSources sources = {
        .news = ap_askers_get_news,
        .name = ap_gossipers_get_name,
        .is_hub = ap_gossipers_is_hub,
        .servers = self->askers,
        .gossip = self->gossipers,
    };
    g_autoptr(ApView) view = ap_publish_view(world, plan, self->policy, &sources, now);

    settle_resync(self);
    view->n_resyncs = self->n_resyncs;
    view->network = network;
    ap_publish_refusals(self->refusals, plan->refusals, &self->metrics);
    ap_publish_log(self->view, view, &self->metrics);
    ap_publish_notices(self->view, view);
    ap_sessions_count(self->sessions, &self->metrics.bfd);
    ap_gossipers_count(self->gossipers, &self->metrics.gossip);
    ap_metrics_list(&self->metrics, view->counters);

    view->serial = self->view == NULL ? 1 : self->view->serial;
    if (self->view != NULL && !ap_view_equal(self->view, view))
        view->serial++;

    g_clear_pointer(&self->view, ap_view_unref);
    self->view = g_steal_pointer(&view);
    self->publish(self->view, self->user_data);
}

static void
keep_memory(ApEngine *self, ApPlan *plan)
{
    g_clear_pointer(&self->paths, g_array_unref);
    self->paths = g_array_ref(plan->paths);
    g_clear_pointer(&self->refusals, g_array_unref);
    self->refusals = g_array_ref(plan->refusals);
}

/* Tells whoever stops us once nothing of ours is left and every good-bye is said, or the time for
 * that is over. Returns when to look again. */
static gint64
finish_stopping(ApEngine *self, ApInstant now)
{
    const gboolean busy = ap_askers_are_busy(self->askers);
    GSourceFunc stopped = self->stopped;

    if (now.boot_usec < self->stop_by_boot_usec && (busy || !has_left(self)))
        return MIN(self->stop_by_boot_usec,
                   busy ? now.boot_usec + STOP_POLL_USEC : self->stop_by_boot_usec);

    self->stopped = NULL;
    (void) stopped(self->stopped_data);
    return AP_NEVER;
}

static void
sleep_until(ApEngine *self, gint64 boot_usec)
{
    self->wake_at_boot_usec = boot_usec;
    ap_engine_arm_timer(self);
}

/*
 * A turn that comes before the kernel's notification of our own address must not plan it again.
 * Whatever else has changed by then is no news any more when that notification comes, so it gets
 * its turn here. The caller holds the former list.
 */
static void
refresh_links(ApEngine *self)
{
    const GPtrArray *before = ap_netwatch_get_links(self->netwatch);

    if (ap_netwatch_refresh(self->netwatch, NULL)
        && ap_netwatch_get_links(self->netwatch) != before)
        ap_engine_schedule_turn(self);
}

/* Carries the plan out, then speaks: a peer that was added hears us at once. */
static gboolean
carry_out(ApEngine *self, const ApWorld *world, const ApPlan *plan)
{
    g_autoptr(GError) error = NULL;
    ApApplyStats stats = {0};
    const gboolean ok = ap_apply_plan(&self->tools, world, plan, self->holdings, &stats, &error);

    if (ok)
        self->last_failure[0] = '\0';
    else
        ap_engine_log_failure(self, error);

    self->metrics.values[AP_METRIC_TURNS]++;
    self->metrics.values[AP_METRIC_CHANGES] += stats.n_changes;
    self->metrics.values[AP_METRIC_APPLY_FAILED] += stats.n_failed;

    if (stats.n_addresses > 0)
        refresh_links(self);
    if (ap_sessions_match(self->sessions, plan, ap_clock_now()))
        ap_engine_schedule_turn(self);

    /* Who got an address to gossip with shows in the next reading. */
    ap_gossipers_match(self->gossipers, world, plan, self->policy, ap_clock_now());
    if (ok && plan->loans->len > 0)
        ap_engine_schedule_turn(self);
    return ok;
}

/* Plans on @devices, carries the plan out and publishes. Returns when the next turn is due. */
static gint64
turn_on(ApEngine *self, const GPtrArray *devices, ApInstant now)
{
    g_autoptr(GPtrArray) links =
        g_ptr_array_ref((GPtrArray *) ap_netwatch_get_links(self->netwatch));
    const guint64 network = ap_uplink_fingerprint(links, self->policy);
    g_autoptr(GArray) candidates = ap_askers_list(self->askers, network, now);
    g_autoptr(GArray) proofs = ap_sessions_list_proofs(self->sessions);
    g_autoptr(GArray) mute = ap_sessions_list_mute(self->sessions);

    ap_gossipers_list(self->gossipers, candidates);
    ap_gossipers_add_to(self->gossipers, proofs);

    const ApWorld world = {
        .links = links,
        .devices = devices,
        .owned = self->holdings->peers,
        .addresses = self->holdings->addresses,
        .loans = self->holdings->loans,
        .candidates = candidates,
        .proofs = proofs,
        .mute = mute,
        .hosts = self->hosts,
        .paths = self->paths,
    };
    g_autoptr(ApPlan) plan = ap_plan_make(&world, self->policy, now);
    gint64 wake_at = plan->wake_at_boot_usec;

    ap_recorder_add(self->recorder, &world, self->policy, now, plan);
    if (!carry_out(self, &world, plan))
        wake_at = MIN(wake_at, now.boot_usec + RETRY_USEC);

    /* Each in a variable of its own: MIN() evaluates what it returns twice. */
    if (self->stopped != NULL) {
        const gint64 finish_at = finish_stopping(self, now);

        wake_at = MIN(wake_at, finish_at);
    } else {
        const gint64 ask_at =
            ap_askers_update(self->askers, &world, plan, self->policy, network, now);
        const gint64 settle_at = ap_settle_next(&self->settle, &world, plan, now);
        const gint64 sleep_at = finish_leaving(self, now);

        wake_at = MIN(MIN(wake_at, sleep_at), MIN(ask_at, settle_at));
    }
    publish_turn(self, &world, plan, network, now);
    keep_memory(self, plan);

    const ApPassed own = ap_engine_count_own(self);

    ap_glance_begin(self->glance, plan, wake_at, &own, now);
    return wake_at;
}

/** Looks at the world, plans, carries the plan out, publishes and sets the timer. */
void
ap_engine_turn(ApEngine *self)
{
    const ApInstant now = ap_clock_now();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) devices = ap_devices_read(self->tools.wireguard, &error);

    g_clear_handle_id(&self->turn_source, g_source_remove);
    self->wake_at_boot_usec = AP_NEVER; /* this is the turn that was due */
    ap_sessions_drain(self->sessions);
    (void) ap_sessions_run(self->sessions, now);
    if (devices != NULL) {
        ap_sessions_look(self->sessions, devices, now);
        look_at_lan(self, now);
        sleep_until(self, turn_on(self, devices, now));
    } else if (self->stopped != NULL) {
        sleep_until(self, finish_stopping(self, now));
    } else {
        ap_engine_log_failure(self, error);
        sleep_until(self, now.boot_usec + RETRY_USEC);
    }
    ap_heap_tidy(&self->tidied_boot_usec, now);
}
