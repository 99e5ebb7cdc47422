/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Shows the service manager that the main loop turns, while there is something to lose by it.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ApWatchdog ApWatchdog;

ApWatchdog *ap_watchdog_new(void);
void ap_watchdog_set_on(ApWatchdog *self, gboolean on);
void ap_watchdog_free(ApWatchdog *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApWatchdog, ap_watchdog_free)

G_END_DECLS
