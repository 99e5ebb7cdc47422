/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A cursor over bytes that we do not trust.
 */

#pragma once

#include <glib.h>

#include <string.h>

G_BEGIN_DECLS

/**
 * Borrows @data, which must outlive it.
 *
 * Every read either consumes exactly what it promises or consumes nothing and says FALSE, so
 * a decoder is a chain of reads with one error exit.
 */
typedef struct {
    const guint8 *data; /* (not owned) the next unread byte */
    gsize left;         /* bytes from @data to the end */
} ApReader;

static inline gboolean
ap_reader_take(ApReader *self, gsize n, const guint8 **out)
{
    if (n > self->left)
        return FALSE;

    *out = self->data;
    self->data += n;
    self->left -= n;
    return TRUE;
}

static inline gboolean
ap_reader_copy(ApReader *self, gsize n, void *out)
{
    const guint8 *bytes;

    if (!ap_reader_take(self, n, &bytes))
        return FALSE;

    memcpy(out, bytes, n);
    return TRUE;
}

static inline gboolean
ap_reader_take_u8(ApReader *self, guint8 *out)
{
    return ap_reader_copy(self, 1, out);
}

static inline gboolean
ap_reader_take_be16(ApReader *self, guint16 *out)
{
    const guint8 *bytes;

    if (!ap_reader_take(self, 2, &bytes))
        return FALSE;

    *out = (guint16) (bytes[0] << 8 | bytes[1]);
    return TRUE;
}

static inline gboolean
ap_reader_take_be32(ApReader *self, guint32 *out)
{
    const guint8 *bytes;

    if (!ap_reader_take(self, 4, &bytes))
        return FALSE;

    *out = (guint32) bytes[0] << 24 | (guint32) bytes[1] << 16 | (guint32) bytes[2] << 8 | bytes[3];
    return TRUE;
}

static inline gboolean
ap_reader_take_be64(ApReader *self, guint64 *out)
{
    guint32 high, low;

    if (self->left < 8)
        return FALSE;

    (void) ap_reader_take_be32(self, &high);
    (void) ap_reader_take_be32(self, &low);
    *out = (guint64) high << 32 | low;
    return TRUE;
}

G_END_DECLS
