/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/engine.h"

#include "common/clock.h"
#include "common/names.h"
#include "helper/core/path.h"
#include "helper/engine/engine-private.h"
#include "helper/engine/events.h"
#include "helper/io/survey.h"

#include <string.h>

/**
 * Longest wait, when we stop, for peers that are told and for servers that are
 * (coordination-protocol.md 6), in microseconds.
 */
#define STOP_LIMIT_USEC (3 * AP_USEC_PER_SEC / 2)

/** Longest time for which the machine is kept from sleeping, in microseconds. Decisions 10. */
#define SLEEP_LIMIT_USEC (3 * AP_USEC_PER_SEC / 2)

static gboolean
on_turn(gpointer user_data)
{
    ApEngine *self = user_data;

    self->turn_source = 0; /* removed by what we return */
    ap_engine_turn(self);
    return G_SOURCE_REMOVE;
}

/**
 * Lets a turn follow. However many events arrive, it is one, and never inside the call that
 * brought one.
 *
 * @engine: without its type, so that this serves as a callback
 */
void
ap_engine_schedule_turn(gpointer engine)
{
    ApEngine *self = engine;

    if (self->turn_source == 0)
        self->turn_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, self, NULL);
}

/**
 * Sets the one timer. BFD and gossip have deadlines of their own, and they come more often than a
 * device is worth reading.
 */
void
ap_engine_arm_timer(ApEngine *self)
{
    const gint64 bfd = ap_sessions_deadline(self->sessions);
    const gint64 gossip = ap_gossipers_deadline(self->gossipers);
    const gint64 turn = MIN(self->wake_at_boot_usec, ap_glance_deadline(self->glance));
    const ApPassed own = ap_engine_count_own(self);

    ap_glance_settle(self->glance, &own);
    ap_boot_timer_arm(self->timer, MIN(turn, MIN(bfd, gossip)));
}

/**
 * Returns: the packets of our own that went through the tunnels since the start. What came and was
 * no good is not counted, and passes for traffic.
 */
ApPassed
ap_engine_count_own(const ApEngine *self)
{
    ApBfdStats bfd;
    ApGossipStats gossip;

    ap_sessions_count(self->sessions, &bfd);
    ap_gossipers_count(self->gossipers, &gossip);
    return (ApPassed){
        .n_out = bfd.n_sent + gossip.n_sent,
        .n_in = bfd.n_heard + bfd.n_unknown + gossip.n_heard,
    };
}

/*
 * Does all that a wake-up is good for, whatever caused it. A turn reads the devices before it speaks:
 * answers that come meanwhile would pass for traffic. Returns: whether one should follow
 */
static gboolean
use_wakeup(ApEngine *self, ApInstant now)
{
    const ApPassed own = ap_engine_count_own(self);
    const gboolean glance = ap_glance_look(self->glance, &own, now);
    const gboolean gossip = ap_gossipers_run(self->gossipers, now);

    return glance || gossip || now.boot_usec >= self->wake_at_boot_usec
           || ap_sessions_run(self->sessions, now);
}

static void
on_timer(gpointer user_data)
{
    ApEngine *self = user_data;

    if (use_wakeup(self, ap_clock_now()))
        ap_engine_turn(self);
    else
        ap_engine_arm_timer(self);
}

static void
on_heard(gboolean decide, gpointer user_data)
{
    if (use_wakeup(user_data, ap_clock_now()) || decide)
        ap_engine_schedule_turn(user_data);
    ap_engine_arm_timer(user_data);
}

static void
on_network(gpointer user_data)
{
    ApEngine *self = user_data;

    ap_settle_begin(&self->settle, ap_clock_now());
    ap_sessions_forget_looks(self->sessions);
    ap_engine_schedule_turn(self);
}

/** Warns of @error, unless it is the same as the last time. */
void
ap_engine_log_failure(ApEngine *self, const GError *error)
{
    if (strcmp(self->last_failure, error->message) == 0)
        return;

    (void) g_strlcpy(self->last_failure, error->message, sizeof(self->last_failure));
    ap_log_event(AP_EVENT_FAILED, G_LOG_LEVEL_WARNING, NULL, 0, "%s", error->message);
}

static void
update_policy(ApEngine *self)
{
    self->policy->enabled = self->enabled && !self->asleep && self->stopped == NULL;
    ap_engine_schedule_turn(self);
}

/* Peers are told before the machine sleeps: what was proven is not when it wakes. */
static void
on_sleep(gboolean asleep, gpointer user_data)
{
    ApEngine *self = user_data;

    self->asleep = asleep;
    self->sleep_by_boot_usec = asleep ? ap_clock_now().boot_usec + SLEEP_LIMIT_USEC : AP_NEVER;
    update_policy(self);
    if (asleep || self->stopped != NULL)
        return;
    ap_gossipers_begin_anew(self->gossipers);
    ap_engine_resync(self);
}

static void
read_survey(ApEngine *self)
{
    g_clear_pointer(&self->policy->saved, g_ptr_array_unref);
    self->policy->saved = ap_survey_load(AP_SURVEY_LIST);
}

static void
on_survey(gpointer user_data)
{
    read_survey(user_data);
    ap_engine_schedule_turn(user_data);
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

    self->began_boot_usec = ap_clock_now().boot_usec;
    self->policy = setup->policy;
    self->tools = (ApApplyTools){
        .wireguard = setup->wireguard,
        .ledger = setup->ledger,
        .addresses = &ap_address_system,
    };
    self->publish = setup->publish;
    self->user_data = setup->user_data;
    self->askers =
        ap_askers_new(setup->fetch_program, &self->metrics, ap_engine_schedule_turn, self);
    self->sessions = ap_sessions_new(&ap_voice_system, on_heard, self);
    self->gossipers = ap_gossipers_new(&ap_gossiper_system, self->tools.wireguard, on_heard, self);
    self->recorder = ap_recorder_new();
    self->glance = ap_glance_new();
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
    self->survey_watch = ap_survey_watch_new(AP_SURVEY_LIST, on_survey, self);
    read_survey(self);
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
    read_survey(self);
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
        ap_engine_log_failure(self, error);
    ap_askers_resync(self->askers, now);
    for (guint i = 0; i < self->paths->len; i++)
        ap_path_clear_backoff(&g_array_index(self->paths, ApPath, i));
    on_network(self);
}

/**
 * Writes down the last minutes of what was decided, and on what; see ap_recorder_write(). Nothing
 * is masked.
 *
 * Returns: (transfer full)
 */
char *
ap_engine_write_record(const ApEngine *self)
{
    return ap_recorder_write(self->recorder);
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
    ap_survey_watch_free(self->survey_watch);
    ap_sleep_watch_free(self->sleep_watch);
    ap_boot_timer_free(self->timer);
    ap_netwatch_free(self->netwatch);
    ap_askers_free(self->askers);
    ap_sessions_free(self->sessions);
    ap_gossipers_free(self->gossipers);
    ap_recorder_free(self->recorder);
    ap_glance_free(self->glance);
    ap_holdings_free(self->holdings);
    g_clear_pointer(&self->paths, g_array_unref);
    g_clear_pointer(&self->hosts, g_array_unref);
    g_clear_pointer(&self->refusals, g_array_unref);
    g_clear_pointer(&self->view, ap_view_unref);
    ap_ledger_free(self->tools.ledger);
    ap_wireguard_free(self->tools.wireguard);
    ap_policy_free(self->policy);
    g_free(self);
}
