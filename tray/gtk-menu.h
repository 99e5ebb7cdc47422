/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The menu in GTK: one widget for each slot of the model, changed where it is.
 */

#pragma once

#include "tray/menu-model.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ApGtkMenu ApGtkMenu;

/** Called when the person picked @slot. */
typedef void (*ApMenuFunc)(ApMenuSlot slot, gpointer user_data);

ApGtkMenu *ap_gtk_menu_new(ApMenuSlot first, ApMenuFunc picked, gpointer user_data);
GtkMenu *ap_gtk_menu_get_widget(ApGtkMenu *self);
void ap_gtk_menu_update(ApGtkMenu *self, const ApMenuModel *model, const GArray *slots);
void ap_gtk_menu_free(ApGtkMenu *self);

G_END_DECLS
