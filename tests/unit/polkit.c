/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "polkit.h"

#define NAME "org.freedesktop.PolicyKit1"

static const char xml[] =
    "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
    "<method name='CheckAuthorization'>"
    "<arg type='(sa{sv})' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a{ss}' direction='in'/><arg type='u' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='(bba{ss})' direction='out'/></method>"
    "<method name='CancelCheckAuthorization'><arg type='s' direction='in'/></method>"
    "</interface></node>";

static void
say(GDBusMethodInvocation *invocation, gboolean yes, gboolean challenge, gboolean dismissed)
{
    GVariantBuilder details;

    g_variant_builder_init(&details, G_VARIANT_TYPE("a{ss}"));
    if (dismissed)
        g_variant_builder_add(&details, "{ss}", "polkit.dismissed", "true");
    g_dbus_method_invocation_return_value(invocation,
                                          g_variant_new("((bba{ss}))", yes, challenge, &details));
}

/* GDBus would not send an answer of the wrong type for us. */
static void
say_nonsense(GDBusMethodInvocation *invocation)
{
    g_autoptr(GDBusMessage) reply =
        g_dbus_message_new_method_reply(g_dbus_method_invocation_get_message(invocation));

    g_dbus_message_set_body(reply, g_variant_new("(b)", TRUE));
    g_assert_true(
        g_dbus_connection_send_message(g_dbus_method_invocation_get_connection(invocation),
                                       reply,
                                       G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                       NULL,
                                       NULL));
    g_object_unref(invocation);
}

static void
respond(TestPolkit *self, GDBusMethodInvocation *invocation)
{
    switch (self->mood) {
    case TEST_POLKIT_YES:
        say(invocation, TRUE, FALSE, FALSE);
        break;
    case TEST_POLKIT_NO:
        say(invocation, FALSE, FALSE, FALSE);
        break;
    case TEST_POLKIT_CHALLENGE:
        say(invocation, self->flags == 1, self->flags != 1, FALSE);
        break;
    case TEST_POLKIT_DISMISSED:
        say(invocation, FALSE, FALSE, TRUE);
        break;
    case TEST_POLKIT_ERROR:
        g_dbus_method_invocation_return_dbus_error(invocation,
                                                   "org.freedesktop.PolicyKit1.Error.Failed",
                                                   "the test says so");
        break;
    case TEST_POLKIT_NONSENSE:
        say_nonsense(invocation);
        break;
    case TEST_POLKIT_SILENT:
        g_ptr_array_add(self->unanswered, invocation);
        break;
    }
}

static void
check(TestPolkit *self, GVariant *arguments, GDBusMethodInvocation *invocation)
{
    g_autoptr(GVariant) details = NULL;
    const char *kind, *action, *name = "";

    g_variant_get(arguments,
                  "((&s@a{sv})&s@a{ss}u&s)",
                  &kind,
                  &details,
                  &action,
                  NULL,
                  &self->flags,
                  NULL);
    (void) g_variant_lookup(details, "name", "&s", &name);
    g_strlcpy(self->action, action, sizeof(self->action));
    g_snprintf(self->subject, sizeof(self->subject), "%s %s", kind, name);
    self->n_checks++;
    respond(self, invocation);
}

static void
on_call(GDBusConnection *connection,
        const char *sender,
        const char *path,
        const char *interface,
        const char *method,
        GVariant *arguments,
        GDBusMethodInvocation *invocation,
        gpointer user_data)
{
    TestPolkit *self = user_data;

    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    if (g_str_equal(method, "CheckAuthorization")) {
        check(self, arguments, invocation);
        return;
    }

    self->n_cancelled++;
    g_dbus_method_invocation_return_value(invocation, NULL);
}

static void
own_name(GDBusConnection *connection)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(connection,
                                                            "org.freedesktop.DBus",
                                                            "/org/freedesktop/DBus",
                                                            "org.freedesktop.DBus",
                                                            "RequestName",
                                                            g_variant_new("(su)", NAME, 4),
                                                            NULL,
                                                            G_DBUS_CALL_FLAGS_NONE,
                                                            -1,
                                                            NULL,
                                                            &error);

    g_assert_no_error(error);
}

TestPolkit *
test_polkit_new(const TestBus *bus)
{
    static const GDBusInterfaceVTable vtable = {.method_call = on_call};
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(xml, NULL);
    TestPolkit *self = g_new0(TestPolkit, 1);
    g_autoptr(GError) error = NULL;

    self->unanswered = g_ptr_array_new();
    self->connection = test_bus_connect(bus);
    self->registration = g_dbus_connection_register_object(self->connection,
                                                           "/org/freedesktop/PolicyKit1/Authority",
                                                           info->interfaces[0],
                                                           &vtable,
                                                           self,
                                                           NULL,
                                                           &error);
    g_assert_no_error(error);
    own_name(self->connection);
    return self;
}

/* Everybody who waits gets a yes, late as it is. */
void
test_polkit_answer_all(TestPolkit *self)
{
    for (guint i = 0; i < self->unanswered->len; i++)
        say(self->unanswered->pdata[i], TRUE, FALSE, FALSE);
    g_ptr_array_set_size(self->unanswered, 0);
}

void
test_polkit_free(TestPolkit *self)
{
    test_polkit_answer_all(self);
    g_assert_true(g_dbus_connection_unregister_object(self->connection, self->registration));
    g_assert_true(g_dbus_connection_close_sync(self->connection, NULL, NULL));
    g_clear_object(&self->connection);
    g_ptr_array_unref(self->unanswered);
    g_free(self);
}
