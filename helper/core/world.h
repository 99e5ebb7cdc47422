/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Everything that the decision may look at. Same content means same bytes means same plan, so
 * every list has one order.
 */

#pragma once

#include "common/device.h"
#include "common/instant.h"
#include "common/offer.h"
#include "helper/core/link.h"
#include "helper/core/reason.h"

G_BEGIN_DECLS

/** Who told us about a candidate. */
typedef enum {
    AP_SOURCE_SERVER = 1 << 0,
    AP_SOURCE_GOSSIP = 1 << 1,
} ApSource;

/** Most endpoints of one candidate: what its offer may carry, and the plain one. */
#define AP_CANDIDATE_MAX_ENDPOINTS (AP_COORD_MAX_CANDIDATES + 1)

/** Somebody told us that @key may be reached. Well-formed, not yet believed. */
typedef struct {
    guint32 ifindex; /* the tunnel */
    ApKey key;
    guint sources; /* of ApSource */
    ApAddr addresses[AP_COORD_MAX_ADDRESSES];
    guint n_addresses;
    ApEndpoint endpoints[AP_CANDIDATE_MAX_ENDPOINTS]; /* best first, port never 0 */
    guint n_endpoints;
    gboolean speaks_bfd;
    gboolean gossips;             /* gossip alone names it, and it is to say itself that it lives */
    gint64 alive_until_boot_usec; /* of @gossips: how long its own word holds; 0: none */
    gint64 seen_boot_usec;        /* when the server last heard of it; 0: not told */
    gint64 hub_rtt_usec;          /* from it to the hub and back, as it says; 0: not told */
    gint64 relay_rtt_usec;        /* from here by the hub to it and back, estimated; 0: not known */
    gint64 doubted_boot_usec;     /* when its path with us was last said to be gone; 0: never */
    gboolean withdrawn;           /* the source says it is gone, or stopped naming it long ago */
    ApReason why;                 /* of @withdrawn */
} ApCandidate;

/** A peer that the ledger says we added. */
typedef struct {
    guint32 ifindex;
    ApKey device_key; /* the device's own key at that time */
    ApKey key;
    ApCidr allowed[AP_CHANGE_MAX_ALLOWED]; /* what we gave it last */
    guint n_allowed;
    gint64 added_boot_usec;
} ApOwned;

/** Where a peer stands (path-management.md). */
typedef enum {
    AP_PATH_WAITING,
    AP_PATH_PROBING,
    AP_PATH_DIRECT,
} ApPathState;

/** What shows whether a path is alive. */
typedef enum {
    AP_EVIDENCE_HANDSHAKE, /* WireGuard's handshakes and byte counts */
    AP_EVIDENCE_BFD,
} ApEvidence;

/** Most addresses that stay with one key: those that it has, and those that it had before. */
#define AP_PATH_MAX_PINS (2 * AP_COORD_MAX_ADDRESSES)

/** An address that stays with a key for a while after the key lost it. */
typedef struct {
    ApAddr addr;
    gint64 until_boot_usec;
} ApPin;

/** Whether anybody on the LAN has an address, as the kernel's neighbour table tells. */
typedef enum {
    AP_PRESENCE_UNKNOWN, /* nobody asked, or the address is not on a LAN of ours */
    AP_PRESENCE_ABSENT,  /* asked, and nobody answered (yet) */
    AP_PRESENCE_THERE,
} ApPresence;

typedef struct {
    ApAddr addr;
    ApPresence presence;
} ApLanHost;

/** What the latest try of a peer did and met, for people: nothing is decided by it. */
typedef struct {
    ApEndpoint endpoint; /* family 0: nothing was tried yet */
    gint64 began_boot_usec;
    guint64 tx_bytes; /* by the peer on the device since it was added */
    guint64 rx_bytes;
    ApPresence presence; /* of the endpoint */
} ApTrial;

/**
 * What the planner remembers of one peer between two turns. Made and read by it alone; the
 * engine only hands it back.
 */
typedef struct {
    guint32 ifindex;
    ApKey key;
    ApPathState state;
    ApReason reason;
    gint64 since_boot_usec; /* of @state */
    guint64 network;        /* fingerprint of the uplinks that all this is about */

    /* trying */
    gint64 attempt_boot_usec;    /* when we last made a device send first, 0: not yet */
    gint64 try_boot_usec;        /* when the latest try began, whoever sent first */
    gint64 round_boot_usec;      /* when the round over all endpoints began */
    gint64 not_before_boot_usec; /* end of a back-off, a hold-down or a hands-off */
    gboolean held;               /* that is a hold-down: the direct path died */
    ApReason death;              /* of what it died, while @held */
    guint n_recent;              /* tries that count against the limit per host */
    guint n_failures;            /* rounds over all endpoints without success */
    guint n_flaps;
    guint n_losses;       /* of those, by silence */
    guint n_again;        /* second tries of an endpoint in this round */
    ApPresence presence;  /* the best that this round found on the LAN */
    ApReason trouble;     /* what this round met, silence aside; AP_REASON_NONE: nothing */
    gboolean initiated;   /* we made the device send in this try */
    guint64 offer;        /* fingerprint of the endpoints that were offered */
    ApEndpoint endpoint;  /* what is being tried, or what works */
    ApEndpoint last_good; /* family 0: none on this network */
    ApTrial trial;

    /* signs of life: helper/core/life.c */
    gint64 handshake_base_usec; /* the peer's handshake when the try began */
    gint64 handshake_usec;      /* the latest one seen */
    gint64 handshake_boot_usec; /* when that was first seen */
    guint64 tx_handshake;       /* bytes sent until then */
    gboolean moved;             /* the far end is known to send us its traffic directly */
    guint64 tx_base, rx_base;   /* counters when something last came in */
    gint64 rx_boot_usec;        /* when that was */
    gint64 tx_boot_usec;        /* when unanswered bytes first went out, 0: none */
    gboolean speaks_bfd;        /* a BFD packet of it was heard once */
    ApEvidence evidence;        /* what the latest direct path rested on */

    /* whether the path is in use: helper/core/traffic.c */
    guint64 tx_mark, rx_mark; /* counters without BFD when somebody last sent something */
    gint64 traffic_boot_usec; /* when that was */

    /* helper/core/quality.c */
    gint64
        slower_boot_usec; /* since when the path is clearly slower than the hub's; 0: it is not */

    /* the far end is told, and only then the peer goes */
    gint64 leaving_until_boot_usec; /* 0: it does not leave */

    /* whose the addresses are, for a while after the path is gone (security rule A8) */
    guint n_pins;
    ApPin pins[AP_PATH_MAX_PINS];
} ApPath;

