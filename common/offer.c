/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/offer.h"

#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"

/** First byte of the binary form: changes whenever the form does. */
#define OFFER_FORMAT 2

/** Most bytes of "etag" and "boot" without their final NUL. */
#define MAX_TOKEN (AP_COORD_TOKEN_LEN - 1)

enum {
    PEER_MUTUAL = 1 << 0,
    PEER_BFD = 1 << 1,
    PEER_DIRECT = 1 << 2,
    PEER_LOST = 1 << 3,
    PEER_FLAGS = PEER_MUTUAL | PEER_BFD | PEER_DIRECT | PEER_LOST,
};

/**
 * Makes an answer of a plain server that names nobody.
 *
 * Returns: (transfer full)
 */
ApOffer *
ap_offer_new(void)
{
    ApOffer *self = g_new0(ApOffer, 1);

    self->peers = g_array_new(FALSE, TRUE, sizeof(ApOfferPeer));
    self->gone = g_array_new(FALSE, TRUE, sizeof(ApOfferGone));
    return self;
}

void
ap_offer_free(ApOffer *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->peers, g_array_unref);
    g_clear_pointer(&self->gone, g_array_unref);
    g_free(self);
}

/**
 * Frees what a request owns and zeroes it; the struct itself is the caller's.
 */
void
ap_request_clear(ApRequest *self)
{
    g_clear_pointer(&self->direct, g_array_unref);
    *self = (ApRequest){0};
}

/**
 * Names @drop for counters and logs: lower case, words joined by "-".
 */
const char *
ap_drop_name(ApDrop drop)
{
    switch (drop) {
    case AP_DROP_NOT_AN_OBJECT:
        return "not-an-object";
    case AP_DROP_KEY:
        return "key";
    case AP_DROP_ADDRESS:
        return "address";
    case AP_DROP_NO_ADDRESS:
        return "no-address";
    case AP_DROP_ENDPOINT:
        return "endpoint";
    case AP_DROP_PORT:
        return "port";
    case AP_DROP_TOO_MANY:
        return "too-many";
    case AP_N_DROPS:
        break;
    }
    return "unknown";
}

static void
write_addr(GByteArray *out, const ApAddr *addr)
{
    const guint n_bytes = ap_addr_n_bits(addr->family) / 8;

    ap_writer_put_u8(out, (guint8) n_bytes);
    ap_writer_put(out, addr->bytes, n_bytes);
}

/* Scopes do not occur in an offer: its text has no zones. */
static void
write_endpoint(GByteArray *out, const ApEndpoint *endpoint)
{
    write_addr(out, &endpoint->addr);
    ap_writer_put_be16(out, endpoint->port);
}

static void
write_token(GByteArray *out, const char *token)
{
    const gsize n_bytes = strnlen(token, MAX_TOKEN);

    ap_writer_put_u8(out, (guint8) n_bytes);
    ap_writer_put(out, token, n_bytes);
}

static int
flags_of(const ApOfferPeer *peer)
{
    return (peer->mutual ? PEER_MUTUAL : 0) | (peer->bfd ? PEER_BFD : 0)
           | (peer->direct == AP_DIRECT_UP ? PEER_DIRECT : 0)
           | (peer->direct == AP_DIRECT_LOST ? PEER_LOST : 0);
}

static void
write_peer(GByteArray *out, const ApOfferPeer *peer)
{
    ap_writer_put(out, peer->key.bytes, AP_KEY_LEN);
    ap_writer_put_u8(out, (guint8) peer->n_addresses);
    for (guint i = 0; i < peer->n_addresses; i++)
        write_addr(out, &peer->addresses[i]);

    write_endpoint(out, &peer->endpoint);
    ap_writer_put_u8(out, (guint8) peer->n_candidates);
    for (guint i = 0; i < peer->n_candidates; i++) {
        write_endpoint(out, &peer->candidates[i].endpoint);
        ap_writer_put_be32(out, peer->candidates[i].prio);
    }

    ap_writer_put_be32(out, peer->age_sec);
    ap_writer_put_be32(out, peer->hub_rtt_ms);
    ap_writer_put_u8(out, (guint8) flags_of(peer));
}

