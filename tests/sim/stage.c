/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/stage.h"

#include "helper/engine/configuration.h"
#include "helper/engine/undo.h"
#include "tests/sim/edges.h"
#include "tests/sim/judge.h"
#include "tests/sim/tunnel.h"
#include "tests/sim/wire.h"

/** How long logind waits for those who hold sleep back, in microseconds: InhibitDelayMaxSec=. */
#define SLEEP_DELAY_USEC (5 * AP_USEC_PER_SEC)

/** When a simulation begins, on the clock of the hub, in microseconds. */
#define BEGIN_USEC (1000 * AP_USEC_PER_SEC)

/** How long after a helper that was killed it is undone and started again, in microseconds. */
#define UNDO_USEC (50 * AP_USEC_PER_MSEC)
#define RESTART_USEC AP_USEC_PER_SEC

/** How long a machine needs to boot, in microseconds. */
#define BOOT_USEC (10 * AP_USEC_PER_SEC)

Node *stage_current;

/* --- what is written down ------------------------------------------------------------------- */

void
stage_note(Stage *self, const char *format, ...)
{
    va_list args;

    if (self->trace == NULL)
        return;
    g_string_append_printf(self->trace,
                           "%8" G_GINT64_FORMAT ".%03" G_GINT64_FORMAT " ",
                           (self->now_usec - BEGIN_USEC) / AP_USEC_PER_SEC,
                           self->now_usec / AP_USEC_PER_MSEC % 1000);
    va_start(args, format);
    g_string_append_vprintf(self->trace, format, args);
    va_end(args);
    g_string_append_c(self->trace, '\n');
}

void
stage_violate(Stage *self, const char *format, ...)
{
    va_list args;

    if (self->violation != NULL)
        return;
    va_start(args, format);
    self->violation = g_strdup_vprintf(format, args);
    va_end(args);
    stage_note(self, "VIOLATION: %s", self->violation);
}

guint
stage_random(Stage *self, guint below)
{
    return (guint) g_rand_int_range(self->rand, 0, (gint32) below);
}

/* --- one machine ---------------------------------------------------------------------------- */

ApInstant
node_now(const Node *self)
{
    return (ApInstant){
        .boot_usec = self->stage->now_usec + self->boot_offset_usec,
        .real_usec = self->stage->now_usec + self->real_offset_usec,
    };
}

gboolean
node_is_asleep(const Node *self)
{
    return self->asleep_until_usec > self->stage->now_usec;
}

/* The kernel works. */
gboolean
node_is_up(const Node *self)
{
    return !node_is_asleep(self);
}

/* The helper works. */
gboolean
node_runs(const Node *self)
{
    return self->engine != NULL && !self->is_dead && !node_is_asleep(self)
           && self->stalled_until_usec <= self->stage->now_usec;
}

gint64
node_idle_usec(const Node *self)
{
    if (self->idle_since_usec == AP_NEVER)
        return self->idle_usec;
    return self->idle_usec + self->stage->now_usec - self->idle_since_usec;
}

static void
note_idle(Node *self)
{
    const gboolean runs = node_runs(self);
    const gint64 idle = node_idle_usec(self);

    if (runs == (self->idle_since_usec == AP_NEVER))
        return;
    self->idle_usec = idle;
    self->idle_since_usec = runs ? AP_NEVER : self->stage->now_usec;
    self->n_idle += runs ? 0 : 1;
    self->calm_usec = self->stage->now_usec;
}

/* What follows is of this machine. */
void
node_enter(Node *self)
{
    stage_current = self;
}

static gboolean
on_ended(gpointer user_data)
{
    Node *self = user_data;

    self->has_ended = TRUE;
    return G_SOURCE_REMOVE;
}

static void
free_engine(Node *self)
{
    if (self->engine != NULL && self->stage->violation == NULL)
        judge_record(self);
    g_clear_pointer(&self->engine, ap_engine_free);
    self->stop_is_news = FALSE;
    self->wake_is_news = FALSE;
    while (edges_end_questions(self, TRUE) || g_main_context_iteration(NULL, FALSE))
        ;
    g_array_set_size(self->inbox, 0);
}

