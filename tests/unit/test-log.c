/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A log that cannot be filled by whoever makes us log, and says what it left out (security F39).
 */

#include "common/log-limit.h"
#include "common/log-ring.h"
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

static void
test_the_last_lines_are_kept(void)
{
    g_autoptr(ApLogRing) ring = ap_log_ring_new();

    ap_log_ring_add(ring, "notice", "one\nline", 1763828592123456);
    ap_log_ring_add(ring, "warning", "two", 1763828593000000);

    g_autofree char *text = ap_log_ring_write(ring);
    g_test_message("%s", text);
    g_assert_true(g_str_has_prefix(text, "2025-11-22T16:23:12.123Z notice one"));
    g_assert_true(g_str_has_suffix(text, "line\n2025-11-22T16:23:13.000Z warning two\n"));
}

static void
test_old_lines_make_room_and_are_counted(void)
{
    g_autoptr(ApLogRing) ring = ap_log_ring_new();

    for (guint i = 0; i < 10000; i++) {
        g_autofree char *text = g_strdup_printf("line %u", i);

        ap_log_ring_add(ring, "notice", text, 0);
    }

    g_autofree char *all = ap_log_ring_write(ring);
    const char *kept = strchr(all, '\n') + 1;
    guint64 n_dropped = 0, first = 0;

    g_assert_cmpint(sscanf(all, "(%" G_GUINT64_FORMAT " older", &n_dropped), ==, 1);
    g_assert_nonnull(strstr(kept, "line "));
    g_assert_cmpint(sscanf(strstr(kept, "line "), "line %" G_GUINT64_FORMAT, &first), ==, 1);
    g_assert_cmpuint(first, ==, n_dropped);
    g_assert_true(g_str_has_suffix(all, "line 9999\n"));
    g_assert_cmpuint(strlen(kept), <=, AP_LOG_RING_BYTES);
    g_assert_cmpuint(strlen(kept), >, AP_LOG_RING_BYTES - AP_LOG_RING_LINE);
}

static void
test_a_kept_line_is_text_whatever_was_logged(void)
{
    g_autoptr(ApLogRing) ring = ap_log_ring_new();
    g_autoptr(GString) text = g_string_new("\xff\033[2Jx");

    while (text->len < 2 * (gsize) AP_LOG_RING_LINE)
        g_string_append(text, "ä");
    for (guint i = 0; i < 3; i++) {
        ap_log_ring_add(ring, "notice", text->str + i, G_MININT64);
        ap_log_ring_add(ring, "notice", text->str + i, 0);
    }

    g_autofree char *all = ap_log_ring_write(ring);
    g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
    g_assert_true(g_utf8_validate(all, -1, NULL));
    g_assert_null(strchr(all, '\033'));
    g_assert_cmpuint(g_strv_length(lines), ==, 6 + 1);
    for (guint i = 0; i < 6; i++)
        g_assert_cmpuint(strlen(lines[i]), <, AP_LOG_RING_LINE);
}

/* Runs in a process of its own: what is installed stays. */
static void
flood(void)
{
    static const char *const reasons[] = {"silent", "roamed"};
    ApLogField fields[] = {{"AUTOPEER_TUNNEL", "wg0"}, {"AUTOPEER_REASON", NULL}};

    ap_log_install("flood");
    ap_log_remember();
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

    g_autofree char *recalled = ap_log_recall();
    (void) fputs(recalled, stdout);
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
    g_assert_cmpuint(count(standard_output, " notice flood silent\n"), ==, 10);
    g_assert_cmpuint(count(standard_output, " warning warning\n"), ==, 10);
    g_assert_cmpuint(count(standard_output, "left out 4990 like this: flood"), ==, 2);
    g_assert_cmpuint(count(standard_output, "nobody"), ==, 0);
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
    g_test_add_func("/log/the-last-lines-are-kept", test_the_last_lines_are_kept);
    g_test_add_func("/log/old-lines-make-room-and-are-counted",
                    test_old_lines_make_room_and_are_counted);
    g_test_add_func("/log/a-kept-line-is-text-whatever-was-logged",
                    test_a_kept_line_is_text_whatever_was_logged);
    g_test_add_func("/log/a-flood-is-a-few-lines", test_a_flood_is_a_few_lines);
    return g_test_run();
}
