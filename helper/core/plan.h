/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The decision: what is, what we know and what time it is go in; what to change comes out.
 */

#pragma once

#include "helper/core/policy.h"
#include "helper/core/tunnel.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

/**
 * How long traffic on a quiet path may go unnoticed: 7.5 s, in microseconds. Decisions 9: what
 * begins on a path that died meanwhile is back on the hub within 8 s.
 */
#define AP_PLAN_GLANCE_USEC (15 * AP_USEC_PER_SEC / 2)

/** In the order in which changes of one plan are made. */
typedef enum {
    AP_CHANGE_REMOVE_PEER,
    AP_CHANGE_DEMOTE, /* tunnel addresses leave the peer; its /128 stays */
    AP_CHANGE_ADD_PEER,
    AP_CHANGE_PROBE,   /* endpoint and keepalive: makes the device send */
    AP_CHANGE_PROMOTE, /* tunnel addresses move to the peer */
} ApChangeKind;

/** One edit of one device, as the door takes it. */
typedef struct {
    ApChangeKind kind;
    ApReason reason;
    guint32 ifindex;
    ApKey device_key; /* the edit holds only while the device has this key */
    ApPeerChange peer;
} ApChange;

/** What is thought of one candidate or owned peer. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    ApPathState state;
    ApReason reason;
    gint64 since_boot_usec; /* of @state */
    gint64 next_boot_usec;  /* when something is tried again, AP_NEVER: on an event only */
    ApEndpoint endpoint;    /* in use or being tried; family 0: none */
    ApTrial trial;          /* the latest try */
    guint n_breaks;         /* how often a direct path died on this network, the latest times */
    ApAddr addresses[AP_COORD_MAX_ADDRESSES]; /* those that the guard let through; if none, all */
    guint n_addresses;
    guint sources;         /* of ApSource */
    gint64 seen_boot_usec; /* when its server last heard of it; 0: not told */
    gint64 relay_rtt_usec; /* of the way by the hub, estimated; 0: not known */
} ApVerdict;

/** One refusal of the guard. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    ApReason reason;
} ApRefusal;

/** One address of an interface to add, or to take away again. */
typedef struct {
    guint32 ifindex;
    ApKey device_key; /* the edit holds only while the device has this key */
    ApAddr addr;
    gboolean add;
} ApAddressChange;

/** A peer of somebody else's that gets its link-local address, or loses it again. */
typedef struct {
    guint32 ifindex;
    ApKey device_key; /* the edit holds only while the device has this key */
    ApKey key;
    gboolean add;
} ApLoanChange;

/** The BFD session that is wanted with one peer, from when the peer is on the device. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    ApAddr local;             /* our link-local address on the tunnel */
    ApAddr remote;            /* the peer's */
    guint32 mtu;              /* of the tunnel, in bytes */
    gboolean active;          /* speaks first; otherwise it answers */
    gboolean fast;            /* the path is in use */
    gboolean usable;          /* we would route by the path once it is Up */
    gboolean leaving;         /* AdminDown: the path is about to go, and no other session follows */
    gint64 doubted_boot_usec; /* when somebody last doubted the path: it is asked once; 0: never */
} ApSessionWish;

/** The answer. */
typedef struct {
    GArray *changes;   /* (owned) (element-type ApChange) by kind: removals first */
    GArray *addresses; /* (owned) (element-type ApAddressChange) additions are made before
                               * @changes, removals after them */
    GArray *loans;     /* (owned) (element-type ApLoanChange) by index, key */
    GArray *sessions;  /* (owned) (element-type ApSessionWish) by index, key; all others end */
    GArray *verdicts;  /* (owned) (element-type ApVerdict) by index, key */
    GArray *refusals;  /* (owned) (element-type ApRefusal) by index, key, reason */
    GArray *tunnels;   /* (owned) (element-type ApTunnel) one per device, by index */
    GArray *paths;     /* (owned) (element-type ApPath) for the next world */
    gint64 wake_at_boot_usec; /* AP_NEVER: only an event can change the answer */
    gint64
        glance_at_boot_usec; /* traffic before that would change it, too; AP_NEVER: it would not */
} ApPlan;

ApPlan *ap_plan_make(const ApWorld *world, const ApPolicy *policy, ApInstant now);
void ap_plan_free(ApPlan *self);
int ap_refusal_compare(gconstpointer a, gconstpointer b) G_GNUC_PURE;
const ApTunnel *ap_plan_find_tunnel(const ApPlan *self, guint32 ifindex) G_GNUC_PURE;
GArray *ap_plan_list_direct(const ApPlan *self, guint32 ifindex);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApPlan, ap_plan_free)

G_END_DECLS
