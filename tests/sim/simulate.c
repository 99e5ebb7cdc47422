/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * simulate [--seed N] [--seeds N] [--steps N] [--nodes N] [--faults FILE] [--trace FILE] [--shrink]
 *
 * Plays runs with the seeds from --seed on, and says for each that fails how to play it again.
 */

#include "tests/sim/run.h"

#include <stdio.h>

static gint first_seed = 1;
static gint n_seeds = 1;
static gint n_steps = 10000;
static gint n_nodes = 3;
static char *faults_file;
static char *trace_file;
static gboolean shrink;
static gboolean verbose;

static const GOptionEntry entries[] = {
    {"seed", 0, 0, G_OPTION_ARG_INT, &first_seed, "The first seed", "N"},
    {"seeds", 0, 0, G_OPTION_ARG_INT, &n_seeds, "How many seeds", "N"},
    {"steps", 0, 0, G_OPTION_ARG_INT, &n_steps, "Steps of 100 ms with faults", "N"},
    {"nodes", 0, 0, G_OPTION_ARG_INT, &n_nodes, "Machines besides the hub", "N"},
    {"faults", 0, 0, G_OPTION_ARG_FILENAME, &faults_file, "These instead of drawn ones", "FILE"},
    {"trace", 0, 0, G_OPTION_ARG_FILENAME, &trace_file, "Where to write what happened", "FILE"},
    {"shrink", 0, 0, G_OPTION_ARG_NONE, &shrink, "Look for the fewest faults that fail", NULL},
    {"verbose", 0, 0, G_OPTION_ARG_NONE, &verbose, "Figures of each seed", NULL},
    G_OPTION_ENTRY_NULL,
};

static GArray *
get_faults(const RunSetup *setup)
{
    g_autofree char *text = NULL;

    if (faults_file == NULL)
        return faults_draw(setup->seed, setup->n_nodes, setup->n_steps);
    if (!g_file_get_contents(faults_file, &text, NULL, NULL))
        return NULL;
    return faults_parse(text);
}

static void
print_shrunk(const RunSetup *setup, const GArray *faults)
{
    g_autoptr(GArray) few = run_shrink(setup, faults);
    g_autoptr(RunResult) result = run_play(setup, few);
    g_autoptr(GString) text = g_string_new(NULL);

    faults_print(few, text);
    printf("# with %u faults: %s\n%s", few->len, result->violation, text->str);
}

static void
print_figures(const RunSetup *setup, const RunResult *result, guint n_faults)
{
    printf(
        "# seed %u: %u faults, %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT
        " packets, %" G_GUINT64_FORMAT " of data, %" G_GUINT64_FORMAT " direct, %" G_GUINT64_FORMAT
        " turns replayed; settled after %.1f s, all direct after %.1f s, longest outage %.2f s\n",
        setup->seed,
        n_faults,
        result->n_events,
        result->n_packets,
        result->n_data,
        result->n_direct,
        result->n_replayed,
        (double) result->settle_usec / (double) AP_USEC_PER_SEC,
        (double) result->mend_usec / (double) AP_USEC_PER_SEC,
        (double) result->longest_outage_usec / (double) AP_USEC_PER_SEC);
}

/* Returns: TRUE when nothing was violated */
static gboolean
play(const RunSetup *setup)
{
    g_autoptr(GArray) faults = get_faults(setup);
    g_autoptr(RunResult) result = NULL;

    if (faults == NULL) {
        fprintf(stderr, "simulate: cannot read the faults in %s\n", faults_file);
        return FALSE;
    }
    result = run_play(setup, faults);
    if (trace_file != NULL)
        (void) g_file_set_contents(trace_file, result->trace->str, -1, NULL);
    if (verbose)
        print_figures(setup, result, faults->len);
    if (result->violation == NULL)
        return TRUE;

    printf("seed %u: %s\n", setup->seed, result->violation);
    printf("# simulate --seed %u --steps %u --nodes %u --trace FILE\n",
           setup->seed,
           setup->n_steps,
           setup->n_nodes);
    if (shrink)
        print_shrunk(setup, faults);
    fflush(stdout);
    return FALSE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    guint n_failed = 0;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "simulate: %s\n", error->message);
        return 2;
    }
    for (gint i = 0; i < n_seeds; i++) {
        const RunSetup setup = {
            .seed = (guint32) (first_seed + i),
            .n_nodes = (guint) CLAMP(n_nodes, 2, STAGE_MAX_NODES),
            .n_steps = (guint) n_steps,
        };

        n_failed += !play(&setup);
    }
    printf("%d seeds, %u failed\n", n_seeds, n_failed);
    return n_failed > 0 ? 1 : 0;
}
