/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the helper is asked for: to stay at work, and everything else.
 */

#include "client/bundle.h"
#include "client/client-private.h"
#include "client/remote.h"
#include "common/names.h"

/* Its address marks our tasks. */
static char wish_tag;

/** Returns: (transfer full): a hold that nobody wants yet */
ApClientHold *
ap_client_hold_new(void)
{
    return g_rc_box_new0(ApClientHold);
}

void
ap_client_hold_unref(gpointer hold)
{
    g_rc_box_release(hold);
}

/* Nobody waits for the answer: who leaves the bus gives the hold back as well. */
static void
drop_hold(GDBusConnection *connection, ApClientHold *hold)
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
settle_hold(GDBusConnection *connection, ApClientHold *hold, gboolean ok)
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
    ApClientHold *hold = g_task_get_task_data(task);
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
call_helper(ApClient *self,
            const char *method,
            GVariant *arguments,
            const char *reply_type,
            ApRemoteFlags flags,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
    const ApRemoteCall call = {
        .destination = self->owner,
        .interface = AP_BUS_INTERFACE,
        .method = method,
        .arguments = arguments,
        .reply_type = reply_type,
        .flags = flags,
    };

    ap_remote_call_async(self->connection, &call, cancellable, callback, user_data);
}

static void
wish(ApClient *self,
     const char *method,
     GVariant *arguments,
     GCancellable *cancellable,
     GAsyncReadyCallback callback,
     gpointer user_data)
{
    GTask *task = wish_task_new(self, cancellable, callback, user_data);

    call_helper(self, method, arguments, "()", AP_REMOTE_MAY_PROMPT, cancellable, on_wish, task);
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
    g_task_set_task_data(task, g_rc_box_acquire(self->hold), ap_client_hold_unref);
    ap_remote_call_async(self->connection, &call, cancellable, on_wish, task);
}

/** Takes note that the helper that we held is gone. */
void
ap_client_lose_hold(ApClient *self)
{
    self->hold->held = FALSE;
}

/** Takes the hold again, if there was one, from the helper that is there now. Nobody is asked. */
void
ap_client_renew_hold(ApClient *self)
{
    if (self->hold->wanted && !self->hold->held && self->hold->n_calls == 0)
        activate(self, self->owner, AP_REMOTE_PLAIN, NULL, NULL, NULL);
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
    GVariant *arguments = g_variant_new("(sa{sv})", peer, NULL);

    call_helper(self,
                "Explain",
                arguments,
                "(aa{sv})",
                AP_REMOTE_PLAIN,
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

/** Asks for everything that those need who are to find out what went wrong. */
void
ap_client_diagnose_async(ApClient *self,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    GVariant *arguments = g_variant_new("(a{sv})", NULL);

    call_helper(self,
                "Diagnose",
                arguments,
                "(h)",
                AP_REMOTE_PLAIN,
                cancellable,
                callback,
                user_data);
}

/**
 * @error: as ap_remote_call_finish() and ap_client_bundle_read()
 *
 * Returns: (transfer full): UTF-8 in the form that the interface's XML describes
 */
char *
ap_client_diagnose_finish(GAsyncResult *result, GError **error)
{
    g_autoptr(GUnixFDList) files = NULL;
    g_autoptr(GVariant) reply = ap_remote_call_finish_with_files(result, &files, error);

    return reply != NULL ? ap_client_bundle_read(reply, files, error) : NULL;
}
