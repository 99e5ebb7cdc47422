/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "bus.h"

#include "common/error.h"
#include "common/names.h"

#include <glib/gstdio.h>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* As in Debian's system.conf: calls and names are refused unless a file says otherwise. */
static const char config_format[] =
    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
    "<busconfig><type>system</type><listen>unix:path=%s/socket</listen><auth>EXTERNAL</auth>\n"
    "<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>\n"
    "<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>\n"
    "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>\n"
    "<allow send_requested_reply=\"true\" send_type=\"error\"/>\n"
    "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\n"
    "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/>\n"
    "<allow send_destination=\"org.freedesktop.DBus\"/>\n"
    "<allow send_destination=\"org.freedesktop.PolicyKit1\"/></policy>\n"
    "<policy user=\"root\"><allow own=\"org.freedesktop.PolicyKit1\"/></policy>\n"
    "<include>%s</include>\n"
    "%s</busconfig>\n";

/* An ordinary user who runs the tests is the bus's only one, and may do everything on it. */
static const char allow_all[] =
    "<policy context=\"mandatory\"><allow own=\"*\"/><allow send_destination=\"*\"/>"
    "<allow receive_sender=\"*\"/></policy>\n";

static void
end_with_the_test(gpointer unused)
{
    (void) unused;
    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static char *
write_config(const char *directory)
{
    g_autofree char *policy =
        g_test_build_filename(G_TEST_DIST, "../resources/org.wgautopeer.Autopeer1.conf", NULL);
    g_autofree char *text =
        g_strdup_printf(config_format, directory, policy, geteuid() == 0 ? "" : allow_all);
    g_autofree char *path = g_build_filename(directory, "bus.conf", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, &error));
    return g_steal_pointer(&path);
}

TestBus *
test_bus_new(void)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_autoptr(GError) error = NULL;
    g_autofree char *config = NULL, *option = NULL;
    g_autoptr(GDataInputStream) output = NULL;
    TestBus *self = g_new0(TestBus, 1);

    self->directory = g_dir_make_tmp("ap-bus-XXXXXX", &error);
    g_assert_no_error(error);
    g_assert_cmpint(g_chmod(self->directory, 0755), ==, 0);
    config = write_config(self->directory);
    option = g_strconcat("--config-file=", config, NULL);
    g_subprocess_launcher_set_child_setup(launcher, end_with_the_test, NULL, NULL);
    self->daemon = g_subprocess_launcher_spawn(launcher,
                                               &error,
                                               "dbus-daemon",
                                               option,
                                               "--nofork",
                                               "--nopidfile",
                                               "--print-address",
                                               NULL);
    g_assert_no_error(error);

    output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(self->daemon));
    self->address = g_data_input_stream_read_line(output, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(self->address);
    return self;
}

GDBusConnection *
test_bus_connect(const TestBus *self)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection =
        g_dbus_connection_new_for_address_sync(self->address,
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                   | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL,
                                               NULL,
                                               &error);

    g_assert_no_error(error);
    return connection;
}

/* The bus learns who connects from the kernel, at the moment of the connection. */
GDBusConnection *
test_bus_connect_as_nobody(const TestBus *self)
{
    GDBusConnection *connection;

    g_assert_cmpint(seteuid(65534), ==, 0);
    connection = test_bus_connect(self);
    g_assert_cmpint(seteuid(0), ==, 0);
    return connection;
}

void
test_bus_free(TestBus *self)
{
    g_autoptr(GDir) directory = g_dir_open(self->directory, 0, NULL);

    g_subprocess_send_signal(self->daemon, SIGTERM);
    g_assert_true(g_subprocess_wait(self->daemon, NULL, NULL));
    for (const char *name = g_dir_read_name(directory); name != NULL;
         name = g_dir_read_name(directory)) {
        g_autofree char *path = g_build_filename(self->directory, name, NULL);

        (void) g_unlink(path);
    }

    (void) g_rmdir(self->directory);
    g_object_unref(self->daemon);
    g_free(self->directory);
    g_free(self->address);
    g_free(self);
}

static void
on_resync(gpointer user_data)
{
    TestHelper *self = user_data;

    self->n_resyncs++;
}

static gboolean
on_set_enabled(gboolean enabled, gpointer user_data, GError **error)
{
    TestHelper *self = user_data;

    self->n_set_enabled++;
    if (self->fail_code >= 0) {
        g_set_error_literal(error, AP_ERROR, self->fail_code, "the test says so");
        return FALSE;
    }

    self->enabled = enabled;
    return TRUE;
}

