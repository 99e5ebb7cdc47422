/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/engine.h"

#include "common/clock.h"
#include "common/error.h"
#include "helper/core/path.h"
#include "helper/core/plan.h"
#include "helper/core/uplink.h"
#include "helper/engine/apply.h"
#include "helper/engine/asker.h"
#include "helper/engine/metrics.h"
#include "helper/engine/publish.h"
#include "helper/io/boot-timer.h"
#include "helper/io/netwatch.h"

#include <string.h>

/**
 * When to look again at a tunnel that is not complete yet, in milliseconds after the last
 * network event. WireGuard tells nobody when a key or a peer is set, and `wg setconf` usually
 * comes within a second after the interface; after the last step only an event helps, so that
 * a machine without a managed tunnel sleeps.
 */
static const gint64 settle_msec[] = {50, 150, 400, 1000, 3000, 10000, 30000};

/** Longest wait for the good-byes when we stop, in microseconds (coordination-protocol.md 6). */
#define STOP_LIMIT_USEC (3 * AP_USEC_PER_SEC / 2)

/** Pause after a turn that failed, in microseconds: the device or the disk may recover. */
#define RETRY_USEC (2 * AP_USEC_PER_SEC)

struct _ApEngine {
    ApPolicy *policy;       /* (owned) */
    ApWireguard *wireguard; /* (owned) */
    ApLedger *ledger;       /* (owned) */
    ApNetwatch *netwatch;   /* (owned) */
    ApBootTimer *timer;     /* (owned) */
    const char *fetch_program;
    ApEngineViewFunc publish;
    gpointer user_data;

    GPtrArray *askers;  /* (owned) (element-type ApAsker) */
    GPtrArray *leaving; /* (owned) (element-type ApAsker) stopped, saying good-bye */
    GArray *owned;      /* (owned) (element-type ApOwned) what the ledger holds */
    GArray *paths;      /* (owned) (element-type ApPath) memory of the planner */
    GArray *refusals;   /* (owned) (nullable) (element-type ApRefusal) of the last plan */
    ApView *view;       /* (owned) (nullable) the last one */
    ApMetrics metrics;

    guint turn_source;      /* (owned) the one idle turn that is scheduled */
    guint settle_step;      /* index into settle_msec */
    gint64 event_boot_usec; /* of the last network event */
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

static void
on_network(gpointer user_data)
{
    ApEngine *self = user_data;

    self->settle_step = 0;
    self->event_boot_usec = ap_clock_now().boot_usec;
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

static int
compare_devices(gconstpointer a, gconstpointer b)
{
    const ApDevice *const *da = a, *const *db = b;

    return (*da)->id.ifindex < (*db)->id.ifindex ? -1 : (*da)->id.ifindex > (*db)->id.ifindex;
}

/*
 * Reads every device. One that goes while we look is simply not there; one that cannot be
 * read for another reason ends the turn: never plan on a partial list.
 */
static GPtrArray *
read_devices(ApWireguard *wireguard, GError **error)
{
    g_autoptr(GArray) ids = ap_wireguard_list(wireguard, error);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);

    if (ids == NULL)
        return NULL;

    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(GError) reason = NULL;
        ApDevice *device =
            ap_wireguard_read(wireguard, &g_array_index(ids, ApDeviceId, i), &reason);

        if (device != NULL) {
            g_ptr_array_add(devices, device);
        } else if (!g_error_matches(reason, AP_ERROR, AP_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return NULL;
        }
    }

    g_ptr_array_sort(devices, compare_devices);
    return g_steal_pointer(&devices);
}

static ApAsker *
find_asker(ApEngine *self, guint32 ifindex)
{
    for (guint i = 0; i < self->askers->len; i++) {
        ApAsker *asker = g_ptr_array_index(self->askers, i);

        if (ap_asker_get_ifindex(asker) == ifindex)
            return asker;
    }
    return NULL;
}

static void
let_go(ApEngine *self, guint index)
{
    ApAsker *asker = g_ptr_array_steal_index(self->askers, index);

    ap_asker_stop(asker);
    g_ptr_array_add(self->leaving, asker);
}

static void
reap_leaving(ApEngine *self)
{
    for (guint i = self->leaving->len; i > 0; i--) {
        if (!ap_asker_is_busy(g_ptr_array_index(self->leaving, i - 1)))
            g_ptr_array_remove_index(self->leaving, i - 1);
    }
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    const ApCandidate *ca = a, *cb = b;

    if (ca->ifindex != cb->ifindex)
        return ca->ifindex < cb->ifindex ? -1 : 1;
    return ap_key_compare(&ca->key, &cb->key);
}

static GArray *
list_candidates(ApEngine *self, guint64 network, ApInstant now)
{
    GArray *candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));

    for (guint i = 0; i < self->askers->len; i++) {
        ApAsker *asker = g_ptr_array_index(self->askers, i);

        ap_asker_set_network(asker, network, now);
        ap_asker_list(asker, candidates, now);
    }
    g_array_sort(candidates, compare_candidates);
    return candidates;
}

