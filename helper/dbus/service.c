/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/service.h"

#include "bus-interface.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/authority.h"
#include "helper/dbus/error-name.h"
#include "helper/dbus/gate.h"
#include "helper/dbus/holders.h"
#include "helper/dbus/methods.h"
#include "helper/dbus/properties.h"
#include "helper/dbus/senders.h"

struct _ApService {
    const ApServiceOps *ops; /* (not owned) static */
    gpointer user_data;
    GDBusConnection *connection; /* (owned) (nullable) */
    guint registration;
    ApGate *gate;            /* (owned) (nullable): with the connection */
    ApSenders *senders;      /* (owned) */
    ApHolders *holders;      /* (owned) */
    ApAuthority *authority;  /* (owned) (nullable): with the connection */
    GPtrArray *pending;      /* (owned) (element-type Call) polkit is asked about them */
    gint64 bundle_boot_usec; /* when the last bundle was written; 0: never */
    ApView *view;            /* (owned) (nullable): NULL before the first turn */
};

/** A call that waits for polkit's word. */
typedef struct {
    ApService *service;     /* (not owned) (nullable): NULL when it was freed meanwhile */
    const ApMethod *method; /* (not owned) static */
    GDBusMethodInvocation *invocation; /* (owned) */
} Call;

/** Returns: how many callers are remembered for their limits */
guint
ap_service_count_senders(const ApService *self)
{
    return ap_senders_count(self->senders);
}

/** Returns: how many calls wait for polkit */
guint
ap_service_count_pending(const ApService *self)
{
    return self->pending->len;
}

static void
answer_error(GDBusMethodInvocation *invocation, const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);

    g_dbus_method_invocation_return_dbus_error(invocation, ap_bus_error_name(error), message);
}

static void
call_method(ApService *self, const ApMethod *method, GDBusMethodInvocation *invocation)
{
    const ApMethodContext context = {
        .ops = self->ops,
        .user_data = self->user_data,
        .connection = self->connection,
        .view = self->view,
        .holders = self->holders,
        .bundle_boot_usec = &self->bundle_boot_usec,
    };
    g_autoptr(GError) error = NULL;
    ApMethodReply reply = {0};

    if (ap_method_call(method,
                       &context,
                       g_dbus_method_invocation_get_sender(invocation),
                       g_dbus_method_invocation_get_parameters(invocation),
                       &reply,
                       &error))
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation,
                                                                reply.value,
                                                                reply.files);
    else
        answer_error(invocation, error);
    g_clear_object(&reply.files);
}

static void
on_checked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Call *call = user_data;
    g_autoptr(GError) error = NULL;
    const gboolean ok = ap_authority_check_finish(result, &error);

    (void) source;
    /* Whoever freed the service has answered. */
    if (call->service == NULL)
        return;

    g_ptr_array_remove_fast(call->service->pending, call);
    if (ok)
        call_method(call->service, call->method, call->invocation);
    else
        answer_error(call->invocation, error);
}

static gboolean
may_prompt(GDBusMethodInvocation *invocation)
{
    return g_dbus_message_get_flags(g_dbus_method_invocation_get_message(invocation))
           & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION;
}

static void
authorise(ApService *self, const ApMethod *method, GDBusMethodInvocation *invocation)
{
    Call *call = g_new(Call, 1);

    *call = (Call){self, method, invocation};
    g_ptr_array_add(self->pending, call);
    ap_authority_check_async(self->authority,
                             g_dbus_method_invocation_get_sender(invocation),
                             method->action,
                             may_prompt(invocation),
                             on_checked,
                             call);
}

static gboolean
take_call(ApService *self, const char *sender)
{
    const ApInstant now = ap_clock_now();
    const gboolean ok = ap_senders_take(self->senders, sender, now);

    if (!ok)
        ap_gate_close_for(self->gate, sender, now);
    return ok;
}

/* Everything passes here, properties too: the limit comes before anything is read, and the
 * authorisation before any argument is looked at. */
static void
on_call(GDBusConnection *connection,
        const char *sender,
        const char *path,
        const char *interface,
        const char *name,
        GVariant *arguments,
        GDBusMethodInvocation *invocation,
        gpointer user_data)
{
    ApService *self = user_data;
    const gboolean is_ours = g_str_equal(interface, AP_BUS_INTERFACE);
    const ApMethod *method = is_ours ? ap_method_find(name) : NULL;
    g_autoptr(GError) error = NULL;
    GVariant *reply = NULL;

    (void) connection;
    (void) path;
    if (!take_call(self, sender))
        g_set_error_literal(&error, AP_ERROR, AP_ERROR_LIMIT, "too many calls; try again later");
    else if (is_ours && method == NULL)
        g_set_error(&error, AP_ERROR, AP_ERROR_DENIED, "the method %s is not open", name);
    else if (!is_ours)
        (void) ap_properties_call(self->view, name, arguments, &reply, &error);

    if (error != NULL)
        answer_error(invocation, error);
    else if (!is_ours)
        g_dbus_method_invocation_return_value(invocation, reply);
    else if (method->action == NULL)
        call_method(self, method, invocation);
    else
        authorise(self, method, invocation);
}

