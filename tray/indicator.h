/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The icon in the panel. Where it goes (StatusNotifier or XEmbed) and its coming back with a new
 * panel are the library's concern.
 */

#pragma once

#include "tray/words.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ApIndicator ApIndicator;

ApIndicator *ap_indicator_new(GtkMenu *menu);
void ap_indicator_update(ApIndicator *self, ApIcon icon, const char *description);
void ap_indicator_free(ApIndicator *self);

G_END_DECLS
