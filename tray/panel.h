/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether anybody can show an icon: a StatusNotifier host on the session bus, or an XEmbed tray.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _ApPanel ApPanel;

typedef enum {
    AP_PANEL_LOOKING, /* a panel may still be on its way */
    AP_PANEL_THERE,
    AP_PANEL_MISSING,
} ApPanelState;

/** Called after the state changed, never from inside ap_panel_new(). */
typedef void (*ApPanelFunc)(gpointer user_data);

ApPanel *ap_panel_new(GDBusConnection *session, ApPanelFunc changed, gpointer user_data);
ApPanelState ap_panel_get_state(const ApPanel *self);
void ap_panel_free(ApPanel *self);

G_END_DECLS