static void
on_sender_changed(GDBusConnection *connection,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *signal,
                  GVariant *arguments,
                  gpointer user_data)
{
    ApService *self = user_data;
    const char *name, *new_owner;

    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    (void) signal;
    if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sss)")))
        return;

    g_variant_get(arguments, "(&s&s&s)", &name, NULL, &new_owner);
    if (new_owner[0] == '\0')
        ap_senders_forget(self->senders, name);
}

/* One match a sender: a match on everybody would wake us for each program that comes and goes. */
static guint
watch_sender(const char *sender, gpointer user_data)
{
    ApService *self = user_data;

    return g_dbus_connection_signal_subscribe(self->connection,
                                              "org.freedesktop.DBus",
                                              "org.freedesktop.DBus",
                                              "NameOwnerChanged",
                                              "/org/freedesktop/DBus",
                                              sender,
                                              G_DBUS_SIGNAL_FLAGS_NONE,
                                              on_sender_changed,
                                              self,
                                              NULL);
}

static void
unwatch_sender(guint watch, gpointer user_data)
{
    ApService *self = user_data;

    g_dbus_connection_signal_unsubscribe(self->connection, watch);
}

static void
on_held(gboolean held, gpointer user_data)
{
    ApService *self = user_data;

    self->ops->set_held(held, self->user_data);
}

/**
 * Makes a service that is not on any bus yet and has no view.
 *
 * @ops: (transfer none): static; called with @user_data from the main loop, inside a method
 *     call: none may free the service
 *
 * Returns: (transfer full)
 */
ApService *
ap_service_new(const ApServiceOps *ops, gpointer user_data)
{
    static const ApSendersOps senders_ops = {watch_sender, unwatch_sender};
    ApService *self = g_new0(ApService, 1);

    self->ops = ops;
    self->user_data = user_data;
    self->senders = ap_senders_new(&senders_ops, self);
    self->holders = ap_holders_new(on_held, self);
    self->pending = g_ptr_array_new();
    return self;
}

/**
 * Puts the object AP_BUS_PATH on @connection. Does not own the name: see
 * ap_service_own_async(), which comes after it, so that nobody finds the name without the object.
 *
 * @error: AP_ERROR_FAILED when something is at that path already
 */
gboolean
ap_service_export(ApService *self, GDBusConnection *connection, GError **error)
{
    /* Without accessors GDBus hands property calls to on_call, too. */
    static const GDBusInterfaceVTable vtable = {.method_call = on_call};
    g_autoptr(GError) bus_error = NULL;

    g_return_val_if_fail(self->connection == NULL, FALSE);

    self->registration = g_dbus_connection_register_object(
        connection,
        AP_BUS_PATH,
        (GDBusInterfaceInfo *) &org_wgautopeer_autopeer1_manager_interface,
        &vtable,
        self,
        NULL,
        &bus_error);
    if (self->registration == 0) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, bus_error->message);
        return FALSE;
    }

    self->connection = g_object_ref(connection);
    self->gate = ap_gate_new(connection);
    self->authority =
        ap_authority_new(connection, AP_AUTHORITY_TIMEOUT_MSEC, AP_AUTHORITY_PROMPT_MSEC);
    return TRUE;
}

static void
emit_changed(ApService *self)
{
    g_autoptr(GError) error = NULL;

    if (!g_dbus_connection_emit_signal(self->connection,
                                       NULL,
                                       AP_BUS_PATH,
                                       AP_BUS_INTERFACE,
                                       "Changed",
                                       g_variant_new("(t)", self->view->serial),
                                       &error))
        g_debug("could not emit Changed: %s", error->message);
}

/**
 * Answers from @view from now on, and tells everybody when its serial is another one.
 *
 * @view: (transfer none): a reference is taken
 *
 * Counters and round-trip times may be brought up to date with an unchanged serial; nobody is
 * woken for them.
 */
void
ap_service_publish(ApService *self, ApView *view)
{
    gboolean differs = self->view == NULL || self->view->serial != view->serial;
    ApView *old = self->view;

    self->view = ap_view_ref(view);
    g_clear_pointer(&old, ap_view_unref);
    if (differs && self->connection != NULL)
        emit_changed(self);
}

static void
give_up_pending(ApService *self)
{
    const GError gone = {AP_ERROR, AP_ERROR_DENIED, (char *) "the helper is leaving"};

    for (guint i = 0; i < self->pending->len; i++) {
        Call *call = self->pending->pdata[i];

        call->service = NULL;
        answer_error(call->invocation, &gone);
    }
    g_ptr_array_set_size(self->pending, 0);
}

/** Takes the object off the bus; calls that wait for polkit are refused. */
void
ap_service_free(ApService *self)
{
    if (self == NULL)
        return;

    if (self->registration != 0)
        (void) g_dbus_connection_unregister_object(self->connection, self->registration);
    give_up_pending(self);
    g_clear_pointer(&self->gate, ap_gate_free);
    g_clear_pointer(&self->authority, ap_authority_free);
    g_clear_pointer(&self->holders, ap_holders_free);
    g_clear_pointer(&self->senders, ap_senders_free);
    g_clear_pointer(&self->pending, g_ptr_array_unref);
    g_clear_object(&self->connection);
    g_clear_pointer(&self->view, ap_view_unref);
    g_free(self);
}
