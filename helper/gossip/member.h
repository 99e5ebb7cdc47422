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

/** Keys of items. All but the last are wirelink's. */
typedef enum {
    AP_MEMBER_NAME = 'n',
    AP_MEMBER_BASIC = 'b', /* one byte, 1: the peer runs no gossip */
    AP_MEMBER_BFD = 'B',   /* one byte, the version of how it speaks BFD; unknown to wirelink */
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

ApGossipRefusal ap_member_take(ApReader *reader, ApMember *out, gboolean *is_minimal)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_member_put(const ApMember *self, GByteArray *out);

gboolean ap_member_find(const ApMember *self, guint8 key, ApReader *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_member_is_basic(const ApMember *self);
gboolean ap_member_speaks_bfd(const ApMember *self);
ApMember
ap_member_describe(GByteArray *buffer, const char *name, gboolean is_basic, gboolean speaks_bfd);

G_END_DECLS
