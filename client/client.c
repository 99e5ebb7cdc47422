/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/client.h"

#include "client/client-private.h"
#include "client/remote.h"
#include "common/error.h"
#include "common/names.h"

/**
 * Least time between two fetches, in milliseconds. A fetch is two calls, and the helper takes ten
 * calls a second in the long run: four fetches stay below that. The first one after a quiet time
 * is made at once.
 */
#define FETCH_GAP_MSEC 250

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

/* Properties are answered at once and never later than the view that is asked for after them. */
static void
fetch(ApClient *self)
{
    const ApRemoteCall properties = {
        .destination = self->owner,
        .interface = "org.freedesktop.DBus.Properties",
        .method = "GetAll",
        .arguments = g_variant_new("(s)", AP_BUS_INTERFACE),
        .reply_type = "(a{sv})",
    };
    const ApRemoteCall view = {
        .destination = self->owner,
        .interface = AP_BUS_INTERFACE,
        .method = "GetView",
        .arguments = g_variant_new("(a{sv})", NULL),
        .reply_type = "(taa{sv}aa{sv})",
    };

    self->fetching = TRUE;
    self->stale = FALSE;
    self->timer = g_timeout_add(FETCH_GAP_MSEC, on_gap_over, self);
    ap_remote_call_async(self->connection, &properties, self->cancellable, on_properties, self);
    ap_remote_call_async(self->connection, &view, self->cancellable, on_view, self);
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
    /* Another helper knows nothing of what was promised to the one before. */
    if (self->owner != NULL)
        ap_client_lose_hold(self);
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
    ap_client_renew_hold(self);
    fetch(self);
}

static void
on_lost(GDBusConnection *connection, const char *name, gpointer user_data)
{
    ApClient *self = user_data;

    (void) connection;
    (void) name;
    ap_client_lose_hold(self);
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
    self->hold = ap_client_hold_new();
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

/** Asks for the view again, because what was refused may be allowed by now. */
void
ap_client_look_again(ApClient *self)
{
    if (self->owner == NULL)
        return;

    self->stale = TRUE;
    fetch_if_stale(self);
}

/** Stops looking and gives the hold back; calls under way end by themselves. */
void
ap_client_free(ApClient *self)
{
    if (self == NULL)
        return;

    ap_client_release(self);
    g_clear_pointer(&self->hold, ap_client_hold_unref);
    g_clear_handle_id(&self->name_watch, g_bus_unwatch_name);
    drop_owner(self);
    g_clear_pointer(&self->view, ap_client_view_unref);
    g_clear_error(&self->error);
    g_clear_object(&self->connection);
    g_free(self);
}