/* A helper that is gone: whatever it would still do on its way has no effect. */
static void
bury(Node *self)
{
    stage_note(self->stage, "node %u: the helper is gone", self->index);
    self->is_dead = TRUE;
    while (edges_end_questions(self, TRUE) || g_main_context_iteration(NULL, FALSE))
        ;
    free_engine(self);
    self->is_dead = FALSE;
}

/* Lets the helper do what it has scheduled. */
void
node_leave(Node *self)
{
    while (g_main_context_iteration(NULL, FALSE) || edges_end_questions(self, FALSE))
        ;
    if (self->is_dead && self->engine != NULL) {
        bury(self);
        self->has_ended = FALSE;
        self->undo_usec = self->stage->now_usec + UNDO_USEC;
        self->start_usec = self->is_stopped ? AP_NEVER : self->stage->now_usec + RESTART_USEC;
    }
    if (self->has_ended) {
        self->has_ended = FALSE;
        free_engine(self);
        stage_note(self->stage, "node %u: the helper has stopped", self->index);
        if (self->stage->now_usec >= self->failing_usec)
            judge_nothing_left(self);
    }
    note_idle(self);
}

static void
on_view(ApView *view, gpointer user_data)
{
    (void) view;
    (void) user_data;
}

static ApMode
mode_of(const Node *self)
{
    return (ApMode){.switched_on = self->is_enabled, .wanted = TRUE};
}

static void
make_engine(Node *self)
{
    g_autoptr(GError) error = NULL;
    const ApMode mode = mode_of(self);
    const ApEngineSetup setup = {
        .policy = ap_config_defaults(),
        .wireguard = tunnel_open(self),
        .ledger = edges_open_ledger(self),
        .fetch_program = "/nowhere",
        .publish = on_view,
        .user_data = self,
    };

    setup.policy->gossip = self->gossips;
    self->engine = ap_engine_new(&setup, &error);
    if (self->engine == NULL)
        stage_violate(self->stage, "node %u cannot start: %s", self->index, error->message);
    else
        ap_engine_set_mode(self->engine, &mode);
}

void
node_start(Node *self)
{
    self->start_usec = AP_NEVER;
    self->undo_usec = AP_NEVER;
    if (self->engine != NULL)
        return;
    stage_note(self->stage, "node %u: the helper starts", self->index);
    self->is_dead = FALSE;
    self->is_deaf = FALSE;
    self->edits_to_die = 0;
    self->is_new_here = TRUE;
    node_enter(self);
    make_engine(self);
    node_leave(self);
}

/* ExecStopPost= of the unit. */
static void
undo(Node *self)
{
    g_autoptr(ApWireguard) wireguard = tunnel_open(self);
    g_autoptr(ApLedger) ledger = edges_open_ledger(self);
    const ApApplyTools tools = {wireguard, ledger, edges_addresses};
    g_autoptr(GError) error = NULL;
    guint64 n = 0;

    self->undo_usec = AP_NEVER;
    if (self->engine != NULL)
        return;
    node_enter(self);
    self->edits_to_die = 0;
    if (!ap_undo(&tools, &n, &error))
        stage_note(self->stage, "node %u: %s", self->index, error->message);
    else if (self->stage->now_usec >= self->failing_usec)
        judge_nothing_left(self);
    node_leave(self);
}

/* kill -9. @undo_after_usec: AP_NEVER: nobody cleans up before the next start */
void
node_kill(Node *self, gint64 undo_after_usec, gint64 start_after_usec)
{
    const gint64 now = self->stage->now_usec;

    if (self->engine == NULL)
        return;
    node_enter(self);
    bury(self);
    self->undo_usec = undo_after_usec == AP_NEVER ? AP_NEVER : now + undo_after_usec;
    self->start_usec = now + start_after_usec;
    node_leave(self);
}

void
node_stop(Node *self)
{
    self->is_stopped = TRUE;
    self->start_usec = AP_NEVER;
    if (self->engine == NULL) {
        self->undo_usec = self->stage->now_usec; /* of what one before left */
        return;
    }
    self->stop_is_news = TRUE;
}

void
node_set_enabled(Node *self, gboolean enabled)
{
    self->is_enabled = enabled;
    self->is_new_here = TRUE;
    self->mode_is_news = TRUE;
}

