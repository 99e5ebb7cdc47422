/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/dbus/service.h"

#include "bus-interface.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/answer.h"
#include "helper/dbus/find.h"
#include "helper/dbus/senders.h"

struct _ApService {
    const ApServiceOps *ops; /* (not owned) static */
    gpointer user_data;
    GDBusConnection *connection; /* (owned) (nullable) */
    guint registration;
    ApSenders *senders; /* (owned) */
    ApView *view;       /* (owned) (nullable): NULL before the first turn */
};

/** Answers one method; has exactly one of its invocation or @error set in the end. */
typedef gboolean (*Handler)(ApService *self, GVariant *arguments, GVariant **reply, GError **error);

static gboolean
handle_resync(ApService *self, GVariant *arguments, GVariant **reply, GError **error)
{
    (void) arguments;
    (void) reply;
    (void) error;
    self->ops->resync(self->user_data);
    return TRUE;
}

static gboolean
handle_set_enabled(ApService *self, GVariant *arguments, GVariant **reply, GError **error)
{
    gboolean enabled;

    (void) reply;
    g_variant_get_child(arguments, 0, "b", &enabled);
    return self->ops->set_enabled(enabled, self->user_data, error);
}

static gboolean
handle_get_view(ApService *self, GVariant *arguments, GVariant **reply, GError **error)
{
    (void) arguments;
    (void) error;
    *reply = ap_answer_view(self->view);
    return TRUE;
}

static gboolean
handle_explain(ApService *self, GVariant *arguments, GVariant **reply, GError **error)
{
    const char *key;

    g_variant_get_child(arguments, 0, "&s", &key);
    *reply = ap_answer_explain(self->view, key, error);
    return *reply != NULL;
}

static gboolean
handle_get_metrics(ApService *self, GVariant *arguments, GVariant **reply, GError **error)
{
    (void) arguments;
    (void) error;
    *reply = ap_answer_metrics(self->view);
    return TRUE;
}

/** Every method of the XML; what is not here is refused. */
static const struct {
    const char *name;
    Handler handle;
} methods[] = {
    {"Explain", handle_explain},
    {"GetMetrics", handle_get_metrics},
    {"GetView", handle_get_view},
    {"Resync", handle_resync},
    {"SetEnabled", handle_set_enabled},
};

static Handler
find_handler(const char *method)
{
    for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (g_str_equal(methods[i].name, method))
            return methods[i].handle;
    }

    return NULL;
}

/** Returns: whether the method @method of the interface has a handler; for the test of the XML */
gboolean
ap_service_handles(const char *method)
{
    return find_handler(method) != NULL;
}

/** Returns: how many callers are remembered for their limits */
guint
ap_service_count_senders(const ApService *self)
{
    return ap_senders_count(self->senders);
}

/* The last argument of each method is a dictionary of options, and none has any yet. */
static gboolean
check_options(GVariant *arguments, GError **error)
{
    gsize n = g_variant_n_children(arguments);
    g_autoptr(GVariant) options = n > 0 ? g_variant_get_child_value(arguments, n - 1) : NULL;
    g_autoptr(GVariant) first = NULL;
    const char *name;

    if (options == NULL || !g_variant_is_of_type(options, G_VARIANT_TYPE_VARDICT)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "the options are missing");
        return FALSE;
    }

    if (g_variant_n_children(options) == 0)
        return TRUE;

    first = g_variant_get_child_value(options, 0);
    g_variant_get_child(first, 0, "&s", &name);
    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "the option “%s” is not known", name);
    return FALSE;
}

static GVariant *
get_property(ApService *self, const char *name)
{
    if (g_str_equal(name, "Version"))
        return g_variant_new_string(AP_VERSION);
    if (g_str_equal(name, "Enabled"))
        return g_variant_new_boolean(self->view != NULL && self->view->enabled);
    if (g_str_equal(name, "State"))
        return g_variant_new_string(ap_answer_state(self->view));

    return NULL;
}

static GVariant *
get_all_properties(ApService *self)
{
    GDBusPropertyInfo **infos = org_wgautopeer_autopeer1_manager_interface.properties;
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    for (gsize i = 0; infos[i] != NULL; i++)
        g_variant_dict_insert_value(&dict, infos[i]->name, get_property(self, infos[i]->name));

    return g_variant_new("(@a{sv})", g_variant_dict_end(&dict));
}

