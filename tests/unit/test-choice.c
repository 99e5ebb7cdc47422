/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "helper/core/policy.h"
#include "helper/engine/choice.h"
#include "helper/engine/configuration.h"
#include "helper/engine/settings.h"
#include "helper/engine/stay.h"

#include <glib/gstdio.h>

typedef struct {
    char *directory; /* (owned) */
    ApChoice *choice;
    ApMode mode; /* last told */
    guint n_told;
} Fixture;

static void
on_mode(const ApMode *mode, gpointer user_data)
{
    Fixture *self = user_data;

    self->mode = *mode;
    self->n_told++;
}

static void
restart(Fixture *self, gboolean enabled_otherwise)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&self->choice, ap_choice_free);
    self->choice = ap_choice_new(self->directory, enabled_otherwise, on_mode, self, &error);
    g_assert_no_error(error);
    self->n_told = 0;
}

static void
setup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->directory = g_dir_make_tmp("ap-choice-XXXXXX", NULL);
    g_assert_nonnull(self->directory);
    restart(self, TRUE);
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDir) directory = g_dir_open(self->directory, 0, NULL);

    (void) unused;
    for (const char *name = g_dir_read_name(directory); name != NULL;
         name = g_dir_read_name(directory)) {
        g_autofree char *path = g_build_filename(self->directory, name, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(self->directory), ==, 0);
    g_clear_pointer(&self->choice, ap_choice_free);
    g_free(self->directory);
}

static void
begin_pause(Fixture *self, const char *scope, guint64 sec)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(ap_choice_pause(self->choice, scope, sec, &error));
    g_assert_no_error(error);
}

static void
switch_to(Fixture *self, gboolean enabled)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(ap_choice_set_enabled(self->choice, enabled, &error));
    g_assert_no_error(error);
}

static void
test_configuration_counts_until_somebody_chooses(Fixture *self, gconstpointer unused)
{
    (void) unused;
    restart(self, FALSE);
    g_assert_false(ap_choice_get_mode(self->choice)->switched_on);
    restart(self, TRUE);
    g_assert_true(ap_choice_get_mode(self->choice)->switched_on);

    switch_to(self, FALSE);
    g_assert_false(self->mode.switched_on);
    restart(self, TRUE);
    g_assert_false(ap_choice_get_mode(self->choice)->switched_on);
}

static void
test_pause_outlives_a_restart(Fixture *self, gconstpointer unused)
{
    static const char *const scopes[] = {"network", "time", "resume"};

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(scopes); i++) {
        const gboolean by_time = g_str_equal(scopes[i], "time");
        const ApMode *after;

        ap_choice_set_network(self->choice, 7);
        begin_pause(self, scopes[i], by_time ? 3600 : 0);
        restart(self, TRUE);
        after = ap_choice_get_mode(self->choice);
        g_assert_cmpstr(ap_pause_scope_name(after->pause), ==, scopes[i]);
        g_assert_cmpint(after->until_real_usec, ==, self->mode.until_real_usec);
        g_assert_cmpuint(after->network, ==, g_str_equal(scopes[i], "network") ? 7 : 0);
        g_assert_true(after->switched_on);
        g_assert_true((after->until_boot_usec > 0) == by_time);
    }
}

static void
test_holders_do_not_outlive_a_restart(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_choice_set_wanted(self->choice, TRUE);
    ap_choice_set_wanted(self->choice, TRUE);
    g_assert_cmpuint(self->n_told, ==, 1);
    switch_to(self, TRUE);
    restart(self, TRUE);
    g_assert_false(ap_choice_get_mode(self->choice)->wanted);
}

static void
test_switch_ends_a_pause(Fixture *self, gconstpointer unused)
{
    (void) unused;
    for (guint enabled = 0; enabled < 2; enabled++) {
        begin_pause(self, "resume", 0);
        switch_to(self, enabled);
        g_assert_cmpint(self->mode.pause, ==, AP_PAUSE_NONE);
        g_assert_cmpint(self->mode.switched_on, ==, enabled);
    }
}

