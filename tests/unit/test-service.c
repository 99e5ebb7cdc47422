/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "bus-interface.h"
#include "bus.h"
#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/answer.h"
#include "helper/dbus/find.h"
#include "helper/dbus/gate.h"
#include "helper/dbus/methods.h"
#include "helper/dbus/senders.h"

#include <string.h>
#include <unistd.h>

#define PROPERTIES "org.freedesktop.DBus.Properties"

typedef struct {
    TestBus *bus;
    TestHelper *helper;
    GDBusConnection *client;
} Fixture;

static void
setup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->bus = test_bus_new();
    self->helper = test_helper_new(self->bus, 5);
    self->client = test_bus_connect(self->bus);
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    (void) g_dbus_connection_close_sync(self->client, NULL, NULL);
    g_object_unref(self->client);
    test_helper_free(self->helper);
    test_bus_free(self->bus);
}

static GVariant *
call(const Fixture *self, const char *method, GVariant *arguments)
{
    g_autoptr(GError) error = NULL;
    GVariant *reply = test_call(self->client, AP_BUS_INTERFACE, method, arguments, &error);

    g_assert_no_error(error);
    return reply;
}

static void
assert_remote_error(GError *error, const char *name)
{
    g_autofree char *remote = error != NULL ? g_dbus_error_get_remote_error(error) : NULL;

    g_assert_cmpstr(remote, ==, name);
}

static void
test_every_method_of_the_xml_is_handled(void)
{
    GDBusMethodInfo **methods = org_wgautopeer_autopeer1_manager_interface.methods;
    guint n = 0;

    g_assert_cmpstr(org_wgautopeer_autopeer1_manager_interface.name, ==, AP_BUS_INTERFACE);
    for (; methods[n] != NULL; n++) {
        GDBusArgInfo **args = methods[n]->in_args;
        gsize n_args = 0;

        g_test_message("method %s", methods[n]->name);
        while (args != NULL && args[n_args] != NULL)
            n_args++;
        g_assert_cmpuint(n_args, >, 0);
        g_assert_cmpstr(args[n_args - 1]->name, ==, "options");
        g_assert_cmpstr(args[n_args - 1]->signature, ==, "a{sv}");
        g_assert_nonnull(ap_method_find(methods[n]->name));
    }

    g_assert_cmpuint(n, ==, 10);
    g_assert_null(ap_method_find("Format"));
}

/* A caller who is not root needs an action of polkit's for everything but its own hold. */
static void
test_every_method_but_release_needs_authorisation(void)
{
    GDBusMethodInfo **methods = org_wgautopeer_autopeer1_manager_interface.methods;

    for (guint n = 0; methods[n] != NULL; n++) {
        const ApMethod *method = ap_method_find(methods[n]->name);

        g_test_message("method %s: %s", method->name, method->action);
        if (g_str_equal(method->name, "Release"))
            g_assert_null(method->action);
        else
            g_assert_true(g_str_has_prefix(method->action, "org.wgautopeer."));
    }
}

static void
test_signals_carry_no_data(void)
{
    GDBusSignalInfo **signals = org_wgautopeer_autopeer1_manager_interface.signals;

    g_assert_cmpstr(signals[0]->name, ==, "Changed");
    g_assert_cmpstr(signals[0]->args[0]->signature, ==, "t");
    g_assert_null(signals[0]->args[1]);
    g_assert_null(signals[1]);
}

static void
test_view_in_the_words_of_the_bus(Fixture *self, gconstpointer unused)
{
    g_autoptr(GVariant) reply = call(self, "GetView", test_arguments("GetView", "{}"));
    g_autofree char *text = g_variant_print(reply, TRUE);
    static const char *const parts[] = {
        "(uint64 5, [{",
        "'interface': <'wg7'>",
        "'public-key': <'TQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='>",
        "'backend': <'kernel'>",
        "'backend': <'userspace'>",
        "'state': <'managed'>",
        "'state': <'unmanaged'>",
        "'server': <'10.9.0.1:80'>",
        "'last-error': <'no answer'>",
        "'reason': <'no-hub'>",
        "'tunnel': <'wg7'>",
        "'name': <''>",
        "'name': <'Änne'>",
        "'state': <'direct'>",
        "'state': <'probing'>",
        "'state': <'waiting'>",
        "'addresses': <['10.9.0.10', 'fd00::a']>",
        "'endpoint': <'192.168.1.7:51820'>",
        "'endpoint': <''>",
        "'sources': <['server']>",
        "'refusals': <['endpoint-port']>",
        "'since': <int64 1699999875000000>",
        "'last-handshake': <int64 1699999988000000>",
        "'next-try': <int64 0>",
        "'rtt': <int64 420>",
        "'rx-bytes': <uint64 1500>",
        "'tx-bytes': <uint64 20>",
    };

    (void) unused;
    g_assert_cmpstr(g_variant_get_type_string(reply), ==, "(taa{sv}aa{sv})");
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_test_message("%s", parts[i]);
        g_assert_nonnull(strstr(text, parts[i]));
    }
}

