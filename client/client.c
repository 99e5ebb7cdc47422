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

/** Whether we keep the helper at work; calls under way share it, and outlive the client. */
typedef struct {
    gboolean wanted;
    gboolean held;
    guint n_calls; /* Activate under way */
} Hold;

struct _ApClient {
    GDBusConnection *connection; /* (owned) */
    Hold *hold;                  /* (owned) reference-counted */
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

/* Its address marks our tasks. */
static char wish_tag;

static void fetch(ApClient *self);

static void
hold_unref(gpointer hold)
{
    g_rc_box_release(hold);
}

/* Nobody waits for the answer: who leaves the bus gives the hold back as well. */
static void
drop_hold(GDBusConnection *connection, Hold *hold)
{
    hold->held = FALSE;
    g_dbus_connection_call(connection,
                           AP_BUS_NAME,
                           AP_BUS_PATH,
                           AP_BUS_INTERFACE,
                           "Release",
                           g_variant_new("(a{sv})", NULL),
                           NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           AP_REMOTE_TIMEOUT_MSEC,
                           NULL,
                           NULL,
                           NULL);
}

static void
settle_hold(GDBusConnection *connection, Hold *hold, gboolean ok)
{
    hold->n_calls--;
    hold->held |= ok;
    if (hold->held && !hold->wanted)
        drop_hold(connection, hold);
    else if (hold->n_calls == 0)
        hold->wanted = hold->held;
}

static void
on_wish(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Hold *hold = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(GVariant) reply = ap_remote_call_finish(result, &error);

    if (hold != NULL)
        settle_hold(G_DBUS_CONNECTION(source), hold, reply != NULL);
    if (reply != NULL)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static GTask *
wish_task_new(ApClient *self,
              GCancellable *cancellable,
              GAsyncReadyCallback callback,
              gpointer user_data)
{
    GTask *task = g_task_new(self->connection, cancellable, callback, user_data);

    g_task_set_source_tag(task, &wish_tag);
    /* What the call came to is what counts, also for one that was cancelled after it. */
    g_task_set_check_cancellable(task, FALSE);
    return task;
}

static void
wish(ApClient *self,
     const char *method,
     GVariant *arguments,
     GCancellable *cancellable,
     GAsyncReadyCallback callback,
     gpointer user_data)
{
    const ApRemoteCall call = {
        .destination = self->owner,
        .interface = AP_BUS_INTERFACE,
        .method = method,
        .arguments = arguments,
        .reply_type = "()",
        .flags = AP_REMOTE_MAY_PROMPT,
    };
    GTask *task = wish_task_new(self, cancellable, callback, user_data);

    ap_remote_call_async(self->connection, &call, cancellable, on_wish, task);
}

static void
activate(ApClient *self,
         const char *destination,
         ApRemoteFlags flags,
         GCancellable *cancellable,
         GAsyncReadyCallback callback,
         gpointer user_data)
{
    const ApRemoteCall call = {
        .destination = destination,
        .interface = AP_BUS_INTERFACE,
        .method = "Activate",
        .arguments = g_variant_new("(a{sv})", NULL),
        .reply_type = "()",
        .flags = flags,
    };
    GTask *task = wish_task_new(self, cancellable, callback, user_data);

    self->hold->n_calls++;
    g_task_set_task_data(task, g_rc_box_acquire(self->hold), hold_unref);
    ap_remote_call_async(self->connection, &call, cancellable, on_wish, task);
}

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
        self->hold->held = FALSE;
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
    if (self->hold->wanted && !self->hold->held && self->hold->n_calls == 0)
        activate(self, owner, AP_REMOTE_PLAIN, NULL, NULL, NULL);
    fetch(self);
}

static void
on_lost(GDBusConnection *connection, const char *name, gpointer user_data)
{
    ApClient *self = user_data;

    (void) connection;
    (void) name;
    self->hold->held = FALSE;
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
    self->hold = g_rc_box_new0(Hold);
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
    g_clear_pointer(&self->hold, hold_unref);
    g_clear_handle_id(&self->name_watch, g_bus_unwatch_name);
    drop_owner(self);
    g_clear_pointer(&self->view, ap_client_view_unref);
    g_clear_error(&self->error);
    g_clear_object(&self->connection);
    g_free(self);
}

/**
 * Keeps the helper at work, and starts it when it is not there: the only call that does so. A
 * person may be asked for a password.
 *
 * The hold lasts until ap_client_release() or until the connection closes. When the helper goes
 * and comes back, it is taken again without a word; when it stays away, nobody starts it.
 */
void
ap_client_activate_async(ApClient *self,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    self->hold->wanted = TRUE;
    activate(self,
             AP_BUS_NAME,
             AP_REMOTE_MAY_PROMPT | AP_REMOTE_MAY_START,
             cancellable,
             callback,
             user_data);
}

/**
 * Gives the hold back, if there is one. The helper undoes everything and leaves when nobody else
 * holds it, unless it is to stay for good.
 */
void
ap_client_release(ApClient *self)
{
    self->hold->wanted = FALSE;
    if (self->hold->held)
        drop_hold(self->connection, self->hold);
}

/** Returns: whether we keep the helper at work now */
gboolean
ap_client_is_holding(const ApClient *self)
{
    return self->hold->held;
}

/** Asks the helper to ask every server again. It answers at once; views tell what comes of it. */
void
ap_client_resync_async(ApClient *self,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    wish(self, "Resync", g_variant_new("(a{sv})", NULL), cancellable, callback, user_data);
}

/**
 * Lets peers go direct, or sends everything by the hub; the helper remembers it. Either ends a
 * pause.
 */
void
ap_client_set_enabled_async(ApClient *self,
                            gboolean enabled,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    GVariant *arguments = g_variant_new("(ba{sv})", enabled, NULL);

    wish(self, "SetEnabled", arguments, cancellable, callback, user_data);
}

/**
 * Sends everything by the hub for a while.
 *
 * @scope: "network": until this computer is on another network; "time": for @seconds, of which 0
 *     ends any pause; "resume": until ap_client_set_enabled_async() or an end of the pause
 * @seconds: 0 for other scopes than "time"
 */
void
ap_client_pause_async(ApClient *self,
                      const char *scope,
                      guint64 seconds,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    GVariant *arguments = g_variant_new("(sta{sv})", scope, seconds, NULL);

    wish(self, "Pause", arguments, cancellable, callback, user_data);
}

/**
 * Changes a setting for good.
 *
 * @name: "Group.Key" of wg-autopeer.conf(5), one of those that the interface's XML lists
 * @value: (transfer floating)
 */
void
ap_client_set_option_async(ApClient *self,
                           const char *name,
                           GVariant *value,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    GVariant *arguments = g_variant_new("(sva{sv})", name, value, NULL);

    wish(self, "SetOption", arguments, cancellable, callback, user_data);
}

/**
 * Ends a call that has no result but that it went well: activate, resync, set_enabled, pause,
 * set_option.
 *
 * @error: as ap_remote_call_finish()
 */
gboolean
ap_client_wish_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, &wish_tag), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
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
    const ApRemoteCall call = {
        .destination = self->owner,
        .interface = AP_BUS_INTERFACE,
        .method = "Explain",
        .arguments = g_variant_new("(sa{sv})", peer, NULL),
        .reply_type = "(aa{sv})",
    };

    ap_remote_call_async(self->connection, &call, cancellable, callback, user_data);
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
