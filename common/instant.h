/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Points in time, always passed in, never fetched by the code that decides.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Microseconds in one second. */
#define AP_USEC_PER_SEC G_GINT64_CONSTANT(1000000)

/** Microseconds in one millisecond. */
#define AP_USEC_PER_MSEC G_GINT64_CONSTANT(1000)

/** A deadline that never arrives. */
#define AP_NEVER G_MAXINT64

/**
 * One reading of both clocks, taken together.
 *
 * @boot_usec: microseconds since boot, suspend included (CLOCK_BOOTTIME); for every
 *     duration and deadline
 * @real_usec: microseconds since 1970 (CLOCK_REALTIME); only to show a time to a person, and
 *     to date what the kernel reports in wall-clock time
 */
typedef struct {
    gint64 boot_usec;
    gint64 real_usec;
} ApInstant;

G_END_DECLS