static void
test_names_of_any_bytes_can_be_shown(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    g_autoptr(GVariant) reply = NULL;

    g_strlcpy(g_array_index(view->tunnels, ApTunnelView, 0).id.name, "wg\xff\xfe", IF_NAMESIZE);
    reply = g_variant_ref_sink(ap_answer_view(view, AP_FIREWALL_NFT));
    g_assert_true(g_variant_is_normal_form(reply));
}

static void
test_answers_before_the_first_view(void)
{
    g_autoptr(GVariant) view = g_variant_ref_sink(ap_answer_view(NULL, AP_FIREWALL_NFT));
    g_autoptr(GVariant) metrics = g_variant_ref_sink(ap_answer_metrics(NULL));
    g_autofree char *view_text = g_variant_print(view, FALSE);
    g_autofree char *metrics_text = g_variant_print(metrics, FALSE);
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(view_text, ==, "(0, [], [])");
    g_assert_cmpstr(metrics_text, ==, "({},)");
    g_assert_cmpstr(ap_answer_state(NULL), ==, "starting");
    g_assert_null(ap_answer_explain(NULL, "10.9.0.10", AP_FIREWALL_NFT, &error));
    g_assert_error(error, AP_FIND_ERROR, AP_FIND_ERROR_NOT_FOUND);
}

static const struct {
    const char *state;
    struct {
        gboolean switched_on, wanted;
        ApPauseScope pause;
    } mode;
    guint n_tunnels;
    gboolean managed;
    gboolean failed;
    guint n_peers;
    ApPathState peer;
} state_cases[] = {
    {"off", {FALSE, TRUE, AP_PAUSE_RESUME}, 1, TRUE, FALSE, 1, AP_PATH_DIRECT},
    {"idle", {TRUE, FALSE, AP_PAUSE_RESUME}, 1, TRUE, FALSE, 1, AP_PATH_DIRECT},
    {"paused", {TRUE, TRUE, AP_PAUSE_RESUME}, 1, TRUE, FALSE, 1, AP_PATH_DIRECT},
    {"no-tunnel", {TRUE, TRUE, AP_PAUSE_NONE}, 0, FALSE, FALSE, 0, AP_PATH_WAITING},
    {"no-tunnel", {TRUE, TRUE, AP_PAUSE_NONE}, 1, FALSE, TRUE, 0, AP_PATH_WAITING},
    {"relayed", {TRUE, TRUE, AP_PAUSE_NONE}, 1, TRUE, FALSE, 0, AP_PATH_WAITING},
    {"relayed", {TRUE, TRUE, AP_PAUSE_NONE}, 1, TRUE, FALSE, 1, AP_PATH_WAITING},
    {"working", {TRUE, TRUE, AP_PAUSE_NONE}, 1, TRUE, TRUE, 1, AP_PATH_PROBING},
    {"direct", {TRUE, TRUE, AP_PAUSE_NONE}, 1, TRUE, TRUE, 1, AP_PATH_DIRECT},
    {"problem", {TRUE, TRUE, AP_PAUSE_NONE}, 1, TRUE, TRUE, 1, AP_PATH_WAITING},
};

static void
test_state_in_one_word(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(state_cases); i++) {
        g_autoptr(ApView) view = ap_view_new();
        const ApTunnelView tunnel = {
            .managed = state_cases[i].managed,
            .last_error = {state_cases[i].failed ? '!' : '\0'},
        };
        const ApPeerView peer = test_peer_new(7, 1, state_cases[i].peer, AP_REASON_NONE);

        g_test_message("case %zu: %s", i, state_cases[i].state);
        view->mode = (ApMode){
            .switched_on = state_cases[i].mode.switched_on,
            .wanted = state_cases[i].mode.wanted,
            .pause = state_cases[i].mode.pause,
        };
        g_array_append_vals(view->tunnels, &tunnel, state_cases[i].n_tunnels);
        g_array_append_vals(view->peers, &peer, state_cases[i].n_peers);
        g_assert_cmpstr(ap_answer_state(view), ==, state_cases[i].state);
    }
}

