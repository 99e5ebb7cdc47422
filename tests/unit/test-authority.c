/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Who may do what, through the bus: callers of another user id, and a polkit of the test's own. */

#include "bus-interface.h"
#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/authority.h"
#include "helper/dbus/holders.h"
#include "helper/dbus/methods.h"
#include "polkit.h"

#include <unistd.h>

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define CHALLENGE "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define LIMIT "org.freedesktop.DBus.Error.LimitsExceeded"

typedef struct {
    TestBus *bus;
    TestHelper *helper;
    TestPolkit *polkit;      /* NULL: there is none */
    GDBusConnection *nobody; /* a caller who is not root */
} Fixture;

static void
setup_without_polkit(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->bus = test_bus_new();
    self->helper = test_helper_new(self->bus, 5);
    self->nobody = test_bus_connect_as_nobody(self->bus);
}

static void
setup(Fixture *self, gconstpointer unused)
{
    setup_without_polkit(self, unused);
    self->polkit = test_polkit_new(self->bus);
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    if (self->nobody != NULL)
        (void) g_dbus_connection_close_sync(self->nobody, NULL, NULL);
    g_clear_object(&self->nobody);
    g_clear_pointer(&self->helper, test_helper_free);
    g_clear_pointer(&self->polkit, test_polkit_free);
    test_bus_free(self->bus);
}

static void
assert_call(GDBusConnection *caller, const char *method, gboolean prompt, const char *error_name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = test_call_with_flags(
        caller,
        AP_BUS_INTERFACE,
        method,
        test_arguments(method, "{}"),
        prompt ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION : G_DBUS_CALL_FLAGS_NONE,
        &error);
    g_autofree char *name = error != NULL ? g_dbus_error_get_remote_error(error) : NULL;

    g_test_message("%s: %s", method, error != NULL ? error->message : "done");
    g_assert_cmpstr(name, ==, error_name);
}

static void
assert_refused(GDBusConnection *caller,
               const char *interface,
               const char *method,
               GVariant *arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;

    g_test_message("%s.%s", interface, method);
    g_assert_null(test_call(caller, interface, method, arguments, &error));
    name = g_dbus_error_get_remote_error(error);
    g_assert_cmpstr(name, ==, DENIED);
}

static void
assert_untouched(const Fixture *self)
{
    g_assert_cmpuint(self->helper->n_resyncs, ==, 0);
    g_assert_cmpuint(self->helper->n_set_enabled, ==, 0);
    g_assert_cmpuint(self->helper->n_held, ==, 0);
    g_assert_cmpstr(self->helper->last_wish, ==, "");
}

static void
assert_refuses_all(Fixture *self, gboolean prompt, const char *error_name)
{
    GDBusMethodInfo **methods = org_wgautopeer_autopeer1_manager_interface.methods;

    for (gsize i = 0; methods[i] != NULL; i++) {
        if (ap_method_find(methods[i]->name)->action != NULL)
            assert_call(self->nobody, methods[i]->name, prompt, error_name);
    }
    assert_untouched(self);
}

static void
test_without_polkit_only_root_may(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) root = test_bus_connect(self->bus);

    (void) unused;
    assert_refuses_all(self, TRUE, DENIED);
    assert_call(root, "SetEnabled", FALSE, NULL);
    g_assert_cmpuint(self->helper->n_set_enabled, ==, 1);
    (void) g_dbus_connection_close_sync(root, NULL, NULL);
}

static void
test_root_is_not_asked_about(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) root = test_bus_connect(self->bus);

    (void) unused;
    self->polkit->mood = TEST_POLKIT_NO;
    assert_call(root, "GetView", FALSE, NULL);
    g_assert_cmpuint(self->polkit->n_checks, ==, 0);
    (void) g_dbus_connection_close_sync(root, NULL, NULL);
}

static void
test_bus_admits_our_interface_alone(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_refused(self->nobody, "org.freedesktop.DBus.Introspectable", "Introspect", NULL);
    assert_refused(self->nobody, "org.freedesktop.DBus.Peer", "Ping", NULL);
    assert_refused(self->nobody, "org.example.Anything", "Do", NULL);
}

