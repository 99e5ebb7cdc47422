/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The last lines of a log, in bounded memory: what a report of a fault begins with. Pure.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/**
 * Most bytes that are kept: 200 lines of the usual length, which is a day of a quiet machine and
 * some minutes of one in trouble. Raising it costs each helper as much memory.
 */
#define AP_LOG_RING_BYTES (32 * 1024)

/** Longest line, in bytes with its time and its end: an error with a path and an address in it. */
#define AP_LOG_RING_LINE 512

typedef struct _ApLogRing ApLogRing;

ApLogRing *ap_log_ring_new(void);
void ap_log_ring_add(ApLogRing *self, const char *priority, const char *text, gint64 real_usec);
char *ap_log_ring_write(const ApLogRing *self);
void ap_log_ring_free(ApLogRing *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApLogRing, ap_log_ring_free)

G_END_DECLS
