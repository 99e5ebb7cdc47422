/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Whether the simulator itself is to be trusted: that it repeats itself, that it finds what is
 * wrong, and that it finds what it takes. */

#include "tests/sim/run.h"

#define N_NODES 3
#define N_STEPS 2000

static const RunSetup setup = {.seed = 7, .n_nodes = N_NODES, .n_steps = N_STEPS};

static RunResult *
play_text(const char *text)
{
    g_autoptr(GArray) faults = faults_parse(text);

    g_assert_nonnull(faults);
    return run_play(&setup, faults);
}

static void
test_same_seed_same_trace(void)
{
    for (guint32 seed = 1; seed <= 3; seed++) {
        const RunSetup each = {.seed = seed, .n_nodes = N_NODES, .n_steps = N_STEPS};
        g_autoptr(GArray) faults = faults_draw(seed, N_NODES, N_STEPS);
        g_autoptr(RunResult) a = run_play(&each, faults);
        g_autoptr(RunResult) b = run_play(&each, faults);

        g_assert_cmpstr(a->trace->str, ==, b->trace->str);
        g_assert_cmpuint(a->n_packets, ==, b->n_packets);
    }
}

/* Without any fault everybody is direct with everybody within seconds. */
static void
test_quiet_network_goes_direct(void)
{
    g_autoptr(RunResult) result = play_text("0 talk 0 1 100\n");

    g_assert_cmpstr(result->violation, ==, NULL);
    g_assert_cmpint(result->settle_usec, ==, 0);
    g_assert_cmpuint(result->n_direct, >, N_STEPS * 9 / 10);
}

/* A path that is cut while nobody uses it, at any time of the polls of both ends; then one of them
 * sends. The judge allows 11 s and an outage; an end that is not told would take up to 45 s. */
static void
test_quiet_death_is_told(void)
{
    for (guint i = 0; i < 8; i++) {
        g_autofree char *faults = g_strdup_printf("0 talk 0 1 100\n300 talk 0 1 0\n"
                                                  "%u cut-both 0 1 0\n%u talk 0 1 100\n",
                                                  900 + 31 * i,
                                                  910 + 37 * i);
        g_autoptr(RunResult) result = play_text(faults);

        g_test_message("%s", faults);
        g_assert_cmpstr(result->violation, ==, NULL);
    }
}

/* What a helper must not do is found, whatever it is. */
static void
test_breaches_are_found(void)
{
    static const struct {
        const char *faults;
        const char *violation;
    } cases[] = {
        {"0 talk 0 1 100\n500 deafen 0 1 0\n500 cut-both 0 1 0\n", "*proof is * old*"},
        {"500 tamper 2 0 0\n", "node 2 edits a peer of the administrator"},
        {"1990 deafen 1 0 0\n1995 cut-both 0 1 0\n", "not settled: *"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(RunResult) result = play_text(cases[i].faults);

        g_test_message("%s: %s", cases[i].faults, result->violation);
        g_assert_nonnull(result->violation);
        g_assert_true(g_pattern_match_simple(cases[i].violation, result->violation));
    }
}

static void
test_faults_survive_being_written(void)
{
    g_autoptr(GArray) faults = faults_draw(5, N_NODES, N_STEPS);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    g_autoptr(GArray) read = NULL;

    faults_print(faults, text);
    read = faults_parse(text->str);
    g_assert_nonnull(read);
    faults_print(read, again);
    g_assert_cmpstr(again->str, ==, text->str);
    g_assert_null(faults_parse("12 no-such-fault 0 1 0\n"));
    g_assert_null(faults_parse("12 cut 0 99 0\n"));
}

static void
test_breach_is_shrunk(void)
{
    g_autoptr(GArray) faults = faults_draw(7, N_NODES, N_STEPS);
    const Fault bug = {.step = 700, .kind = FAULT_TAMPER, .a = 1};
    g_autoptr(GArray) few = NULL;
    guint at = 0;

    while (at < faults->len && g_array_index(faults, Fault, at).step <= bug.step)
        at++;
    g_array_insert_val(faults, at, bug);
    few = run_shrink(&setup, faults);
    g_assert_cmpuint(few->len, ==, 1);
    g_assert_cmpint(g_array_index(few, Fault, 0).kind, ==, FAULT_TAMPER);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL); /* helpers may warn */
    g_test_add_func("/sim/same-seed-same-trace", test_same_seed_same_trace);
    g_test_add_func("/sim/quiet-network-goes-direct", test_quiet_network_goes_direct);
    g_test_add_func("/sim/quiet-death-is-told", test_quiet_death_is_told);
    g_test_add_func("/sim/breaches-are-found", test_breaches_are_found);
    g_test_add_func("/sim/faults-survive-being-written", test_faults_survive_being_written);
    g_test_add_func("/sim/breach-is-shrunk", test_breach_is_shrunk);
    return g_test_run();
}
