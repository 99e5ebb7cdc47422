/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/varint.h"

#include "common/writer.h"

/** Bytes of the longest one: 64 bits, seven a byte. */
#define MAX_BYTES 10

/** Bits that its last byte may carry: 64 - 9 * 7. */
#define LAST_BYTE_MAX 1

/**
 * Reads one integer. Forms longer than needed are read, too; @is_minimal tells.
 *
 * @reader: stands behind the integer on success, otherwise anywhere
 * @out, @is_minimal: (out): set on success only
 *
 * Returns: AP_GOSSIP_REFUSAL_NONE; AP_GOSSIP_REFUSAL_SHORT when the bytes end before the integer
 *     does; AP_GOSSIP_REFUSAL_VARINT when it does not fit 64 bits
 */
ApGossipRefusal
ap_varint_take(ApReader *reader, guint64 *out, gboolean *is_minimal)
{
    guint64 value = 0;
    guint8 byte;

    for (guint i = 0; i < MAX_BYTES; i++) {
        if (!ap_reader_take_u8(reader, &byte))
            return AP_GOSSIP_REFUSAL_SHORT;
        if (i == MAX_BYTES - 1 && byte > LAST_BYTE_MAX)
            return AP_GOSSIP_REFUSAL_VARINT;

        value |= (guint64) (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out = value;
            *is_minimal = i == 0 || byte != 0;
            return AP_GOSSIP_REFUSAL_NONE;
        }
    }
    return AP_GOSSIP_REFUSAL_VARINT;
}

/**
 * Appends the shortest form of @value.
 */
void
ap_varint_put(GByteArray *out, guint64 value)
{
    for (; value > 0x7f; value >>= 7)
        ap_writer_put_u8(out, (guint8) (0x80 | (value & 0x7f)));
    ap_writer_put_u8(out, (guint8) value);
}
