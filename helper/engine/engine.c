/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/engine.h"

#include "common/clock.h"
#include "helper/core/path.h"
#include "helper/core/plan.h"
#include "helper/core/uplink.h"
#include "helper/engine/apply.h"
#include "helper/engine/askers.h"
#include "helper/engine/devices.h"
#include "helper/engine/metrics.h"
#include "helper/engine/publish.h"
#include "helper/engine/sessions.h"
#include "helper/engine/settle.h"
#include "helper/io/boot-timer.h"
#include "helper/io/netwatch.h"
#include "helper/io/sleep-watch.h"

#include <string.h>

/**
 * Longest wait, when we stop, for peers that are told and for servers that are
 * (coordination-protocol.md 6), in microseconds.
 */
#define STOP_LIMIT_USEC (3 * AP_USEC_PER_SEC / 2)

/** Longest time for which the machine is kept from sleeping, in microseconds. Decisions 10. */
#define SLEEP_LIMIT_USEC (3 * AP_USEC_PER_SEC / 2)

/** How often it is looked whether a server has taken our good-bye, in microseconds. */
#define STOP_POLL_USEC (20 * AP_USEC_PER_MSEC)

/** Pause after a turn that failed, in microseconds: the device or the disk may recover. */
#define RETRY_USEC (2 * AP_USEC_PER_SEC)

struct _ApEngine {
    ApPolicy *policy; /* (owned) */
    ApApplyTools tools;
    ApNetwatch *netwatch;      /* (owned) */
    ApBootTimer *timer;        /* (owned) */
    ApSleepWatch *sleep_watch; /* (owned) */
    ApEngineViewFunc publish;
    gpointer user_data;

    ApAskers *askers;     /* (owned) */
    ApSessions *sessions; /* (owned) */
    ApHoldings *holdings; /* (owned) what the ledger holds */
    GArray *paths;        /* (owned) (element-type ApPath) memory of the planner */
    GArray *refusals;     /* (owned) (nullable) (element-type ApRefusal) of the last plan */
    ApView *view;         /* (owned) (nullable) the last one */
    ApMetrics metrics;
    gboolean resyncing; /* not every server answered since the last ap_engine_resync() */
    guint64 n_resyncs;  /* that are done */

    gboolean enabled;          /* what people want; not while we stop or the machine sleeps */
    gboolean asleep;           /* the machine is about to sleep, or does */
    gint64 sleep_by_boot_usec; /* when it is let go at the latest; AP_NEVER: it was */
    guint turn_source;         /* (owned) the one idle turn that is scheduled */
    gint64 wake_at_boot_usec;  /* when a turn is due, whatever happens */
    ApSettle settle;
    char last_failure[256]; /* so that it is logged once */
    GSourceFunc stopped;    /* set while we are stopping */
    gpointer stopped_data;
    gint64 stop_by_boot_usec;
};

static void turn(ApEngine *self);

static gboolean
on_turn(gpointer user_data)
{
    ApEngine *self = user_data;

    self->turn_source = 0;
    turn(self);
    return G_SOURCE_REMOVE;
}

/* However many events arrive, one turn follows, and never inside the call that brought one. */
static void
schedule_turn(gpointer user_data)
{
    ApEngine *self = user_data;

    if (self->turn_source == 0)
        self->turn_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, self, NULL);
}

/* BFD has its own deadlines, and they come more often than a device is worth reading. */
static void
arm_timer(ApEngine *self)
{
    const gint64 deadline = ap_sessions_deadline(self->sessions);

    ap_boot_timer_arm(self->timer, MIN(self->wake_at_boot_usec, deadline));
}

static void
on_timer(gpointer user_data)
{
    ApEngine *self = user_data;
    const ApInstant now = ap_clock_now();

    if (ap_sessions_run(self->sessions, now) || now.boot_usec >= self->wake_at_boot_usec)
        schedule_turn(self);
    else
        arm_timer(self);
}

static void
on_heard(gboolean decide, gpointer user_data)
{
    if (decide)
        schedule_turn(user_data);
    arm_timer(user_data);
}

static void
on_network(gpointer user_data)
{
    ApEngine *self = user_data;

    ap_settle_begin(&self->settle, ap_clock_now());
    ap_sessions_retry(self->sessions);
    schedule_turn(self);
}

static void
log_failure(ApEngine *self, const GError *error)
{
    if (strcmp(self->last_failure, error->message) == 0)
        return;

    (void) g_strlcpy(self->last_failure, error->message, sizeof(self->last_failure));
    g_warning("%s", error->message);
}

static void
update_policy(ApEngine *self)
{
    self->policy->enabled = self->enabled && !self->asleep && self->stopped == NULL;
    schedule_turn(self);
}

/* Peers are told before the machine sleeps: what was proven is not when it wakes. */
static void
on_sleep(gboolean asleep, gpointer user_data)
{
    ApEngine *self = user_data;

    self->asleep = asleep;
    self->sleep_by_boot_usec = asleep ? ap_clock_now().boot_usec + SLEEP_LIMIT_USEC : AP_NEVER;
    update_policy(self);
    if (!asleep && self->stopped == NULL)
        ap_engine_resync(self);
}

