/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Unsigned integers of variable length (gossip-protocol.md 2): seven bits a byte, the low ones
 * first, and the top bit says that more follow.
 */

#pragma once

#include "common/reader.h"

G_BEGIN_DECLS

/** What became of reading one. */
typedef enum {
    AP_VARINT_OK,
    AP_VARINT_SHORT,    /* the bytes end before the integer does */
    AP_VARINT_OVERFLOW, /* it does not fit 64 bits */
} ApVarintResult;

ApVarintResult ap_varint_take(ApReader *reader, guint64 *out, gboolean *is_minimal)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_varint_put(GByteArray *out, guint64 value);

G_END_DECLS