static void
on_second_owner(GObject *source, GAsyncResult *result, gpointer user_data)
{
    gboolean *done = user_data;
    g_autoptr(GError) error = NULL;

    (void) source;
    g_assert_false(ap_service_own_finish(result, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_DENIED);
    *done = TRUE;
}

static void
test_nobody_may_be_the_helper(Fixture *self, gconstpointer unused)
{
    gboolean done = FALSE;

    (void) unused;
    g_clear_pointer(&self->helper, test_helper_free);
    ap_service_own_async(self->nobody, NULL, on_second_owner, &done);
    test_iterate_until(&done);
}

/* They tell how things stand, and nothing about anybody. */
static void
test_properties_are_for_everybody(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = test_call(self->nobody,
                                          PROPERTIES,
                                          "GetAll",
                                          g_variant_new("(s)", AP_BUS_INTERFACE),
                                          &error);
    g_autofree char *text = NULL;

    (void) unused;
    g_assert_no_error(error);
    text = g_variant_print(reply, FALSE);
    g_assert_null(g_strstr_len(text, -1, "10.9.0."));
    g_assert_null(g_strstr_len(text, -1, "192.168."));
    g_assert_cmpuint(self->polkit->n_checks, ==, 0);
}

static void
test_each_method_has_its_action(Fixture *self, gconstpointer unused)
{
    static const struct {
        const char *method;
        const char *action;
    } cases[] = {
        {"Activate", "org.wgautopeer.activate"},
        {"Explain", "org.wgautopeer.inspect"},
        {"GetMetrics", "org.wgautopeer.inspect"},
        {"GetView", "org.wgautopeer.inspect"},
        {"Pause", "org.wgautopeer.toggle"},
        {"Resync", "org.wgautopeer.resync"},
        {"SetEnabled", "org.wgautopeer.toggle"},
        {"SetOption", "org.wgautopeer.configure"},
    };
    g_autofree char *subject =
        g_strconcat("system-bus-name ", g_dbus_connection_get_unique_name(self->nobody), NULL);

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_call(self->nobody, cases[i].method, FALSE, NULL);
        g_assert_cmpstr(self->polkit->action, ==, cases[i].action);
        g_assert_cmpstr(self->polkit->subject, ==, subject);
        g_assert_cmpuint(self->polkit->flags, ==, 0);
    }
    g_assert_cmpuint(self->polkit->n_checks, ==, G_N_ELEMENTS(cases));
}

static const struct {
    TestPolkitMood mood;
    gboolean prompt;
    const char *error;
} mood_cases[] = {
    {TEST_POLKIT_NO, FALSE, DENIED},
    {TEST_POLKIT_NO, TRUE, DENIED},
    {TEST_POLKIT_CHALLENGE, FALSE, CHALLENGE},
    {TEST_POLKIT_DISMISSED, TRUE, DENIED},
    {TEST_POLKIT_ERROR, FALSE, DENIED},
    {TEST_POLKIT_NONSENSE, FALSE, DENIED},
};

static void
test_all_but_a_yes_is_a_no(Fixture *self, gconstpointer unused)
{
    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(mood_cases); i++) {
        g_autoptr(GDBusConnection) old = g_steal_pointer(&self->nobody);

        /* A caller of its own for each, because of the limit of calls. */
        (void) g_dbus_connection_close_sync(old, NULL, NULL);
        self->nobody = test_bus_connect_as_nobody(self->bus);
        self->polkit->mood = mood_cases[i].mood;
        g_test_message("mood %d", mood_cases[i].mood);
        assert_refuses_all(self, mood_cases[i].prompt, mood_cases[i].error);
    }
}

static void
test_prompts_are_the_callers_wish(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->polkit->mood = TEST_POLKIT_CHALLENGE;
    assert_call(self->nobody, "Resync", FALSE, CHALLENGE);
    g_assert_cmpuint(self->polkit->flags, ==, 0);
    assert_call(self->nobody, "Resync", TRUE, NULL);
    g_assert_cmpuint(self->polkit->flags, ==, 1);
    g_assert_cmpuint(self->helper->n_resyncs, ==, 1);
}

/* Who is not allowed to do a thing does not learn what the helper thinks of its arguments. */
static void
test_authorisation_comes_before_arguments(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;

    (void) unused;
    self->polkit->mood = TEST_POLKIT_NO;
    g_assert_null(test_call(self->nobody,
                            AP_BUS_INTERFACE,
                            "Explain",
                            test_arguments("Explain", "{'script': <'/bin/sh'>}"),
                            &error));
    name = g_dbus_error_get_remote_error(error);
    g_assert_cmpstr(name, ==, DENIED);
}

