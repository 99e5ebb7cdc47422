/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How often a log may say the same: whoever can make us log must not be able to fill a disk, or to
 * hide what matters. Pure.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/** How long messages of one kind are counted together: a minute (security F39), in microseconds. */
#define AP_LOG_WINDOW_USEC (60 * AP_USEC_PER_SEC)

/** Kinds that are told apart; all others are one more. We have about thirty. */
#define AP_LOG_MAX_KINDS 64

/** Bytes of a kind's name that count, and of the example that stands for what is left out. */
#define AP_LOG_KIND_LEN 64
#define AP_LOG_EXAMPLE_LEN 160

/** Messages of one kind in one window. Its strings are NUL-terminated. */
typedef struct {
    char kind[AP_LOG_KIND_LEN];
    char example[AP_LOG_EXAMPLE_LEN]; /* the first that was left out */
    gint64 began_boot_usec;
    guint n_passed;
    guint n_left_out;
} ApLogKind;

/** All zero at first. */
typedef struct {
    ApLogKind kinds[AP_LOG_MAX_KINDS + 1];
    guint n_kinds;
} ApLogLimit;

gboolean
ap_log_limit_pass(ApLogLimit *self, const char *kind, const char *text, guint max, ApInstant now);
gboolean ap_log_limit_take(ApLogLimit *self, ApInstant now, ApLogKind *out);

G_END_DECLS