static GArray *
list_direct(const ApPlan *plan, guint32 ifindex)
{
    GArray *direct = g_array_new(FALSE, TRUE, sizeof(ApKey));

    for (guint i = 0; i < plan->verdicts->len; i++) {
        const ApVerdict *verdict = &g_array_index(plan->verdicts, ApVerdict, i);

        if (verdict->ifindex == ifindex && verdict->state == AP_PATH_DIRECT)
            g_array_append_val(direct, verdict->key);
    }
    return direct;
}

/* Lets every asker see the outcome. Returns when the first of them wants to be called. */
static gint64
update_askers(ApEngine *self,
              const ApWorld *world,
              const ApPlan *plan,
              guint64 network,
              ApInstant now)
{
    gint64 wake_at = AP_NEVER;

    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);
        ApAsker *asker = find_asker(self, tunnel->ifindex);
        g_autoptr(GArray) direct = list_direct(plan, tunnel->ifindex);
        const ApAskerInput input = {
            .tunnel = tunnel,
            .device = ap_world_find_device(world, tunnel->ifindex),
            .links = world->links,
            .policy = self->policy,
            .direct = direct,
            .network = network,
        };

        if (asker == NULL && tunnel->managed) {
            asker = ap_asker_new(tunnel->ifindex,
                                 self->fetch_program,
                                 &self->metrics,
                                 schedule_turn,
                                 self);
            ap_asker_set_network(asker, network, now);
            g_ptr_array_add(self->askers, asker);
        }
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

static gboolean
is_incomplete(const ApLink *link, const ApPlan *plan)
{
    if (link->kind != AP_LINK_KIND_WIREGUARD && link->kind != AP_LINK_KIND_TUNNEL)
        return FALSE;

    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);

        if (tunnel->ifindex == link->ifindex)
            return tunnel->reason == AP_REASON_NO_KEY || tunnel->reason == AP_REASON_NO_HUB;
    }
    return TRUE;
}

/* When to look again because a tunnel lacks something that no event will announce. */
static gint64
next_settle(ApEngine *self, const ApWorld *world, const ApPlan *plan, ApInstant now)
{
    gboolean incomplete = FALSE;

    for (guint i = 0; i < world->links->len && !incomplete; i++)
        incomplete = is_incomplete(g_ptr_array_index(world->links, i), plan);

    for (; incomplete && self->settle_step < G_N_ELEMENTS(settle_msec); self->settle_step++) {
        const gint64 at = self->event_boot_usec + settle_msec[self->settle_step] * AP_USEC_PER_MSEC;

        if (at > now.boot_usec)
            return at;
    }
    return AP_NEVER;
}

static const char *
last_error_of(guint32 ifindex, gpointer user_data)
{
    const ApAsker *asker = find_asker(user_data, ifindex);

    return asker != NULL ? ap_asker_get_last_error(asker) : "";
}

