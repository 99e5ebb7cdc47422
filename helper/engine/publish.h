/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Turns the outcome of a turn into the picture that people see, and into log lines.
 */

#pragma once

#include "helper/core/view.h"
#include "helper/engine/metrics.h"

G_BEGIN_DECLS

/**
 * Who tells what a plan does not: it matters to people alone, and decides nothing.
 *
 * @news: how the coordination of one tunnel goes
 * @name: (transfer full) (nullable): what gossip calls a peer
 * @is_hub: whether gossip shows that we are the hub of a tunnel
 * @servers: (not owned): what @news is called with
 * @gossip: (not owned): what @name and @is_hub are called with
 */
typedef struct {
    ApServerNews (*news)(guint32 ifindex, gpointer servers);
    char *(*name)(guint32 ifindex, const ApKey *key, gpointer gossip);
    gboolean (*is_hub)(guint32 ifindex, gpointer gossip);
    gpointer servers;
    gpointer gossip;
} ApPublishSources;

ApView *ap_publish_view(const ApWorld *world,
                        const ApPlan *plan,
                        const ApPolicy *policy,
                        const ApPublishSources *sources,
                        ApInstant now);
void ap_publish_notices(const ApView *before, const ApView *after);
void ap_publish_log(const ApView *before, const ApView *after, ApMetrics *metrics);
void ap_publish_refusals(const GArray *before, const GArray *after, ApMetrics *metrics);

G_END_DECLS
