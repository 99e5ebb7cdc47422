/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper's picture as plain values. What the members mean is said in
 * resources/org.wgautopeer.Autopeer1.xml; words may be ones that this version does not know.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** No member is NULL. */
typedef struct {
    char *interface;
    char *public_key;
    char *backend;
    char *state;
    char *reason;
    char *reason_text;
    char *advice;
    char *server;
    char *last_error;
    gint64 hub_rtt_usec; /* from here to the hub and back; 0: not known */
    guint n_direct;
} ApClientTunnel;

/** The grounds of a reason: what was sent, what came back, and when. No member is NULL. */
typedef struct {
    char *tried;            /* outer address of the latest try; empty: there was none */
    gint64 tried_real_usec; /* when it began */
    guint64 sent;           /* in bytes */
    guint64 received;
    char *neighbour;              /* whether the LAN has that address; empty: not known */
    gint64 proof_heard_real_usec; /* BFD's latest packet; 0: none */
    guint64 proof_sent;           /* in bytes */
    guint64 proof_received;
    gint64 seen_real_usec; /* when the server last heard of the peer; 0: not told */
    guint n_breaks;        /* how often its direct path died of late */
    guint listen_port;     /* WireGuard's on this computer; 0: none */
} ApClientEvidence;

/** No member is NULL. */
typedef struct {
    char *tunnel;
    char *name;       /* what it is called; anybody may claim any; empty: none */
    gboolean is_twin; /* another peer of the same answer has the same name */
    char *public_key;
    char *state;
    char *reason;
    char *reason_text;
    char *advice;  /* what to do about it */
    char *command; /* a line to copy into a terminal; empty: none */
    GStrv sources;
    char *endpoint;
    GStrv addresses;
    gint64 since_real_usec;     /* 0: not known */
    gint64 next_try_real_usec;  /* 0: on an event only */
    gint64 handshake_real_usec; /* 0: never */
    gint64 rtt_usec;            /* of the direct path; 0: not known */
    gint64 relay_rtt_usec;      /* of the way by the hub, estimated; 0: not known */
    guint64 rx_bytes;
    guint64 tx_bytes;
    GStrv refusals;
    GStrv sentences;           /* empty but in the answer of Explain */
    ApClientEvidence evidence; /* the same */
} ApClientPeer;

/** Immutable: shared by reference. */
typedef struct {
    gatomicrefcount ref_count;
    guint64 serial;
    char *version;                 /* of the helper */
    gboolean enabled;              /* the switch; a pause leaves it as it is */
    char *state;                   /* how things stand, in one word */
    char *pause_scope;             /* "network", "time", "resume"; empty: not paused */
    gint64 paused_until_real_usec; /* 0: not by time */
    guint64 n_resyncs;  /* rises when a Resync is done: every server answered or failed to */
    GPtrArray *tunnels; /* (owned) (element-type ApClientTunnel) */
    GPtrArray *peers;   /* (owned) (element-type ApClientPeer) by tunnel */
} ApClientView;

ApClientView *ap_client_view_new(GVariant *properties, GVariant *reply);
ApClientView *ap_client_view_ref(ApClientView *self);
void ap_client_view_unref(ApClientView *self);

gboolean ap_client_view_is_hub(const ApClientView *self);
gboolean ap_client_tunnel_is_hub(const ApClientTunnel *self);
gboolean ap_client_view_is_paused(const ApClientView *self);
guint ap_client_view_count_direct(const ApClientView *self);
const ApClientPeer *
ap_client_view_find(const ApClientView *self, const char *tunnel, const char *public_key);

GPtrArray *ap_client_peers_new(GVariant *list);
char *ap_client_peer_short_key(const ApClientPeer *self);
gboolean ap_client_peer_is_direct(const ApClientPeer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApClientView, ap_client_view_unref)

G_END_DECLS
