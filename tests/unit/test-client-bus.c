/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "bus.h"
#include "client/bundle.h"
#include "client/client.h"
#include "common/error.h"
#include "common/names.h"
#include "helper/io/sealed-file.h"

#include <unistd.h>

typedef struct {
    TestBus *bus;
    TestHelper *helper; /* NULL: it is not running */
    GDBusConnection *connection;
    ApClient *client;
    guint n_changes;
} Fixture;

static void
on_changed(ApClient *client, gpointer user_data)
{
    Fixture *self = user_data;

    (void) client;
    self->n_changes++;
}

static void
publish(Fixture *self, guint64 serial)
{
    g_autoptr(ApView) view = test_view_new(serial);

    ap_service_publish(self->helper->service, view);
}

static void
start_helper(Fixture *self, guint64 serial)
{
    self->helper = test_helper_new(self->bus, serial);
}

static void
setup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->bus = test_bus_new();
    self->connection = test_bus_connect(self->bus);
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    g_clear_pointer(&self->client, ap_client_free);
    g_clear_pointer(&self->helper, test_helper_free);
    (void) g_dbus_connection_close_sync(self->connection, NULL, NULL);
    g_object_unref(self->connection);
    test_bus_free(self->bus);
}

static void
wait_for_state(Fixture *self, ApClientState state)
{
    while (ap_client_get_state(self->client) != state)
        g_main_context_iteration(NULL, TRUE);
}

static void
wait_for_serial(Fixture *self, guint64 serial)
{
    while (ap_client_get_view(self->client) == NULL
           || ap_client_get_view(self->client)->serial != serial)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_view_is_mirrored(Fixture *self, gconstpointer unused)
{
    ApClientView *view;

    (void) unused;
    start_helper(self, 5);
    self->client = ap_client_new(self->connection, on_changed, self);
    g_assert_cmpint(ap_client_get_state(self->client), ==, AP_CLIENT_LOOKING);
    wait_for_state(self, AP_CLIENT_READY);

    view = ap_client_get_view(self->client);
    g_assert_cmpuint(view->serial, ==, 5);
    g_assert_cmpstr(view->state, ==, "direct");
    g_assert_true(view->enabled);
    g_assert_cmpstr(view->version, !=, "");
    g_assert_cmpuint(view->tunnels->len, ==, 2);
    g_assert_cmpuint(view->peers->len, ==, 4);
    g_assert_cmpuint(ap_client_view_count_direct(view), ==, 1);

    publish(self, 6);
    wait_for_serial(self, 6);
}

static void
test_helper_is_lost_and_found(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_ABSENT);
    g_assert_null(ap_client_get_view(self->client));

    start_helper(self, 5);
    wait_for_serial(self, 5);
    g_clear_pointer(&self->helper, test_helper_free);
    wait_for_state(self, AP_CLIENT_ABSENT);
    g_assert_null(ap_client_get_view(self->client));
    start_helper(self, 1);
    wait_for_serial(self, 1);
}

static void
test_many_changes_stay_below_the_limit(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    for (guint64 serial = 2; serial <= 500; serial++)
        publish(self, serial);

    wait_for_serial(self, 500);
    g_assert_cmpint(ap_client_get_state(self->client), ==, AP_CLIENT_READY);
    g_assert_cmpuint(self->n_changes, <, 10);
}

static void
test_signals_of_others_do_not_count(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) liar = test_bus_connect(self->bus);
    guint n;

    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    n = self->n_changes;

    g_assert_true(g_dbus_connection_emit_signal(liar,
                                                g_dbus_connection_get_unique_name(self->connection),
                                                AP_BUS_PATH,
                                                AP_BUS_INTERFACE,
                                                "Changed",
                                                g_variant_new("(t)", G_GUINT64_CONSTANT(9)),
                                                NULL));
    test_settle(liar);
    test_settle(self->connection);
    test_settle(self->helper->connection);
    g_assert_cmpuint(self->n_changes, ==, n);
    (void) g_dbus_connection_close_sync(liar, NULL, NULL);
}

