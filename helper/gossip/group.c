/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/group.h"

#include "helper/gossip/varint.h"

#include <sodium.h>

/** The kind of a signed group, where a fact has its own. gossip-protocol.md 3. */
#define KIND_GROUP 'S'

/* Where the parts of a group that we make begin; its TTL is one byte. */
#define AT_SIGNER 2
#define AT_NONCE (AT_SIGNER + AP_KEY_LEN)
#define AT_TAG (AT_NONCE + AP_GROUP_NONCE_LEN)

G_STATIC_ASSERT(AP_GROUP_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
G_STATIC_ASSERT(AP_GROUP_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES);
G_STATIC_ASSERT(AP_SHARED_SECRET_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

/* The TTL of a group says nothing, but must be one. */
static ApGossipRefusal
take_group(ApReader *reader, ApGroup *out)
{
    guint64 ttl_sec;
    const ApGossipRefusal refusal = ap_varint_take(reader, &ttl_sec, &out->is_minimal);

    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    if (ttl_sec > AP_FACT_TTL_MAX_SEC)
        return AP_GOSSIP_REFUSAL_TTL;

    if (!ap_reader_copy(reader, AP_KEY_LEN, out->signer.bytes)
        || !ap_reader_copy(reader, AP_GROUP_NONCE_LEN, out->nonce.bytes)
        || !ap_reader_take(reader, AP_GROUP_TAG_LEN, &out->tag))
        return AP_GOSSIP_REFUSAL_SHORT;

    out->inner = *reader;
    return AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Finds the parts of a group, without any cryptography.
 *
 * @out: (out caller-allocates): borrows @datagram; set on success only
 * @datagram: the payload of one UDP datagram, untrusted
 *
 * The caller compares the datagram's source with the signer's automatic address next.
 */
ApGossipRefusal
ap_group_split(ApGroup *out, const guint8 *datagram, gsize n_bytes)
{
    ApReader reader = {.data = datagram, .left = n_bytes};
    ApGossipRefusal refusal;
    ApGroup group = {0};
    ApFact fact;

    if (n_bytes > AP_GROUP_MAX_READ)
        return AP_GOSSIP_REFUSAL_LONG;
    if (n_bytes == 0 || datagram[0] != KIND_GROUP) {
        refusal = ap_fact_take(&reader, &fact);
        return refusal == AP_GOSSIP_REFUSAL_NONE ? AP_GOSSIP_REFUSAL_UNSIGNED : refusal;
    }

    reader.data++;
    reader.left--;
    refusal = take_group(&reader, &group);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *out = group;
    return refusal;
}

/**
 * Checks that the group was made by one who has @secret: its signer, or we ourselves.
 */
ApGossipRefusal
ap_group_verify(const ApGroup *self, const ApSharedSecret *secret)
{
    /* Nothing is encrypted: the facts are the "additional data" of an empty text. */
    const guint8 empty[1] = {0};
    const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(NULL,
                                                                           NULL,
                                                                           empty,
                                                                           0,
                                                                           self->tag,
                                                                           self->inner.data,
                                                                           self->inner.left,
                                                                           self->nonce.bytes,
                                                                           secret->bytes);

    return failed != 0 ? AP_GOSSIP_REFUSAL_TAG : AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Reads all facts of a group. One that is malformed spoils all.
 *
 * @out: (out caller-allocates): its facts borrow the datagram; not to be looked at when the
 *     group is refused
 */
ApGossipRefusal
ap_group_read(const ApGroup *self, ApGroupFacts *out)
{
    ApReader inner = self->inner;

    out->n_items = 0;
    while (inner.left > 0) {
        ApGossipRefusal refusal;

        if (inner.data[0] == KIND_GROUP)
            return AP_GOSSIP_REFUSAL_NESTED;
        if (out->n_items == AP_GROUP_MAX_FACTS)
            return AP_GOSSIP_REFUSAL_LONG;
        refusal = ap_fact_take(&inner, &out->items[out->n_items]);
        if (refusal != AP_GOSSIP_REFUSAL_NONE)
            return refusal;
        out->n_items++;
    }
    return AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Starts a group: @datagram gets room for the header in place of what is in it.
 */
void
ap_group_begin(GByteArray *datagram)
{
    g_byte_array_set_size(datagram, AP_GROUP_HEADER_LEN);
}

/**
 * Appends a fact to a group that was begun.
 *
 * Returns: FALSE when it does not fit any more; @datagram is then as it was
 */
gboolean
ap_group_add(GByteArray *datagram, const ApFact *fact)
{
    const guint n_before = datagram->len;

    g_return_val_if_fail(n_before >= AP_GROUP_HEADER_LEN, FALSE);

    ap_fact_put(fact, datagram);
    if (datagram->len <= AP_GROUP_HEADER_LEN + AP_GROUP_MAX_INNER)
        return TRUE;

    g_byte_array_set_size(datagram, n_before);
    return FALSE;
}

/**
 * Ends a group: writes and signs its header.
 *
 * @signer: our own key
 * @secret: what we share with the receiver
 * @nonce: random; never used with @secret before
 */
void
ap_group_seal(GByteArray *datagram,
              const ApKey *signer,
              const ApSharedSecret *secret,
              const ApGroupNonce *nonce)
{
    guint8 *bytes = datagram->data;
    guint8 empty[1] = {0};

    g_return_if_fail(datagram->len >= AP_GROUP_HEADER_LEN);

    bytes[0] = KIND_GROUP;
    bytes[1] = 0;
    memcpy(bytes + AT_SIGNER, signer->bytes, AP_KEY_LEN);
    memcpy(bytes + AT_NONCE, nonce->bytes, AP_GROUP_NONCE_LEN);
    (void) crypto_aead_xchacha20poly1305_ietf_encrypt_detached(empty,
                                                               bytes + AT_TAG,
                                                               NULL,
                                                               empty,
                                                               0,
                                                               bytes + AP_GROUP_HEADER_LEN,
                                                               datagram->len - AP_GROUP_HEADER_LEN,
                                                               NULL,
                                                               nonce->bytes,
                                                               secret->bytes);
}
