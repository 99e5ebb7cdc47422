/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the two files of the running tray share.
 */

#pragma once

#include "tray/app.h"
#include "tray/gtk-menu.h"
#include "tray/indicator.h"
#include "tray/notices.h"
#include "tray/panel.h"
#include "tray/settings.h"
#include "tray/window.h"

G_BEGIN_DECLS

struct _ApApp {
    GtkApplication *application; /* (not owned) runs us */
    ApSettings settings;
    gboolean quiet; /* started by the session, not by the person */

    /* what is known */
    ApClient *client;  /* (owned) (nullable) NULL: there is no system bus (yet) */
    GError *bus_error; /* (owned) (nullable) why not */
    gboolean was_ready;
    ApResync resync;
    ApNotices notices;
    char *complaint; /* (owned) (nullable) */

    /* what shows it */
    ApMenuModel *model; /* (owned) (nullable) what is shown */
    ApGtkMenu *menu;
    ApIndicator *indicator;
    ApPanel *panel;
    gboolean panel_was_awaited;
    ApWindow *window; /* (owned) (nullable) */

    guint timer; /* 0: nothing is awaited */
    guint on_term, on_int;
};

void ap_app_update(ApApp *self);
void ap_app_open_window(ApApp *self, const char *public_key);
void ap_app_connect(ApApp *self);
void ap_app_save_settings(ApApp *self);

void ap_app_activate(ApApp *self);
void ap_app_pick(ApMenuSlot slot, gpointer self);
void ap_app_copy(const char *text, gpointer self);

G_END_DECLS