static gboolean
on_pause(const char *scope, guint64 seconds, gpointer user_data, GError **error)
{
    TestHelper *self = user_data;

    (void) error;
    g_snprintf(self->last_wish, sizeof(self->last_wish), "%s %" G_GUINT64_FORMAT, scope, seconds);
    return TRUE;
}

static gboolean
on_set_option(const char *name, GVariant *value, gpointer user_data, GError **error)
{
    TestHelper *self = user_data;
    g_autofree char *text = g_variant_print(value, TRUE);

    (void) error;
    g_snprintf(self->last_wish, sizeof(self->last_wish), "%s %s", name, text);
    return TRUE;
}

static void
on_held(gboolean held, gpointer user_data)
{
    TestHelper *self = user_data;

    self->held = held;
    self->n_held += held;
}

static char *
on_diagnose(gpointer user_data)
{
    TestHelper *self = user_data;

    self->n_diagnosed++;
    return g_strdup(self->bundle);
}

static void
on_owned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    gboolean *done = user_data;

    (void) source;
    g_assert_true(ap_service_own_finish(result, &error));
    g_assert_no_error(error);
    *done = TRUE;
}

/* It shows test_view_new(@serial) from the moment on in which anybody can find it. */
TestHelper *
test_helper_new(const TestBus *bus, guint64 serial)
{
    static const ApServiceOps ops =
        {on_resync, on_set_enabled, on_pause, on_set_option, on_held, on_diagnose};
    TestHelper *self = g_new0(TestHelper, 1);
    g_autoptr(ApView) view = test_view_new(serial);
    g_autoptr(GError) error = NULL;
    gboolean done = FALSE;

    self->fail_code = -1;
    self->bundle = "wg-autopeer bundle 1\n";
    self->connection = test_bus_connect(bus);
    self->service = ap_service_new(&ops, self);
    ap_service_publish(self->service, view);
    g_assert_true(ap_service_export(self->service, self->connection, &error));
    ap_service_own_async(self->connection, NULL, on_owned, &done);
    test_iterate_until(&done);
    return self;
}

void
test_helper_free(TestHelper *self)
{
    ap_service_free(self->service);
    g_assert_true(g_dbus_connection_close_sync(self->connection, NULL, NULL));
    g_object_unref(self->connection);
    g_free(self);
}

static ApEndpoint
parse_endpoint(const char *text)
{
    ApEndpoint endpoint;

    g_assert_true(ap_endpoint_parse(&endpoint, text, NULL));
    return endpoint;
}

ApPeerView
test_peer_new(guint32 ifindex, guint8 number, ApPathState state, ApReason reason)
{
    ApPeerView peer = {
        .name = "",
        .verdict = {.ifindex = ifindex,
                    .key = {.bytes = {number, 1, 2, 3, 4, 5, 6, 7, 8, 9, number}},
                    .state = state,
                    .reason = reason,
                    .endpoint = parse_endpoint("192.168.1.7:51820"),
                    .n_addresses = 2,
                    .sources = AP_SOURCE_SERVER},
        .since_real_usec = 1699999875000000,
        .handshake_real_usec = 1699999988000000,
        .rtt_usec = state == AP_PATH_DIRECT ? 420 : 0,
        .rx_bytes = 1500,
        .tx_bytes = 20,
    };
    g_autofree char *v4 = g_strdup_printf("10.9.0.%u", number);
    g_autofree char *v6 = g_strdup_printf("fd00::%x", number);

    g_snprintf(peer.tunnel, sizeof(peer.tunnel), "wg%u", ifindex);
    g_assert_true(ap_addr_parse(&peer.verdict.addresses[0], v4, NULL));
    g_assert_true(ap_addr_parse(&peer.verdict.addresses[1], v6, NULL));
    return peer;
}

