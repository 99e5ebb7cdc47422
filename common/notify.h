/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a service manager is told: sd_notify(3), without its library.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void ap_notify(const char *state);
guint ap_notify_watchdog_msec(void);

G_END_DECLS
