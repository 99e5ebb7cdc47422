/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether anything but our own words has gone through the tunnels since the last turn. While all
 * direct paths are quiet a glance at the interfaces' packets takes the place of a turn.
 */

#pragma once

#include "helper/core/plan.h"
#include "helper/io/passage.h"

G_BEGIN_DECLS

typedef struct _ApGlance ApGlance;

ApGlance *ap_glance_new(void);
void ap_glance_free(ApGlance *self);

void ap_glance_begin(ApGlance *self,
                     const ApPlan *plan,
                     gint64 turn_at_boot_usec,
                     const ApPassed *own,
                     ApInstant now);
gboolean ap_glance_look(ApGlance *self, const ApPassed *own, ApInstant now);
void ap_glance_settle(ApGlance *self, const ApPassed *own);
gint64 ap_glance_deadline(const ApGlance *self) G_GNUC_PURE;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGlance, ap_glance_free)

G_END_DECLS
