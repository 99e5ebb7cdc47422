/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * When to look again at tunnels that are not complete yet.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

/** The state of waiting; all zero is a start. Private to settle.c. */
typedef struct {
    guint step;
    gint64 event_boot_usec; /* the last network event */
} ApSettle;

void ap_settle_begin(ApSettle *self, ApInstant now);
gint64 ap_settle_next(ApSettle *self, const ApWorld *world, const ApPlan *plan, ApInstant now);

G_END_DECLS
