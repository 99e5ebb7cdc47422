/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The signed group (gossip-protocol.md 5): the only thing that a datagram may hold. Reading gives
 * wirelink's verdict on every packet; what may be believed of it is decided elsewhere.
 *
 *     ap_group_split()        who says that it signed this?  (no cryptography)
 *     ap_group_verify()       did it?
 *     ap_group_read()         what does it say?
 */

#pragma once

#include "helper/gossip/fact.h"
#include "helper/gossip/secret.h"

G_BEGIN_DECLS

/** Length of the random number of a group, and of its tag, in bytes. XChaCha20-Poly1305. */
#define AP_GROUP_NONCE_LEN 24
#define AP_GROUP_TAG_LEN 16

/** Bytes before the facts of a group: kind, TTL, signer, nonce, tag. */
#define AP_GROUP_HEADER_LEN (2 + AP_KEY_LEN + AP_GROUP_NONCE_LEN + AP_GROUP_TAG_LEN)

/**
 * Most bytes of facts in a group that we send: what fits the smallest MTU of IPv6 with all
 * headers. gossip-protocol.md 1.4.
 */
#define AP_GROUP_MAX_INNER 1136

/** Longest datagram that a receiver reads, in bytes. gossip-protocol.md 1.4. */
#define AP_GROUP_MAX_READ 2424

/** Bytes of the shortest fact: kind, a TTL of one byte, subject. gossip-protocol.md 3. */
#define AP_FACT_MIN_LEN (2 + AP_KEY_LEN)

/** Most facts that a datagram can hold. */
#define AP_GROUP_MAX_FACTS ((AP_GROUP_MAX_READ - AP_GROUP_HEADER_LEN) / AP_FACT_MIN_LEN)

/** A number that is used for one group only. */
typedef struct {
    guint8 bytes[AP_GROUP_NONCE_LEN];
} ApGroupNonce;

/**
 * The parts of one group.
 *
 * @is_minimal: its TTL, which says nothing, came in the shortest form
 * @tag, @inner: (not owned): the datagram's
 */
typedef struct {
    gboolean is_minimal;
    ApKey signer;
    ApGroupNonce nonce;
    const guint8 *tag;
    ApReader inner;
} ApGroup;

/** The facts of one group. */
typedef struct {
    ApFact items[AP_GROUP_MAX_FACTS];
    guint n_items;
} ApGroupFacts;

ApGossipRefusal ap_group_split(ApGroup *out, const guint8 *datagram, gsize n_bytes)
    G_GNUC_WARN_UNUSED_RESULT;
ApGossipRefusal ap_group_verify(const ApGroup *self, const ApSharedSecret *secret)
    G_GNUC_WARN_UNUSED_RESULT;
ApGossipRefusal ap_group_read(const ApGroup *self, ApGroupFacts *out) G_GNUC_WARN_UNUSED_RESULT;

void ap_group_begin(GByteArray *datagram);
gboolean ap_group_add(GByteArray *datagram, const ApFact *fact) G_GNUC_WARN_UNUSED_RESULT;
void ap_group_seal(GByteArray *datagram,
                   const ApKey *signer,
                   const ApSharedSecret *secret,
                   const ApGroupNonce *nonce);

G_END_DECLS