void
node_resync(Node *self)
{
    if (!node_runs(self))
        return;
    node_enter(self);
    ap_engine_resync(self->engine);
    node_leave(self);
}

void
node_set_site(Node *self, guint site)
{
    self->site = site;
    self->is_new_here = TRUE;
    edges_put_links(self);
}

/* Somebody sets disable_ipv6, which takes the addresses too. */
void
node_set_ipv6(Node *self, gboolean has_ipv6)
{
    self->has_ipv6 = has_ipv6;
    self->is_new_here = TRUE;
    if (!has_ipv6) {
        const ApLink *link;

        edges_put_links(self);
        link = g_ptr_array_index(self->links, self->links->len - 1);
        if (link->addresses->len > 1)
            g_array_set_size(link->addresses, 1);
    }
    self->news_usec = self->stage->now_usec + AP_USEC_PER_MSEC;
}

void
node_stall(Node *self, gint64 usec)
{
    self->stalled_until_usec = MAX(self->stalled_until_usec, self->stage->now_usec + usec);
    note_idle(self);
}

/* @is_told: by logind; otherwise the whole machine stands still, as a virtual one may */
void
node_sleep(Node *self, gint64 usec, gboolean is_told)
{
    if (node_is_asleep(self) || self->sleep_at_usec != AP_NEVER)
        return;
    if (!is_told || self->sleeps == NULL || !node_runs(self)) {
        self->asleep_until_usec = self->stage->now_usec + usec;
        note_idle(self);
        return;
    }
    self->sleep_at_usec = self->stage->now_usec + SLEEP_DELAY_USEC;
    self->sleep_usec = usec;
    node_enter(self);
    self->sleeps(TRUE, self->sleep_data);
    node_leave(self);
}

static void
fall_asleep(Node *self)
{
    self->sleep_at_usec = AP_NEVER;
    self->asleep_until_usec = self->stage->now_usec + self->sleep_usec;
    stage_note(self->stage, "node %u: asleep", self->index);
    note_idle(self);
}

void
node_wake(Node *self)
{
    self->wake_is_news |= self->sleep_usec != 0 && self->sleeps != NULL;
    self->asleep_until_usec = 0;
    self->sleep_usec = 0;
    note_idle(self);
    stage_note(self->stage, "node %u: awake", self->index);
}

/* The power fails: what is in memory is gone, and /run with it. */
void
node_reboot(Node *self)
{
    node_enter(self);
    if (self->engine != NULL)
        bury(self);
    node_leave(self);
    tunnel_clear(self);
    tunnel_make(self);
    g_clear_pointer(&self->ledger, g_free);
    g_clear_pointer(&self->links, g_ptr_array_unref);
    edges_put_links(self);
    self->boot_offset_usec = -self->stage->now_usec;
    self->undo_usec = AP_NEVER;
    self->start_usec =
        self->is_stopped ? AP_NEVER : self->stage->now_usec + BOOT_USEC + AP_USEC_PER_SEC;
    self->sleep_at_usec = AP_NEVER;
    self->sleep_usec = 0;
    self->asleep_until_usec = self->stage->now_usec + BOOT_USEC;
    note_idle(self);
}

/* --- events --------------------------------------------------------------------------------- */

static gint64
timer_at(const Node *self)
{
    return self->timer_boot_usec != AP_NEVER ? self->timer_boot_usec - self->boot_offset_usec
                                             : AP_NEVER;
}

static gint64
helper_deadline(const Node *self)
{
    const gint64 timer = self->fired != NULL ? timer_at(self) : AP_NEVER;
    const gint64 question = edges_question_deadline(self);

    if (self->engine == NULL || self->is_deaf)
        return AP_NEVER;
    if (self->stalled_until_usec > self->stage->now_usec)
        return self->stalled_until_usec;
    if (self->wake_is_news || self->stop_is_news || self->mode_is_news || edges_has_mail(self))
        return self->stage->now_usec;
    return MIN(self->news_usec, MIN(timer, question));
}

static gint64
node_deadline(const Node *self)
{
    gint64 deadline;
    gint64 other;

    if (node_is_asleep(self))
        return self->asleep_until_usec;
    deadline = tunnel_deadline(self);
    other = helper_deadline(self);
    deadline = MIN(deadline, other);
    deadline = MIN(deadline, MIN(self->undo_usec, self->start_usec));
    return MIN(deadline, self->sleep_at_usec);
}

