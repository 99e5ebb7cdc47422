/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A log that cannot be filled by whoever makes us log, and says what it left out (security F39).
 */

#include "common/log-limit.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

#define AT_MOST 3

static ApInstant
at(gint64 sec)
{
    return (ApInstant){.boot_usec = (1000 + sec) * AP_USEC_PER_SEC};
}

static guint
pass(ApLogLimit *limit, const char *kind, guint n, gint64 sec)
{
    guint n_passed = 0;

    for (guint i = 0; i < n; i++) {
        g_autofree char *text = g_strdup_printf("%s %u", kind, i);

        n_passed += ap_log_limit_pass(limit, kind, text, AT_MOST, at(sec)) ? 1 : 0;
    }
    return n_passed;
}

static void
test_a_kind_passes_so_often_in_a_window(void)
{
    g_autofree ApLogLimit *limit = g_new0(ApLogLimit, 1);
    ApLogKind left_out;

    g_assert_cmpuint(pass(limit, "a", 100, 0), ==, AT_MOST);
    g_assert_cmpuint(pass(limit, "a", 100, 59), ==, 0);
    g_assert_cmpuint(pass(limit, "b", 2, 59), ==, 2);
    g_assert_false(ap_log_limit_take(limit, at(59), &left_out));

    g_assert_true(ap_log_limit_take(limit, at(60), &left_out));
    g_assert_cmpstr(left_out.kind, ==, "a");
    g_assert_cmpuint(left_out.n_left_out, ==, 197);
    g_assert_cmpstr(left_out.example, ==, "a 3");
    g_assert_false(ap_log_limit_take(limit, at(60), &left_out));
    g_assert_cmpuint(pass(limit, "a", 100, 60), ==, AT_MOST);
}

static void
test_a_quiet_kind_loses_nothing(void)
{
    g_autofree ApLogLimit *limit = g_new0(ApLogLimit, 1);
    ApLogKind left_out;

    for (gint64 sec = 0; sec < 1000; sec += 61 / AT_MOST)
        g_assert_cmpuint(pass(limit, "a", 1, sec), ==, 1);
    g_assert_false(ap_log_limit_take(limit, at(G_MAXINT32), &left_out));
}

static void
test_what_is_left_out_can_be_had_before_its_time(void)
{
    g_autofree ApLogLimit *limit = g_new0(ApLogLimit, 1);
    ApLogKind left_out;

    (void) pass(limit, "a", AT_MOST + 1, 0);
    g_assert_true(ap_log_limit_take(limit, (ApInstant){AP_NEVER, 0}, &left_out));
    g_assert_cmpuint(left_out.n_left_out, ==, 1);
}

static void
test_too_many_kinds_are_one(void)
{
    g_autofree ApLogLimit *limit = g_new0(ApLogLimit, 1);
    guint n_passed = 0;

    for (guint i = 0; i < 1000; i++) {
        g_autofree char *kind = g_strdup_printf("kind %u", i);

        n_passed += pass(limit, kind, 1, 0);
    }
    g_assert_cmpuint(n_passed, ==, AP_LOG_MAX_KINDS + AT_MOST);
}

static void
test_long_texts_are_cut_between_characters(void)
{
    g_autofree ApLogLimit *limit = g_new0(ApLogLimit, 1);
    g_autoptr(GString) text = g_string_new("x");
    ApLogKind left_out;

    while (text->len < 2 * (gsize) AP_LOG_EXAMPLE_LEN)
        g_string_append(text, "ä");
    for (guint i = 0; i <= AT_MOST; i++)
        (void) ap_log_limit_pass(limit, text->str, text->str, AT_MOST, at(0));
    g_assert_true(ap_log_limit_take(limit, at(60), &left_out));
    g_assert_true(g_utf8_validate(left_out.example, -1, NULL));
    g_assert_true(g_utf8_validate(left_out.kind, -1, NULL));
}

/* Runs in a process of its own: what is installed stays. */
static void
flood(void)
{
    static const char *const reasons[] = {"silent", "roamed"};
    ApLogField fields[] = {{"AUTOPEER_TUNNEL", "wg0"}, {"AUTOPEER_REASON", NULL}};

    ap_log_install("flood");
    for (guint i = 0; i < 10000; i++) {
        fields[1].value = reasons[i % 2];
        ap_log_event("00000000000000000000000000000001",
                     G_LOG_LEVEL_MESSAGE,
                     fields,
                     G_N_ELEMENTS(fields),
                     "flood %s",
                     fields[1].value);
        g_warning("warning");
        g_debug("nobody wants to see this");
    }
    g_message("another");
    ap_log_flush();
}

static guint
count(const char *text, const char *part)
{
    guint n = 0;

    for (const char *at_part = strstr(text, part); at_part != NULL; n++)
        at_part = strstr(at_part + 1, part);
    return n;
}

static void
test_a_flood_is_a_few_lines(void)
{
    g_autofree char *standard_error = NULL;
    g_autofree char *standard_output = NULL;
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    const char *argv[] = {self, "--flood", NULL};
    /* without what makes warnings fatal in tests */
    const char *envp[] = {NULL};

    g_assert_true(g_spawn_sync(NULL,
                               (char **) argv,
                               (char **) envp,
                               G_SPAWN_DEFAULT,
                               NULL,
                               NULL,
                               &standard_output,
                               &standard_error,
                               NULL,
                               NULL));
    g_test_message("%s", standard_error);
    g_assert_cmpstr(standard_output, ==, "");
    g_assert_cmpuint(count(standard_error, "flood silent\n"), ==, 10 + 1);
    g_assert_cmpuint(count(standard_error, "flood roamed\n"), ==, 10 + 1);
    g_assert_cmpuint(count(standard_error, "warning\n"), ==, 10 + 1);
    g_assert_cmpuint(count(standard_error, "left out 4990 like this: flood"), ==, 2);
    g_assert_cmpuint(count(standard_error, "left out 9990 like this: warning"), ==, 1);
    g_assert_cmpuint(count(standard_error, "another"), ==, 1);
    g_assert_cmpuint(count(standard_error, "nobody"), ==, 0);
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--flood") == 0) {
        flood();
        return 0;
    }

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/a-kind-passes-so-often-in-a-window",
                    test_a_kind_passes_so_often_in_a_window);
    g_test_add_func("/log/a-quiet-kind-loses-nothing", test_a_quiet_kind_loses_nothing);
    g_test_add_func("/log/what-is-left-out-can-be-had-before-its-time",
                    test_what_is_left_out_can_be_had_before_its_time);
    g_test_add_func("/log/too-many-kinds-are-one", test_too_many_kinds_are_one);
    g_test_add_func("/log/long-texts-are-cut-between-characters",
                    test_long_texts_are_cut_between_characters);
    g_test_add_func("/log/a-flood-is-a-few-lines", test_a_flood_is_a_few_lines);
    return g_test_run();
}
