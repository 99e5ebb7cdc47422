/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a client tells the coordination server and what the server answers, as values. Text
 * forms are in common/json/offer-json.h; the wire is coordination-protocol.md.
 */

#pragma once

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"

G_BEGIN_DECLS

/** Version of the protocol that we speak (coordination-protocol.md 6). */
#define AP_COORD_VERSION 2

/** Most LAN attachments in a request, and most candidate endpoints of one peer. */
#define AP_COORD_MAX_ATTACHMENTS 8
#define AP_COORD_MAX_CANDIDATES 8

/** Most tunnel addresses of one peer (security rule A7). */
#define AP_COORD_MAX_ADDRESSES 4

/** Most peers taken from one answer (security rule A7); the rest is counted and dropped. */
#define AP_COORD_MAX_PEERS 256

/** Room for the texts "etag" and "boot", with their final NUL. Ours are 16 and 8 characters. */
#define AP_COORD_TOKEN_LEN 65

/** Longest long poll that a client asks for, in seconds: below common 30 s limits. */
#define AP_COORD_MAX_WAIT_SEC 25

/** One place where the sender is attached to a LAN. */
typedef struct {
    ApAddr ip;
    guint8 prefix_len;
    ApAddr gateway;
} ApAttachment;

/** An endpoint with its rank: the higher @prio, the earlier it is tried. */
typedef struct {
    ApEndpoint endpoint;
    guint32 prio;
} ApRankedEndpoint;

/**
 * One request.
 *
 * @version: 0 for a plain client; the members after @n_attachments then mean nothing
 * @direct: (owned) (element-type ApKey) (nullable): keys with which a direct path is up
 */
typedef struct {
    ApKey key;
    ApAttachment attachments[AP_COORD_MAX_ATTACHMENTS];
    guint n_attachments;
    guint version;
    guint16 listen_port; /* 0: not told */
    guint ttl_sec;       /* 0: not told */
    char boot[AP_COORD_TOKEN_LEN];
    guint64 seq;
    guint wait_sec; /* 0: answer at once */
    char etag[AP_COORD_TOKEN_LEN];
    ApRankedEndpoint candidates[AP_COORD_MAX_CANDIDATES];
    guint n_candidates;
    GArray *direct;
    guint hub_rtt_ms; /* 0: not told */
    gboolean bfd;
    gboolean bye;
} ApRequest;

/** What a client says of its direct path with another one. */
typedef enum {
    AP_DIRECT_UNTOLD, /* nothing, since it registered */
    AP_DIRECT_UP,
    AP_DIRECT_LOST, /* it was up, and is not any more */
} ApDirectWord;

/** One neighbour in an answer. Well-formed, not yet believed: see helper/core/guard.h. */
typedef struct {
    ApKey key;
    ApAddr addresses[AP_COORD_MAX_ADDRESSES];
    guint n_addresses;
    ApEndpoint endpoint; /* the plain members; family 0: absent; port 0: null or absent */
    ApRankedEndpoint candidates[AP_COORD_MAX_CANDIDATES];
    guint n_candidates;
    guint age_sec;
    guint hub_rtt_ms; /* 0: not told */
    ApDirectWord direct;
    gboolean mutual;
    gboolean bfd;
} ApOfferPeer;

/** Why the server says that a peer is gone. */
typedef enum {
    AP_GONE_BYE,
    AP_GONE_POLICY,
    AP_GONE_REVOKED,
} ApGoneWhy;

typedef struct {
    ApKey key;
    ApGoneWhy why;
} ApOfferGone;

/** Why an entry of an answer was dropped before anybody judged what it says. */
typedef enum {
    AP_DROP_NOT_AN_OBJECT,
    AP_DROP_KEY,        /* K1: missing, of another type, not canonical */
    AP_DROP_ADDRESS,    /* A1, A2: a prefix, a mapped or non-canonical form, another type */
    AP_DROP_NO_ADDRESS, /* an empty list, or nothing left of it */
    AP_DROP_ENDPOINT,   /* E1: not an address in canonical form */
    AP_DROP_PORT,       /* E1: another type or range */
    AP_DROP_TOO_MANY,   /* A7: more peers, addresses or candidates than we take */
    AP_N_DROPS,
} ApDrop;

/** One answer with status 200. */
typedef struct {
    guint version; /* 0: a plain server */
    char etag[AP_COORD_TOKEN_LEN];
    guint poll_sec; /* 0: not told */
    ApEndpoint you; /* our public endpoint as the server sees it; family 0: not told */
    GArray *peers;  /* (owned) (element-type ApOfferPeer) in the server's order */
    GArray *gone;   /* (owned) (element-type ApOfferGone) */
    guint dropped[AP_N_DROPS];
} ApOffer;

ApOffer *ap_offer_new(void);
void ap_offer_free(ApOffer *self);

void ap_request_clear(ApRequest *self);

const char *ap_drop_name(ApDrop drop) G_GNUC_CONST;
gboolean ap_token_is_valid(const char *text) G_GNUC_PURE;

void ap_offer_write(const ApOffer *self, GByteArray *out);
ApOffer *ap_offer_read(const guint8 *bytes, gsize n, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApOffer, ap_offer_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApRequest, ap_request_clear)

G_END_DECLS
