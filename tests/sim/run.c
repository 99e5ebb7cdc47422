/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/run.h"

#include "tests/sim/judge.h"

/**
 * Within this time after the last fault everybody is where they should be, in microseconds: 20
 * min. The longest pauses after a path died and after an administrator's edit are 10 min each
 * (HOLD_DOWN_MAX_USEC of path-state.c, AP_PATH_HANDS_OFF_USEC), a failed round after one of them
 * costs up to 6 min (BACKOFF_MAX_USEC and its jitter).
 */
#define SETTLE_USEC (1200 * AP_USEC_PER_SEC)

/** How long they have to stay there, in microseconds. */
#define STAY_USEC (10 * AP_USEC_PER_SEC)

static void
play_faults(Stage *stage, const GArray *faults, guint n_steps)
{
    const gint64 begin = stage->now_usec;
    guint next = 0;

    for (guint step = 0; step < n_steps && stage->violation == NULL; step++) {
        for (; next < faults->len && g_array_index(faults, Fault, next).step <= step; next++)
            fault_happen(stage, &g_array_index(faults, Fault, next));
        stage_run(stage, begin + (step + 1) * STEP_USEC);
        judge_step(stage);
    }
}

static gboolean
is_anybody_still(const Stage *stage)
{
    for (guint i = 0; i < stage->n_nodes; i++) {
        const Node *node = &stage->nodes[i];

        if (node_is_asleep(node) || node->sleep_at_usec != AP_NEVER
            || node->stalled_until_usec > stage->now_usec)
            return TRUE;
    }
    return FALSE;
}

/* A machine that stands still hears of nothing, not even that it is to stop. */
static void
await_all(Stage *stage)
{
    while (stage->violation == NULL && is_anybody_still(stage)) {
        stage_run(stage, stage->now_usec + STEP_USEC);
        judge_step(stage);
    }
}

/* Returns: how long it took */
static gint64
settle(Stage *stage)
{
    const gint64 begin = stage->now_usec;
    gint64 since = AP_NEVER;
    g_autofree char *why = NULL;

    while (stage->violation == NULL && stage->now_usec - begin < SETTLE_USEC) {
        g_clear_pointer(&why, g_free);
        if (!judge_is_settled(stage, &why))
            since = AP_NEVER;
        else if (since == AP_NEVER)
            since = stage->now_usec;
        else if (stage->now_usec - since >= STAY_USEC)
            return since - begin;
        stage_run(stage, stage->now_usec + STEP_USEC);
        judge_step(stage);
    }
    if (stage->violation == NULL)
        stage_violate(stage, "not settled: %s", why != NULL ? why : "it does not last");
    return AP_NEVER;
}

static void
stop_all(Stage *stage)
{
    for (guint i = 0; i < stage->n_nodes; i++)
        node_stop(&stage->nodes[i]);
    stage_run(stage, stage->now_usec + 5 * AP_USEC_PER_SEC);
    for (guint i = 0; i < stage->n_nodes && stage->violation == NULL; i++)
        judge_nothing_left(&stage->nodes[i]);
}

/** Plays one run. Returns: (transfer full) */
RunResult *
run_play(const RunSetup *setup, const GArray *faults)
{
    g_autoptr(Stage) stage = stage_new(setup->seed, setup->n_nodes);
    RunResult *result = g_new0(RunResult, 1);

    play_faults(stage, faults, setup->n_steps);
    await_all(stage);
    if (stage->violation == NULL) {
        faults_end(stage);
        result->settle_usec = settle(stage);
    }
    if (stage->violation == NULL) {
        faults_mend(stage);
        result->mend_usec = settle(stage);
    }
    if (stage->violation == NULL)
        stop_all(stage);

    result->longest_outage_usec = stage->longest_outage_usec;
    result->n_events = stage->n_events;
    result->n_packets = stage->n_packets;
    result->n_data = stage->n_data;
    result->n_direct = stage->n_direct;
    result->n_replayed = stage->n_replayed;
    result->violation = g_steal_pointer(&stage->violation);
    result->trace = g_steal_pointer(&stage->trace);
    return result;
}

static gboolean
fails(const RunSetup *setup, const GArray *faults)
{
    g_autoptr(RunResult) result = run_play(setup, faults);

    return result->violation != NULL;
}

static GArray *
without(const GArray *faults, guint at, guint n)
{
    GArray *rest = g_array_new(FALSE, TRUE, sizeof(Fault));

    g_array_append_vals(rest, faults->data, at);
    if (at + n < faults->len)
        g_array_append_vals(rest, &g_array_index(faults, Fault, at + n), faults->len - at - n);
    return rest;
}

/**
 * Leaves out whatever a breach does not need, first in large pieces, then one by one.
 *
 * @faults: with them the run fails
 *
 * Returns: (transfer full): with them it fails as well, though maybe in another way
 */
GArray *
run_shrink(const RunSetup *setup, const GArray *faults)
{
    GArray *best = g_array_copy((GArray *) faults);

    for (guint n = MAX(best->len / 2, 1); n > 0; n /= 2) {
        for (guint at = 0; at < best->len;) {
            GArray *rest = without(best, at, MIN(n, best->len - at));

            if (fails(setup, rest)) {
                g_array_unref(best);
                best = rest;
            } else {
                g_array_unref(rest);
                at += n;
            }
        }
    }
    return best;
}

void
run_result_free(RunResult *self)
{
    if (self == NULL)
        return;
    g_free(self->violation);
    g_string_free(self->trace, TRUE);
    g_free(self);
}
