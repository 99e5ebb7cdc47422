/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Turns the outcome of a turn into the picture that people see, and into log lines.
 */

#pragma once

#include "helper/core/view.h"
#include "helper/engine/metrics.h"

G_BEGIN_DECLS

/** Tells how the coordination of one tunnel goes. */
typedef ApServerNews (*ApServerNewsFunc)(guint32 ifindex, gpointer user_data);

ApView *ap_publish_view(const ApWorld *world,
                        const ApPlan *plan,
                        const ApPolicy *policy,
                        ApServerNewsFunc news,
                        gpointer user_data,
                        ApInstant now);
void ap_publish_notices(const ApView *before, const ApView *after);
void ap_publish_log(const ApView *before, const ApView *after, ApMetrics *metrics);
void ap_publish_refusals(const GArray *before, const GArray *after, ApMetrics *metrics);

G_END_DECLS