/**
 * Appends the binary form that crosses from the fetch child to the helper.
 *
 * @self: within the limits of AP_COORD_MAX_*
 */
void
ap_offer_write(const ApOffer *self, GByteArray *out)
{
    g_return_if_fail(self->peers->len <= AP_COORD_MAX_PEERS);
    g_return_if_fail(self->gone->len <= AP_COORD_MAX_PEERS);

    ap_writer_put_u8(out, OFFER_FORMAT);
    ap_writer_put_be32(out, self->version);
    write_token(out, self->etag);
    ap_writer_put_be32(out, self->poll_sec);
    write_endpoint(out, &self->you);

    ap_writer_put_be16(out, (guint16) self->peers->len);
    for (guint i = 0; i < self->peers->len; i++)
        write_peer(out, &g_array_index(self->peers, ApOfferPeer, i));

    ap_writer_put_be16(out, (guint16) self->gone->len);
    for (guint i = 0; i < self->gone->len; i++) {
        const ApOfferGone *gone = &g_array_index(self->gone, ApOfferGone, i);

        ap_writer_put(out, gone->key.bytes, AP_KEY_LEN);
        ap_writer_put_u8(out, (guint8) gone->why);
    }

    for (guint i = 0; i < AP_N_DROPS; i++)
        ap_writer_put_be32(out, self->dropped[i]);
}

static gboolean
read_addr(ApReader *reader, ApAddr *out)
{
    ApAddr addr = {0};
    guint8 n_bytes;

    if (!ap_reader_take_u8(reader, &n_bytes) || (n_bytes != 0 && n_bytes != 4 && n_bytes != 16))
        return FALSE;
    if (n_bytes != 0)
        addr.family = n_bytes == 4 ? AF_INET : AF_INET6;
    if (!ap_reader_copy(reader, n_bytes, addr.bytes))
        return FALSE;

    *out = addr;
    return TRUE;
}

static gboolean
read_endpoint(ApReader *reader, ApEndpoint *out)
{
    ApEndpoint endpoint = {0};

    if (!read_addr(reader, &endpoint.addr) || !ap_reader_take_be16(reader, &endpoint.port))
        return FALSE;
    if (!ap_endpoint_is_set(&endpoint) && endpoint.port != 0)
        return FALSE;

    *out = endpoint;
    return TRUE;
}

static gboolean
read_token(ApReader *reader, char out[static AP_COORD_TOKEN_LEN])
{
    const guint8 *bytes;
    guint8 n_bytes;

    if (!ap_reader_take_u8(reader, &n_bytes) || n_bytes > MAX_TOKEN
        || !ap_reader_take(reader, n_bytes, &bytes))
        return FALSE;

    memset(out, 0, AP_COORD_TOKEN_LEN);
    memcpy(out, bytes, n_bytes);
    return ap_token_is_valid(out) && strlen(out) == n_bytes;
}

static gboolean
read_uint(ApReader *reader, guint *out)
{
    guint32 value;

    if (!ap_reader_take_be32(reader, &value))
        return FALSE;

    *out = value;
    return TRUE;
}

