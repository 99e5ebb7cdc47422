/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which tunnels wg-quick writes back, read as wg-quick does.
 */

#include "common/error.h"
#include "helper/io/survey-watch.h"
#include "helper/io/survey.h"

#include <glib/gstdio.h>

static const struct {
    const char *text;
    gboolean saves;
} cases[] = {
    {"[Interface]\nSaveConfig = true\n", TRUE},
    {"[Interface]\nSaveConfig=true", TRUE},
    {"[interface]\r\n  saveconfig\t=\tTRUE  # yes\r\n", TRUE},
    {"[Interface]\nPrivateKey = abc=\nSaveConfig = true\n[Peer]\nAllowedIPs = 10.0.0.0/8\n", TRUE},
    {"[Peer]\n[Interface]\nSaveConfig = true\n", TRUE},
    {"[Interface]\nSaveConfig = false\nSaveConfig = true\n", TRUE},
    {"", FALSE},
    {"SaveConfig = true\n", FALSE}, /* in no section */
    {"[Interface]\nSaveConfig = false\n", FALSE},
    {"[Interface]\nSaveConfig = true\nSaveConfig = false\n", FALSE},
    {"[Interface]\n#SaveConfig = true\n", FALSE},
    {"[Interface]\n[Peer]\nSaveConfig = true\n", FALSE},
    {"[Interface]\nSaveConfig\n", FALSE},
    {"[Interface]\nPostUp = echo SaveConfig = true\n", FALSE},
    {"[Interface]\n\xff\xfe=\x80\nSaveConfig = true\n", TRUE},
};

static void
test_says_save(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = g_strescape(cases[i].text, NULL);

        g_test_message("\"%s\"", shown);
        g_assert_cmpint(ap_survey_says_save(cases[i].text), ==, cases[i].saves);
    }
}

typedef struct {
    char *directory;
    char *list;
} Files;

static void
files_set_up(Files *self, gconstpointer data)
{
    (void) data;
    self->directory = g_dir_make_tmp("wg-autopeer-survey-XXXXXX", NULL);
    self->list = g_build_filename(self->directory, "list", NULL);
}

static void
files_tear_down(Files *self, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(self->directory, 0, NULL);
    const char *name;

    (void) data;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(self->directory, name, NULL);

        g_unlink(path);
    }
    g_rmdir(self->directory);
    g_free(self->directory);
    g_free(self->list);
}

static void
put(Files *self, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(self->directory, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
test_names_of_tunnels_come_back(Files *self, gconstpointer data)
{
    const char *saves = "[Interface]\nSaveConfig = true\n";

    (void) data;
    put(self, "wg0.conf", saves);
    put(self, "wg1.conf", "[Interface]\n");
    put(self, "wg2.conf.bak", saves);
    put(self, "notes", saves);
    put(self, "name-of-sixteen-.conf", saves); /* no interface has a name of 16 bytes */
    g_assert_true(ap_survey_write(self->directory, self->list, NULL));

    g_autoptr(GPtrArray) names = ap_survey_load(self->list);
    g_assert_cmpuint(names->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(names, 0), ==, "wg0");
}

static void
test_no_wg_quick_is_no_tunnel(Files *self, gconstpointer data)
{
    g_autofree char *nowhere = g_build_filename(self->directory, "none", NULL);

    (void) data;
    g_assert_true(ap_survey_write(nowhere, self->list, NULL));
    g_autoptr(GPtrArray) empty = ap_survey_load(self->list);
    g_assert_cmpuint(empty->len, ==, 0);

    g_autoptr(GPtrArray) absent = ap_survey_load(nowhere);
    g_assert_cmpuint(absent->len, ==, 0);
}

static void
test_what_was_known_outlives_a_failure(Files *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void) data;
    put(self, "list", "wg0\n\n../../../etc/passwd-and-more\nwg1\n");
    g_assert_false(ap_survey_write(self->list, self->list, &error)); /* no directory */
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);

    g_autoptr(GPtrArray) names = ap_survey_load(self->list);
    g_assert_cmpuint(names->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(names, 1), ==, "wg1");
}

static void
on_changed(gpointer user_data)
{
    ++*(guint *) user_data;
}

static void
test_another_list_is_told(Files *self, gconstpointer data)
{
    guint n_changes = 0;
    g_autoptr(ApSurveyWatch) watch = ap_survey_watch_new(self->list, on_changed, &n_changes);

    (void) data;
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    for (guint i = 1; i <= 3; i++) {
        g_assert_true(ap_survey_write("/nonexistent", self->list, NULL));
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(n_changes, ==, i);
    }
}

/* Other things may come there as well. */
static void
test_the_first_list_is_told(Files *self, gconstpointer data)
{
    g_autofree char *other = g_build_filename(self->directory, "other", NULL);
    g_autofree char *directory = g_build_filename(self->directory, "survey", NULL);
    g_autofree char *list = g_build_filename(directory, "list", NULL);
    guint n_changes = 0;
    g_autoptr(ApSurveyWatch) watch = ap_survey_watch_new(list, on_changed, &n_changes);

    (void) data;
    g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_changes, ==, 0);

    g_assert_cmpint(g_mkdir(directory, 0700), ==, 0);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_changes, ==, 1);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    n_changes = 0;
    g_assert_true(ap_survey_write("/nonexistent", list, NULL));
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_changes, ==, 1);

    g_assert_cmpint(g_unlink(list), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    g_assert_cmpint(g_rmdir(other), ==, 0);
}

static void
test_nobody_surveys(void)
{
    g_autoptr(ApSurveyWatch) watch = ap_survey_watch_new("/nonexistent/list", on_changed, NULL);

    g_assert_false(g_main_context_iteration(NULL, FALSE));
}

#define ADD(path, func) g_test_add(path, Files, NULL, files_set_up, func, files_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/survey/says-save", test_says_save);
    ADD("/survey/names-of-tunnels-come-back", test_names_of_tunnels_come_back);
    ADD("/survey/no-wg-quick-is-no-tunnel", test_no_wg_quick_is_no_tunnel);
    ADD("/survey/another-list-is-told", test_another_list_is_told);
    ADD("/survey/the-first-list-is-told", test_the_first_list_is_told);
    g_test_add_func("/survey/nobody-surveys", test_nobody_surveys);
    ADD("/survey/what-was-known-outlives-a-failure", test_what_was_known_outlives_a_failure);
    return g_test_run();
}
