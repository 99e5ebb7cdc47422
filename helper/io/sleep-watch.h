/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Hears from logind that the machine is about to sleep, and holds it back for as long as it takes
 * to tell the peers.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ApSleepWatch ApSleepWatch;

/**
 * Called from the main loop.
 *
 * @asleep: TRUE: the machine sleeps as soon as ap_sleep_watch_release() is called, or after the
 *     5 s that logind grants (InhibitDelayMaxSec=); FALSE: it is awake again
 */
typedef void (*ApSleepWatchFunc)(gboolean asleep, gpointer user_data);

ApSleepWatch *ap_sleep_watch_new(ApSleepWatchFunc changed, gpointer user_data);
void ap_sleep_watch_release(ApSleepWatch *self);
void ap_sleep_watch_free(ApSleepWatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSleepWatch, ap_sleep_watch_free)

G_END_DECLS