static gboolean
read_addresses(ApReader *reader, ApOfferPeer *peer)
{
    guint8 n;

    if (!ap_reader_take_u8(reader, &n) || n == 0 || n > AP_COORD_MAX_ADDRESSES)
        return FALSE;

    for (peer->n_addresses = 0; peer->n_addresses < n; peer->n_addresses++) {
        ApAddr *addr = &peer->addresses[peer->n_addresses];

        if (!read_addr(reader, addr) || addr->family == AF_UNSPEC)
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_candidates(ApReader *reader, ApOfferPeer *peer)
{
    guint8 n;

    if (!ap_reader_take_u8(reader, &n) || n > AP_COORD_MAX_CANDIDATES)
        return FALSE;

    for (peer->n_candidates = 0; peer->n_candidates < n; peer->n_candidates++) {
        ApRankedEndpoint *candidate = &peer->candidates[peer->n_candidates];

        if (!read_endpoint(reader, &candidate->endpoint) || candidate->endpoint.port == 0
            || !ap_reader_take_be32(reader, &candidate->prio))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_flags(ApReader *reader, ApOfferPeer *peer)
{
    guint8 flags;

    if (!ap_reader_take_u8(reader, &flags) || (flags & ~PEER_FLAGS) != 0
        || (flags & (PEER_DIRECT | PEER_LOST)) == (PEER_DIRECT | PEER_LOST))
        return FALSE;

    peer->mutual = (flags & PEER_MUTUAL) != 0;
    peer->bfd = (flags & PEER_BFD) != 0;
    if ((flags & PEER_DIRECT) != 0)
        peer->direct = AP_DIRECT_UP;
    else if ((flags & PEER_LOST) != 0)
        peer->direct = AP_DIRECT_LOST;
    return TRUE;
}

static gboolean
read_peer(ApReader *reader, GArray *peers)
{
    ApOfferPeer peer = {0};

    if (!ap_reader_copy(reader, AP_KEY_LEN, peer.key.bytes) || !read_addresses(reader, &peer)
        || !read_endpoint(reader, &peer.endpoint) || !read_candidates(reader, &peer)
        || !read_uint(reader, &peer.age_sec) || !read_uint(reader, &peer.hub_rtt_ms)
        || !read_flags(reader, &peer))
        return FALSE;

    g_array_append_val(peers, peer);
    return TRUE;
}

static gboolean
read_gone(ApReader *reader, GArray *gones)
{
    ApOfferGone gone = {0};
    guint8 why;

    if (!ap_reader_copy(reader, AP_KEY_LEN, gone.key.bytes) || !ap_reader_take_u8(reader, &why)
        || why > AP_GONE_REVOKED)
        return FALSE;

    gone.why = why;
    g_array_append_val(gones, gone);
    return TRUE;
}

static gboolean
read_list(ApReader *reader, GArray *out, gboolean (*read_one)(ApReader *, GArray *))
{
    guint16 n;

    if (!ap_reader_take_be16(reader, &n) || n > AP_COORD_MAX_PEERS)
        return FALSE;

    for (guint i = 0; i < n; i++) {
        if (!read_one(reader, out))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_offer(ApReader *reader, ApOffer *out)
{
    guint8 format;

    if (!ap_reader_take_u8(reader, &format) || format != OFFER_FORMAT
        || !read_uint(reader, &out->version) || !read_token(reader, out->etag)
        || !read_uint(reader, &out->poll_sec) || !read_endpoint(reader, &out->you)
        || !read_list(reader, out->peers, read_peer) || !read_list(reader, out->gone, read_gone))
        return FALSE;

    for (guint i = 0; i < AP_N_DROPS; i++) {
        if (!read_uint(reader, &out->dropped[i]))
            return FALSE;
    }
    return reader->left == 0;
}

/**
 * Reads what ap_offer_write() wrote, from a process that a stranger's answer may have taken over.
 *
 * @bytes: exactly @n bytes
 * @error: AP_ERROR_INVALID for anything else than one well-formed offer
 *
 * A well-formed offer is not a believed one: addresses and keys may be anything.
 *
 * Returns: (transfer full)
 */
ApOffer *
ap_offer_read(const guint8 *bytes, gsize n, GError **error)
{
    g_autoptr(ApOffer) self = ap_offer_new();
    ApReader reader = {.data = bytes, .left = n};

    if (!read_offer(&reader, self)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "malformed offer");
        return NULL;
    }
    return g_steal_pointer(&self);
}

/**
 * Tells whether @text may be an "etag" or a "boot": up to 64 visible ASCII characters that need
 * no escape in JSON. The empty text, which means "none", is valid.
 *
 * @text: NUL-terminated
 */
gboolean
ap_token_is_valid(const char *text)
{
    gsize n = 0;

    while (g_ascii_isgraph(text[n]) && text[n] != '"' && text[n] != '\\')
        n++;
    return text[n] == '\0' && n <= MAX_TOKEN;
}