static void
test_pause_ends_in_time(Fixture *self, gconstpointer unused)
{
    (void) unused;
    begin_pause(self, "time", 1);
    while (self->mode.pause != AP_PAUSE_NONE)
        g_main_context_iteration(NULL, TRUE);
    restart(self, TRUE);
    g_assert_cmpint(ap_choice_get_mode(self->choice)->pause, ==, AP_PAUSE_NONE);
}

static void
test_nonsense_is_refused(Fixture *self, gconstpointer unused)
{
    static const struct {
        const char *scope;
        guint64 sec;
    } cases[] = {{"", 0}, {"forever", 0}, {"network", 5}, {"time", G_MAXUINT64}};

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("'%s'", cases[i].scope);
        g_assert_false(ap_choice_pause(self->choice, cases[i].scope, cases[i].sec, &error));
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }
    g_assert_cmpuint(self->n_told, ==, 0);
}

static void
test_nothing_changes_that_cannot_be_saved(Fixture *self, gconstpointer unused)
{
    g_autofree char *directory = self->directory;
    g_autoptr(GError) error = NULL;

    (void) unused;
    self->directory = g_build_filename(directory, "missing", NULL);
    restart(self, TRUE);
    g_assert_false(ap_choice_set_enabled(self->choice, FALSE, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_clear_error(&error);
    g_assert_false(ap_choice_pause(self->choice, "resume", 0, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_assert_cmpuint(self->n_told, ==, 0);
    g_free(self->directory);
    self->directory = g_steal_pointer(&directory);
}

static ApPolicy *
load(const Fixture *self)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = ap_settings_path(self->directory);
    ApPolicy *policy = ap_config_load("/dev/null", path, warnings);

    g_assert_cmpuint(warnings->len, ==, 0);
    return policy;
}

static const struct {
    const char *name;
    const char *value;
    gboolean ok;
} setting_cases[] = {
    {"Peers.MaxPeers", "uint32 7", TRUE},
    {"Peers.Keepalive", "uint32 60", TRUE},
    {"General.Persistent", "true", TRUE},
    {"Peers.MaxPeers", "uint32 0", FALSE},
    {"Peers.MaxPeers", "uint32 1025", FALSE},
    {"Peers.MaxPeers", "'7'", FALSE},
    {"Peers.MaxPeers", "7", FALSE},
    {"Peers.MaxPeers", "<uint32 7>", FALSE},
    {"General.Persistent", "uint32 1", FALSE},
    {"General.Enabled", "true", FALSE},
    {"Peers.LowPorts", "true", FALSE},
    {"Peers.PublicLans", "true", FALSE},
    {"Peers.Scope", "'any'", FALSE},
    {"Peers.BlockedKeys", "''", FALSE},
    {"Server.Port", "uint32 80", FALSE},
    {"Tunnel.Server", "'10.9.0.1'", FALSE},
    {"Tunnel wg0.Server", "'10.9.0.1'", FALSE},
    {"MaxPeers", "uint32 7", FALSE},
    {"", "uint32 7", FALSE},
    {"Peers.MaxPeers\n[Server]\nPort", "uint32 7", FALSE},
};

static void
test_few_settings_may_be_made(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApPolicy) policy = NULL;

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(setting_cases); i++) {
        g_autoptr(GVariant) value = g_variant_parse(NULL, setting_cases[i].value, NULL, NULL, NULL);
        g_autoptr(GError) error = NULL;

        g_test_message("%s = %s", setting_cases[i].name, setting_cases[i].value);
        g_assert_cmpint(ap_settings_set(self->directory, setting_cases[i].name, value, &error),
                        ==,
                        setting_cases[i].ok);
        if (!setting_cases[i].ok)
            g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }

    policy = load(self);
    g_assert_cmpuint(policy->max_peers, ==, 7);
    g_assert_cmpuint(policy->keepalive_sec, ==, 60);
    g_assert_true(policy->persistent);
}

static void
test_setting_is_taken_back(Fixture *self, gconstpointer unused)
{
    g_autoptr(GVariant) seven = g_variant_ref_sink(g_variant_new_uint32(7));
    g_autoptr(GVariant) nothing = g_variant_ref_sink(g_variant_new_string(""));
    g_autoptr(ApPolicy) policy = NULL;

    (void) unused;
    g_assert_true(ap_settings_set(self->directory, "Peers.MaxPeers", seven, NULL));
    g_assert_true(ap_settings_set(self->directory, "Peers.MaxPeers", nothing, NULL));
    g_assert_true(ap_settings_set(self->directory, "Peers.MaxPeers", nothing, NULL));
    policy = load(self);
    g_assert_cmpuint(policy->max_peers, ==, 256);
}

typedef struct {
    gboolean wanted;
    guint n_changes;
    gboolean left;
} Seen;

static void
on_wanted(gboolean wanted, gpointer user_data)
{
    Seen *seen = user_data;

    seen->wanted = wanted;
    seen->n_changes++;
}

static void
on_leave(gpointer user_data)
{
    Seen *seen = user_data;

    seen->left = TRUE;
}

static const ApStayOps stay_ops = {on_wanted, on_leave};

static void
iterate_for(guint msec)
{
    for (guint i = 0; i < msec / 10; i++) {
        g_usleep(10000);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

static void
test_unwanted_helper_leaves(void)
{
    Seen seen = {0};
    g_autoptr(ApStay) stay = ap_stay_new(&stay_ops, 1, &seen);

    ap_stay_begin(stay, NULL);
    g_assert_false(seen.wanted);
    while (!seen.left)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_holder_keeps_the_helper(void)
{
    Seen seen = {0};
    g_autoptr(ApStay) stay = ap_stay_new(&stay_ops, 1, &seen);

    ap_stay_begin(stay, NULL);
    ap_stay_set_held(stay, TRUE);
    g_assert_true(seen.wanted);
    iterate_for(2100);
    g_assert_false(seen.left);

    ap_stay_set_held(stay, FALSE);
    g_assert_false(seen.wanted);
    ap_stay_set_held(stay, TRUE);
    ap_stay_set_held(stay, FALSE);
    g_assert_cmpuint(seen.n_changes, ==, 4);
    while (!seen.left)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_helper_that_is_there_for_good_stays(void)
{
    Seen seen = {0};
    g_autoptr(ApStay) stay = ap_stay_new(&stay_ops, 1, &seen);

    ap_stay_set_for_good(stay, TRUE);
    g_assert_false(seen.wanted);
    ap_stay_begin(stay, NULL);
    g_assert_true(seen.wanted);
    ap_stay_set_held(stay, TRUE);
    ap_stay_set_held(stay, FALSE);
    g_assert_cmpuint(seen.n_changes, ==, 1);

    ap_stay_set_for_good(stay, FALSE);
    g_assert_false(seen.wanted);
}

#define ADD(name, function) g_test_add("/choice/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("configuration-counts-until-somebody-chooses",
        test_configuration_counts_until_somebody_chooses);
    ADD("pause-outlives-a-restart", test_pause_outlives_a_restart);
    ADD("holders-do-not-outlive-a-restart", test_holders_do_not_outlive_a_restart);
    ADD("switch-ends-a-pause", test_switch_ends_a_pause);
    ADD("pause-ends-in-time", test_pause_ends_in_time);
    ADD("nonsense-is-refused", test_nonsense_is_refused);
    ADD("nothing-changes-that-cannot-be-saved", test_nothing_changes_that_cannot_be_saved);
    ADD("few-settings-may-be-made", test_few_settings_may_be_made);
    ADD("setting-is-taken-back", test_setting_is_taken_back);
    g_test_add_func("/stay/unwanted-helper-leaves", test_unwanted_helper_leaves);
    g_test_add_func("/stay/holder-keeps-the-helper", test_holder_keeps_the_helper);
    g_test_add_func("/stay/helper-that-is-there-for-good-stays",
                    test_helper_that_is_there_for_good_stays);
    return g_test_run();
}