static void
test_who_is_not_allowed_is_told(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) nobody = NULL;

    (void) unused;
    if (geteuid() != 0) {
        g_test_skip("needs root to be somebody else");
        return;
    }

    start_helper(self, 1);
    nobody = test_bus_connect_as_nobody(self->bus);
    self->client = ap_client_new(nobody, on_changed, self);
    wait_for_state(self, AP_CLIENT_FAILED);
    g_assert_error((GError *) ap_client_get_error(self->client), AP_ERROR, AP_ERROR_DENIED);
    g_clear_pointer(&self->client, ap_client_free);
    (void) g_dbus_connection_close_sync(nobody, NULL, NULL);
}

typedef struct {
    GAsyncResult *result;
    gboolean done;
} Reply;

static void
on_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Reply *reply = user_data;

    (void) source;
    reply->result = g_object_ref(result);
    reply->done = TRUE;
}

static void
test_wishes_are_passed_on(Fixture *self, gconstpointer unused)
{
    Reply resync = {0}, disable = {0}, refused = {0};
    g_autoptr(GError) error = NULL;

    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    self->helper->enabled = TRUE;

    ap_client_resync_async(self->client, NULL, on_result, &resync);
    ap_client_set_enabled_async(self->client, FALSE, NULL, on_result, &disable);
    test_iterate_until(&resync.done);
    test_iterate_until(&disable.done);
    g_assert_true(ap_client_wish_finish(resync.result, &error));
    g_assert_true(ap_client_wish_finish(disable.result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(self->helper->n_resyncs, ==, 1);
    g_assert_false(self->helper->enabled);

    self->helper->fail_code = AP_ERROR_DENIED;
    ap_client_set_enabled_async(self->client, TRUE, NULL, on_result, &refused);
    test_iterate_until(&refused.done);
    g_assert_false(ap_client_wish_finish(refused.result, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_DENIED);
    g_assert_cmpstr(error->message, ==, "the test says so");
    g_object_unref(resync.result);
    g_object_unref(disable.result);
    g_object_unref(refused.result);
}

static void
wait_for_reply(Reply *reply, gboolean ok)
{
    g_autoptr(GError) error = NULL;

    test_iterate_until(&reply->done);
    g_assert_cmpint(ap_client_wish_finish(reply->result, &error), ==, ok);
    g_clear_object(&reply->result);
    reply->done = FALSE;
}

static void
wait_until_held(Fixture *self, gboolean held)
{
    while (self->helper->held != held || ap_client_is_holding(self->client) != held)
        g_main_context_iteration(NULL, TRUE);
}

static void
activate(Fixture *self)
{
    Reply reply = {0};

    ap_client_activate_async(self->client, NULL, on_result, &reply);
    wait_for_reply(&reply, TRUE);
    g_assert_true(ap_client_is_holding(self->client));
    g_assert_true(self->helper->held);
}

static void
test_hold_is_taken_and_given_back(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    g_assert_false(ap_client_is_holding(self->client));
    activate(self);
    ap_client_release(self->client);
    wait_until_held(self, FALSE);

    activate(self);
    g_clear_pointer(&self->client, ap_client_free);
    while (self->helper->held)
        g_main_context_iteration(NULL, TRUE);
}

/* Whoever gave it back, and whoever never had it, is not to have it after a restart. */
static void
test_hold_outlives_a_restart_of_the_helper(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    activate(self);

    g_clear_pointer(&self->helper, test_helper_free);
    wait_for_state(self, AP_CLIENT_ABSENT);
    g_assert_false(ap_client_is_holding(self->client));
    start_helper(self, 2);
    wait_until_held(self, TRUE);

    ap_client_release(self->client);
    g_clear_pointer(&self->helper, test_helper_free);
    wait_for_state(self, AP_CLIENT_ABSENT);
    start_helper(self, 3);
    wait_for_serial(self, 3);
    test_settle(self->helper->connection);
    g_assert_false(self->helper->held);
}

static void
test_hold_given_back_too_early_is_given_back(Fixture *self, gconstpointer unused)
{
    Reply reply = {0};

    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    ap_client_activate_async(self->client, NULL, on_result, &reply);
    ap_client_release(self->client);
    wait_for_reply(&reply, TRUE);
    wait_until_held(self, FALSE);
    g_assert_cmpuint(self->helper->n_held, ==, 1);
}

static void
test_client_may_go_while_it_takes_hold(Fixture *self, gconstpointer unused)
{
    Reply reply = {0};

    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    ap_client_activate_async(self->client, NULL, on_result, &reply);
    g_clear_pointer(&self->client, ap_client_free);
    wait_for_reply(&reply, TRUE);
    while (self->helper->held)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_nobody_is_started_without_a_service_file(Fixture *self, gconstpointer unused)
{
    Reply reply = {0};
    g_autoptr(GError) error = NULL;

    (void) unused;
    self->client = ap_client_new(self->connection, on_changed, self);
    ap_client_activate_async(self->client, NULL, on_result, &reply);
    test_iterate_until(&reply.done);
    g_assert_false(ap_client_wish_finish(reply.result, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_TIMED_OUT);
    g_assert_false(ap_client_is_holding(self->client));
    g_object_unref(reply.result);
}

static void
test_pause_and_options_are_passed_on(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApView) view = test_view_new(2);
    Reply reply = {0};

    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    ap_client_pause_async(self->client, "time", 3600, NULL, on_result, &reply);
    wait_for_reply(&reply, TRUE);
    g_assert_cmpstr(self->helper->last_wish, ==, "time 3600");
    ap_client_set_option_async(self->client,
                               "Peers.MaxPeers",
                               g_variant_new_uint32(7),
                               NULL,
                               on_result,
                               &reply);
    wait_for_reply(&reply, TRUE);
    g_assert_cmpstr(self->helper->last_wish, ==, "Peers.MaxPeers uint32 7");

    g_assert_false(ap_client_view_is_paused(ap_client_get_view(self->client)));
    view->mode.pause = AP_PAUSE_TIME;
    view->mode.until_real_usec = 1700003600000000;
    view->n_resyncs = 4;
    ap_service_publish(self->helper->service, view);
    wait_for_serial(self, 2);
    g_assert_true(ap_client_view_is_paused(ap_client_get_view(self->client)));
    g_assert_cmpstr(ap_client_get_view(self->client)->state, ==, "paused");
    g_assert_cmpstr(ap_client_get_view(self->client)->pause_scope, ==, "time");
    g_assert_cmpint(ap_client_get_view(self->client)->paused_until_real_usec, ==, 1700003600000000);
    g_assert_cmpuint(ap_client_get_view(self->client)->n_resyncs, ==, 4);
}

static const struct {
    const char *text;
    guint n_found;
    gint code;
} explain_cases[] = {
    {"10.9.0.10", 2, -1},
    {"CwEC", 1, -1},
    {"10.9.0.99", 0, AP_ERROR_GONE},
    {"x", 0, AP_ERROR_GONE},
    {"", 0, AP_ERROR_INVALID},
};

static void
test_explanations_are_fetched(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);

    for (gsize i = 0; i < G_N_ELEMENTS(explain_cases); i++) {
        Reply reply = {0};
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) peers = NULL;

        g_test_message("case '%s'", explain_cases[i].text);
        ap_client_explain_async(self->client, explain_cases[i].text, NULL, on_result, &reply);
        test_iterate_until(&reply.done);
        peers = ap_client_explain_finish(reply.result, &error);
        g_object_unref(reply.result);
        g_assert_cmpuint(peers != NULL ? peers->len : 0, ==, explain_cases[i].n_found);
        if (peers != NULL)
            g_assert_nonnull(((ApClientPeer *) peers->pdata[0])->sentences[0]);
        else
            g_assert_error(error, AP_ERROR, explain_cases[i].code);
    }
}

typedef struct {
    char *text;
    GError *error;
    gboolean done;
} Bundle;

static void
on_bundle(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Bundle *bundle = user_data;

    (void) source;
    bundle->text = ap_client_diagnose_finish(result, &bundle->error);
    bundle->done = TRUE;
}

static void
test_bundles_are_fetched(Fixture *self, gconstpointer unused)
{
    /* more than a bus passes on in one message of ours, and than a pipe holds */
    g_autofree char *large = g_strnfill(1000000, 'x');
    Bundle bundle = {0};

    (void) unused;
    start_helper(self, 5);
    self->helper->bundle = large;
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    ap_client_diagnose_async(self->client, NULL, on_bundle, &bundle);
    test_iterate_until(&bundle.done);
    g_assert_no_error(bundle.error);
    g_assert_true(g_str_equal(bundle.text, large));
    g_free(bundle.text);
}

static void
test_what_is_no_bundle_is_refused(void)
{
    g_autofree char *too_long = g_strnfill(AP_CLIENT_MAX_BUNDLE + 1, 'x');
    const struct {
        const char *text; /* NULL: no file at all */
        gint code;
    } cases[] = {
        {NULL, AP_ERROR_INVALID},
        {"\xff\n", AP_ERROR_INVALID},
        {too_long, AP_ERROR_LIMIT},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GVariant) reply = g_variant_ref_sink(g_variant_new("(h)", 0));
        const int fd = cases[i].text != NULL ? ap_sealed_file_new("test", cases[i].text, NULL) : -1;
        g_autoptr(GUnixFDList) files = fd >= 0 ? g_unix_fd_list_new_from_array(&fd, 1) : NULL;
        g_autoptr(GError) error = NULL;

        g_test_message("case %zu", i);
        g_assert_null(ap_client_bundle_read(reply, files, &error));
        g_assert_error(error, AP_ERROR, cases[i].code);
    }
}

static void
test_calls_without_a_helper_fail(Fixture *self, gconstpointer unused)
{
    Reply reply = {0};
    g_autoptr(GError) error = NULL;

    (void) unused;
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_ABSENT);
    ap_client_resync_async(self->client, NULL, on_result, &reply);
    test_iterate_until(&reply.done);
    g_assert_false(ap_client_wish_finish(reply.result, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_TIMED_OUT);
    g_object_unref(reply.result);
}

static void
test_it_may_end_amid_a_fetch(Fixture *self, gconstpointer unused)
{
    (void) unused;
    start_helper(self, 1);
    self->client = ap_client_new(self->connection, on_changed, self);
    wait_for_state(self, AP_CLIENT_READY);
    publish(self, 2);
    test_settle(self->connection);
    g_clear_pointer(&self->client, ap_client_free);
    test_settle(self->connection);
    test_settle(self->helper->connection);
}

#define ADD(name, function) g_test_add("/client/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("view-is-mirrored", test_view_is_mirrored);
    ADD("helper-is-lost-and-found", test_helper_is_lost_and_found);
    ADD("many-changes-stay-below-the-limit", test_many_changes_stay_below_the_limit);
    ADD("signals-of-others-do-not-count", test_signals_of_others_do_not_count);
    ADD("who-is-not-allowed-is-told", test_who_is_not_allowed_is_told);
    ADD("wishes-are-passed-on", test_wishes_are_passed_on);
    ADD("hold-is-taken-and-given-back", test_hold_is_taken_and_given_back);
    ADD("hold-outlives-a-restart-of-the-helper", test_hold_outlives_a_restart_of_the_helper);
    ADD("hold-given-back-too-early-is-given-back", test_hold_given_back_too_early_is_given_back);
    ADD("client-may-go-while-it-takes-hold", test_client_may_go_while_it_takes_hold);
    ADD("nobody-is-started-without-a-service-file", test_nobody_is_started_without_a_service_file);
    ADD("pause-and-options-are-passed-on", test_pause_and_options_are_passed_on);
    ADD("explanations-are-fetched", test_explanations_are_fetched);
    ADD("bundles-are-fetched", test_bundles_are_fetched);
    g_test_add_func("/client/what-is-no-bundle-is-refused", test_what_is_no_bundle_is_refused);
    ADD("calls-without-a-helper-fail", test_calls_without_a_helper_fail);
    ADD("it-may-end-amid-a-fetch", test_it_may_end_amid_a_fetch);
    return g_test_run();
}