/** How far the BFD session with one peer has come. */
typedef enum {
    AP_PROOF_NONE,   /* nothing is heard, or the far end says that it is down */
    AP_PROOF_HEARD,  /* we hear the far end; not both ends are Up */
    AP_PROOF_PROVEN, /* both ends are Up: full-size packets pass both ways */
} ApProofState;

/** What the BFD session with one peer says at this moment. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    ApProofState state;
    gint64 since_boot_usec; /* of @state */
    gboolean remote_usable; /* the far end would route by the path, too (while Up) */
    ApReason why;           /* of not being Up: silent, mtu, far-end-down, far-end-left, none */
    gint64 heard_boot_usec; /* the latest packet; 0: none since the session was begun */
    gint64 rtt_usec;        /* 0: not known */
    guint64 tx_bytes;       /* what BFD and gossip have added to the device's counters */
    guint64 rx_bytes;
    gint64 sent_boot_usec; /* when BFD last sent something; 0: never */
    guint64 burst_bytes;   /* what it sent about then, a part of @tx_bytes */
} ApProof;

/** An address on a tunnel's interface that the ledger says we added. */
typedef struct {
    guint32 ifindex;
    ApKey device_key; /* the device's own key at that time */
    ApAddr addr;
} ApOwnedAddress;

/**
 * A peer of somebody else's to which the ledger says we gave its link-local address, so that it
 * can speak with us (decisions.md 3).
 */
typedef struct {
    guint32 ifindex;
    ApKey key;
} ApLoan;

/**
 * Borrowed: all arrays belong to the caller. The ap_world_find_*() search by the order that is
 * named here, each in its own list; ap_world_sort() makes it of any other.
 */
typedef struct {
    const GPtrArray *links;   /* (element-type ApLink) by index */
    const GPtrArray *devices; /* (element-type ApDevice) by index */
    const GArray *owned;      /* (element-type ApOwned) by index, key */
    const GArray *addresses;  /* (nullable) (element-type ApOwnedAddress) by index, address */
    const GArray *loans;      /* (nullable) (element-type ApLoan) by index, key */
    const GArray *candidates; /* (element-type ApCandidate) by index, key */
    const GArray *proofs;     /* (nullable) (element-type ApProof) by index, key */
    const GArray *mute;       /* (nullable) (element-type guint32) tunnels where BFD cannot be
                               * spoken, by index: no IPv6, or its port is taken */
    const GArray *hosts;      /* (nullable) (element-type ApLanHost) by address */
    const GArray *paths;      /* (element-type ApPath) by index, key */
} ApWorld;

/** Words of ApPathState; NULL ends the list. */
extern const char *const ap_path_state_names[];

void ap_world_sort(const ApWorld *self, ApWorld *out);
void ap_world_borrow_sorted(const ApWorld *self, ApWorld *out);
void ap_world_clear_sorted(ApWorld *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApWorld, ap_world_clear_sorted)

const ApLink *ap_world_find_link(const ApWorld *self, guint32 ifindex);
const ApDevice *ap_world_find_device(const ApWorld *self, guint32 ifindex);
const ApOwned *ap_world_find_owned(const ApWorld *self, guint32 ifindex, const ApKey *key);
const ApOwned *ap_world_find_ours(const ApWorld *self, const ApDevice *device, const ApKey *key);
gboolean ap_world_is_left_over(const ApOwned *owned, const ApDevice *device) G_GNUC_PURE;
gboolean ap_world_is_taken_over(const ApWorld *self, const ApDevice *device, const ApKey *key);
const ApCandidate *ap_world_find_candidate(const ApWorld *self, guint32 ifindex, const ApKey *key);
const ApPath *ap_world_find_path(const ApWorld *self, guint32 ifindex, const ApKey *key);
const ApProof *ap_world_find_proof(const ApWorld *self, guint32 ifindex, const ApKey *key);
ApPresence ap_world_presence(const ApWorld *self, const ApAddr *addr);
gboolean ap_world_is_mute(const ApWorld *self, guint32 ifindex);

G_END_DECLS