/* Keys of the sample begin with CgEC, CwEC and DAEC. */
static const struct {
    const char *text;
    guint n_found;
    const char *error;
} explain_cases[] = {
    {"CgECAwQFBgcICQoAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 2, NULL},
    {"CgEC", 2, NULL},
    {"CwECAwQ", 1, NULL},
    {"10.9.0.12", 1, NULL},
    {"fd00::b", 1, NULL},
    {"FD00:0::B", 1, NULL},
    {"Änne", 1, NULL},
    {"änne", 1, NULL},
    {"Än", 0, AP_BUS_ERROR_NOT_FOUND},
    {"10.9.0.99", 0, AP_BUS_ERROR_NOT_FOUND},
    {"ZZZZ", 0, AP_BUS_ERROR_NOT_FOUND},
    {"CgE", 0, AP_BUS_ERROR_NOT_FOUND},
    {"../../../etc/passwd", 0, AP_BUS_ERROR_NOT_FOUND},
    {"CgECAwQFBgcICQoAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 0, AP_BUS_ERROR_NOT_FOUND},
    {"", 0, "org.freedesktop.DBus.Error.InvalidArgs"},
    {"CgEC\n", 0, "org.freedesktop.DBus.Error.InvalidArgs"},
    {"An address or a name, but a longer one than anybody is allowed to have",
     0,
     "org.freedesktop.DBus.Error.InvalidArgs"},
};

static void
test_explain_finds_what_is_meant(Fixture *self, gconstpointer unused)
{
    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(explain_cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
            test_call(self->client,
                      AP_BUS_INTERFACE,
                      "Explain",
                      g_variant_new("(sa{sv})", explain_cases[i].text, NULL),
                      &error);
        g_autoptr(GVariant) list = reply != NULL ? g_variant_get_child_value(reply, 0) : NULL;

        g_test_message("case '%s'", explain_cases[i].text);
        assert_remote_error(error, explain_cases[i].error);
        g_assert_cmpuint(list != NULL ? g_variant_n_children(list) : 0,
                         ==,
                         explain_cases[i].n_found);
    }
}

static void
test_explain_asks_for_more_when_several_fit(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    ApPeerView *peers = (ApPeerView *) (void *) view->peers->data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) one = NULL;

    peers[1].verdict.key = peers[0].verdict.key;
    peers[1].verdict.key.bytes[31] = 5;
    g_assert_null(ap_find_peers(view, "CgEC", &error));
    g_assert_error(error, AP_FIND_ERROR, AP_FIND_ERROR_AMBIGUOUS);

    one = ap_find_peers(view, "CgECAwQFBgcICQoAAAAAAAAAAAAAAAAAAAAAAAAAAAU", NULL);
    g_assert_nonnull(one);
    g_assert_cmpuint(one->len, ==, 1);
}

static void
call_it(ApView *view, guint number, const char *name)
{
    ApPeerView *peer = &g_array_index(view->peers, ApPeerView, number);

    ap_view_name_peer(view, peer, name);
}

static void
test_explain_asks_which_of_one_name(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    g_autoptr(GError) error = NULL;

    call_it(view, 2, "äNNE");
    g_assert_null(ap_find_peers(view, "Änne", &error));
    g_assert_error(error, AP_FIND_ERROR, AP_FIND_ERROR_AMBIGUOUS);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, "2 peers"));
    g_assert_nonnull(strstr(error->message, "CwECAwQF"));
    g_assert_nonnull(strstr(error->message, "DAECAwQF"));
}

/* Names are what anybody claims. */
static void
test_name_hides_no_key_and_no_address(void)
{
    static const char *const claims[] = {
        "CgECAwQFBgcICQoAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "10.9.0.10",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(claims); i++) {
        g_autoptr(ApView) view = test_view_new(1);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) found = NULL;
        const ApPeerView *first;

        call_it(view, 2, claims[i]);
        found = ap_find_peers(view, claims[i], &error);
        g_assert_no_error(error);
        first = found->pdata[0];
        g_test_message("%s", claims[i]);
        g_assert_cmpint(first->verdict.key.bytes[0], ==, 10);
    }
}

