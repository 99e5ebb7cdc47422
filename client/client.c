/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/client.h"

#include "client/remote.h"
#include "common/error.h"
#include "common/names.h"

/**
 * Least time between two fetches, in milliseconds. A fetch is two calls, and the helper takes ten
 * calls a second in the long run: four fetches stay below that. The first one after a quiet time
 * is made at once.
 */
#define FETCH_GAP_MSEC 250

struct _ApClient {
    GDBusConnection *connection; /* (owned) */
    ApClientFunc changed;
    gpointer user_data;
    guint name_watch;
    ApClientState state;
    ApClientView *view; /* (owned) (nullable) */
    GError *error;      /* (owned) (nullable) */

    /* of the helper that is there now */
    char *owner; /* (owned) (nullable) unique name */
    guint subscription;
    GCancellable *cancellable; /* (owned) (nullable) for fetches under way */
    GVariant *properties;      /* (owned) (nullable) of the fetch under way */
    gboolean fetching;
    gboolean stale; /* something changed since the fetch under way began */
    guint timer;    /* 0: none; runs for FETCH_GAP_MSEC after a fetch began */
};

static void fetch(ApClient *self);

static void
set_state(ApClient *self, ApClientState state, ApClientView *view, GError *error)
{
    g_clear_pointer(&self->view, ap_client_view_unref);
    g_clear_error(&self->error);
    self->state = state;
    self->view = view;
    self->error = error;
    self->changed(self, self->user_data);
}

static void
fetch_if_stale(ApClient *self)
{
    if (self->stale && !self->fetching && self->timer == 0)
        fetch(self);
}

static gboolean
on_gap_over(gpointer user_data)
{
    ApClient *self = user_data;

    self->timer = 0;
    fetch_if_stale(self);
    return G_SOURCE_REMOVE;
}

static void
on_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApClient *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, &error);

    (void) source;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;

    g_clear_pointer(&self->properties, g_variant_unref);
    if (reply != NULL)
        self->properties = g_variant_get_child_value(reply, 0);
}

static void
on_view(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApClient *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, &error);

    (void) source;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;

    self->fetching = FALSE;
    /* Others of this user may have used up the limit: that passes. */
    if (g_error_matches(error, AP_ERROR, AP_ERROR_LIMIT))
        self->stale = TRUE;
    fetch_if_stale(self);
    if (reply != NULL)
        set_state(self, AP_CLIENT_READY, ap_client_view_new(self->properties, reply), NULL);
    else if (!self->stale)
        set_state(self, AP_CLIENT_FAILED, NULL, g_steal_pointer(&error));
}

/* The helper answers in the order of the calls, so that the properties are there with the view. */
static void
fetch(ApClient *self)
{
    self->fetching = TRUE;
    self->stale = FALSE;
    self->timer = g_timeout_add(FETCH_GAP_MSEC, on_gap_over, self);
    ap_remote_call_async(self->connection,
                         self->owner,
                         "org.freedesktop.DBus.Properties",
                         "GetAll",
                         g_variant_new("(s)", AP_BUS_INTERFACE),
                         "(a{sv})",
                         self->cancellable,
                         on_properties,
                         self);
    ap_remote_call_async(self->connection,
                         self->owner,
                         AP_BUS_INTERFACE,
                         "GetView",
                         g_variant_new("(a{sv})", NULL),
                         "(taa{sv}aa{sv})",
                         self->cancellable,
                         on_view,
                         self);
}

/* What the signal says is not looked at: it is only a reason to ask. */
static void
on_changed(GDBusConnection *connection,
           const char *sender,
           const char *path,
           const char *interface,
           const char *signal,
           GVariant *arguments,
           gpointer user_data)
{
    ApClient *self = user_data;

    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    (void) signal;
    (void) arguments;
    self->stale = TRUE;
    fetch_if_stale(self);
}

static void
drop_owner(ApClient *self)
{
    if (self->cancellable != NULL)
        g_cancellable_cancel(self->cancellable);
    if (self->subscription != 0)
        g_dbus_connection_signal_unsubscribe(self->connection, self->subscription);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_clear_object(&self->cancellable);
    g_clear_pointer(&self->properties, g_variant_unref);
    g_clear_pointer(&self->owner, g_free);
    self->subscription = 0;
    self->fetching = FALSE;
    self->stale = FALSE;
}

