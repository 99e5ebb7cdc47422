/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/app.h"

#include "common/clock.h"
#include "tray/app-private.h"

#include <glib-unix.h>
#include <glib/gi18n.h>

/** Notifications have one name, so that each takes the place of the one before. */
#define NOTIFICATION_ID "status"

static ApTrayFacts
collect_facts(ApApp *self)
{
    ApTrayFacts facts = {
        .client = self->bus_error != NULL ? AP_CLIENT_FAILED : AP_CLIENT_LOOKING,
        .error = self->bus_error,
        .resync = &self->resync,
        .complaint = self->complaint,
        .notifications = self->settings.notifications,
    };

    if (self->client != NULL) {
        facts.client = ap_client_get_state(self->client);
        facts.view = ap_client_get_view(self->client);
        facts.error = ap_client_get_error(self->client);
    }
    return facts;
}

/* With the coloured icon: nobody recolours symbolic ones for the background of a notification. */
static void
tell(ApApp *self, const ApNotice *notice)
{
    g_autoptr(GNotification) notification = g_notification_new(notice->title);
    g_autoptr(GIcon) image = g_themed_icon_new("org.wgautopeer.Tray");

    g_notification_set_body(notification, notice->body);
    g_notification_set_icon(notification, image);
    g_notification_set_default_action(notification, "app.show");
    g_application_send_notification(G_APPLICATION(self->application),
                                    NOTIFICATION_ID,
                                    notification);
}

static void
show_facts(ApApp *self, const ApTrayFacts *facts)
{
    g_autoptr(ApMenuModel) model = ap_menu_model_new(facts);
    g_autoptr(GArray) slots = ap_menu_model_diff(self->model, model);

    ap_gtk_menu_update(self->menu, model, slots);
    ap_indicator_update(self->indicator,
                        ap_words_icon(facts),
                        model->items[AP_MENU_HEADLINE].label);
    if (self->window != NULL && ap_window_is_open(self->window))
        ap_window_update(self->window, facts, model, slots);
    g_clear_pointer(&self->model, ap_menu_model_free);
    self->model = g_steal_pointer(&model);
}

static gboolean
on_timer(gpointer user_data)
{
    ApApp *self = user_data;

    self->timer = 0;
    ap_app_update(self);
    return G_SOURCE_REMOVE;
}

static void
arm(ApApp *self, gint64 wake_boot_usec, ApInstant now)
{
    const gint64 left_usec = MAX(wake_boot_usec - now.boot_usec, 0);

    g_clear_handle_id(&self->timer, g_source_remove);
    if (wake_boot_usec != AP_NEVER)
        self->timer = g_timeout_add((guint) (left_usec / AP_USEC_PER_MSEC + 1), on_timer, self);
}

/** Brings everything that is shown up to date, tells what is news, and arms the one timer. */
void
ap_app_update(ApApp *self)
{
    const ApInstant now = ap_clock_now();
    ApTrayFacts facts = collect_facts(self);
    g_autoptr(ApNotice) notice = NULL;
    ApClientView *view = self->client != NULL ? ap_client_get_view(self->client) : NULL;
    const gint64 resync_at = ap_resync_look(&self->resync, view, now);
    const gint64 notice_at = ap_notices_look(&self->notices, facts.client, view, now, &notice);

    show_facts(self, &facts);
    if (notice != NULL && self->settings.notifications)
        tell(self, notice);
    arm(self, MIN(resync_at, notice_at), now);
}

static void
on_client_changed(ApClient *client, gpointer user_data)
{
    ApApp *self = user_data;
    const gboolean ready = ap_client_get_state(client) == AP_CLIENT_READY;

    /* What an earlier helper refused, or the lack of one, is over. */
    if (ready && !self->was_ready)
        g_clear_pointer(&self->complaint, g_free);
    self->was_ready = ready;
    ap_app_update(self);
}

static void
on_system_bus(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApApp *self = user_data;
    g_autoptr(GDBusConnection) connection = NULL;

    (void) source;
    g_clear_error(&self->bus_error);
    connection = g_bus_get_finish(result, &self->bus_error);
    if (connection == NULL) {
        g_warning("could not reach the system bus: %s", self->bus_error->message);
    } else {
        g_dbus_connection_set_exit_on_close(connection, FALSE);
        self->client = ap_client_new(connection, on_client_changed, self);
        ap_app_activate(self);
    }
    ap_app_update(self);
}

