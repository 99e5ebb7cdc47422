/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/member.h"

#include "common/writer.h"
#include "helper/gossip/varint.h"

#include <string.h>

/** Most bytes of all items together: 1 MiB. gossip-protocol.md 4. */
#define MAX_BYTES (1024 * 1024)

/* g_utf8_validate() takes a NUL for the end of the text; in a name it is a character. */
static gboolean
is_utf8(const ApReader *text)
{
    const char *at = (const char *) text->data;
    const char *const end = at + text->left;

    while (at < end) {
        const gsize n = strnlen(at, (gsize) (end - at));

        if (!g_utf8_validate_len(at, n, NULL))
            return FALSE;
        at += n + 1;
    }
    return TRUE;
}

/* Reads the next item; its bytes are left in @value. */
static gboolean
take_item(ApReader *items, guint8 *key, ApReader *value, gboolean *is_minimal)
{
    gboolean minimal;
    guint64 n;

    if (!ap_reader_take_u8(items, key)
        || ap_varint_take(items, &n, &minimal) != AP_GOSSIP_REFUSAL_NONE || n > items->left
        || !ap_reader_take(items, (gsize) n, &value->data))
        return FALSE;

    value->left = (gsize) n;
    *is_minimal = *is_minimal && minimal;
    return TRUE;
}

static ApGossipRefusal
judge_item(guint8 key, const ApReader *value)
{
    if (key == AP_MEMBER_NAME && !is_utf8(value))
        return AP_GOSSIP_REFUSAL_MEMBER_NAME;
    if (key == AP_MEMBER_BASIC && (value->left != 1 || value->data[0] > 1))
        return AP_GOSSIP_REFUSAL_MEMBER_BASIC;
    return AP_GOSSIP_REFUSAL_NONE;
}

static ApGossipRefusal
judge_items(ApReader items, gboolean *is_minimal)
{
    guint8 seen[256 / 8] = {0};

    while (items.left > 0) {
        ApGossipRefusal refusal;
        ApReader value;
        guint8 key;

        if (!take_item(&items, &key, &value, is_minimal))
            return AP_GOSSIP_REFUSAL_MEMBER_FRAME;
        if (seen[key / 8] & 1 << key % 8)
            return AP_GOSSIP_REFUSAL_MEMBER_TWICE;
        seen[key / 8] |= (guint8) (1 << key % 8);

        refusal = judge_item(key, &value);
        if (refusal != AP_GOSSIP_REFUSAL_NONE)
            return refusal;
    }
    return AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Reads the length and the items of a member fact and checks them all.
 *
 * @out: (out): borrows the bytes of @reader; set on success only
 * @is_minimal: (inout): becomes FALSE when an integer has a longer form than needed
 */
ApGossipRefusal
ap_member_take(ApReader *reader, ApMember *out, gboolean *is_minimal)
{
    gboolean minimal;
    ApGossipRefusal refusal;
    ApReader items;
    guint64 n;

    refusal = ap_varint_take(reader, &n, &minimal);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    if (n > MAX_BYTES)
        return AP_GOSSIP_REFUSAL_MEMBER_FRAME;
    if (!ap_reader_take(reader, (gsize) n, &items.data))
        return AP_GOSSIP_REFUSAL_SHORT;

    items.left = (gsize) n;
    *is_minimal = *is_minimal && minimal;
    refusal = judge_items(items, is_minimal);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *out = (ApMember){.bytes = items.data, .n_bytes = items.left};
    return refusal;
}

/**
 * Appends the length and the items as they are.
 */
void
ap_member_put(const ApMember *self, GByteArray *out)
{
    ap_varint_put(out, self->n_bytes);
    if (self->n_bytes > 0)
        ap_writer_put(out, self->bytes, self->n_bytes);
}

/**
 * Finds the item with this key.
 *
 * @out: (out): borrows the item's bytes; set on success only
 *
 * Returns: FALSE when there is none
 */
gboolean
ap_member_find(const ApMember *self, guint8 key, ApReader *out)
{
    ApReader items = {.data = self->bytes, .left = self->n_bytes};
    gboolean is_minimal = TRUE;
    ApReader value;
    guint8 found;

    while (take_item(&items, &found, &value, &is_minimal)) {
        if (found == key) {
            *out = value;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
has_byte(const ApMember *self, guint8 key, guint8 byte)
{
    ApReader value;

    return ap_member_find(self, key, &value) && value.left == 1 && value.data[0] == byte;
}

/** Returns: whether the subject is said to run no gossip, so that its silence means nothing */
gboolean
ap_member_is_basic(const ApMember *self)
{
    return has_byte(self, AP_MEMBER_BASIC, 1);
}

/** Returns: whether the subject is said to speak BFD as we do */
gboolean
ap_member_speaks_bfd(const ApMember *self)
{
    return has_byte(self, AP_MEMBER_BFD, AP_MEMBER_BFD_VERSION);
}

/** Returns: whether the subject says that it lost a direct path at some time */
gboolean
ap_member_has_lost(const ApMember *self)
{
    ApReader value;

    return ap_member_find(self, AP_MEMBER_LOST, &value) && value.left == sizeof(guint32);
}

static void
put_item(GByteArray *out, guint8 key, const void *bytes, gsize n)
{
    ap_writer_put_u8(out, key);
    ap_varint_put(out, n);
    ap_writer_put(out, bytes, n);
}

static void
put_byte_item(GByteArray *out, guint8 key, guint8 byte)
{
    put_item(out, key, &byte, 1);
}

/**
 * Makes the items of a peer, in the order of wirelink: the name first, the rest ascending.
 *
 * @buffer: gets the bytes in place of what is in it; must outlive the result
 *
 * The empty list is what a hub says about a peer that it only routes: no name, not basic, no BFD.
 */
ApMember
ap_member_describe(GByteArray *buffer, const ApMemberWords *words)
{
    const guint32 lost = GUINT32_TO_BE(words->lost);

    g_byte_array_set_size(buffer, 0);
    if (words->name != NULL && *words->name != '\0')
        put_item(buffer, AP_MEMBER_NAME, words->name, strlen(words->name));
    if (words->speaks_bfd)
        put_byte_item(buffer, AP_MEMBER_BFD, AP_MEMBER_BFD_VERSION);
    if (lost != 0)
        put_item(buffer, AP_MEMBER_LOST, &lost, sizeof(lost));
    if (words->is_basic)
        put_byte_item(buffer, AP_MEMBER_BASIC, 1);
    return (ApMember){.bytes = buffer->data, .n_bytes = buffer->len};
}
