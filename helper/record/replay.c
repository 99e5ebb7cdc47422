/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/replay.h"

#include "common/error.h"
#include "helper/core/path.h"
#include "helper/core/uplink.h"
#include "helper/record/fingerprints.h"
#include "helper/record/lines.h"
#include "helper/record/reader.h"
#include "helper/record/tables.h"

#include <string.h>

/** The line before a record in a bundle of several parts. */
#define SECTION "[record]\n"

/* What runs through a record. */
typedef struct {
    ApRecordReplay *result;
    GString *log;                 /* (nullable) a line for each turn */
    ApFingerprints *fingerprints; /* (owned) */
    guint64 network;              /* fingerprint of the uplinks in the latest turn */
    GArray *paths;                /* (owned) (nullable) (element-type ApPath) the latest plan's */
} Run;

static void
run_clear(Run *self)
{
    g_clear_pointer(&self->fingerprints, ap_fingerprints_free);
    g_clear_pointer(&self->paths, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* The record in a bundle, up to the next part. */
static char *
find_record(const char *bundle)
{
    const char *begin = strstr(bundle, "\n" SECTION);
    const char *end;

    if (begin == NULL)
        return g_strdup(bundle);
    begin += strlen("\n" SECTION);
    end = strstr(begin, "\n[");
    return end != NULL ? g_strndup(begin, (gsize) (end - begin)) : g_strdup(begin);
}

/** Tells the wall-clock time of an instant, in UTC. Returns: (transfer full): "16:03:12.345" */
char *
ap_record_replay_time(ApInstant at)
{
    const gint64 day_usec = 24 * 3600 * AP_USEC_PER_SEC;
    const gint64 usec = ((at.real_usec % day_usec) + day_usec) % day_usec;
    const gint64 msec = usec / AP_USEC_PER_MSEC;

    return g_strdup_printf("%02d:%02d:%02d.%03d",
                           (int) (msec / 3600000),
                           (int) (msec / 60000 % 60),
                           (int) (msec / 1000 % 60),
                           (int) (msec % 1000));
}

static char *
plan_text(const ApPlan *plan)
{
    GString *out = g_string_new(NULL);

    ap_lines_write_plan(NULL, plan, out);
    return g_string_free(out, FALSE);
}

static ApPlan *
decide(const Run *self, const ApRecordTurn *turn)
{
    g_autoptr(GArray) paths = ap_fingerprints_translate(self->fingerprints, turn->world.paths);
    ApWorld world = turn->world;

    world.paths = paths;
    return ap_plan_make(&world, turn->policy, turn->now);
}

static gboolean
lists_equal(const ApTable *table, const GArray *a, const GArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        if (!ap_table_equal(table, a->data + i * table->size, b->data + i * table->size))
            return FALSE;
    }
    return TRUE;
}

static gboolean
plans_equal(const ApPlan *a, const ApPlan *b)
{
    for (guint i = 0; i < AP_N_PLAN_LISTS; i++) {
        const ApListPlace *place = &ap_plan_lists[i];

        if (!lists_equal(ap_table_get(place->table),
                         G_STRUCT_MEMBER(GArray *, a, place->offset),
                         G_STRUCT_MEMBER(GArray *, b, place->offset)))
            return FALSE;
    }
    return ap_table_equal(ap_table_get(AP_TABLE_PLAN), a, b);
}

static void
put_lines(GString *out, const char *mark, const char *text, const char *other)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_auto(GStrv) others = g_strsplit(other, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (!g_strv_contains((const char *const *) others, lines[i]))
            g_string_append_printf(out, "%s%s\n", mark, lines[i] + strspn(lines[i], ">+"));
    }
}

/* The lines of a turn that are its inputs, or those of its plan. */
static void
put_inputs(GString *out, const ApRecordTurn *turn)
{
    g_auto(GStrv) lines = g_strsplit(turn->lines->str, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && !g_str_has_prefix(lines[i], AP_LINES_PLAN))
            g_string_append_printf(out, "    %s\n", lines[i]);
    }
}

static GString *
begin_difference(const Run *self, const ApRecordTurn *turn, const char *what)
{
    g_autofree char *time = ap_record_replay_time(turn->now);
    GString *out = g_string_new(NULL);

    g_string_append_printf(out,
                           "turn %u at %s (boot clock %" G_GINT64_FORMAT " us): %s\n",
                           self->result->n_turns,
                           time,
                           turn->now.boot_usec,
                           what);
    g_string_append(out,
                    turn->begins ? "  what it was given:\n"
                                 : "  what it was given, as it changed since the turn before:\n");
    put_inputs(out, turn);
    return out;
}

static void
note_difference(Run *self, const ApRecordTurn *turn, const ApPlan *was, const ApPlan *is)
{
    GString *out = begin_difference(self, turn, "another plan");
    g_autofree char *recorded = plan_text(was);
    g_autofree char *made = plan_text(is);

    g_string_append(out, "  what it answered, then (-) and by this version (+):\n");
    put_lines(out, "    - ", recorded, made);
    put_lines(out, "    + ", made, recorded);
    self->result->difference = g_string_free(out, FALSE);
}

