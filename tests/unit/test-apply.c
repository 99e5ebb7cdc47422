/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/fake.h"
#include "helper/engine/apply.h"

#include <glib/gstdio.h>

#include <dirent.h>
#include <string.h>

static const ApKey own_key = {{1}};
static const ApKey peer_key = {{2}};
static const ApKey other_key = {{3}};

/** A ledger in a directory of its own, two fake devices (7 and 8), and a plan to fill. */
typedef struct {
    char *directory;
    ApLedger *ledger;
    ApWireguard *wireguard;
    GArray *owned;
    ApPlan *plan;
    ApApplyStats stats;
} Fixture;

static ApPlan *
new_plan(void)
{
    ApPlan *plan = g_new0(ApPlan, 1);

    plan->changes = g_array_new(FALSE, TRUE, sizeof(ApChange));
    plan->verdicts = g_array_new(FALSE, TRUE, sizeof(ApVerdict));
    plan->refusals = g_array_new(FALSE, TRUE, sizeof(ApRefusal));
    plan->tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnel));
    plan->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    return plan;
}

static void
set_up(Fixture *self, gconstpointer unused)
{
    GError *error = NULL;

    (void) unused;
    self->directory = g_dir_make_tmp("test-apply-XXXXXX", NULL);
    self->ledger = ap_ledger_open(self->directory, &error);
    g_assert_no_error(error);
    self->wireguard = ap_wireguard_fake_new();
    (void) ap_wireguard_fake_add_device(self->wireguard, 7, "wg0", &own_key, 51820);
    (void) ap_wireguard_fake_add_device(self->wireguard, 8, "wg1", &own_key, 51821);
    self->owned = g_array_new(FALSE, TRUE, sizeof(ApOwned));
    self->plan = new_plan();
}

static void
remove_files(const char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        (void) g_unlink(path);
    }
    g_clear_pointer(&dir, g_dir_close);
    (void) g_rmdir(directory);
}

static void
tear_down(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_plan_free(self->plan);
    g_array_unref(self->owned);
    ap_wireguard_free(self->wireguard);
    ap_ledger_free(self->ledger);
    remove_files(self->directory);
    g_free(self->directory);
}

static void
plan_change(Fixture *self, guint32 ifindex, ApChangeKind kind, const ApKey *key)
{
    ApChange change = {.kind = kind, .ifindex = ifindex, .device_key = own_key, .peer.key = *key};

    if (kind == AP_CHANGE_REMOVE_PEER) {
        change.peer.flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY;
    } else {
        const ApAddr addr = ap_key_link_local(key);

        change.peer.flags = AP_PEER_REPLACE_ALLOWED;
        change.peer.allowed[0] = ap_cidr_host(&addr);
        change.peer.n_allowed = 1;
    }
    g_array_append_val(self->plan->changes, change);
}

static gboolean
apply(Fixture *self, GError **error)
{
    g_autoptr(GArray) ids = ap_wireguard_list(self->wireguard, NULL);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);

    for (guint i = 0; i < ids->len; i++)
        g_ptr_array_add(
            devices,
            ap_wireguard_read(self->wireguard, &g_array_index(ids, ApDeviceId, i), NULL));

    const ApWorld world = {.devices = devices, .owned = self->owned};
    return ap_apply_plan(self->wireguard,
                         self->ledger,
                         &world,
                         self->plan,
                         self->owned,
                         &self->stats,
                         error);
}

/* What a helper after us would find. */
static guint
count_recorded(Fixture *self)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) loaded = ap_ledger_load(self->ledger, warnings, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 0);
    return loaded->len;
}

static void
test_addition_is_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(self->owned->len, ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 1);
    g_assert_cmpuint(self->stats.n_changes, ==, 1);
}

static void
test_failed_edit_stays_an_intent(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &other_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 1, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &other_key));
    g_assert_cmpuint(count_recorded(self), ==, 2);
    g_assert_cmpuint(self->stats.n_failed, ==, 1);
}

static void
test_one_device_does_not_stop_another(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 8, AP_CHANGE_ADD_PEER, &other_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 8, &other_key));
}

static void
test_removal_leaves_the_record_last(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_clear_error(&error);
    g_assert_cmpuint(count_recorded(self), ==, 1);

    g_assert_true(apply(self, &error));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(count_recorded(self), ==, 0);
    g_assert_cmpuint(self->owned->len, ==, 0);
}

static void
test_remove_and_add_stays_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(self->owned->len, ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

static void
test_no_record_no_edit(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    remove_files(self->directory);
    g_assert_false(apply(self, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(ap_wireguard_fake_changes(self->wireguard)->len, ==, 0);
}

/* A device that went, or that has another key now, is not ours to edit. */
static void
test_void_entries_are_struck_off(Fixture *self, gconstpointer unused)
{
    const ApKey new_key = {{9}};
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 8, AP_CHANGE_ADD_PEER, &other_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    ap_wireguard_fake_forget(self->wireguard);
    ap_wireguard_fake_remove_device(self->wireguard, 7);
    ap_wireguard_fake_set_key(self->wireguard, 8, &new_key);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(self->owned->len, ==, 0);
    g_assert_cmpuint(count_recorded(self), ==, 0);
    g_assert_cmpuint(ap_wireguard_fake_changes(self->wireguard)->len, ==, 0);
}

/* A helper that dies between the record and the edit must find both, before and after, its own. */
static void
test_record_covers_before_and_after(Fixture *self, gconstpointer unused)
{
    const ApAddr addr = {.family = AF_INET, .bytes = {10, 9, 0, 12}};
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_PROMOTE, &peer_key);
    g_array_index(self->plan->changes, ApChange, 0).peer.allowed[0] = ap_cidr_host(&addr);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_clear_error(&error);
    g_assert_cmpuint(g_array_index(self->owned, ApOwned, 0).n_allowed, ==, 2);

    g_assert_true(apply(self, &error));
    g_assert_cmpuint(g_array_index(self->owned, ApOwned, 0).n_allowed, ==, 1);
}

static void
test_given_up_is_struck_off(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    const ApVerdict verdict = {.ifindex = 7, .key = peer_key, .reason = AP_REASON_TAKEN_OVER};
    g_array_append_val(self->plan->verdicts, verdict);
    g_array_set_size(self->plan->changes, 0);
    g_assert_true(apply(self, &error));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *self, gconstpointer unused);
    } cases[] = {
        {"/apply/addition-is-on-record", test_addition_is_on_record},
        {"/apply/failed-edit-stays-an-intent", test_failed_edit_stays_an_intent},
        {"/apply/one-device-does-not-stop-another", test_one_device_does_not_stop_another},
        {"/apply/removal-leaves-the-record-last", test_removal_leaves_the_record_last},
        {"/apply/remove-and-add-stays-on-record", test_remove_and_add_stays_on_record},
        {"/apply/no-record-no-edit", test_no_record_no_edit},
        {"/apply/void-entries-are-struck-off", test_void_entries_are_struck_off},
        {"/apply/record-covers-before-and-after", test_record_covers_before_and_after},
        {"/apply/given-up-is-struck-off", test_given_up_is_struck_off},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
