/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Unsigned integers of variable length (gossip-protocol.md 2): seven bits a byte, the low ones
 * first, and the top bit says that more follow.
 */

#pragma once

#include "common/reader.h"
#include "helper/gossip/refusal.h"

G_BEGIN_DECLS

ApGossipRefusal ap_varint_take(ApReader *reader, guint64 *out, gboolean *is_minimal)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_varint_put(GByteArray *out, guint64 value);

G_END_DECLS
