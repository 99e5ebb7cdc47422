/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a member fact says about its subject beyond the membership itself (gossip-protocol.md 4):
 * items of a key and bytes. Items of keys that we do not know are kept and passed on.
 */

#pragma once

#include "common/reader.h"
#include "helper/gossip/refusal.h"

G_BEGIN_DECLS

/** Keys of items. The capital ones are ours, and unknown to wirelink. */
typedef enum {
    AP_MEMBER_NAME = 'n',
    AP_MEMBER_BASIC = 'b', /* one byte, 1: the peer runs no gossip */
    AP_MEMBER_BFD = 'B',   /* one byte, the version of how it speaks BFD */
    AP_MEMBER_LOST = 'L',  /* four bytes, others each time that it lost a direct path */
} ApMemberKey;

/** Version in the item "B": RFC 5881 on the link-local addresses, with padded packets. */
#define AP_MEMBER_BFD_VERSION 1

/**
 * The items of one member fact, checked, as on the wire.
 *
 * @bytes: (not owned) (nullable): the packet's, or its keeper's; NULL only when empty
 */
typedef struct {
    const guint8 *bytes;
    gsize n_bytes;
} ApMember;

/**
 * What we say of a peer.
 *
 * @name: (nullable): at most AP_PEER_NAME_MAX bytes of UTF-8; NULL or empty: none
 * @lost: the mark of a direct path that was lost: ap_losses_note(); 0: none
 */
typedef struct {
    const char *name;
    gboolean is_basic;
    gboolean speaks_bfd;
    guint32 lost;
} ApMemberWords;

ApGossipRefusal ap_member_take(ApReader *reader, ApMember *out, gboolean *is_minimal)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_member_put(const ApMember *self, GByteArray *out);

gboolean ap_member_find(const ApMember *self, guint8 key, ApReader *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_member_is_basic(const ApMember *self);
gboolean ap_member_speaks_bfd(const ApMember *self);
gboolean ap_member_has_lost(const ApMember *self);
ApMember ap_member_describe(GByteArray *buffer, const ApMemberWords *words);

G_END_DECLS
