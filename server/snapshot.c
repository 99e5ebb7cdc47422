/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/snapshot.h"

#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"

#include <string.h>

/** Most bytes of one peer: key, endpoint, handshake, count and addresses. */
#define MAX_PEER_BYTES (AP_KEY_LEN + 19 + 8 + 1 + AP_ROSTER_MAX_ADDRESSES * 17)

/**
 * Reduces a device to what the HTTP process may know.
 *
 * @device: sorted
 *
 * Returns: (transfer full) (element-type ApRosterPeer): sorted by key
 */
GArray *
ap_snapshot_peers(const ApDevice *device)
{
    GArray *out = g_array_sized_new(FALSE, TRUE, sizeof(ApRosterPeer), device->peers->len);

    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);
        ApRosterPeer entry = {
            .key = peer->key,
            .endpoint = peer->endpoint,
            .handshake_real_usec = peer->handshake_real_usec,
        };

        for (guint j = 0; j < peer->allowed->len; j++) {
            const ApCidr *allowed = &g_array_index(peer->allowed, ApCidr, j);

            /* Gossip gives each peer a link-local address, by which nobody is reached. */
            if (ap_cidr_is_host(allowed) && !ap_addr_is_link_local(&allowed->addr)
                && entry.n_addresses < AP_ROSTER_MAX_ADDRESSES)
                entry.addresses[entry.n_addresses++] = allowed->addr;
        }
        g_array_append_val(out, entry);
    }
    return out;
}

static void
put_peer(GByteArray *out, const ApRosterPeer *peer)
{
    ap_writer_put(out, peer->key.bytes, AP_KEY_LEN);
    ap_place_put_addr(out, &peer->endpoint.addr);
    ap_writer_put_be16(out, peer->endpoint.port);
    ap_writer_put_be64(out, (guint64) peer->handshake_real_usec);
    ap_writer_put_u8(out, (guint8) peer->n_addresses);
    for (guint i = 0; i < peer->n_addresses; i++)
        ap_place_put_addr(out, &peer->addresses[i]);
}

static gboolean
is_same(const ApRosterPeer *a, const ApRosterPeer *b)
{
    if (!ap_endpoint_equal(&a->endpoint, &b->endpoint)
        || a->handshake_real_usec != b->handshake_real_usec || a->n_addresses != b->n_addresses)
        return FALSE;

    for (guint i = 0; i < a->n_addresses; i++) {
        if (!ap_addr_equal(&a->addresses[i], &b->addresses[i]))
            return FALSE;
    }
    return TRUE;
}

/* Appends to the last message while it is of the right kind and has room for one more peer. */
static GByteArray *
get_message(GPtrArray *messages, ApSnapshotKind kind)
{
    GByteArray *message;

    if (messages->len > 0) {
        message = g_ptr_array_index(messages, messages->len - 1);
        if (message->data[0] == kind && message->len + MAX_PEER_BYTES <= AP_SNAPSHOT_MAX_MESSAGE)
            return message;
    }

    message = g_byte_array_sized_new(256);
    ap_writer_put_u8(message, (guint8) kind);
    g_ptr_array_add(messages, message);
    return message;
}

/**
 * Writes what has to be said to somebody who knows @before, so that he knows @after.
 *
 * @before: (element-type ApRosterPeer): sorted by key; empty at first
 * @after: (element-type ApRosterPeer): sorted by key
 *
 * Returns: (transfer full) (element-type GByteArray): messages; the last is AP_SNAPSHOT_END,
 *     the only one when nothing has changed
 */
GPtrArray *
ap_snapshot_diff(const GArray *before, const GArray *after)
{
    GPtrArray *out = g_ptr_array_new_with_free_func((GDestroyNotify) g_byte_array_unref);
    g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(guint));
    guint i = 0, j = 0;

    while (i < before->len || j < after->len) {
        const ApRosterPeer *old = i < before->len ? &g_array_index(before, ApRosterPeer, i) : NULL;
        const ApRosterPeer *new = j < after->len ? &g_array_index(after, ApRosterPeer, j) : NULL;
        const int order = old == NULL ? 1 : new == NULL ? -1 : ap_key_compare(&old->key, &new->key);

        if (order < 0)
            ap_writer_put(get_message(out, AP_SNAPSHOT_REMOVE), old->key.bytes, AP_KEY_LEN);
        else if (order > 0 || !is_same(old, new))
            g_array_append_val(changed, j);
        i += order <= 0;
        j += order >= 0;
    }

    for (guint k = 0; k < changed->len; k++) {
        const guint at = g_array_index(changed, guint, k);

        put_peer(get_message(out, AP_SNAPSHOT_PUT), &g_array_index(after, ApRosterPeer, at));
    }
    (void) get_message(out, AP_SNAPSHOT_END);
    return out;
}

static GByteArray *
message_new(ApSnapshotKind kind)
{
    GByteArray *out = g_byte_array_new();

    ap_writer_put_u8(out, (guint8) kind);
    return out;
}