static gboolean
is_same_path(const ApPath *a, const ApPath *b)
{
    return ap_table_equal(ap_table_get(AP_TABLE_PATH), a, b);
}

/*
 * The paths that a turn begins with are those that the turn before left, unless a person asked for
 * another try meanwhile.
 */
static gboolean
continues(Run *self, const ApRecordTurn *turn)
{
    const GArray *paths = turn->world.paths;
    gboolean retried = FALSE;

    if (turn->begins || self->paths == NULL)
        return TRUE;
    if (paths->len != self->paths->len)
        return FALSE;

    for (guint i = 0; i < paths->len; i++) {
        ApPath *before = &g_array_index(self->paths, ApPath, i);
        const ApPath *path = &g_array_index(paths, ApPath, i);

        if (is_same_path(path, before))
            continue;
        ap_path_clear_backoff(before);
        retried = TRUE;
        if (!is_same_path(path, before))
            return FALSE;
    }
    self->result->n_retries += retried;
    return TRUE;
}

/* One line: when, which inputs changed, and the verdicts that did. */
static void
log_turn(const Run *self, const ApRecordTurn *turn)
{
    g_auto(GStrv) lines = g_strsplit(turn->lines->str, "\n", -1);
    g_autofree char *time = ap_record_replay_time(turn->now);
    const char *verdict = AP_LINES_PLAN "~verdict ";

    g_string_append_printf(self->log,
                           "%u %s%s",
                           self->result->n_turns,
                           time,
                           turn->begins ? " begin" : "");
    for (guint i = 0; lines[i] != NULL && !turn->begins; i++) {
        if (lines[i][0] == '\0' || g_str_has_prefix(lines[i], AP_LINES_PLAN))
            continue;
        g_string_append_c(self->log, ' ');
        g_string_append_len(self->log, lines[i], (gssize) strcspn(lines[i], " "));
    }
    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_str_has_prefix(lines[i], verdict) || g_str_has_prefix(lines[i], ">+verdict ")
            || g_str_has_prefix(lines[i], ">-verdict "))
            g_string_append_printf(self->log, "; %s", lines[i] + 1);
    }
    g_string_append_c(self->log, '\n');
}

static void
replay_turn(Run *self, const ApRecordTurn *turn)
{
    g_autoptr(GArray) paths = NULL;
    g_autoptr(ApPlan) plan = NULL;
    ApPlan recorded = turn->plan;

    if (turn->network != self->network)
        ap_fingerprints_learn(self->fingerprints,
                              turn->network,
                              ap_uplink_fingerprint(turn->world.links, turn->policy));
    self->network = turn->network;

    plan = decide(self, turn);
    if (ap_fingerprints_learn_offers(self->fingerprints, turn->plan.paths, plan->paths)) {
        ap_plan_free(plan);
        plan = decide(self, turn);
    }
    paths = ap_fingerprints_translate(self->fingerprints, turn->plan.paths);
    recorded.paths = paths;
    if (!plans_equal(&recorded, plan))
        note_difference(self, turn, &recorded, plan);
    else if (!continues(self, turn))
        self->result->difference = g_string_free(
            begin_difference(self, turn, "it does not begin where the turn before ended"),
            FALSE);

    g_clear_pointer(&self->paths, g_array_unref);
    self->paths = g_array_ref(turn->plan.paths);
}

/**
 * Makes the decisions of a record again, up to the first one that comes out differently.
 *
 * @self: (out caller-allocates): set also when the function fails; to be given to
 *     ap_record_replay_clear()
 * @bundle: the text of a bundle with a part "[record]", or a record alone; it may come from anybody
 * @log: (nullable): gets a line for each turn
 * @error: AP_ERROR_INVALID, AP_ERROR_UNSUPPORTED: see ap_record_reader_new()
 *
 * Returns: FALSE when the record is damaged; what came before was decided again
 */
gboolean
ap_record_replay_run(ApRecordReplay *self, const char *bundle, GString *log, GError **error)
{
    g_autofree char *text = find_record(bundle);
    g_autoptr(ApRecordReader) reader = NULL;
    g_auto(Run) run = {.result = self, .log = log};
    const ApRecordTurn *turn;
    GError *damage = NULL;

    *self = (ApRecordReplay){.n_turns = 0};
    reader = ap_record_reader_new(text, error);
    if (reader == NULL)
        return FALSE;

    run.fingerprints = ap_fingerprints_new();
    while (self->difference == NULL && (turn = ap_record_reader_next(reader, &damage)) != NULL) {
        if (self->n_turns++ == 0)
            self->first = turn->now;
        self->last = turn->now;
        if (log != NULL)
            log_turn(&run, turn);
        replay_turn(&run, turn);
    }
    if (damage == NULL)
        return TRUE;
    g_propagate_error(error, damage);
    return FALSE;
}

void
ap_record_replay_clear(ApRecordReplay *self)
{
    g_clear_pointer(&self->difference, g_free);
}
