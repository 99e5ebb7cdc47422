/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/metrics.h"

static const char *
metric_name(ApMetric metric)
{
    switch (metric) {
    case AP_METRIC_TURNS:
        return "turns";
    case AP_METRIC_CHANGES:
        return "changes";
    case AP_METRIC_APPLY_FAILED:
        return "apply-failed";
    case AP_METRIC_REQUESTS:
        return "requests";
    case AP_METRIC_ANSWERS:
        return "answers";
    case AP_METRIC_PROMOTED:
        return "promoted";
    case AP_METRIC_DEMOTED:
        return "demoted";
    case AP_N_METRICS:
        break;
    }
    g_return_val_if_reached("unknown");
}

static int
compare_counters(gconstpointer a, gconstpointer b)
{
    const ApCounter *ca = a, *cb = b;

    return g_strcmp0(ca->name, cb->name);
}

static void
append(GArray *counters, const char *prefix, const char *name, guint64 value)
{
    g_autofree char *full = g_strconcat(prefix, name, NULL);
    const ApCounter counter = {.name = g_intern_string(full), .value = value};

    g_array_append_val(counters, counter);
}

static void
append_bfd(GArray *counters, const ApBfdStats *stats)
{
    append(counters, "bfd-", "sent", stats->n_sent);
    append(counters, "bfd-", "heard", stats->n_heard);
    if (stats->n_send_failed > 0)
        append(counters, "bfd-", "send-failed", stats->n_send_failed);
    if (stats->n_unknown > 0)
        append(counters, "bfd-", "unknown", stats->n_unknown);
    for (guint i = 0; i < AP_N_BFD_DROPS; i++) {
        if (stats->dropped[i] > 0)
            append(counters, "bfd-dropped-", ap_bfd_drop_name(i), stats->dropped[i]);
    }
    for (guint i = AP_BFD_REFUSAL_NONE + 1; i < AP_N_BFD_REFUSALS; i++) {
        if (stats->refused[i] > 0)
            append(counters, "bfd-refused-", ap_bfd_refusal_name(i), stats->refused[i]);
    }
}

static void
append_gossip(GArray *counters, const ApGossipStats *stats)
{
    append(counters, "gossip-", "sent", stats->n_sent);
    append(counters, "gossip-", "heard", stats->n_heard);
    if (stats->n_send_failed > 0)
        append(counters, "gossip-", "send-failed", stats->n_send_failed);
    for (guint i = AP_GOSSIP_REFUSAL_NONE + 1; i < AP_N_GOSSIP_REFUSALS; i++) {
        if (stats->refused[i] > 0)
            append(counters, "gossip-refused-", ap_gossip_refusal_name(i), stats->refused[i]);
    }
}

/**
 * Appends the counters in the order of their names; those that have a reason in them only when not
 * zero.
 *
 * @counters: (element-type ApCounter)
 */
void
ap_metrics_list(const ApMetrics *self, GArray *counters)
{
    for (guint i = 0; i < AP_N_METRICS; i++)
        append(counters, "", metric_name(i), self->values[i]);
    for (guint i = 0; i < AP_N_REASONS; i++) {
        if (self->refused[i] > 0)
            append(counters, "refused-", ap_reason_name(i), self->refused[i]);
    }
    for (guint i = 0; i < AP_N_DROPS; i++) {
        if (self->dropped[i] > 0)
            append(counters, "dropped-", ap_drop_name(i), self->dropped[i]);
    }
    append_bfd(counters, &self->bfd);
    append_gossip(counters, &self->gossip);
    g_array_sort(counters, compare_counters);
}
