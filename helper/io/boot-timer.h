/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One timer on the boot clock for the main loop: unlike GLib's own it goes on during suspend.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

typedef struct _ApBootTimer ApBootTimer;

typedef void (*ApBootTimerFunc)(gpointer user_data);

ApBootTimer *ap_boot_timer_new(ApBootTimerFunc fired, gpointer user_data, GError **error);
void ap_boot_timer_arm(ApBootTimer *self, gint64 at_boot_usec);
void ap_boot_timer_free(ApBootTimer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApBootTimer, ap_boot_timer_free)

G_END_DECLS
