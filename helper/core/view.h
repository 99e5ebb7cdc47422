/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What people see: a complete, immutable picture after one turn.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

/** How the coordination of one tunnel goes. */
typedef struct {
    ApReason reason;     /* AP_REASON_NONE: well, or nobody was asked yet */
    const char *error;   /* (not owned) of the last round; empty: it went well */
    gint64 hub_rtt_usec; /* from here to the hub and back; 0: not known */
} ApServerNews;

/** Most networks of one tunnel that a view names: for "which tunnel is this address of?" */
#define AP_VIEW_MAX_ROUTES 8

/** Room for what went wrong with a server, in bytes with the final NUL; a longer text is cut. */
#define AP_VIEW_ERROR_LEN 160

typedef struct {
    ApDeviceId id;
    ApKey public_key;
    gboolean managed;
    ApReason reason;
    guint16 listen_port;                /* 0: none yet */
    ApEndpoint server;                  /* family 0: none */
    char last_error[AP_VIEW_ERROR_LEN]; /* of the last round with the server; empty: it went well */
    gint64 hub_rtt_usec;                /* from here to the hub and back; 0: not known */
    ApCidr routes[AP_VIEW_MAX_ROUTES];  /* networks of configured peers, less default routes */
    guint n_routes;
    guint n_direct;
} ApTunnelView;

typedef struct {
    char tunnel[IF_NAMESIZE];
    const char *name; /* (not owned) for people alone; others may claim it; empty: none */
    ApVerdict verdict;
    gint64 since_real_usec;
    gint64 next_real_usec;      /* 0: on an event only */
    gint64 handshake_real_usec; /* 0: never */
    gint64 rtt_usec;            /* of the direct path; 0: not known */
    gint64 relay_rtt_usec;      /* of the way by the hub, estimated; 0: not known */
    guint64 rx_bytes;
    guint64 tx_bytes;
    gint64 tried_real_usec; /* when the latest try began; 0: nothing was tried */
    gint64 seen_real_usec;  /* when its server last heard of it; 0: not told */
    gint64 heard_real_usec; /* when BFD last heard of it; 0: never */
    guint64 proof_rx_bytes; /* of @rx_bytes: BFD's, of the present session */
    guint64 proof_tx_bytes;
    guint8 refusals[8]; /* of ApReason: what the guard dropped of its last offer */
    guint n_refusals;
} ApPeerView;

typedef struct {
    gatomicrefcount ref_count;
    guint64 serial; /* rises with each view that differs from the one before */
    ApMode mode;
    guint64 n_resyncs;   /* that are done: every server answered, or failed to */
    guint64 network;     /* where we are: ap_uplink_fingerprint() */
    GArray *tunnels;     /* (owned) (element-type ApTunnelView) by index */
    GArray *peers;       /* (owned) (element-type ApPeerView) by index, key */
    GArray *counters;    /* (owned) (element-type ApCounter) by name */
    GStringChunk *names; /* (owned) of the peers */
} ApView;

/** One number that only rises, for GetMetrics. */
typedef struct {
    const char *name; /* (not owned) static or interned */
    guint64 value;
} ApCounter;

ApView *ap_view_new(void);
ApView *ap_view_ref(ApView *self);
void ap_view_unref(ApView *self);
void ap_view_name_peer(ApView *self, ApPeerView *peer, const char *name);
gboolean ap_view_equal(const ApView *a, const ApView *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApView, ap_view_unref)

G_END_DECLS
