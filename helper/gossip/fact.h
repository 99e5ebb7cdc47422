/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One fact (gossip-protocol.md 3): somebody says something about a peer, for a while.
 */

#pragma once

#include "common/endpoint.h"
#include "common/key.h"
#include "helper/gossip/member.h"

G_BEGIN_DECLS

/** What a fact is about; the values are those on the wire. gossip-protocol.md 3. */
typedef enum {
    AP_FACT_ALIVE = '!',
    AP_FACT_ENDPOINT4 = 'e',
    AP_FACT_ENDPOINT6 = 'E',
    AP_FACT_ALLOWED4 = 'a',
    AP_FACT_ALLOWED6 = 'A',
    AP_FACT_MEMBER_OLD = 'm', /* without items; read, never sent */
    AP_FACT_MEMBER = 'M',
} ApFactKind;

/** Longest time that a fact can be given on the wire, in seconds. gossip-protocol.md 3. */
#define AP_FACT_TTL_MAX_SEC 65535

/** Length of a boot ID in bytes: a random UUID. */
#define AP_BOOT_ID_LEN 16

/** Names one run of a peer's gossip. */
typedef struct {
    guint8 bytes[AP_BOOT_ID_LEN];
} ApBootId;

/** A network as a peer wrote it: other than in ApCidr, bits after the prefix may be set. */
typedef struct {
    ApAddr addr;
    guint8 prefix_len; /* in bits */
} ApFactNetwork;

/**
 * One fact.
 *
 * @ttl_sec: how long it holds, in seconds from when it was sent
 * @is_minimal: each of its integers came in the shortest form
 * @boot_id: of AP_FACT_ALIVE
 * @endpoint: of AP_FACT_ENDPOINT4 and 6; well-formed, and not yet believed
 * @network: of AP_FACT_ALLOWED4 and 6; the same
 * @member: of AP_FACT_MEMBER; borrowed
 */
typedef struct {
    ApFactKind kind;
    guint32 ttl_sec;
    gboolean is_minimal;
    ApKey subject;
    union {
        ApBootId boot_id;
        ApEndpoint endpoint;
        ApFactNetwork network;
        ApMember member;
    };
} ApFact;

ApGossipRefusal ap_fact_take(ApReader *reader, ApFact *out) G_GNUC_WARN_UNUSED_RESULT;
void ap_fact_put(const ApFact *self, GByteArray *out);

int ap_fact_compare(const ApFact *a, const ApFact *b) G_GNUC_PURE;

ApFact ap_fact_alive(const ApKey *subject, const ApBootId *boot_id) G_GNUC_PURE;
ApFact ap_fact_endpoint(const ApKey *subject, const ApEndpoint *endpoint) G_GNUC_PURE;
ApFact ap_fact_allowed(const ApKey *subject, const ApAddr *addr, guint8 prefix_len) G_GNUC_PURE;
ApFact ap_fact_member(const ApKey *subject, ApMember member) G_GNUC_PURE;

G_END_DECLS
