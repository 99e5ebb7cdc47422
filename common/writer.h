/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The counterpart of ApReader: appends big-endian integers and bytes to a GByteArray.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

static inline void
ap_writer_put(GByteArray *self, const void *bytes, gsize n)
{
    g_byte_array_append(self, bytes, (guint) n);
}

static inline void
ap_writer_put_u8(GByteArray *self, guint8 value)
{
    ap_writer_put(self, &value, 1);
}

static inline void
ap_writer_put_be16(GByteArray *self, guint16 value)
{
    const guint8 bytes[] = {(guint8) (value >> 8), (guint8) value};

    ap_writer_put(self, bytes, sizeof(bytes));
}

static inline void
ap_writer_put_be32(GByteArray *self, guint32 value)
{
    ap_writer_put_be16(self, (guint16) (value >> 16));
    ap_writer_put_be16(self, (guint16) value);
}

static inline void
ap_writer_put_be64(GByteArray *self, guint64 value)
{
    ap_writer_put_be32(self, (guint32) (value >> 32));
    ap_writer_put_be32(self, (guint32) value);
}

G_END_DECLS