static void
test_explain_has_sentences(Fixture *self, gconstpointer unused)
{
    g_autoptr(GVariant) reply = call(self, "Explain", g_variant_new("(sa{sv})", "10.9.0.12", NULL));
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    g_autoptr(GVariant) peer = g_variant_get_child_value(list, 0);
    g_auto(GStrv) sentences = NULL;

    (void) unused;
    g_assert_true(g_variant_lookup(peer, "sentences", "^as", &sentences));
    g_assert_true(g_strv_contains((const char *const *) sentences, "Traffic goes by the hub."));
    g_assert_true(g_strv_contains((const char *const *) sentences,
                                  ap_reason_sentence(AP_REASON_NO_ENDPOINT)));
    g_assert_true(g_strv_contains((const char *const *) sentences,
                                  ap_reason_sentence(AP_REASON_ENDPOINT_PORT)));
}

/* What is said of a peer that is known, and of an address that nobody announces. */
static void
test_explain_has_grounds(void)
{
    static const struct {
        const char *key;
        ApReason tunnel;
        ApReason peer;
        const char *parts[4];
    } cases[] = {
        {"10.9.0.11",
         AP_REASON_MANAGED,
         AP_REASON_NO_ANSWER,
         {"'reason': <'no-answer'>",
          "'command': <'ufw allow 40011/udp'>",
          "'neighbour': <'there'>",
          "'tried': <'192.168.1.7:51820'>"}},
        {"10.9.0.11",
         AP_REASON_MANAGED,
         AP_REASON_PROBING,
         {"'command': <''>", "'advice': <'Wait ", "'listen-port': <uint32 40011>", "'sent': "}},
        {"10.9.0.99",
         AP_REASON_MANAGED,
         AP_REASON_PROBING,
         {"'reason': <'not-offered'>", "'public-key': <''>", "<['10.9.0.99']>", "<'waiting'>"}},
        {"10.9.0.99",
         AP_REASON_NO_SERVER,
         AP_REASON_PROBING,
         {"'reason': <'no-server'>", "'tunnel': <'wg7'>", "'tried': <''>", "'neighbour': <''>"}},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApView) view = test_view_new(1);
        ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, 0);
        ApPeerView *peer = &g_array_index(view->peers, ApPeerView, 1);
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *text = NULL;

        tunnel->listen_port = 40011;
        tunnel->reason = cases[i].tunnel;
        tunnel->n_routes = 1;
        g_assert_true(ap_cidr_parse(&tunnel->routes[0], "10.9.0.0/24", NULL));
        peer->verdict.reason = cases[i].peer;
        peer->verdict.trial =
            (ApTrial){.endpoint = peer->verdict.endpoint, .presence = AP_PRESENCE_THERE};
        reply = g_variant_ref_sink(ap_answer_explain(view, cases[i].key, AP_FIREWALL_UFW, NULL));
        text = g_variant_print(reply, TRUE);
        for (gsize k = 0; k < G_N_ELEMENTS(cases[i].parts); k++) {
            g_test_message("case %zu: %s in %s", i, cases[i].parts[k], text);
            g_assert_nonnull(strstr(text, cases[i].parts[k]));
        }
    }
}

static void
test_wishes_reach_the_engine(Fixture *self, gconstpointer unused)
{
    g_autoptr(GVariant) resync = call(self, "Resync", test_arguments("Resync", "{}"));
    g_autoptr(GVariant) enable = call(self, "SetEnabled", test_arguments("SetEnabled", "{}"));
    g_autoptr(GVariant) metrics = call(self, "GetMetrics", test_arguments("GetMetrics", "{}"));
    g_autofree char *text = g_variant_print(metrics, TRUE);
    g_autoptr(GVariant) pause = call(self, "Pause", test_arguments("Pause", "{}"));

    (void) unused;
    g_assert_cmpstr(self->helper->last_wish, ==, "time 60");
    g_autoptr(GVariant) option = call(self, "SetOption", test_arguments("SetOption", "{}"));

    g_assert_cmpstr(self->helper->last_wish, ==, "Peers.MaxPeers uint32 7");
    g_assert_cmpuint(self->helper->n_resyncs, ==, 1);
    g_assert_cmpuint(self->helper->n_set_enabled, ==, 1);
    g_assert_true(self->helper->enabled);
    g_assert_cmpstr(text, ==, "({'offers': uint64 3, 'refused-limit': 1},)");
}

