/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The looks at the device: how old the last one is, and when the next one should begin. Pure.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/** How old a look may be that a request is judged by (decision 26). */
#define AP_LOOKS_FRESH_USEC (100 * AP_USEC_PER_MSEC)

/**
 * How often the device is looked at while polls are held, to tell their clients of neighbours
 * that moved or were removed. Design rule.
 */
#define AP_LOOKS_PERIOD_USEC (5 * AP_USEC_PER_SEC)

/**
 * How long a look at the device may take before those who wait for it are told that it cannot be
 * read. Design rule: the time that our clients give an exchange (AP_EXCHANGE_LIMIT_SEC).
 */
#define AP_LOOKS_LIMIT_USEC (5 * AP_USEC_PER_SEC)

/**
 * What is known of them. All zero is the start: nobody has looked.
 *
 * @is_good: the last one was complete
 */
typedef struct {
    gboolean is_under_way;
    gboolean is_good;
    gint64 begun_boot_usec; /* when the latest began, be it under way or over */
    gint64 last_boot_usec;  /* when the last that is over began */
    gint64 last_usec;       /* how long the last complete one took */
    guint64 n_all;          /* since the start, as what follows */
    guint64 n_failed;
    guint64 n_usec; /* of the complete ones */
} ApLooks;

void ap_looks_begin(ApLooks *self, ApInstant now);
void ap_looks_end(ApLooks *self, ApInstant now);
void ap_looks_fail(ApLooks *self);

gboolean ap_looks_are_fresh(const ApLooks *self, ApInstant now) G_GNUC_PURE;
gboolean ap_looks_are_ageing(const ApLooks *self, ApInstant now) G_GNUC_PURE;
gint64 ap_looks_next(const ApLooks *self) G_GNUC_PURE;
gint64 ap_looks_overdue(const ApLooks *self) G_GNUC_PURE;

G_END_DECLS