static void
put_text(GByteArray *out, const char *text)
{
    ap_writer_put(out, text, MIN(strlen(text), AP_SNAPSHOT_MAX_MESSAGE - out->len));
}

/**
 * Writes that the device could not be read.
 *
 * Returns: (transfer full): one message
 */
GByteArray *
ap_snapshot_failure(const char *text)
{
    GByteArray *out = message_new(AP_SNAPSHOT_FAILED);

    put_text(out, text);
    return out;
}

/**
 * Writes where clients come to; the sockets go beside the message.
 *
 * Returns: (transfer full): one message
 */
GByteArray *
ap_snapshot_place(const ApPlace *place)
{
    GByteArray *out = message_new(AP_SNAPSHOT_PLACE);

    ap_place_write(place, out);
    return out;
}

/**
 * Writes that a socket for metrics comes along.
 *
 * Returns: (transfer full): one message
 */
GByteArray *
ap_snapshot_metrics(void)
{
    return message_new(AP_SNAPSHOT_METRICS);
}

/**
 * Writes that the reading process ends, and with it the server.
 *
 * @status: exit status of the server
 *
 * Returns: (transfer full): one message
 */
GByteArray *
ap_snapshot_quit(guint8 status, const char *text)
{
    GByteArray *out = message_new(AP_SNAPSHOT_QUIT);

    ap_writer_put_u8(out, status);
    put_text(out, text);
    return out;
}

static gboolean
take_peer(ApReader *reader, ApRosterPeer *out)
{
    ApRosterPeer peer = {0};
    guint64 handshake;
    guint8 n;

    if (!ap_reader_copy(reader, AP_KEY_LEN, peer.key.bytes)
        || !ap_place_take_addr(reader, &peer.endpoint.addr)
        || !ap_reader_take_be16(reader, &peer.endpoint.port)
        || !ap_reader_take_be64(reader, &handshake) || !ap_reader_take_u8(reader, &n)
        || n > AP_ROSTER_MAX_ADDRESSES)
        return FALSE;

    peer.handshake_real_usec = (gint64) handshake;
    for (; peer.n_addresses < n; peer.n_addresses++) {
        if (!ap_place_take_addr(reader, &peer.addresses[peer.n_addresses]))
            return FALSE;
    }
    *out = peer;
    return TRUE;
}

static char *
take_text(ApReader *reader)
{
    return g_utf8_make_valid((const char *) reader->data, (gssize) reader->left);
}

static gboolean
take_contents(ApReader *reader, ApSnapshotMessage *out)
{
    ApRosterPeer peer;
    ApKey key;

    switch (out->kind) {
    case AP_SNAPSHOT_PUT:
        while (reader->left > 0) {
            if (!take_peer(reader, &peer))
                return FALSE;
            g_array_append_val(out->peers, peer);
        }
        return TRUE;
    case AP_SNAPSHOT_REMOVE:
        while (ap_reader_copy(reader, AP_KEY_LEN, key.bytes))
            g_array_append_val(out->removed, key);
        return reader->left == 0;
    case AP_SNAPSHOT_END:
    case AP_SNAPSHOT_METRICS:
        return reader->left == 0;
    case AP_SNAPSHOT_PLACE:
        return ap_place_read(&out->place, reader) && reader->left == 0;
    case AP_SNAPSHOT_QUIT:
        if (!ap_reader_take_u8(reader, &out->status))
            return FALSE;
        out->text = take_text(reader);
        return TRUE;
    case AP_SNAPSHOT_FAILED:
        out->text = take_text(reader);
        return TRUE;
    }
    return FALSE;
}

/**
 * Reads one message.
 *
 * @out: (out caller-allocates): to be cleared with ap_snapshot_message_clear(); left as it was
 *     when the function fails
 * @error: AP_ERROR_INVALID when this is no message of ap_snapshot_diff() or ap_snapshot_failure()
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_snapshot_read(ApSnapshotMessage *out, const guint8 *bytes, gsize n, GError **error)
{
    ApReader reader = {bytes, n};
    guint8 kind = 0;
    g_auto(ApSnapshotMessage) message = {
        .peers = g_array_new(FALSE, FALSE, sizeof(ApRosterPeer)),
        .removed = g_array_new(FALSE, FALSE, sizeof(ApKey)),
    };

    (void) ap_reader_take_u8(&reader, &kind);
    message.kind = (ApSnapshotKind) kind;
    if (!take_contents(&reader, &message)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "a message of %zu bytes and kind %u is malformed",
                    n,
                    kind);
        return FALSE;
    }

    *out = message;
    message = (ApSnapshotMessage){0};
    return TRUE;
}

void
ap_snapshot_message_clear(ApSnapshotMessage *self)
{
    g_clear_pointer(&self->peers, g_array_unref);
    g_clear_pointer(&self->removed, g_array_unref);
    g_clear_pointer(&self->text, g_free);
}