/* wg7 with three peers, one of each state; wg8 left alone, which knows the first of them, too. */
ApView *
test_view_new(guint64 serial)
{
    ApView *view = ap_view_new();
    const ApTunnelView tunnels[] = {
        {.id = {.ifindex = 7, .name = "wg7"},
         .public_key = {.bytes = {77}},
         .managed = TRUE,
         .reason = AP_REASON_MANAGED,
         .server = parse_endpoint("10.9.0.1:80"),
         .n_direct = 1},
        {.id = {.ifindex = 8, .name = "wg8", .backend = AP_BACKEND_USERSPACE},
         .public_key = {.bytes = {88}},
         .reason = AP_REASON_NO_HUB,
         .last_error = "no answer"},
    };
    ApPeerView peers[] = {
        test_peer_new(7, 10, AP_PATH_DIRECT, AP_REASON_PROVEN),
        test_peer_new(7, 11, AP_PATH_PROBING, AP_REASON_PROBING),
        test_peer_new(7, 12, AP_PATH_WAITING, AP_REASON_NO_ENDPOINT),
        test_peer_new(8, 10, AP_PATH_WAITING, AP_REASON_NEW),
    };
    const ApCounter counters[] = {{"offers", 3}, {"refused-limit", 1}};

    ap_view_name_peer(view, &peers[1], "Änne");
    peers[2].refusals[0] = AP_REASON_ENDPOINT_PORT;
    peers[2].n_refusals = 1;
    peers[2].verdict.endpoint = (ApEndpoint){0};
    view->serial = serial;
    view->mode = (ApMode){.switched_on = TRUE, .wanted = TRUE};
    g_array_append_vals(view->tunnels, tunnels, G_N_ELEMENTS(tunnels));
    g_array_append_vals(view->peers, peers, G_N_ELEMENTS(peers));
    g_array_append_vals(view->counters, counters, G_N_ELEMENTS(counters));
    return view;
}

typedef struct {
    GAsyncResult *result;
    gboolean done;
} Reply;

static void
on_reply(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Reply *reply = user_data;

    (void) source;
    reply->result = g_object_ref(result);
    reply->done = TRUE;
}

/* Helper and caller live in one loop, so a call must not block it. */
GVariant *
test_call_with_flags(GDBusConnection *connection,
                     const char *interface,
                     const char *method,
                     GVariant *arguments,
                     GDBusCallFlags flags,
                     GError **error)
{
    Reply reply = {0};
    GVariant *value;

    g_dbus_connection_call(connection,
                           AP_BUS_NAME,
                           AP_BUS_PATH,
                           interface,
                           method,
                           arguments,
                           NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START | flags,
                           -1,
                           NULL,
                           on_reply,
                           &reply);
    test_iterate_until(&reply.done);
    value = g_dbus_connection_call_finish(connection, reply.result, error);
    g_object_unref(reply.result);
    return value;
}

GVariant *
test_call(GDBusConnection *connection,
          const char *interface,
          const char *method,
          GVariant *arguments,
          GError **error)
{
    return test_call_with_flags(connection,
                                interface,
                                method,
                                arguments,
                                G_DBUS_CALL_FLAGS_NONE,
                                error);
}

void
test_iterate_until(const gboolean *done)
{
    while (!*done)
        g_main_context_iteration(NULL, TRUE);
}

/* The bus keeps the order of messages: what was sent to us before is here when it has answered. */
void
test_settle(GDBusConnection *connection)
{
    Reply reply = {0};

    g_dbus_connection_call(connection,
                           "org.freedesktop.DBus",
                           "/",
                           "org.freedesktop.DBus.Peer",
                           "Ping",
                           NULL,
                           NULL,
                           G_DBUS_CALL_FLAGS_NONE,
                           -1,
                           NULL,
                           on_reply,
                           &reply);
    test_iterate_until(&reply.done);
    g_object_unref(reply.result);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Arguments that fit each method, with @options for the last one. */
GVariant *
test_arguments(const char *method, const char *options)
{
    static const struct {
        const char *method;
        const char *format;
    } formats[] = {
        {"SetEnabled", "(true, @a{sv} %s)"},
        {"Pause", "('time', @t 60, @a{sv} %s)"},
        {"SetOption", "('Peers.MaxPeers', <@u 7>, @a{sv} %s)"},
        {"Explain", "('10.9.0.11', @a{sv} %s)"},
        {"", "(@a{sv} %s,)"},
    };
    gsize i = 0;

    while (formats[i].method[0] != '\0' && !g_str_equal(formats[i].method, method))
        i++;

    g_auto(GStrv) parts = g_strsplit(formats[i].format, "%s", 2);
    g_autofree char *text = g_strconcat(parts[0], options, parts[1], NULL);

    return g_variant_parse(NULL, text, NULL, NULL, NULL);
}
