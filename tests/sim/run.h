/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One run: a seed, its faults, the quiet after them; and how a breach is brought down to the few
 * faults that it takes.
 */

#pragma once

#include "tests/sim/faults.h"

G_BEGIN_DECLS

typedef struct {
    guint32 seed;
    guint n_nodes;
    guint n_steps;
} RunSetup;

typedef struct {
    char *violation;    /* (owned) (nullable) */
    GString *trace;     /* (owned) */
    gint64 settle_usec; /* from the last fault on */
    gint64 mend_usec;   /* and after all was repaired, until all were direct */
    gint64 longest_outage_usec;
    guint64 n_events, n_packets, n_data, n_direct;
    guint64 n_replayed; /* turns that were decided again */
} RunResult;

RunResult *run_play(const RunSetup *setup, const GArray *faults);
GArray *run_shrink(const RunSetup *setup, const GArray *faults);
void run_result_free(RunResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RunResult, run_result_free)

G_END_DECLS
