/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the tray does when the person picks something. */

#include "config.h"

#include "common/clock.h"
#include "tray/app-private.h"

#include <glib/gi18n.h>

/** What "For 1 hour" asks for, in seconds. */
#define HOUR_SEC 3600

static void
complain(ApApp *self, const GError *error)
{
    g_message("the helper refused: %s", error->message);
    g_free(self->complaint);
    self->complaint = ap_words_complaint(error);
    ap_app_update(self);
}

static void
on_wish(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    (void) source;
    if (!ap_client_wish_finish(result, &error))
        complain(user_data, error);
}

static void
on_resync(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApApp *self = user_data;
    g_autoptr(GError) error = NULL;

    (void) source;
    if (!ap_client_wish_finish(result, &error)) {
        ap_resync_refuse(&self->resync, error, ap_clock_now());
        ap_app_update(self);
    }
}

/** Asks the helper to be there for as long as we are; it is started if need be. */
void
ap_app_activate(ApApp *self)
{
    if (self->client == NULL) {
        ap_app_connect(self);
        return;
    }

    ap_client_activate_async(self->client, NULL, on_wish, self);
    if (ap_client_get_state(self->client) == AP_CLIENT_FAILED)
        ap_client_look_again(self->client);
}

static void
resync(ApApp *self)
{
    ap_resync_begin(&self->resync, ap_client_get_view(self->client), ap_clock_now());
    ap_client_resync_async(self->client, NULL, on_resync, self);
}

static void
toggle_enabled(ApApp *self)
{
    const ApClientView *view = ap_client_get_view(self->client);

    if (view != NULL)
        ap_client_set_enabled_async(self->client, !view->enabled, NULL, on_wish, self);
}

static void
pause_for(ApApp *self, const char *scope, guint64 seconds)
{
    ap_client_pause_async(self->client, scope, seconds, NULL, on_wish, self);
}

static void
toggle_notifications(ApApp *self)
{
    self->settings.notifications = !self->settings.notifications;
    ap_app_save_settings(self);
}

static void
show_about(ApApp *self)
{
    gtk_show_about_dialog(gtk_application_get_active_window(self->application),
                          "program-name",
                          "wg-autopeer",
                          "logo-icon-name",
                          "org.wgautopeer.Tray",
                          "version",
                          AP_VERSION,
                          "comments",
                          _("Lets WireGuard peers on the same network talk directly."),
                          "license-type",
                          GTK_LICENSE_GPL_3_0,
                          NULL);
}

/* A wish to the helper; it may have gone since the menu was opened. */
static void
pick_wish(ApApp *self, ApMenuSlot slot)
{
    if (self->client == NULL)
        return;

    switch ((int) slot) {
    case AP_MENU_ENABLED:
        toggle_enabled(self);
        return;
    case AP_MENU_RESYNC:
        resync(self);
        return;
    case AP_MENU_PAUSE_NETWORK:
        pause_for(self, "network", 0);
        return;
    case AP_MENU_PAUSE_HOUR:
        pause_for(self, "time", HOUR_SEC);
        return;
    case AP_MENU_PAUSE_UNTIL_RESUMED:
        pause_for(self, "resume", 0);
        return;
    case AP_MENU_RESUME:
        pause_for(self, "time", 0);
        return;
    }
}

/**
 * Does what @slot stands for.
 *
 * @user_data: the ApApp
 */
void
ap_app_pick(ApMenuSlot slot, gpointer user_data)
{
    ApApp *self = user_data;
    const char *argument = self->model->items[slot].argument;

    g_clear_pointer(&self->complaint, g_free);
    if (slot >= AP_MENU_COPY_FIRST && slot <= AP_MENU_COPY_LAST)
        ap_app_copy(argument, self);
    else if (slot <= AP_MENU_SHOW_ALL && slot != AP_MENU_START)
        ap_app_open_window(self, argument);
    else if (slot == AP_MENU_START)
        ap_app_activate(self);
    else if (slot == AP_MENU_NOTIFICATIONS)
        toggle_notifications(self);
    else if (slot == AP_MENU_ABOUT)
        show_about(self);
    else if (slot == AP_MENU_QUIT)
        g_application_quit(G_APPLICATION(self->application));
    else
        pick_wish(self, slot);
    ap_app_update(self);
}

/**
 * Puts @text where the person can paste it from, also after we have left.
 *
 * @user_data: not used
 */
void
ap_app_copy(const char *text, gpointer user_data)
{
    GtkClipboard *clipboard = gtk_clipboard_get(GDK_SELECTION_CLIPBOARD);

    (void) user_data;
    gtk_clipboard_set_text(clipboard, text, -1);
    gtk_clipboard_set_can_store(clipboard, NULL, 0);
}