static void
publish_turn(ApEngine *self, const ApWorld *world, const ApPlan *plan, ApInstant now)
{
    g_autoptr(ApView) view = ap_publish_view(world, plan, self->policy, last_error_of, self, now);

    ap_publish_refusals(self->refusals, plan->refusals, &self->metrics);
    ap_publish_log(self->view, view, &self->metrics);
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

/* Tells whoever stops us once every good-bye is said, or its time is over. */
static gint64
finish_stopping(ApEngine *self, ApInstant now)
{
    GSourceFunc stopped = self->stopped;

    if (self->leaving->len > 0 && now.boot_usec < self->stop_by_boot_usec)
        return MIN(self->stop_by_boot_usec, now.boot_usec + 20 * AP_USEC_PER_MSEC);

    self->stopped = NULL;
    (void) stopped(self->stopped_data);
    return AP_NEVER;
}

/* Nobody here speaks BFD: every tunnel is mute, and handshakes are the proof. */
static GArray *
list_mute(const GPtrArray *devices)
{
    GArray *mute = g_array_new(FALSE, FALSE, sizeof(guint32));

    for (guint i = 0; i < devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(devices, i);

        g_array_append_val(mute, device->id.ifindex);
    }
    return mute;
}

static void
turn(ApEngine *self)
{
    const ApInstant now = ap_clock_now();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) devices = read_devices(self->wireguard, &error);
    const GPtrArray *links = ap_netwatch_get_links(self->netwatch);
    ApApplyStats stats = {0};

    reap_leaving(self);
    if (self->stopped != NULL && devices == NULL) {
        ap_boot_timer_arm(self->timer, finish_stopping(self, now));
        return;
    }
    if (devices == NULL) {
        log_failure(self, error);
        ap_boot_timer_arm(self->timer, now.boot_usec + RETRY_USEC);
        return;
    }

    const guint64 network = ap_uplink_fingerprint(links, self->policy);
    g_autoptr(GArray) candidates = list_candidates(self, network, now);
    g_autoptr(GArray) mute = list_mute(devices);
    const ApWorld world = {
        .links = links,
        .devices = devices,
        .owned = self->owned,
        .candidates = candidates,
        .mute = mute,
        .paths = self->paths,
    };
    g_autoptr(ApPlan) plan = ap_plan_make(&world, self->policy, now);
    gint64 wake_at = plan->wake_at_boot_usec;

    if (!ap_apply_plan(self->wireguard, self->ledger, &world, plan, self->owned, &stats, &error)) {
        log_failure(self, error);
        wake_at = MIN(wake_at, now.boot_usec + RETRY_USEC);
    } else {
        self->last_failure[0] = '\0';
    }

    self->metrics.values[AP_METRIC_TURNS]++;
    self->metrics.values[AP_METRIC_CHANGES] += stats.n_changes;
    self->metrics.values[AP_METRIC_APPLY_FAILED] += stats.n_failed;

    /* Each in a variable of its own: MIN() evaluates what it returns twice. */
    if (self->stopped != NULL) {
        const gint64 finish_at = finish_stopping(self, now);

        wake_at = MIN(wake_at, finish_at);
    } else {
        const gint64 ask_at = update_askers(self, &world, plan, network, now);
        const gint64 settle_at = next_settle(self, &world, plan, now);

        wake_at = MIN(wake_at, MIN(ask_at, settle_at));
    }
    publish_turn(self, &world, plan, now);
    keep_memory(self, plan);
    ap_boot_timer_arm(self->timer, wake_at);
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
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);

    self->policy = setup->policy;
    self->wireguard = setup->wireguard;
    self->ledger = setup->ledger;
    self->fetch_program = setup->fetch_program;
    self->publish = setup->publish;
    self->user_data = setup->user_data;
    self->askers = g_ptr_array_new_with_free_func((GDestroyNotify) ap_asker_unref);
    self->leaving = g_ptr_array_new_with_free_func((GDestroyNotify) ap_asker_unref);
    self->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));

    self->owned = ap_ledger_load(self->ledger, warnings, error);
    if (self->owned == NULL)
        return NULL;
    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *) g_ptr_array_index(warnings, i));

    self->netwatch = ap_netwatch_new(on_network, self, error);
    if (self->netwatch == NULL)
        return NULL;
    self->timer = ap_boot_timer_new(schedule_turn, self, error);
    if (self->timer == NULL)
        return NULL;

    on_network(self);
    return g_steal_pointer(&self);
}