static gboolean
has_left(const ApEngine *self)
{
    return self->holdings->peers->len + self->holdings->addresses->len == 0;
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
    g_autoptr(ApView) view =
        ap_publish_view(world, plan, self->policy, ap_askers_last_error, self->askers, now);

    settle_resync(self);
    view->n_resyncs = self->n_resyncs;
    view->network = network;
    ap_publish_refusals(self->refusals, plan->refusals, &self->metrics);
    ap_publish_log(self->view, view, &self->metrics);
    ap_sessions_count(self->sessions, &self->metrics.bfd);
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
    arm_timer(self);
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
        log_failure(self, error);

    self->metrics.values[AP_METRIC_TURNS]++;
    self->metrics.values[AP_METRIC_CHANGES] += stats.n_changes;
    self->metrics.values[AP_METRIC_APPLY_FAILED] += stats.n_failed;

    /* A turn that comes before the kernel's notification must not plan it again. */
    if (stats.n_addresses > 0)
        (void) ap_netwatch_refresh(self->netwatch, NULL);
    if (ap_sessions_match(self->sessions, plan, ap_clock_now()))
        schedule_turn(self);
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
    const ApWorld world = {
        .links = links,
        .devices = devices,
        .owned = self->holdings->peers,
        .addresses = self->holdings->addresses,
        .candidates = candidates,
        .proofs = proofs,
        .mute = mute,
        .paths = self->paths,
    };
    g_autoptr(ApPlan) plan = ap_plan_make(&world, self->policy, now);
    gint64 wake_at = plan->wake_at_boot_usec;

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
    return wake_at;
}

static void
turn(ApEngine *self)
{
    const ApInstant now = ap_clock_now();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) devices = ap_devices_read(self->tools.wireguard, &error);

    (void) ap_sessions_run(self->sessions, now);
    if (devices != NULL) {
        sleep_until(self, turn_on(self, devices, now));
    } else if (self->stopped != NULL) {
        sleep_until(self, finish_stopping(self, now));
    } else {
        log_failure(self, error);
        sleep_until(self, now.boot_usec + RETRY_USEC);
    }
}

static gboolean
load_holdings(ApEngine *self, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);

    self->holdings = ap_ledger_load(self->tools.ledger, warnings, error);
    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *) g_ptr_array_index(warnings, i));
    return self->holdings != NULL;
}

/**
 * Makes an engine and schedules its first turn, which removes what the ledger says a helper
 * before us left behind.
 *
 * @setup: its owned members are taken, also on failure
 * @error: AP_ERROR_FAILED when the ledger or the network cannot be read
 *
 * Returns: (transfer full) (nullable)
 */
ApEngine *
ap_engine_new(const ApEngineSetup *setup, GError **error)
{
    g_autoptr(ApEngine) self = g_new0(ApEngine, 1);

    self->policy = setup->policy;
    self->tools = (ApApplyTools){
        .wireguard = setup->wireguard,
        .ledger = setup->ledger,
        .addresses = &ap_address_system,
    };
    self->publish = setup->publish;
    self->user_data = setup->user_data;
    self->askers = ap_askers_new(setup->fetch_program, &self->metrics, schedule_turn, self);
    self->sessions = ap_sessions_new(&ap_sessions_sockets, on_heard, self);
    self->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    self->wake_at_boot_usec = AP_NEVER;
    self->enabled = setup->policy->enabled;
    self->sleep_by_boot_usec = AP_NEVER;

    if (!load_holdings(self, error))
        return NULL;
    self->netwatch = ap_netwatch_new(on_network, self, error);
    if (self->netwatch == NULL)
        return NULL;
    self->timer = ap_boot_timer_new(on_timer, self, error);
    if (self->timer == NULL)
        return NULL;

    self->sleep_watch = ap_sleep_watch_new(on_sleep, self);
    on_network(self);
    return g_steal_pointer(&self);
}

/**
 * Works by another policy from the next turn on; its mode stays what it was.
 *
 * @policy: (transfer full)
 */
void
ap_engine_set_policy(ApEngine *self, ApPolicy *policy)
{
    policy->mode = self->policy->mode;
    ap_policy_free(self->policy);
    self->policy = policy;
    update_policy(self);
}

/**
 * Does as people want; the next turn carries it out. Before the first call the policy's own
 * "enabled" counts.
 */
void
ap_engine_set_mode(ApEngine *self, const ApMode *mode)
{
    self->policy->mode = *mode;
    self->enabled = ap_mode_why_off(mode) == AP_REASON_NONE;
    update_policy(self);
}

/**
 * Tries everything again now: servers are asked, waiting peers are probed, the network is
 * read anew.
 */
void
ap_engine_resync(ApEngine *self)
{
    const ApInstant now = ap_clock_now();
    g_autoptr(GError) error = NULL;

    self->resyncing = TRUE;
    if (!ap_netwatch_refresh(self->netwatch, &error))
        log_failure(self, error);
    ap_askers_resync(self->askers, now);
    for (guint i = 0; i < self->paths->len; i++)
        ap_path_clear_backoff(&g_array_index(self->paths, ApPath, i));
    on_network(self);
}

/**
 * Undoes everything, says good-bye to peers and servers and then calls @stopped, from a turn; at
 * the latest after STOP_LIMIT_USEC.
 */
void
ap_engine_stop(ApEngine *self, GSourceFunc stopped, gpointer user_data)
{
    if (self->stopped != NULL)
        return;

    self->stopped = stopped;
    self->stopped_data = user_data;
    self->stop_by_boot_usec = ap_clock_now().boot_usec + STOP_LIMIT_USEC;
    ap_askers_stop(self->askers);
    update_policy(self);
}

void
ap_engine_free(ApEngine *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->turn_source, g_source_remove);
    ap_sleep_watch_free(self->sleep_watch);
    ap_boot_timer_free(self->timer);
    ap_netwatch_free(self->netwatch);
    ap_askers_free(self->askers);
    ap_sessions_free(self->sessions);
    ap_holdings_free(self->holdings);
    g_clear_pointer(&self->paths, g_array_unref);
    g_clear_pointer(&self->refusals, g_array_unref);
    g_clear_pointer(&self->view, ap_view_unref);
    ap_ledger_free(self->tools.ledger);
    ap_wireguard_free(self->tools.wireguard);
    ap_policy_free(self->policy);
    g_free(self);
}