static void
send_call(GDBusConnection *caller, const char *method, gboolean prompt)
{
    g_dbus_connection_call(caller,
                           AP_BUS_NAME,
                           AP_BUS_PATH,
                           AP_BUS_INTERFACE,
                           method,
                           test_arguments(method, "{}"),
                           NULL,
                           prompt ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                  : G_DBUS_CALL_FLAGS_NONE,
                           -1,
                           NULL,
                           NULL,
                           NULL);
}

static void
wait_for_checks(const Fixture *self, guint n)
{
    while (self->polkit->n_checks < n)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_caller_that_left_is_forgotten(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    send_call(self->nobody, "Activate", TRUE);
    send_call(self->nobody, "SetEnabled", TRUE);
    wait_for_checks(self, 2);
    g_assert_cmpuint(ap_service_count_pending(self->helper->service), ==, 2);

    (void) g_dbus_connection_close_sync(self->nobody, NULL, NULL);
    while (ap_service_count_pending(self->helper->service) > 0 || self->polkit->n_cancelled < 2)
        g_main_context_iteration(NULL, TRUE);
    test_polkit_answer_all(self->polkit);
    test_settle(self->helper->connection);
    assert_untouched(self);
}

/* Nothing that was allowed to one who is gone keeps the helper at work. */
static void
test_hold_of_a_caller_that_left_ends(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    send_call(self->nobody, "Activate", FALSE);
    wait_for_checks(self, 1);
    test_polkit_answer_all(self->polkit);
    (void) g_dbus_connection_close_sync(self->nobody, NULL, NULL);
    while (ap_service_count_pending(self->helper->service) > 0 || self->helper->held)
        g_main_context_iteration(NULL, TRUE);
    test_settle(self->helper->connection);
    g_assert_false(self->helper->held);
}

static void
test_helper_may_end_while_polkit_thinks(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    send_call(self->nobody, "Activate", TRUE);
    send_call(self->nobody, "GetView", FALSE);
    wait_for_checks(self, 2);
    g_clear_pointer(&self->helper, test_helper_free);
    test_polkit_answer_all(self->polkit);
    test_settle(self->polkit->connection);
}

static void
test_questions_of_one_caller_are_few(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    for (guint i = 0; i < AP_AUTHORITY_MAX_OF_SENDER; i++)
        send_call(self->nobody, "GetView", FALSE);
    wait_for_checks(self, AP_AUTHORITY_MAX_OF_SENDER);
    assert_call(self->nobody, "GetView", FALSE, LIMIT);
    g_assert_cmpuint(self->polkit->n_checks, ==, AP_AUTHORITY_MAX_OF_SENDER);
}

static void
test_dialogs_of_one_user_are_few(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect_as_nobody(self->bus);

    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    for (guint i = 0; i < AP_AUTHORITY_MAX_PROMPTS; i++)
        send_call(self->nobody, "SetEnabled", TRUE);
    wait_for_checks(self, AP_AUTHORITY_MAX_PROMPTS);
    assert_call(other, "SetEnabled", TRUE, LIMIT);

    self->polkit->mood = TEST_POLKIT_YES;
    assert_call(other, "GetView", FALSE, NULL);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
}

static void
test_limit_of_calls_comes_before_polkit(Fixture *self, gconstpointer unused)
{
    guint n_refused = 0;

    (void) unused;
    self->polkit->mood = TEST_POLKIT_NO;
    for (guint i = 0; i < 4 * 40; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *name = NULL;

        g_assert_null(test_call(self->nobody,
                                AP_BUS_INTERFACE,
                                "Resync",
                                test_arguments("Resync", "{}"),
                                &error));
        name = g_dbus_error_get_remote_error(error);
        n_refused += g_str_equal(name, LIMIT);
    }
    g_assert_cmpuint(n_refused, >, 0);
    g_assert_cmpuint(self->polkit->n_checks, ==, 4 * 40 - n_refused);
}

typedef struct {
    GError *error;
    gboolean done;
} Verdict;

static void
on_verdict(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Verdict *verdict = user_data;

    (void) source;
    g_assert_false(ap_authority_check_finish(result, &verdict->error));
    verdict->done = TRUE;
}

static void
test_polkit_that_never_answers_is_a_no(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApAuthority) authority = ap_authority_new(self->helper->connection, 100, 200);
    const char *caller = g_dbus_connection_get_unique_name(self->nobody);

    (void) unused;
    self->polkit->mood = TEST_POLKIT_SILENT;
    for (guint may_prompt = 0; may_prompt < 2; may_prompt++) {
        Verdict verdict = {0};

        ap_authority_check_async(authority,
                                 caller,
                                 AP_ACTION_INSPECT,
                                 may_prompt,
                                 on_verdict,
                                 &verdict);
        test_iterate_until(&verdict.done);
        g_assert_error(verdict.error, AP_ERROR, AP_ERROR_DENIED);
        g_clear_error(&verdict.error);
    }

    while (self->polkit->n_cancelled < 2)
        g_main_context_iteration(NULL, TRUE);
    test_polkit_answer_all(self->polkit);
    test_settle(self->helper->connection);
    g_assert_cmpuint(ap_authority_count(authority), ==, 0);
}