/**
 * Switches the whole matter on or off; the next turn carries it out.
 */
void
ap_engine_set_enabled(ApEngine *self, gboolean enabled)
{
    self->policy->enabled = enabled;
    schedule_turn(self);
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

    if (!ap_netwatch_refresh(self->netwatch, &error))
        log_failure(self, error);
    for (guint i = 0; i < self->askers->len; i++)
        ap_asker_resync(g_ptr_array_index(self->askers, i), now);
    for (guint i = 0; i < self->paths->len; i++)
        ap_path_clear_backoff(&g_array_index(self->paths, ApPath, i));
    on_network(self);
}

/**
 * Undoes everything, says good-bye to the servers and then calls @stopped, from a turn; at
 * the latest after STOP_LIMIT_USEC.
 */
void
ap_engine_stop(ApEngine *self, GSourceFunc stopped, gpointer user_data)
{
    if (self->stopped != NULL)
        return;

    self->policy->enabled = FALSE;
    self->stopped = stopped;
    self->stopped_data = user_data;
    self->stop_by_boot_usec = ap_clock_now().boot_usec + STOP_LIMIT_USEC;
    while (self->askers->len > 0)
        let_go(self, self->askers->len - 1);
    schedule_turn(self);
}

void
ap_engine_free(ApEngine *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->turn_source, g_source_remove);
    ap_boot_timer_free(self->timer);
    ap_netwatch_free(self->netwatch);
    while (self->askers != NULL && self->askers->len > 0)
        let_go(self, self->askers->len - 1);
    g_clear_pointer(&self->askers, g_ptr_array_unref);
    g_clear_pointer(&self->leaving, g_ptr_array_unref);
    g_clear_pointer(&self->owned, g_array_unref);
    g_clear_pointer(&self->paths, g_array_unref);
    g_clear_pointer(&self->refusals, g_array_unref);
    g_clear_pointer(&self->view, ap_view_unref);
    ap_ledger_free(self->ledger);
    ap_wireguard_free(self->wireguard);
    ap_policy_free(self->policy);
    g_free(self);
}

/**
 * Removes from all devices what the ledger says is ours, without an engine: for the time after
 * a helper that could not do it itself.
 *
 * @n_changes: (out): edits made
 * @error: the first thing that failed; the rest was tried all the same
 */
gboolean
ap_engine_undo(ApWireguard *wireguard, ApLedger *ledger, guint64 *n_changes, GError **error)
{
    g_autoptr(ApPolicy) nothing = ap_policy_new();
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) links = g_ptr_array_new();
    g_autoptr(GPtrArray) devices = read_devices(wireguard, error);
    g_autoptr(GArray) candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    g_autoptr(GArray) paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    ApApplyStats stats = {0};

    if (devices == NULL)
        return FALSE;

    g_autoptr(GArray) owned = ap_ledger_load(ledger, warnings, error);
    if (owned == NULL)
        return FALSE;
    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *) g_ptr_array_index(warnings, i));

    const ApWorld world = {
        .links = links,
        .devices = devices,
        .owned = owned,
        .candidates = candidates,
        .paths = paths,
    };
    g_autoptr(ApPlan) plan = ap_plan_make(&world, nothing, ap_clock_now());
    const gboolean ok = ap_apply_plan(wireguard, ledger, &world, plan, owned, &stats, error);

    *n_changes = stats.n_changes;
    return ok;
}
