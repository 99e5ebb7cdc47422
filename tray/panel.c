/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/panel.h"

#include <gtk/gtk.h>
#ifdef GDK_WINDOWING_X11
#include <gdk/gdkx.h>
#endif

#define WATCHER_NAME "org.kde.StatusNotifierWatcher"
#define WATCHER_PATH "/StatusNotifierWatcher"

/**
 * How long a panel may take to come up after us, in milliseconds: all of a session starts at once.
 * Measured: xfce4-panel is there after 0.3 to 0.9 s on an idle machine.
 */
#define GRACE_MSEC 5000

struct _ApPanel {
    GDBusConnection *session; /* (owned) (nullable) */
    ApPanelFunc changed;
    gpointer user_data;
    ApPanelState state;
    guint name_watch;
    guint subscription;
    GCancellable *cancellable; /* (owned) */
    guint grace;               /* 0: it is over */
};

/* A tray of the older kind owns a selection of the screen. */
static gboolean
has_xembed_tray(void)
{
#ifdef GDK_WINDOWING_X11
    GdkDisplay *display = gdk_display_get_default();
    g_autofree char *name = NULL;

    if (!GDK_IS_X11_DISPLAY(display))
        return FALSE;

    name =
        g_strdup_printf("_NET_SYSTEM_TRAY_S%d",
                        gdk_x11_screen_get_screen_number(gdk_display_get_default_screen(display)));
    return XGetSelectionOwner(gdk_x11_display_get_xdisplay(display),
                              gdk_x11_get_xatom_by_name_for_display(display, name))
           != None;
#else
    return FALSE;
#endif
}

static void
set_state(ApPanel *self, ApPanelState state)
{
    if (self->state == state)
        return;

    self->state = state;
    self->changed(self->user_data);
}

static void
set_host(ApPanel *self, gboolean there)
{
    if (there || has_xembed_tray()) {
        g_clear_handle_id(&self->grace, g_source_remove);
        set_state(self, AP_PANEL_THERE);
    } else {
        set_state(self, self->grace != 0 ? AP_PANEL_LOOKING : AP_PANEL_MISSING);
    }
}

static gboolean
on_grace_over(gpointer user_data)
{
    ApPanel *self = user_data;

    self->grace = 0;
    if (self->state == AP_PANEL_LOOKING)
        set_host(self, FALSE);
    return G_SOURCE_REMOVE;
}

static void
on_host(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApPanel *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariant) value = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;

    if (reply != NULL)
        g_variant_get(reply, "(v)", &value);
    set_host(self,
             value != NULL && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN)
                 && g_variant_get_boolean(value));
}

static void
ask_for_host(ApPanel *self)
{
    g_dbus_connection_call(self->session,
                           WATCHER_NAME,
                           WATCHER_PATH,
                           "org.freedesktop.DBus.Properties",
                           "Get",
                           g_variant_new("(ss)", WATCHER_NAME, "IsStatusNotifierHostRegistered"),
                           G_VARIANT_TYPE("(v)"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START,
                           -1,
                           self->cancellable,
                           on_host,
                           self);
}

static void
on_host_signal(GDBusConnection *connection,
               const char *sender,
               const char *path,
               const char *interface,
               const char *signal,
               GVariant *arguments,
               gpointer user_data)
{
    (void) connection;
    (void) sender;
    (void) path;
    (void) interface;
    (void) arguments;
    if (g_str_has_prefix(signal, "StatusNotifierHost"))
        ask_for_host(user_data);
}

static void
on_watcher(GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
    (void) connection;
    (void) name;
    (void) owner;
    ask_for_host(user_data);
}

static void
on_no_watcher(GDBusConnection *connection, const char *name, gpointer user_data)
{
    (void) connection;
    (void) name;
    set_host(user_data, FALSE);
}

static void
watch(ApPanel *self)
{
    self->name_watch = g_bus_watch_name_on_connection(self->session,
                                                      WATCHER_NAME,
                                                      G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                      on_watcher,
                                                      on_no_watcher,
                                                      self,
                                                      NULL);
    self->subscription = g_dbus_connection_signal_subscribe(self->session,
                                                            WATCHER_NAME,
                                                            WATCHER_NAME,
                                                            NULL,
                                                            WATCHER_PATH,
                                                            NULL,
                                                            G_DBUS_SIGNAL_FLAGS_NONE,
                                                            on_host_signal,
                                                            self,
                                                            NULL);
}

/**
 * Begins to look for a panel.
 *
 * @session: (nullable): the session bus; NULL: there is none
 * @changed: called with @user_data from the main loop; it must not free the panel
 *
 * Returns: (transfer full): in the state AP_PANEL_LOOKING
 */
ApPanel *
ap_panel_new(GDBusConnection *session, ApPanelFunc changed, gpointer user_data)
{
    ApPanel *self = g_new0(ApPanel, 1);

    self->changed = changed;
    self->user_data = user_data;
    self->cancellable = g_cancellable_new();
    self->grace = g_timeout_add(GRACE_MSEC, on_grace_over, self);
    if (session != NULL) {
        self->session = g_object_ref(session);
        watch(self);
    }
    return self;
}

/** Returns: whether an icon can be seen */
ApPanelState
ap_panel_get_state(const ApPanel *self)
{
    return self->state;
}

void
ap_panel_free(ApPanel *self)
{
    if (self == NULL)
        return;

    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    g_clear_handle_id(&self->grace, g_source_remove);
    g_clear_handle_id(&self->name_watch, g_bus_unwatch_name);
    if (self->subscription != 0)
        g_dbus_connection_signal_unsubscribe(self->session, self->subscription);
    g_clear_object(&self->session);
    g_free(self);
}
