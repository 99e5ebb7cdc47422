/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Numbers that only rise: what GetMetrics shows.
 */

#pragma once

#include "common/offer.h"
#include "helper/bfd/packet.h"
#include "helper/core/view.h"
#include "helper/gossip/refusal.h"
#include "helper/io/bfd-socket.h"

G_BEGIN_DECLS

typedef enum {
    AP_METRIC_TURNS,        /* decisions made */
    AP_METRIC_CHANGES,      /* edits that a device took */
    AP_METRIC_APPLY_FAILED, /* devices on which an edit failed */
    AP_METRIC_REQUESTS,     /* exchanges begun with a server */
    AP_METRIC_ANSWERS,      /* of those, ended with a usable answer */
    AP_METRIC_PROMOTED,     /* peers that went direct */
    AP_METRIC_DEMOTED,      /* peers that went back to the hub */
    AP_N_METRICS,
} ApMetric;

/** Packets of BFD. */
typedef struct {
    guint64 n_sent;
    guint64 n_send_failed;
    guint64 n_heard;
    guint64 n_unknown; /* from an address with which no session is wished */
    guint64 dropped[AP_N_BFD_DROPS];
    guint64 refused[AP_N_BFD_REFUSALS];
} ApBfdStats;

/** Datagrams of gossip. */
typedef struct {
    guint64 n_sent;
    guint64 n_send_failed;
    guint64 n_heard;
    guint64 refused[AP_N_GOSSIP_REFUSALS]; /* packets and facts */
} ApGossipStats;

typedef struct {
    guint64 values[AP_N_METRICS];
    guint64 refused[AP_N_REASONS]; /* by the guard */
    guint64 dropped[AP_N_DROPS];   /* entries of answers */
    ApBfdStats bfd;
    ApGossipStats gossip;
} ApMetrics;

void ap_metrics_list(const ApMetrics *self, GArray *counters);

G_END_DECLS
