/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The running tray: brings the mirror of the helper, what is decided about it, and what shows it
 * together. Logs.
 */

#pragma once

#include "tray/menu-model.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ApApp ApApp;

ApApp *ap_app_new(GtkApplication *application);
void ap_app_start(ApApp *self, gboolean quiet);
void ap_app_show_window(ApApp *self);
void ap_app_free(ApApp *self);

G_END_DECLS