/** Looks for the helper, and has it started. */
void
ap_app_connect(ApApp *self)
{
    g_bus_get(G_BUS_TYPE_SYSTEM, NULL, on_system_bus, self);
}

/** Writes the settings; a person who cannot write their own files hears of it in the log. */
void
ap_app_save_settings(ApApp *self)
{
    g_autoptr(GError) error = NULL;

    if (!ap_settings_save(&self->settings, &error))
        g_warning("could not save the settings: %s", error->message);
}

/**
 * Shows the status window.
 *
 * @public_key: of the peer to select; empty: none in particular
 */
void
ap_app_open_window(ApApp *self, const char *public_key)
{
    static const ApWindowOps ops = {ap_app_pick, ap_app_copy};
    const ApTrayFacts facts = collect_facts(self);
    g_autoptr(GArray) slots = ap_menu_model_diff(NULL, self->model);

    if (self->window == NULL)
        self->window = ap_window_new(self->application, &ops, self);
    ap_window_update(self->window, &facts, self->model, slots);
    ap_window_present(self->window, public_key);
}

/** Shows the status window, because the person started us again or clicked a notification. */
void
ap_app_show_window(ApApp *self)
{
    ap_app_open_window(self, "");
}

static void
do_without_icon(ApApp *self)
{
    if (self->quiet && self->settings.told_no_icon)
        return;

    ap_app_open_window(self, "");
    if (self->settings.told_no_icon)
        return;

    ap_window_say(self->window,
                  _("There is no icon, because this desktop has no place for one: it has neither a "
                    "StatusNotifier host nor a system tray. On GNOME the extension AppIndicator "
                    "adds it. This window does the same as the icon's menu."));
    self->settings.told_no_icon = TRUE;
    ap_app_save_settings(self);
}

/* A panel that goes away later comes back, or the session ends: neither asks for a window. */
static void
on_panel_changed(gpointer user_data)
{
    ApApp *self = user_data;
    const ApPanelState state = ap_panel_get_state(self->panel);

    if (self->panel_was_awaited || state == AP_PANEL_LOOKING)
        return;

    self->panel_was_awaited = TRUE;
    if (state == AP_PANEL_MISSING)
        do_without_icon(self);
}

static gboolean
on_signal(gpointer user_data)
{
    ApApp *self = user_data;

    g_application_quit(G_APPLICATION(self->application));
    return G_SOURCE_CONTINUE;
}

/**
 * Makes a tray that shows nothing yet.
 *
 * @application: must outlive it
 *
 * Returns: (transfer full)
 */
ApApp *
ap_app_new(GtkApplication *application)
{
    ApApp *self = g_new0(ApApp, 1);

    self->application = application;
    return self;
}

/**
 * Puts the icon into the panel and looks for the helper. GTK must be ready.
 *
 * @quiet: a person who knows already that there is no place for an icon is left in peace
 */
void
ap_app_start(ApApp *self, gboolean quiet)
{
    GDBusConnection *session = g_application_get_dbus_connection(G_APPLICATION(self->application));

    self->quiet = quiet;
    ap_settings_load(&self->settings);
    self->menu = ap_gtk_menu_new(AP_MENU_HEADLINE, ap_app_pick, self);
    self->indicator = ap_indicator_new(ap_gtk_menu_get_widget(self->menu));
    self->panel = ap_panel_new(session, on_panel_changed, self);
    self->on_term = g_unix_signal_add(SIGTERM, on_signal, self);
    self->on_int = g_unix_signal_add(SIGINT, on_signal, self);
    g_application_hold(G_APPLICATION(self->application));
    ap_app_update(self);
    ap_app_connect(self);
}

/** Gives the helper back and takes everything away. */
void
ap_app_free(ApApp *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->timer, g_source_remove);
    g_clear_handle_id(&self->on_term, g_source_remove);
    g_clear_handle_id(&self->on_int, g_source_remove);
    g_clear_pointer(&self->client, ap_client_free);
    g_clear_pointer(&self->panel, ap_panel_free);
    g_clear_pointer(&self->window, ap_window_free);
    g_clear_pointer(&self->indicator, ap_indicator_free);
    g_clear_pointer(&self->menu, ap_gtk_menu_free);
    g_clear_pointer(&self->model, ap_menu_model_free);
    g_clear_pointer(&self->complaint, g_free);
    g_clear_error(&self->bus_error);
    ap_resync_clear(&self->resync);
    ap_notices_clear(&self->notices);
    g_free(self);
}