static void
fire_timer(Node *self)
{
    if (self->fired == NULL || timer_at(self) > self->stage->now_usec)
        return;
    self->timer_boot_usec = AP_NEVER;
    self->fired(self->timer_data);
}

/* What the main loop finds ready; after a stall it may be in either order. */
static void
run_helper(Node *self)
{
    const gboolean timer_first = stage_random(self->stage, 2) == 0;

    node_enter(self);
    if (self->wake_is_news)
        self->sleeps(FALSE, self->sleep_data);
    self->wake_is_news = FALSE;
    if (timer_first)
        fire_timer(self);
    edges_read_inbox(self);
    if (!timer_first)
        fire_timer(self);
    if (self->stop_is_news)
        ap_engine_stop(self->engine, on_ended, self);
    self->stop_is_news = FALSE;
    if (self->mode_is_news) {
        const ApMode mode = mode_of(self);

        self->mode_is_news = FALSE;
        ap_engine_set_mode(self->engine, &mode);
    }
    if (self->news_usec <= self->stage->now_usec && self->network_changed != NULL) {
        self->news_usec = AP_NEVER;
        g_clear_pointer(&self->seen_links, g_ptr_array_unref);
        self->seen_links = g_ptr_array_ref(self->links);
        self->network_changed(self->network_data);
    }
    node_leave(self);
}

static void
node_run(Node *self)
{
    const gint64 now = self->stage->now_usec;

    if (node_is_asleep(self))
        return;
    if (self->asleep_until_usec != 0)
        node_wake(self);
    note_idle(self);
    tunnel_run(self);
    if (self->sleep_at_usec <= now) {
        fall_asleep(self);
        return;
    }
    if (self->undo_usec <= now)
        undo(self);
    if (self->start_usec <= now)
        node_start(self);
    if (node_runs(self) && helper_deadline(self) <= now)
        run_helper(self);
}

/* --- traffic -------------------------------------------------------------------------------- */

static gint64
flow_deadline(const Stage *self)
{
    gint64 deadline = AP_NEVER;

    for (guint a = 0; a < self->n_nodes; a++) {
        for (guint b = 0; b < self->n_nodes; b++) {
            if (self->flows[a][b].period_usec > 0)
                deadline = MIN(deadline, self->flows[a][b].next_usec);
        }
    }
    return deadline;
}

static void
run_flow(Stage *self, guint a, guint b)
{
    Flow *flow = &self->flows[a][b];
    Node *from = &self->nodes[a];
    const Cargo cargo = {
        .kind = CARGO_DATA,
        .from = from->address,
        .to = self->nodes[b].address,
        .n_bytes = 128,
    };

    if (flow->period_usec == 0 || flow->next_usec > self->now_usec)
        return;
    flow->next_usec = self->now_usec + flow->period_usec;
    if (!node_is_up(from))
        return;
    flow->n_missing++;
    self->n_data++;
    (void) tunnel_send(from, &cargo);
}

static void
run_flows(Stage *self)
{
    for (guint a = 0; a < self->n_nodes; a++) {
        for (guint b = 0; b < self->n_nodes; b++)
            run_flow(self, a, b);
    }
}

/* --- the whole ------------------------------------------------------------------------------ */

static gint64
stage_deadline(const Stage *self)
{
    const gint64 packet = wire_deadline(self);
    const gint64 office = wire_office_deadline(self);
    const gint64 flow = flow_deadline(self);
    gint64 deadline = MIN(packet, MIN(office, flow));

    for (guint i = 0; i < self->n_nodes; i++) {
        const gint64 each = node_deadline(&self->nodes[i]);

        deadline = MIN(deadline, each);
    }
    return deadline;
}

static void
run_once(Stage *self)
{
    self->n_events++;
    wire_deliver(self);
    wire_run_office(self);
    for (guint i = 0; i < self->n_nodes; i++)
        node_run(&self->nodes[i]);
    run_flows(self);
}

