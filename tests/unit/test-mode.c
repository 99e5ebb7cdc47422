/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/mode.h"

#define HOME 11
#define CAFE 22

static const ApMode at_work = {.switched_on = TRUE, .wanted = TRUE};

static ApInstant
at_sec(gint64 sec)
{
    return (ApInstant){
        .boot_usec = (1000 + sec) * AP_USEC_PER_SEC,
        .real_usec = (1700000000 + sec) * AP_USEC_PER_SEC,
    };
}

static ApWhere
where(guint64 network, gint64 since_sec)
{
    return (ApWhere){.network = network, .since_boot_usec = at_sec(since_sec).boot_usec};
}

static const struct {
    ApMode mode;
    ApReason why;
} why_cases[] = {
    {{.switched_on = TRUE, .wanted = TRUE}, AP_REASON_NONE},
    {{.switched_on = TRUE}, AP_REASON_IDLE},
    {{.wanted = TRUE}, AP_REASON_DISABLED},
    {{.pause = AP_PAUSE_RESUME}, AP_REASON_DISABLED},
    {{.switched_on = TRUE, .pause = AP_PAUSE_RESUME}, AP_REASON_IDLE},
    {{.switched_on = TRUE, .wanted = TRUE, .pause = AP_PAUSE_RESUME}, AP_REASON_PAUSED},
};

static void
test_why_off(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(why_cases); i++) {
        g_test_message("case %zu", i);
        g_assert_cmpint(ap_mode_why_off(&why_cases[i].mode), ==, why_cases[i].why);
    }
}

static const struct {
    ApPauseScope scope;
    guint64 sec;
    gboolean ok;
    ApPauseScope pause;
} start_cases[] = {
    {AP_PAUSE_NETWORK, 0, TRUE, AP_PAUSE_NETWORK},
    {AP_PAUSE_RESUME, 0, TRUE, AP_PAUSE_RESUME},
    {AP_PAUSE_TIME, 60, TRUE, AP_PAUSE_TIME},
    {AP_PAUSE_TIME, AP_PAUSE_MAX_SEC, TRUE, AP_PAUSE_TIME},
    {AP_PAUSE_TIME, 0, TRUE, AP_PAUSE_NONE},
    {AP_PAUSE_TIME, AP_PAUSE_MAX_SEC + 1, FALSE, AP_PAUSE_RESUME},
    {AP_PAUSE_TIME, G_MAXUINT64, FALSE, AP_PAUSE_RESUME},
    {AP_PAUSE_NETWORK, 1, FALSE, AP_PAUSE_RESUME},
    {AP_PAUSE_RESUME, 1, FALSE, AP_PAUSE_RESUME},
};

static void
test_pause_replaces_a_pause_or_changes_nothing(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(start_cases); i++) {
        ApMode mode = at_work;

        mode.pause = AP_PAUSE_RESUME;
        g_test_message("case %zu", i);
        g_assert_cmpint(
            ap_mode_start_pause(&mode, start_cases[i].scope, start_cases[i].sec, at_sec(0)),
            ==,
            start_cases[i].ok);
        g_assert_cmpint(mode.pause, ==, start_cases[i].pause);
        g_assert_true(mode.switched_on);
    }
}

static void
test_pause_by_time_ends_by_the_boot_clock(void)
{
    const ApWhere home = where(HOME, 0);
    ApMode mode = at_work;
    ApInstant later = at_sec(60);

    g_assert_true(ap_mode_start_pause(&mode, AP_PAUSE_TIME, 60, at_sec(0)));
    g_assert_cmpint(mode.until_real_usec, ==, at_sec(60).real_usec);
    g_assert_cmpint(ap_mode_wake_at(&mode, &home), ==, at_sec(60).boot_usec);
    g_assert_false(ap_mode_step(&mode, &home, at_sec(59)));

    later.real_usec -= 3600 * AP_USEC_PER_SEC;
    g_assert_true(ap_mode_step(&mode, &home, later));
    g_assert_cmpint(ap_mode_why_off(&mode), ==, AP_REASON_NONE);
    g_assert_cmpint(mode.until_real_usec, ==, 0);
    g_assert_cmpint(ap_mode_wake_at(&mode, &home), ==, AP_NEVER);
}

