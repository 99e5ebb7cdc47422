/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/unit.h"

#include "common/names.h"

/** How long systemd may think, in milliseconds: it answers from memory, within a few of them. */
#define TIMEOUT_MSEC 2000

/* Its address marks our tasks. */
static char unit_tag;

/* "enabled" and "enabled-runtime"; an alias or a link alone starts nothing at boot. */
static void
on_state(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    const char *state;

    if (reply == NULL) {
        g_task_return_error(task, error);
        return;
    }

    g_variant_get(reply, "(&s)", &state);
    g_task_return_boolean(task, g_str_has_prefix(state, "enabled"));
}

/** Asks systemd about the unit AP_UNIT_NAME; starts nothing. */
void
ap_unit_is_enabled_async(GDBusConnection *connection,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    GTask *task = g_task_new(connection, cancellable, callback, user_data);

    g_task_set_source_tag(task, &unit_tag);
    g_dbus_connection_call(connection,
                           "org.freedesktop.systemd1",
                           "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager",
                           "GetUnitFileState",
                           g_variant_new("(s)", AP_UNIT_NAME),
                           G_VARIANT_TYPE("(s)"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           TIMEOUT_MSEC,
                           cancellable,
                           on_state,
                           task);
}

/**
 * @enabled: (out): FALSE also where there is no systemd, or no such unit
 *
 * Returns: FALSE when the call was cancelled; @enabled is left alone then
 */
gboolean
ap_unit_is_enabled_finish(GAsyncResult *result, gboolean *enabled)
{
    g_autoptr(GError) error = NULL;
    gboolean answer;

    g_return_val_if_fail(g_async_result_is_tagged(result, &unit_tag), FALSE);

    answer = g_task_propagate_boolean(G_TASK(result), &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return FALSE;

    *enabled = answer;
    return TRUE;
}
