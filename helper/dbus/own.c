/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/service.h"

/** RequestName: do not wait for the name. Source: D-Bus Specification, "RequestName". */
#define DO_NOT_QUEUE 4

/** RequestName's answers that mean that the name is ours. Source: as above. */
#define PRIMARY_OWNER 1
#define ALREADY_OWNER 4

/* Their addresses mark our tasks. */
static char own_tag, disown_tag;

static gboolean
check_ownership(GVariant *reply, GError **error)
{
    guint32 answer;

    g_variant_get(reply, "(u)", &answer);
    if (answer == PRIMARY_OWNER || answer == ALREADY_OWNER)
        return TRUE;

    g_set_error_literal(error, AP_ERROR, AP_ERROR_BUSY, "another helper is already running");
    return FALSE;
}

static void
on_owned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) bus_error = NULL;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &bus_error);

    if (reply == NULL) {
        gboolean denied = g_error_matches(bus_error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);

        g_dbus_error_strip_remote_error(bus_error);
        error = g_error_new_literal(AP_ERROR,
                                    denied ? AP_ERROR_DENIED : AP_ERROR_FAILED,
                                    bus_error->message);
        g_task_return_error(task, error);
    } else if (!check_ownership(reply, &error)) {
        g_task_return_error(task, error);
    } else {
        g_task_return_boolean(task, TRUE);
    }
}

/**
 * Takes the name AP_BUS_NAME on @connection without waiting in a queue for it.
 *
 * The name is kept until ap_service_disown_async() or the connection closes; it is not given up to
 * anybody who asks.
 */
void
ap_service_own_async(GDBusConnection *connection,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    GTask *task = g_task_new(connection, cancellable, callback, user_data);

    g_task_set_source_tag(task, &own_tag);
    g_dbus_connection_call(connection,
                           "org.freedesktop.DBus",
                           "/org/freedesktop/DBus",
                           "org.freedesktop.DBus",
                           "RequestName",
                           g_variant_new("(su)", AP_BUS_NAME, DO_NOT_QUEUE),
                           G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE,
                           -1, /* the bus's usual time-out */
                           cancellable,
                           on_owned,
                           task);
}

/**
 * @error: AP_ERROR_BUSY when another helper has the name, AP_ERROR_DENIED when the bus policy
 *     keeps us from owning it, AP_ERROR_FAILED otherwise
 *
 * Returns: TRUE when the name is ours
 */
gboolean
ap_service_own_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, &own_tag), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
on_disowned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (reply != NULL)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

/**
 * Gives the name up, so that the bus starts another helper for whoever calls from now on. What was
 * sent to the name before has been delivered to us when this is done.
 */
void
ap_service_disown_async(GDBusConnection *connection,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    GTask *task = g_task_new(connection, cancellable, callback, user_data);

    g_task_set_source_tag(task, &disown_tag);
    g_dbus_connection_call(connection,
                           "org.freedesktop.DBus",
                           "/org/freedesktop/DBus",
                           "org.freedesktop.DBus",
                           "ReleaseName",
                           g_variant_new("(s)", AP_BUS_NAME),
                           G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE,
                           -1, /* the bus's usual time-out */
                           cancellable,
                           on_disowned,
                           task);
}

/**
 * @error: GIO's own
 *
 * Returns: TRUE when the bus took note
 */
gboolean
ap_service_disown_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, &disown_tag), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}