static void
test_restored_pause_goes_by_the_wall_clock(void)
{
    static const struct {
        gint64 until_sec;
        gint64 left_sec;
    } cases[] = {
        {60, 60},
        {-60, 0},
        {2 * AP_PAUSE_MAX_SEC, AP_PAUSE_MAX_SEC},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ApMode mode = {.pause = AP_PAUSE_TIME};

        mode.until_real_usec = at_sec(cases[i].until_sec).real_usec;
        ap_mode_restore_pause(&mode, at_sec(0));
        g_assert_cmpint(mode.until_boot_usec, ==, at_sec(cases[i].left_sec).boot_usec);
    }
}

/* Seconds since the pause began, the network since then, and whether the pause is over. */
static const struct {
    guint64 network;
    gint64 since_sec;
    gint64 now_sec;
    gboolean over;
} network_cases[] = {
    {HOME, 0, 1000, FALSE},
    {0, 5, 1000, FALSE},
    {CAFE, 5, 14, FALSE},
    {CAFE, 5, 15, TRUE},
};

static void
test_pause_for_a_network_ends_on_another(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(network_cases); i++) {
        const ApWhere now = where(network_cases[i].network, network_cases[i].since_sec);
        ApMode mode = at_work;

        g_assert_true(ap_mode_start_pause(&mode, AP_PAUSE_NETWORK, 0, at_sec(0)));
        mode.network = HOME;
        g_test_message("case %zu", i);
        g_assert_cmpint(ap_mode_step(&mode, &now, at_sec(network_cases[i].now_sec)),
                        ==,
                        network_cases[i].over);
        g_assert_cmpint(mode.pause == AP_PAUSE_NONE, ==, network_cases[i].over);
    }
}

static void
test_pause_on_no_network_is_for_the_next(void)
{
    const ApWhere home = where(HOME, 0), cafe = where(CAFE, 100);
    ApMode mode = at_work;

    g_assert_true(ap_mode_start_pause(&mode, AP_PAUSE_NETWORK, 0, at_sec(0)));
    g_assert_true(ap_mode_step(&mode, &home, at_sec(20)));
    g_assert_cmpint(mode.pause, ==, AP_PAUSE_NETWORK);
    g_assert_cmpuint(mode.network, ==, HOME);
    g_assert_false(ap_mode_step(&mode, &home, at_sec(50)));
    g_assert_true(ap_mode_step(&mode, &cafe, at_sec(110)));
    g_assert_cmpint(mode.pause, ==, AP_PAUSE_NONE);
}

static void
test_pause_until_resume_never_ends(void)
{
    const ApWhere cafe = where(CAFE, 0);
    ApMode mode = at_work;

    g_assert_true(ap_mode_start_pause(&mode, AP_PAUSE_RESUME, 0, at_sec(0)));
    g_assert_cmpint(ap_mode_wake_at(&mode, &cafe), ==, AP_NEVER);
    g_assert_false(ap_mode_step(&mode, &cafe, at_sec(1000000)));
}

static void
test_scopes_have_words(void)
{
    ApPauseScope scope = AP_PAUSE_NONE;

    for (guint i = AP_PAUSE_NETWORK; i <= AP_PAUSE_RESUME; i++) {
        g_assert_true(ap_pause_scope_parse(ap_pause_scope_name(i), &scope));
        g_assert_cmpuint(scope, ==, i);
    }
    g_assert_cmpstr(ap_pause_scope_name(AP_PAUSE_NONE), ==, "");
    g_assert_false(ap_pause_scope_parse("", &scope));
    g_assert_false(ap_pause_scope_parse("forever", &scope));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mode/why-off", test_why_off);
    g_test_add_func("/mode/pause-replaces-a-pause-or-changes-nothing",
                    test_pause_replaces_a_pause_or_changes_nothing);
    g_test_add_func("/mode/pause-by-time-ends-by-the-boot-clock",
                    test_pause_by_time_ends_by_the_boot_clock);
    g_test_add_func("/mode/restored-pause-goes-by-the-wall-clock",
                    test_restored_pause_goes_by_the_wall_clock);
    g_test_add_func("/mode/pause-for-a-network-ends-on-another",
                    test_pause_for_a_network_ends_on_another);
    g_test_add_func("/mode/pause-on-no-network-is-for-the-next",
                    test_pause_on_no_network_is_for_the_next);
    g_test_add_func("/mode/pause-until-resume-never-ends", test_pause_until_resume_never_ends);
    g_test_add_func("/mode/scopes-have-words", test_scopes_have_words);
    return g_test_run();
}
