/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The life of one peer: waiting, probing, direct (path-management.md).
 */

#pragma once

#include "helper/core/guard.h"
#include "helper/core/policy.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

/**
 * How often a device with a waiting peer is read, in microseconds: 5 s. A handshake that comes
 * in is noticed that much later; traffic goes by the hub until then, so it costs time only. A
 * peer that is known to speak BFD announces itself.
 */
#define AP_PATH_POLL_WAITING_USEC (5 * AP_USEC_PER_SEC)

/** How long a start counts against the limit per host, in microseconds (security rule S4). */
#define AP_PATH_RECENT_USEC (5 * AP_USEC_PER_SEC)

/**
 * How many deaths by silence make a path a lossy one: 3. Two may be a cable that was pulled and
 * put back. They are forgotten with the network, and once the path held for ten minutes.
 */
#define AP_PATH_N_LOSSY 3

/** How long a peer that an administrator edited is left alone: 10 min, in microseconds (F11). */
#define AP_PATH_HANDS_OFF_USEC (600 * AP_USEC_PER_SEC)

/** What one step looks at. Borrowed for its duration. */
typedef struct {
    const ApDevicePeer *peer; /* (nullable) ours, as the device has it */
    const ApAdmission *admission;
    const ApProof *proof; /* what BFD says of the peer */
    const ApKey *own_key;
    gboolean endpoint_is_good; /* of @peer, by the guard's rules */
    gboolean speaks_bfd;       /* its offer says so */
    gboolean is_unsaid;        /* it gossips, and has not said that it lives */
    gint64 seen_boot_usec;     /* when its server last heard of it; 0: not told */
    gint64 relay_rtt_usec;     /* of the way by the hub, estimated; 0: not known */
    gint64 slower_usec;        /* how long the path may be clearly slower than that; 0: for ever */
    ApPresence presence;       /* on the LAN, of the endpoint that is being tried */
    gboolean mute;             /* BFD cannot be spoken on the tunnel */
    gboolean may_start;        /* the host's limit allows one more try */
    guint64 network;           /* fingerprint of the uplinks; 0: none */
    guint16 keepalive_sec;
    ApInstant now;
} ApPathInput;

/** What the device should have, what its BFD session should do, and when to look again. */
typedef struct {
    gboolean present;
    ApReason why;        /* of @anew, or of being absent */
    gboolean anew;       /* removed and added: session, counters and endpoint start afresh */
    gboolean direct;     /* it holds its tunnel addresses */
    gboolean nod;        /* one packet must go out, to say that we have moved */
    ApEndpoint endpoint; /* for an addition; family 0: none */
    guint16 keepalive_sec;
    gboolean active;       /* BFD speaks first; otherwise it answers */
    gboolean usable;       /* we would route by the path once both ends are Up */
    gboolean fast;         /* the path is in use, or may be soon */
    gboolean leaving;      /* the far end is told that the path goes; nothing else changes */
    gint64 next_boot_usec; /* when something is tried; AP_NEVER: on an event only */
    gint64 wake_boot_usec; /* when to look again at the latest */
    gint64
        glance_boot_usec; /* when to look whether there was traffic; 0: @wake_boot_usec will do */
} ApPathStep;

ApPathStep ap_path_step(ApPath *self, const ApPathInput *in);
ApPathStep ap_path_leave(ApPath *self,
                         const ApDevicePeer *peer,
                         const ApProof *proof,
                         ApReason reason,
                         ApInstant now);
void ap_path_hand_over(ApPath *self, ApInstant now);
gboolean ap_path_is_handed_over(const ApPath *self, ApInstant now) G_GNUC_PURE;
gboolean ap_path_is_worth_keeping(const ApPath *self, ApInstant now) G_GNUC_PURE;
void ap_path_clear_backoff(ApPath *self);

G_END_DECLS