static void
wait_until_held(const Fixture *self, gboolean held)
{
    while (self->helper->held != held)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_last_holder_matters(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect_as_nobody(self->bus);

    (void) unused;
    assert_call(self->nobody, "Activate", FALSE, NULL);
    assert_call(self->nobody, "Activate", FALSE, NULL);
    assert_call(other, "Activate", FALSE, NULL);
    g_assert_true(self->helper->held);

    assert_call(self->nobody, "Release", FALSE, NULL);
    assert_call(self->nobody, "Release", FALSE, NULL);
    g_assert_true(self->helper->held);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
    wait_until_held(self, FALSE);
    g_assert_cmpuint(self->helper->n_held, ==, 1);

    assert_call(self->nobody, "Activate", FALSE, NULL);
    g_assert_cmpuint(self->helper->n_held, ==, 2);
}

static void
test_nobody_releases_for_another(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect_as_nobody(self->bus);

    (void) unused;
    assert_call(self->nobody, "Activate", FALSE, NULL);
    self->polkit->mood = TEST_POLKIT_NO;
    assert_call(other, "Release", FALSE, NULL);
    g_assert_true(self->helper->held);
    assert_call(self->nobody, "Release", FALSE, NULL);
    g_assert_false(self->helper->held);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
}

static void
test_holders_are_bounded(Fixture *self, gconstpointer unused)
{
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(g_object_unref);

    (void) unused;
    for (guint i = 0; i < AP_HOLDERS_MAX; i++) {
        GDBusConnection *other = test_bus_connect_as_nobody(self->bus);

        g_ptr_array_add(others, other);
        assert_call(other, "Activate", FALSE, NULL);
    }
    assert_call(self->nobody, "Activate", FALSE, LIMIT);

    for (guint i = 0; i < others->len; i++)
        (void) g_dbus_connection_close_sync(others->pdata[i], NULL, NULL);
    wait_until_held(self, FALSE);
    assert_call(self->nobody, "Activate", FALSE, NULL);
}

static void
test_needs_root(void)
{
    g_test_skip("needs root to be somebody else");
}

#define ADD(name, function) g_test_add("/authority/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (geteuid() != 0) {
        g_test_add_func("/authority/all", test_needs_root);
        return g_test_run();
    }

    g_test_add("/authority/without-polkit-only-root-may",
               Fixture,
               NULL,
               setup_without_polkit,
               test_without_polkit_only_root_may,
               teardown);
    ADD("root-is-not-asked-about", test_root_is_not_asked_about);
    ADD("bus-admits-our-interface-alone", test_bus_admits_our_interface_alone);
    ADD("nobody-may-be-the-helper", test_nobody_may_be_the_helper);
    ADD("properties-are-for-everybody", test_properties_are_for_everybody);
    ADD("each-method-has-its-action", test_each_method_has_its_action);
    ADD("all-but-a-yes-is-a-no", test_all_but_a_yes_is_a_no);
    ADD("prompts-are-the-callers-wish", test_prompts_are_the_callers_wish);
    ADD("authorisation-comes-before-arguments", test_authorisation_comes_before_arguments);
    ADD("caller-that-left-is-forgotten", test_caller_that_left_is_forgotten);
    ADD("hold-of-a-caller-that-left-ends", test_hold_of_a_caller_that_left_ends);
    ADD("helper-may-end-while-polkit-thinks", test_helper_may_end_while_polkit_thinks);
    ADD("questions-of-one-caller-are-few", test_questions_of_one_caller_are_few);
    ADD("dialogs-of-one-user-are-few", test_dialogs_of_one_user_are_few);
    ADD("polkit-that-never-answers-is-a-no", test_polkit_that_never_answers_is_a_no);
    ADD("limit-of-calls-comes-before-polkit", test_limit_of_calls_comes_before_polkit);
    ADD("last-holder-matters", test_last_holder_matters);
    ADD("nobody-releases-for-another", test_nobody_releases_for_another);
    ADD("holders-are-bounded", test_holders_are_bounded);
    return g_test_run();
}