/** Lets time pass until @until_usec, or until something is violated. */
void
stage_run(Stage *self, gint64 until_usec)
{
    while (self->violation == NULL) {
        const gint64 deadline = stage_deadline(self);

        if (deadline > until_usec) {
            self->now_usec = MAX(self->now_usec, until_usec);
            return;
        }
        self->now_usec = MAX(self->now_usec, deadline);
        run_once(self);
    }
}

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer user_data)
{
    const Node *node = stage_current;

    (void) user_data;
    for (gsize i = 0; i < n && node != NULL; i++) {
        if (g_strcmp0(fields[i].key, "MESSAGE") == 0)
            stage_note(node->stage, "node %u: %s", node->index, (const char *) fields[i].value);
    }
    /* A message of GLib's own about a broken rule is no matter for a trace. */
    if ((level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR)) != 0)
        return g_log_writer_default(level, fields, n, NULL);
    return G_LOG_WRITER_HANDLED;
}

static void
set_up_node(Stage *stage, guint i)
{
    Node *self = &stage->nodes[i];

    self->stage = stage;
    self->index = i;
    for (guint j = 0; j < AP_KEY_LEN; j++)
        self->secret.bytes[j] = (guint8) stage_random(stage, 256);
    ap_secret_key_public(&self->secret, &self->key);
    self->gossips = stage_random(stage, 2) == 0;
    self->address = (ApAddr){AF_INET, {10, 85, 0, (guint8) (11 + i)}};
    self->boot_offset_usec = (gint64) stage_random(stage, 5000) * AP_USEC_PER_SEC;
    self->real_offset_usec = G_GINT64_CONSTANT(1795305600) * AP_USEC_PER_SEC;
    self->has_ipv6 = TRUE;
    self->is_enabled = TRUE;
    self->timer_boot_usec = self->news_usec = self->sleep_at_usec = AP_NEVER;
    self->undo_usec = AP_NEVER;
    self->start_usec = stage->now_usec + stage_random(stage, (guint) AP_USEC_PER_SEC);
    self->idle_since_usec = stage->now_usec;
    self->calm_usec = stage->now_usec;
    self->inbox = g_array_new(FALSE, TRUE, sizeof(Packet));
    edges_put_links(self);
    for (guint j = 0; j < stage->n_nodes; j++)
        stage->lanes[i][j] = (Lane){.delay_usec = AP_USEC_PER_MSEC, .mtu = 1500};
    stage->hub_lanes[i].delay_usec = 20 * AP_USEC_PER_MSEC;
}

/**
 * Makes a stage with machines that are about to start their helpers, all on one LAN.
 *
 * Returns: (transfer full)
 */
Stage *
stage_new(guint32 seed, guint n_nodes)
{
    static gsize is_writing;
    Stage *self = g_new0(Stage, 1);

    if (g_once_init_enter(&is_writing)) {
        g_log_set_writer_func(write_log, NULL, NULL);
        g_once_init_leave(&is_writing, 1);
    }
    g_random_set_seed(seed);
    self->seed = seed;
    self->rand = g_rand_new_with_seed(seed);
    self->now_usec = BEGIN_USEC;
    self->n_nodes = n_nodes;
    self->packets = g_array_new(FALSE, TRUE, sizeof(Packet));
    self->questions = g_ptr_array_new();
    self->letters = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    self->trace = g_string_new(NULL);
    for (guint i = 0; i < n_nodes; i++)
        set_up_node(self, i);
    for (guint i = 0; i < n_nodes; i++)
        tunnel_make(&self->nodes[i]);
    wire_open_office(self);
    return self;
}

static void
clear_node(Node *self)
{
    node_enter(self);
    if (self->engine != NULL)
        bury(self);
    tunnel_clear(self);
    g_clear_pointer(&self->ledger, g_free);
    g_clear_pointer(&self->links, g_ptr_array_unref);
    g_array_unref(self->inbox);
}

void
stage_free(Stage *self)
{
    if (self == NULL)
        return;
    for (guint i = 0; i < self->n_nodes; i++)
        clear_node(&self->nodes[i]);
    stage_current = NULL;
    wire_close_office(self);
    g_array_unref(self->packets);
    g_ptr_array_unref(self->questions);
    g_ptr_array_unref(self->letters);
    g_rand_free(self->rand);
    if (self->trace != NULL)
        g_string_free(self->trace, TRUE);
    g_free(self->violation);
    g_free(self);
}
