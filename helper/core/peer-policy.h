/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the administrator says about single peers: what they may tell us, and what we need not be
 * told.
 */

#pragma once

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"

G_BEGIN_DECLS

/** What a peer may tell us, each level with all before it. gossip-protocol.md 9. */
typedef enum {
    AP_TRUST_AUTO,        /* not configured: by what the peer routes */
    AP_TRUST_NOTHING,     /* not even about itself */
    AP_TRUST_ENDPOINTS,   /* where other known peers are */
    AP_TRUST_ALLOWED_IPS, /* which addresses known peers have */
    AP_TRUST_MEMBERSHIP,  /* who else is there */
    AP_N_TRUSTS,
} ApTrustLevel;

/** Longest name of a peer, in bytes of UTF-8. Security rule G9. */
#define AP_PEER_NAME_MAX 64

/**
 * One configured peer. It is a member whoever says so or not.
 *
 * @name: empty: none
 * @endpoints, @allowed: told to other peers, and used as if told by a peer that may
 * @is_basic: it runs no gossip; its silence means nothing
 * @is_exchanger: it gets all facts whatever it may tell us
 */
typedef struct {
    ApKey key;
    ApTrustLevel trust;
    char name[AP_PEER_NAME_MAX + 1];
    GArray *endpoints; /* (owned) (element-type ApEndpoint) */
    GArray *allowed;   /* (owned) (element-type ApCidr) */
    gboolean is_basic;
    gboolean is_exchanger;
} ApPeerPolicy;

/** Words of the configuration; NULL ends the list. */
extern const char *const ap_trust_names[AP_N_TRUSTS + 1];

ApPeerPolicy *ap_peer_policy_new(const ApKey *key);
void ap_peer_policy_free(ApPeerPolicy *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApPeerPolicy, ap_peer_policy_free)

G_END_DECLS
