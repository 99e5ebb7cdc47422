/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/session.h"

#include "common/error.h"

#include <glib-unix.h>
#include <glib/gi18n.h>

struct _ApSession {
    GDBusConnection *connection; /* (owned) */
    gulong on_closed;
    GMainLoop *loop;       /* (owned) */
    ApClient *client;      /* (owned) */
    GAsyncResult *result;  /* (owned) (nullable) of the call waited for */
    ApSessionFunc changed; /* (nullable) while following */
    gpointer user_data;
};

static void
on_client_changed(ApClient *client, gpointer user_data)
{
    ApSession *self = user_data;

    (void) client;
    if (self->changed != NULL)
        self->changed(self->user_data);
    else
        g_main_loop_quit(self->loop);
}

static void
on_bus_closed(GDBusConnection *connection,
              gboolean remote_peer_vanished,
              GError *error,
              gpointer user_data)
{
    ApSession *self = user_data;

    (void) connection;
    (void) remote_peer_vanished;
    (void) error;
    g_main_loop_quit(self->loop);
}

/**
 * Connects to the system bus and looks for the helper until it is known whether it is there.
 *
 * @error: AP_ERROR_TIMED_OUT when there is no bus; that there is no helper is told by
 *     ap_session_check()
 *
 * Returns: (transfer full)
 */
ApSession *
ap_session_open(GError **error)
{
    g_autoptr(GError) bus_error = NULL;
    g_autoptr(GDBusConnection) connection = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &bus_error);
    ApSession *self;

    if (connection == NULL) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_TIMED_OUT,
                    _("could not reach the system bus: %s"),
                    bus_error->message);
        return NULL;
    }

    g_dbus_connection_set_exit_on_close(connection, FALSE);
    self = g_new0(ApSession, 1);
    self->loop = g_main_loop_new(NULL, FALSE);
    self->on_closed = g_signal_connect(connection, "closed", G_CALLBACK(on_bus_closed), self);
    self->client = ap_client_new(connection, on_client_changed, self);
    self->connection = g_steal_pointer(&connection);
    g_main_loop_run(self->loop);
    return self;
}

/** Returns: (transfer none) */
ApClient *
ap_session_get_client(ApSession *self)
{
    return self->client;
}

/**
 * Tells whether the helper is there and answers.
 *
 * @needs_view: whether it must let us see its view; it may allow other things to those whom it does
 *     not let see
 * @error: AP_ERROR_TIMED_OUT when it is not running; else what the client has
 */
gboolean
ap_session_check(ApSession *self, gboolean needs_view, GError **error)
{
    switch (ap_client_get_state(self->client)) {
    case AP_CLIENT_READY:
        return TRUE;
    case AP_CLIENT_FAILED:
        if (!needs_view
            && g_error_matches(ap_client_get_error(self->client), AP_ERROR, AP_ERROR_DENIED))
            return TRUE;
        g_propagate_error(error, g_error_copy(ap_client_get_error(self->client)));
        return FALSE;
    case AP_CLIENT_LOOKING:
    case AP_CLIENT_ABSENT:
        break;
    }

    g_set_error_literal(error,
                        AP_ERROR,
                        AP_ERROR_TIMED_OUT,
                        _("the helper is not running: start the tray, or: systemctl enable --now "
                          "wg-autopeer"));
    return FALSE;
}

static gboolean
on_signal(gpointer user_data)
{
    ApSession *self = user_data;

    ap_session_stop(self);
    return G_SOURCE_CONTINUE;
}

/**
 * Calls @changed now and after each change, until ap_session_stop(), SIGINT or SIGTERM.
 *
 * @error: AP_ERROR_TIMED_OUT when the bus went away
 *
 * Returns: TRUE when somebody wanted it to end
 */
gboolean
ap_session_follow(ApSession *self, ApSessionFunc changed, gpointer user_data, GError **error)
{
    guint on_int = g_unix_signal_add(SIGINT, on_signal, self);
    guint on_term = g_unix_signal_add(SIGTERM, on_signal, self);

    self->changed = changed;
    self->user_data = user_data;
    changed(user_data);
    if (self->changed != NULL)
        g_main_loop_run(self->loop);

    self->changed = NULL;
    g_source_remove(on_int);
    g_source_remove(on_term);
    if (!g_dbus_connection_is_closed(self->connection))
        return TRUE;

    g_set_error_literal(error, AP_ERROR, AP_ERROR_TIMED_OUT, _("the system bus went away"));
    return FALSE;
}

/** Ends ap_session_follow(). */
void
ap_session_stop(ApSession *self)
{
    self->changed = NULL;
    g_main_loop_quit(self->loop);
}

/** The callback to give to a call of the client; @user_data is the session. */
void
ap_session_on_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApSession *self = user_data;

    (void) source;
    g_set_object(&self->result, result);
    g_main_loop_quit(self->loop);
}

/**
 * Waits for the call that was given ap_session_on_result().
 *
 * Returns: (transfer full): for the call's _finish
 */
GAsyncResult *
ap_session_wait_result(ApSession *self)
{
    while (self->result == NULL)
        g_main_loop_run(self->loop);

    return g_steal_pointer(&self->result);
}

void
ap_session_free(ApSession *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->client, ap_client_free);
    g_clear_signal_handler(&self->on_closed, self->connection);
    g_clear_object(&self->result);
    g_clear_pointer(&self->loop, g_main_loop_unref);
    g_clear_object(&self->connection);
    g_free(self);
}

/** Returns: what a program that met @error ends with */
ApExit
ap_session_exit_code(const GError *error)
{
    if (g_error_matches(error, AP_ERROR, AP_ERROR_DENIED))
        return AP_EXIT_DENIED;
    if (g_error_matches(error, AP_ERROR, AP_ERROR_TIMED_OUT))
        return AP_EXIT_UNREACHABLE;

    return AP_EXIT_FAILED;
}
