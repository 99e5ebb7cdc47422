/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The status window: all peers, and everything that the menu can do, for desktops without a tray
 * and for people with many peers.
 */

#pragma once

#include "tray/menu-model.h"
#include "tray/words.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ApWindow ApWindow;

typedef struct {
    void (*picked)(ApMenuSlot slot, gpointer user_data);
    void (*copy)(const char *text, gpointer user_data);
} ApWindowOps;

ApWindow *ap_window_new(GtkApplication *application, const ApWindowOps *ops, gpointer user_data);
gboolean ap_window_is_open(ApWindow *self);
void ap_window_update(ApWindow *self,
                      const ApTrayFacts *facts,
                      const ApMenuModel *model,
                      const GArray *slots);
void ap_window_say(ApWindow *self, const char *text);
void ap_window_present(ApWindow *self, const char *public_key);
void ap_window_free(ApWindow *self);

G_END_DECLS