static void
on_found(GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
    ApClient *self = user_data;

    (void) name;
    drop_owner(self);
    self->owner = g_strdup(owner);
    self->cancellable = g_cancellable_new();
    /* By its unique name: a signal of anybody else does not count. */
    self->subscription = g_dbus_connection_signal_subscribe(connection,
                                                            owner,
                                                            AP_BUS_INTERFACE,
                                                            "Changed",
                                                            AP_BUS_PATH,
                                                            NULL,
                                                            G_DBUS_SIGNAL_FLAGS_NONE,
                                                            on_changed,
                                                            self,
                                                            NULL);
    fetch(self);
}

static void
on_lost(GDBusConnection *connection, const char *name, gpointer user_data)
{
    ApClient *self = user_data;

    (void) connection;
    (void) name;
    drop_owner(self);
    set_state(self, AP_CLIENT_ABSENT, NULL, NULL);
}

/**
 * Begins to look for the helper.
 *
 * @changed: called with @user_data after each change of state or view; it must not free the client
 *
 * Returns: (transfer full): in the state AP_CLIENT_LOOKING
 */
ApClient *
ap_client_new(GDBusConnection *connection, ApClientFunc changed, gpointer user_data)
{
    ApClient *self = g_new0(ApClient, 1);

    self->connection = g_object_ref(connection);
    self->changed = changed;
    self->user_data = user_data;
    self->name_watch = g_bus_watch_name_on_connection(connection,
                                                      AP_BUS_NAME,
                                                      G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                      on_found,
                                                      on_lost,
                                                      self,
                                                      NULL);
    return self;
}

/** Returns: what is known of the helper now */
ApClientState
ap_client_get_state(const ApClient *self)
{
    return self->state;
}

/** Returns: (transfer none) (nullable): the last view; NULL unless the state is AP_CLIENT_READY */
ApClientView *
ap_client_get_view(const ApClient *self)
{
    return self->view;
}

/**
 * Returns: (transfer none) (nullable): why there is no view, as ap_remote_call_finish() has it;
 *     NULL unless the state is AP_CLIENT_FAILED
 */
const GError *
ap_client_get_error(const ApClient *self)
{
    return self->error;
}

/** Stops looking; calls under way end by themselves. */
void
ap_client_free(ApClient *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->name_watch, g_bus_unwatch_name);
    drop_owner(self);
    g_clear_pointer(&self->view, ap_client_view_unref);
    g_clear_error(&self->error);
    g_clear_object(&self->connection);
    g_free(self);
}

/** Asks the helper to ask every server again. It answers at once; views tell what comes of it. */
void
ap_client_resync_async(ApClient *self,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    ap_remote_call_async(self->connection,
                         self->owner,
                         AP_BUS_INTERFACE,
                         "Resync",
                         g_variant_new("(a{sv})", NULL),
                         "()",
                         cancellable,
                         callback,
                         user_data);
}

/** @error: as ap_remote_call_finish() */
gboolean
ap_client_resync_finish(GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, error);

    return reply != NULL;
}

/** Lets peers go direct, or sends everything by the hub; the helper remembers it. */
void
ap_client_set_enabled_async(ApClient *self,
                            gboolean enabled,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    ap_remote_call_async(self->connection,
                         self->owner,
                         AP_BUS_INTERFACE,
                         "SetEnabled",
                         g_variant_new("(ba{sv})", enabled, NULL),
                         "()",
                         cancellable,
                         callback,
                         user_data);
}

/** @error: as ap_remote_call_finish() */
gboolean
ap_client_set_enabled_finish(GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, error);

    return reply != NULL;
}

/**
 * Asks for everything that is known of one peer.
 *
 * @peer: valid UTF-8: its key, the beginning of its key, or a tunnel address of it
 */
void
ap_client_explain_async(ApClient *self,
                        const char *peer,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    ap_remote_call_async(self->connection,
                         self->owner,
                         AP_BUS_INTERFACE,
                         "Explain",
                         g_variant_new("(sa{sv})", peer, NULL),
                         "(aa{sv})",
                         cancellable,
                         callback,
                         user_data);
}

/**
 * @error: as ap_remote_call_finish()
 *
 * Returns: (transfer full) (element-type ApClientPeer): one for each tunnel that knows the peer,
 *     with sentences
 */
GPtrArray *
ap_client_explain_finish(GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, error);
    g_autoptr(GVariant) list = reply != NULL ? g_variant_get_child_value(reply, 0) : NULL;

    return list != NULL ? ap_client_peers_new(list) : NULL;
}
