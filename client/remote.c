/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/remote.h"

#include "common/error.h"
#include "common/names.h"

/* Its address marks our tasks. */
static char remote_tag;

/** What an error of the bus means here. */
static const struct {
    const char *name;
    ApError code;
} errors[] = {
    {"org.freedesktop.DBus.Error.AccessDenied", AP_ERROR_DENIED},
    {"org.freedesktop.DBus.Error.AuthFailed", AP_ERROR_DENIED},
    {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", AP_ERROR_DENIED},
    {"org.freedesktop.DBus.Error.InvalidArgs", AP_ERROR_INVALID},
    {"org.freedesktop.DBus.Error.LimitsExceeded", AP_ERROR_LIMIT},
    {"org.freedesktop.DBus.Error.NameHasNoOwner", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.NoReply", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.ServiceUnknown", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.Spawn.ChildExited", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.Spawn.ExecFailed", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.Spawn.Failed", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.Timeout", AP_ERROR_TIMED_OUT},
    {"org.freedesktop.DBus.Error.TimedOut", AP_ERROR_TIMED_OUT},
    {AP_BUS_ERROR_AMBIGUOUS, AP_ERROR_INVALID},
    {AP_BUS_ERROR_NOT_FOUND, AP_ERROR_GONE},
};

static ApError
error_code(const GError *bus_error)
{
    g_autofree char *name = g_dbus_error_get_remote_error(bus_error);

    if (g_error_matches(bus_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
        || g_error_matches(bus_error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return AP_ERROR_TIMED_OUT;

    for (gsize i = 0; name != NULL && i < G_N_ELEMENTS(errors); i++) {
        if (g_str_equal(errors[i].name, name))
            return errors[i].code;
    }

    return AP_ERROR_FAILED;
}

static void
on_reply(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) bus_error = NULL;
    GUnixFDList *files = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source),
                                                        &files,
                                                        result,
                                                        &bus_error);

    if (files != NULL)
        g_task_set_task_data(task, files, g_object_unref);
    if (reply != NULL) {
        g_task_return_pointer(task, g_steal_pointer(&reply), (GDestroyNotify) g_variant_unref);
        return;
    }

    if (g_error_matches(bus_error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, g_steal_pointer(&bus_error));
        return;
    }

    ApError code = error_code(bus_error);

    (void) g_dbus_error_strip_remote_error(bus_error);
    g_task_return_new_error(task, AP_ERROR, code, "%s", bus_error->message);
}

static GDBusCallFlags
bus_flags(ApRemoteFlags flags)
{
    GDBusCallFlags result = G_DBUS_CALL_FLAGS_NONE;

    if (!(flags & AP_REMOTE_MAY_START))
        result |= G_DBUS_CALL_FLAGS_NO_AUTO_START;
    if (flags & AP_REMOTE_MAY_PROMPT)
        result |= G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION;
    return result;
}

/**
 * Calls one method of the helper's object.
 *
 * Without a destination the call fails as it does when nobody has the name; the helper is started
 * for nothing but AP_REMOTE_MAY_START.
 */
void
ap_remote_call_async(GDBusConnection *connection,
                     const ApRemoteCall *call,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GVariant) sunk = g_variant_ref_sink(call->arguments);
    g_autoptr(GTask) task = g_task_new(connection, cancellable, callback, user_data);

    g_task_set_source_tag(task, &remote_tag);
    if (call->destination == NULL) {
        g_task_return_new_error(task, AP_ERROR, AP_ERROR_TIMED_OUT, "the helper is not running");
        return;
    }

    g_dbus_connection_call_with_unix_fd_list(
        connection,
        call->destination,
        AP_BUS_PATH,
        call->interface,
        call->method,
        sunk,
        G_VARIANT_TYPE(call->reply_type),
        bus_flags(call->flags),
        call->flags & AP_REMOTE_MAY_PROMPT ? AP_REMOTE_PROMPT_MSEC : AP_REMOTE_TIMEOUT_MSEC,
        NULL,
        cancellable,
        on_reply,
        g_steal_pointer(&task));
}

/**
 * @error: AP_ERROR_DENIED when the caller is not allowed to, AP_ERROR_INVALID when the helper
 *     refuses an argument, AP_ERROR_GONE when it knows nothing that fits, AP_ERROR_LIMIT after too
 *     many calls, AP_ERROR_TIMED_OUT when it is not there or does not answer, AP_ERROR_FAILED
 *     otherwise; G_IO_ERROR_CANCELLED
 *
 * Returns: (transfer full): a tuple of the type that was asked for
 */
GVariant *
ap_remote_call_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, &remote_tag), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/**
 * The same for an answer that has open files with it.
 *
 * @files: (out) (transfer full) (nullable): what the handles in the answer stand for; NULL: none
 * @error: as ap_remote_call_finish()
 */
GVariant *
ap_remote_call_finish_with_files(GAsyncResult *result, GUnixFDList **files, GError **error)
{
    GVariant *reply = ap_remote_call_finish(result, error);
    GUnixFDList *found = reply != NULL ? g_task_get_task_data(G_TASK(result)) : NULL;

    if (reply != NULL)
        *files = found != NULL ? g_object_ref(found) : NULL;
    return reply;
}