static void
test_unknown_option_is_an_error_and_changes_nothing(Fixture *self, gconstpointer unused)
{
    GDBusMethodInfo **methods = org_wgautopeer_autopeer1_manager_interface.methods;

    (void) unused;
    for (gsize i = 0; methods[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(test_call(self->client,
                                AP_BUS_INTERFACE,
                                methods[i]->name,
                                test_arguments(methods[i]->name, "{'script': <'/bin/sh'>}"),
                                &error));
        assert_remote_error(error, "org.freedesktop.DBus.Error.InvalidArgs");
    }

    g_assert_cmpuint(self->helper->n_resyncs, ==, 0);
    g_assert_cmpuint(self->helper->n_set_enabled, ==, 0);
    g_assert_cmpuint(self->helper->n_held, ==, 0);
    g_assert_cmpstr(self->helper->last_wish, ==, "");
}

static void
test_wrong_calls_are_errors(Fixture *self, gconstpointer unused)
{
    static const struct {
        const char *interface;
        const char *method;
        const char *arguments;
        const char *error;
    } cases[] = {
        {AP_BUS_INTERFACE, "SetEnabled", "('yes', @a{sv} {})", "InvalidArgs"},
        {AP_BUS_INTERFACE, "SetEnabled", "(true,)", "InvalidArgs"},
        {AP_BUS_INTERFACE, "GetView", "()", "InvalidArgs"},
        {AP_BUS_INTERFACE, "Format", "(@a{sv} {},)", "UnknownMethod"},
        {PROPERTIES, "Get", "('" AP_BUS_INTERFACE "', 'PrivateKey')", "InvalidArgs"},
        {PROPERTIES, "Set", "('" AP_BUS_INTERFACE "', 'Enabled', <true>)", "InvalidArgs"},
        {PROPERTIES, "Set", "('" AP_BUS_INTERFACE "', 'Version', <'9'>)", "InvalidArgs"},
        {PROPERTIES, "GetAll", "('no.such.Interface',)", "InvalidArgs"},
    };

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strconcat("org.freedesktop.DBus.Error.", cases[i].error, NULL);
        g_autoptr(GError) error = NULL;

        g_test_message("%s %s", cases[i].method, cases[i].arguments);
        g_assert_null(test_call(self->client,
                                cases[i].interface,
                                cases[i].method,
                                g_variant_parse(NULL, cases[i].arguments, NULL, NULL, NULL),
                                &error));
        assert_remote_error(error, name);
    }
    g_assert_cmpuint(self->helper->n_set_enabled, ==, 0);
}

static const struct {
    ApError code;
    const char *name;
} error_cases[] = {
    {AP_ERROR_FAILED, AP_BUS_ERROR_FAILED},
    {AP_ERROR_INVALID, "org.freedesktop.DBus.Error.InvalidArgs"},
    {AP_ERROR_LIMIT, "org.freedesktop.DBus.Error.LimitsExceeded"},
    {AP_ERROR_GONE, AP_BUS_ERROR_NOT_FOUND},
    {AP_ERROR_DENIED, "org.freedesktop.DBus.Error.AccessDenied"},
    {AP_ERROR_TIMED_OUT, AP_BUS_ERROR_TIMED_OUT},
    {AP_ERROR_UNSUPPORTED, "org.freedesktop.DBus.Error.NotSupported"},
    {AP_ERROR_BUSY, AP_BUS_ERROR_FAILED},
};

static void
test_errors_have_names(Fixture *self, gconstpointer unused)
{
    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(error_cases); i++) {
        g_autoptr(GError) error = NULL;

        self->helper->fail_code = error_cases[i].code;
        g_assert_null(test_call(self->client,
                                AP_BUS_INTERFACE,
                                "SetEnabled",
                                test_arguments("SetEnabled", "{}"),
                                &error));
        assert_remote_error(error, error_cases[i].name);
        g_assert_nonnull(strstr(error->message, "the test says so"));
    }
}

static void
test_properties_are_read(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) all = test_call(self->client,
                                        PROPERTIES,
                                        "GetAll",
                                        g_variant_new("(s)", AP_BUS_INTERFACE),
                                        &error);
    g_autoptr(GVariant) dict = g_variant_get_child_value(all, 0);
    g_autoptr(GVariant) one = test_call(self->client,
                                        PROPERTIES,
                                        "Get",
                                        g_variant_new("(ss)", AP_BUS_INTERFACE, "State"),
                                        &error);
    g_autofree char *text = g_variant_print(one, FALSE);
    const char *state = NULL, *version = NULL;
    gboolean enabled = FALSE;

    (void) unused;
    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, "(<'direct'>,)");
    g_assert_cmpuint(g_variant_n_children(dict), ==, 6);
    g_assert_true(g_variant_lookup(dict, "State", "&s", &state));
    g_assert_true(g_variant_lookup(dict, "Version", "&s", &version));
    g_assert_true(g_variant_lookup(dict, "Enabled", "b", &enabled));
    g_assert_cmpstr(state, ==, "direct");
    g_assert_true(enabled);
}