/* GDBus has checked that the property exists and may be read. */
static gboolean
handle_properties(ApService *self,
                  const char *method,
                  GVariant *arguments,
                  GVariant **reply,
                  GError **error)
{
    GVariant *value = NULL;

    if (g_str_equal(method, "GetAll")) {
        *reply = get_all_properties(self);
        return TRUE;
    }

    if (g_str_equal(method, "Get")) {
        const char *name;

        g_variant_get_child(arguments, 1, "&s", &name);
        value = get_property(self, name);
    }

    if (value == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "properties can only be read");
        return FALSE;
    }

    *reply = g_variant_new("(v)", value);
    return TRUE;
}

static const char *
find_error_name(gint code)
{
    switch ((ApFindError) code) {
    case AP_FIND_ERROR_NOT_FOUND:
        return AP_BUS_ERROR_NOT_FOUND;
    case AP_FIND_ERROR_AMBIGUOUS:
        return AP_BUS_ERROR_AMBIGUOUS;
    }

    return AP_BUS_ERROR_FAILED;
}

static const char *
error_name(const GError *error)
{
    if (error->domain == AP_FIND_ERROR)
        return find_error_name(error->code);
    if (error->domain != AP_ERROR)
        return AP_BUS_ERROR_FAILED;

    switch ((ApError) error->code) {
    case AP_ERROR_FAILED:
        return AP_BUS_ERROR_FAILED;
    case AP_ERROR_INVALID:
        return "org.freedesktop.DBus.Error.InvalidArgs";
    case AP_ERROR_LIMIT:
        return "org.freedesktop.DBus.Error.LimitsExceeded";
    case AP_ERROR_GONE:
        return AP_BUS_ERROR_NOT_FOUND;
    case AP_ERROR_DENIED:
        return "org.freedesktop.DBus.Error.AccessDenied";
    case AP_ERROR_TIMED_OUT:
        return AP_BUS_ERROR_TIMED_OUT;
    case AP_ERROR_UNSUPPORTED:
        return "org.freedesktop.DBus.Error.NotSupported";
    }

    return AP_BUS_ERROR_FAILED;
}

/* Everything passes here, properties too: the limit comes before anything is read. */
static gboolean
dispatch(ApService *self,
         const char *sender,
         const char *interface,
         const char *method,
         GVariant *arguments,
         GVariant **reply,
         GError **error)
{
    Handler handle;

    if (!ap_senders_take(self->senders, sender, ap_clock_now())) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_LIMIT, "too many calls; try again later");
        return FALSE;
    }

    if (!g_str_equal(interface, AP_BUS_INTERFACE))
        return handle_properties(self, method, arguments, reply, error);

    handle = find_handler(method);
    if (handle == NULL) {
        g_set_error(error, AP_ERROR, AP_ERROR_DENIED, "the method %s is not open", method);
        return FALSE;
    }

    return check_options(arguments, error) && handle(self, arguments, reply, error);
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
    ApService *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *message = NULL;
    GVariant *reply = NULL;

    (void) connection;
    (void) path;
    if (dispatch(self,
                 sender != NULL ? sender : "",
                 interface,
                 method,
                 arguments,
                 &reply,
                 &error)) {
        g_dbus_method_invocation_return_value(invocation, reply);
        return;
    }

    message = g_utf8_make_valid(error->message, -1);
    g_dbus_method_invocation_return_dbus_error(invocation, error_name(error), message);
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

/**
 * Makes a service that is not on any bus yet and has no view.
 *
 * @ops: (transfer none): static; called with @user_data from the main loop, inside a method
 *     call: neither may free the service
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

/** Takes the object off the bus. Calls under way were answered already: none outlives its handler. */
void
ap_service_free(ApService *self)
{
    if (self == NULL)
        return;

    if (self->registration != 0)
        (void) g_dbus_connection_unregister_object(self->connection, self->registration);
    g_clear_pointer(&self->senders, ap_senders_free);
    g_clear_object(&self->connection);
    g_clear_pointer(&self->view, ap_view_unref);
    g_free(self);
}
