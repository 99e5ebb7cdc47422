/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What people see: a complete, immutable picture after one turn.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

typedef struct {
    ApDeviceId id;
    ApKey public_key;
    gboolean managed;
    ApReason reason;
    ApEndpoint server;    /* family 0: none */
    char last_error[160]; /* of the last round with the server; empty: it went well */
    guint n_direct;
} ApTunnelView;

typedef struct {
    char tunnel[IF_NAMESIZE];
    ApVerdict verdict;
    gint64 since_real_usec;
    gint64 next_real_usec;      /* 0: on an event only */
    gint64 handshake_real_usec; /* 0: never */
    gint64 rtt_usec;            /* 0: not known */
    guint64 rx_bytes;
    guint64 tx_bytes;
    ApReason refusals[8]; /* what the guard dropped of its last offer */
    guint n_refusals;
} ApPeerView;

typedef struct {
    gatomicrefcount ref_count;
    guint64 serial; /* rises with each view that differs from the one before */
    ApMode mode;
    guint64 n_resyncs; /* that are done: every server answered, or failed to */
    guint64 network;   /* where we are: ap_uplink_fingerprint() */
    GArray *tunnels;   /* (owned) (element-type ApTunnelView) by index */
    GArray *peers;     /* (owned) (element-type ApPeerView) by index, key */
    GArray *counters;  /* (owned) (element-type ApCounter) by name */
} ApView;

/** One number that only rises, for GetMetrics. */
typedef struct {
    const char *name; /* (not owned) static or interned */
    guint64 value;
} ApCounter;

ApView *ap_view_new(void);
ApView *ap_view_ref(ApView *self);
void ap_view_unref(ApView *self);
gboolean ap_view_equal(const ApView *a, const ApView *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApView, ap_view_unref)

G_END_DECLS