static void
on_changed(GDBusConnection *connection,
           const char *sender,
           const char *path,
           const char *interface,
           const char *signal,
           GVariant *arguments,
           gpointer user_data)
{
    GString *seen = user_data;
    g_autofree char *text = g_variant_print(arguments, TRUE);

    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    g_string_append_printf(seen, "%s%s;", signal, text);
}

/* Everything that comes from the helper, whatever it is called. */
static void
listen_to(GDBusConnection *connection, GString *seen)
{
    (void) g_dbus_connection_signal_subscribe(connection,
                                              AP_BUS_NAME,
                                              NULL,
                                              NULL,
                                              NULL,
                                              NULL,
                                              G_DBUS_SIGNAL_FLAGS_NONE,
                                              on_changed,
                                              seen,
                                              NULL);
    test_settle(connection);
}

static void
publish(const Fixture *self, guint64 serial)
{
    g_autoptr(ApView) view = test_view_new(serial);

    ap_service_publish(self->helper->service, view);
    test_settle(self->helper->connection);
}

static void
test_changed_is_sent_to_everybody_once(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect(self->bus);
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) second = g_string_new(NULL);

    (void) unused;
    listen_to(self->client, first);
    listen_to(other, second);
    publish(self, 6);
    publish(self, 6);
    publish(self, 7);
    test_settle(self->client);
    test_settle(other);
    g_assert_cmpstr(first->str, ==, "Changed(uint64 6,);Changed(uint64 7,);");
    g_assert_cmpstr(second->str, ==, first->str);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
}

static guint
count_accepted(GDBusConnection *connection, guint n_calls)
{
    guint n = 0;

    for (guint i = 0; i < n_calls; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
            test_call(connection,
                      i % 2 == 0 ? AP_BUS_INTERFACE : PROPERTIES,
                      i % 2 == 0 ? "Resync" : "Get",
                      i % 2 == 0 ? test_arguments("Resync", "{}")
                                 : g_variant_new("(ss)", AP_BUS_INTERFACE, "State"),
                      &error);

        if (reply == NULL)
            assert_remote_error(error, "org.freedesktop.DBus.Error.LimitsExceeded");
        else
            n++;
    }

    return n;
}

static void
test_too_many_calls_are_refused(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect(self->bus);
    guint n;

    (void) unused;
    n = count_accepted(self->client, 4 * AP_SENDERS_BURST);
    /* While they are made, the bucket fills again; on no machine by as much as was asked for. */
    g_assert_cmpuint(n, >=, AP_SENDERS_BURST);
    g_assert_cmpuint(n, <, 4 * AP_SENDERS_BURST);
    g_assert_cmpuint(count_accepted(other, 5), ==, 5);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
}

typedef struct {
    guint n_done;
    guint n_refused;
} Shout;

static void
on_shout_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Shout *shout = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    shout->n_done++;
    if (reply != NULL)
        return;

    assert_remote_error(error, "org.freedesktop.DBus.Error.LimitsExceeded");
    shout->n_refused++;
}

static void
shout(GDBusConnection *connection, Shout *shout)
{
    g_dbus_connection_call(connection,
                           AP_BUS_NAME,
                           AP_BUS_PATH,
                           AP_BUS_INTERFACE,
                           "Resync",
                           test_arguments("Resync", "{}"),
                           NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           -1,
                           NULL,
                           on_shout_answered,
                           shout);
}

