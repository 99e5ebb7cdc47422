/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The coordination of all tunnels: one asker each, and those that are saying good-bye.
 */

#pragma once

#include "helper/core/plan.h"
#include "helper/engine/asker.h"

G_BEGIN_DECLS

typedef struct _ApAskers ApAskers;

ApAskers *
ap_askers_new(const char *fetch_program, ApMetrics *metrics, ApAskerFunc ended, gpointer user_data);
void ap_askers_free(ApAskers *self);

GArray *ap_askers_list(ApAskers *self, guint64 network, ApInstant now);
gint64 ap_askers_update(ApAskers *self,
                        const ApWorld *world,
                        const ApPlan *plan,
                        const ApPolicy *policy,
                        guint64 network,
                        ApInstant now);
void ap_askers_resync(ApAskers *self, ApInstant now);
gboolean ap_askers_are_resyncing(const ApAskers *self);
void ap_askers_stop(ApAskers *self);
gboolean ap_askers_are_busy(const ApAskers *self);
ApServerNews ap_askers_get_news(guint32 ifindex, gpointer self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApAskers, ap_askers_free)

G_END_DECLS