/* GDBus reads in a thread of its own, so that calls pile up while the main loop is busy. */
static void
test_calls_of_one_sender_do_not_pile_up(Fixture *self, gconstpointer unused)
{
    g_autoptr(GDBusConnection) other = test_bus_connect(self->bus);
    Shout loud = {0}, quiet = {0};

    (void) unused;
    for (guint i = 0; i < 10 * AP_GATE_MAX; i++)
        shout(self->client, &loud);
    shout(other, &quiet);
    g_usleep(G_USEC_PER_SEC / 2);
    while (loud.n_done < 10 * AP_GATE_MAX || quiet.n_done < 1)
        g_main_context_iteration(NULL, TRUE);

    g_test_message("%u refused, %u served", loud.n_refused, self->helper->n_resyncs);
    g_assert_cmpuint(quiet.n_refused, ==, 0);
    g_assert_cmpuint(self->helper->n_resyncs, ==, 10 * AP_GATE_MAX - loud.n_refused + 1);
    g_assert_cmpuint(loud.n_refused, >, 5 * AP_GATE_MAX);

    g_usleep(G_USEC_PER_SEC / 2);
    g_assert_cmpuint(count_accepted(self->client, 1), ==, 1);
    (void) g_dbus_connection_close_sync(other, NULL, NULL);
}

/* One takes longer than all else that can be asked. */
static void
test_bundles_have_a_limit_of_their_own(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) first = call(self, "Diagnose", test_arguments("Diagnose", "{}"));

    (void) unused;
    g_assert_null(test_call(self->client,
                            AP_BUS_INTERFACE,
                            "Diagnose",
                            test_arguments("Diagnose", "{}"),
                            &error));
    assert_remote_error(error, "org.freedesktop.DBus.Error.LimitsExceeded");
    g_assert_cmpuint(self->helper->n_diagnosed, ==, 1);
}

static void
test_senders_that_left_leave_no_trace(Fixture *self, gconstpointer unused)
{
    (void) unused;
    g_assert_cmpuint(count_accepted(self->client, 1), ==, 1);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GDBusConnection) other = test_bus_connect(self->bus);

        g_assert_cmpuint(count_accepted(other, 3), ==, 3);
        g_assert_cmpuint(ap_service_count_senders(self->helper->service), ==, 2);
        (void) g_dbus_connection_close_sync(other, NULL, NULL);
        while (ap_service_count_senders(self->helper->service) > 1)
            g_main_context_iteration(NULL, TRUE);
    }
}

typedef struct {
    guint n_watches;
    guint n_unwatches;
} Watches;

static guint
watch(const char *sender, gpointer user_data)
{
    Watches *self = user_data;

    (void) sender;
    return ++self->n_watches;
}

static void
unwatch(guint id, gpointer user_data)
{
    Watches *self = user_data;

    (void) id;
    self->n_unwatches++;
}

static const ApSendersOps watch_ops = {watch, unwatch};

static ApInstant
at_msec(gint64 msec)
{
    return (ApInstant){.boot_usec = AP_USEC_PER_SEC + msec * AP_USEC_PER_MSEC};
}

static void
test_bucket_has_a_burst_and_a_rate(void)
{
    Watches watches = {0};
    g_autoptr(ApSenders) senders = ap_senders_new(&watch_ops, &watches);

    for (guint i = 0; i < AP_SENDERS_BURST; i++)
        g_assert_true(ap_senders_take(senders, ":1.1", at_msec(0)));
    g_assert_false(ap_senders_take(senders, ":1.1", at_msec(0)));
    g_assert_false(ap_senders_take(senders, ":1.1", at_msec(99)));
    g_assert_true(ap_senders_take(senders, ":1.1", at_msec(100)));
    g_assert_false(ap_senders_take(senders, ":1.1", at_msec(100)));
    g_assert_true(ap_senders_take(senders, ":1.2", at_msec(100)));

    for (guint i = 0; i < AP_SENDERS_BURST; i++)
        g_assert_true(ap_senders_take(senders, ":1.1", at_msec(1000000)));
    g_assert_false(ap_senders_take(senders, ":1.1", at_msec(1000000)));
    g_assert_cmpuint(watches.n_watches, ==, 2);
}

static void
test_table_of_senders_is_bounded(void)
{
    Watches watches = {0};
    ApSenders *senders = ap_senders_new(&watch_ops, &watches);

    for (guint i = 0; i < AP_SENDERS_MAX; i++) {
        g_autofree char *name = g_strdup_printf(":1.%u", i);

        g_assert_true(ap_senders_take(senders, name, at_msec(0)));
    }
    g_assert_false(ap_senders_take(senders, ":2.1", at_msec(0)));
    g_assert_true(ap_senders_take(senders, ":1.7", at_msec(0)));

    ap_senders_forget(senders, ":1.7");
    ap_senders_forget(senders, ":1.7");
    g_assert_true(ap_senders_take(senders, ":2.1", at_msec(0)));
    g_assert_cmpuint(ap_senders_count(senders), ==, AP_SENDERS_MAX);

    g_assert_true(ap_senders_take(senders, ":2.2", at_msec(60000)));
    g_assert_cmpuint(ap_senders_count(senders), ==, 1);
    ap_senders_free(senders);
    g_assert_cmpuint(watches.n_watches, ==, watches.n_unwatches);
}

static void
on_second_owner(GObject *source, GAsyncResult *result, gpointer user_data)
{
    gboolean *done = user_data;
    g_autoptr(GError) error = NULL;

    (void) source;
    g_assert_false(ap_service_own_finish(result, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_BUSY);
    *done = TRUE;
}

static void
test_second_helper_is_told(Fixture *self, gconstpointer unused)
{
    gboolean done = FALSE;

    (void) unused;
    ap_service_own_async(self->client, NULL, on_second_owner, &done);
    test_iterate_until(&done);
}

static void
assert_denied(GDBusConnection *caller,
              const char *interface,
              const char *method,
              GVariant *arguments)
{
    g_autoptr(GError) error = NULL;

    g_test_message("%s.%s", interface, method);
    g_assert_null(test_call(caller, interface, method, arguments, &error));
    assert_remote_error(error, "org.freedesktop.DBus.Error.AccessDenied");
}

static void
test_root_may_only_use_our_interfaces(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) xml = NULL;
    g_autoptr(GVariant) pong = NULL;

    (void) unused;
    if (geteuid() != 0) {
        g_test_skip("the policy admits root");
        return;
    }

    xml =
        test_call(self->client, "org.freedesktop.DBus.Introspectable", "Introspect", NULL, &error);
    g_assert_no_error(error);
    pong = test_call(self->client, "org.freedesktop.DBus.Peer", "Ping", NULL, &error);
    g_assert_no_error(error);
    assert_denied(self->client, "org.example.Anything", "Do", NULL);
}

#define ADD(name, function) g_test_add("/service/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service/every-method-of-the-xml-is-handled",
                    test_every_method_of_the_xml_is_handled);
    g_test_add_func("/service/every-method-but-release-needs-authorisation",
                    test_every_method_but_release_needs_authorisation);
    g_test_add_func("/service/signals-carry-no-data", test_signals_carry_no_data);
    g_test_add_func("/service/explain-has-grounds", test_explain_has_grounds);
    g_test_add_func("/service/names-of-any-bytes-can-be-shown",
                    test_names_of_any_bytes_can_be_shown);
    g_test_add_func("/service/answers-before-the-first-view", test_answers_before_the_first_view);
    g_test_add_func("/service/state-in-one-word", test_state_in_one_word);
    g_test_add_func("/service/explain-asks-which-of-one-name", test_explain_asks_which_of_one_name);
    g_test_add_func("/service/name-hides-no-key-and-no-address",
                    test_name_hides_no_key_and_no_address);
    g_test_add_func("/service/explain-asks-for-more-when-several-fit",
                    test_explain_asks_for_more_when_several_fit);
    g_test_add_func("/service/bucket-has-a-burst-and-a-rate", test_bucket_has_a_burst_and_a_rate);
    g_test_add_func("/service/table-of-senders-is-bounded", test_table_of_senders_is_bounded);
    ADD("view-in-the-words-of-the-bus", test_view_in_the_words_of_the_bus);
    ADD("explain-finds-what-is-meant", test_explain_finds_what_is_meant);
    ADD("explain-has-sentences", test_explain_has_sentences);
    ADD("wishes-reach-the-engine", test_wishes_reach_the_engine);
    ADD("unknown-option-is-an-error-and-changes-nothing",
        test_unknown_option_is_an_error_and_changes_nothing);
    ADD("wrong-calls-are-errors", test_wrong_calls_are_errors);
    ADD("errors-have-names", test_errors_have_names);
    ADD("properties-are-read", test_properties_are_read);
    ADD("changed-is-sent-to-everybody-once", test_changed_is_sent_to_everybody_once);
    ADD("too-many-calls-are-refused", test_too_many_calls_are_refused);
    ADD("calls-of-one-sender-do-not-pile-up", test_calls_of_one_sender_do_not_pile_up);
    ADD("bundles-have-a-limit-of-their-own", test_bundles_have_a_limit_of_their_own);
    ADD("senders-that-left-leave-no-trace", test_senders_that_left_leave_no_trace);
    ADD("second-helper-is-told", test_second_helper_is_told);
    ADD("root-may-only-use-our-interfaces", test_root_may_only_use_our_interfaces);
    return g_test_run();
}
