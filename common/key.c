/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/key.h"

#include "common/error.h"

#include <sodium.h>

#include <string.h>

/**
 * Reads a key in its one canonical text form: 44 base64 characters that encode back to the
 * same text (security rule K1).
 *
 * @out: (out caller-allocates): the key; left as it was when the function fails
 * @text: NUL-terminated, from an untrusted source
 * @error: AP_ERROR_INVALID
 *
 * Whether the point is safe to use is another question: see ap_key_is_safe().
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_key_parse(ApKey *out, const char *text, GError **error)
{
    char canonical[AP_KEY_TEXT_LEN];
    ApKey key;
    gsize len = 0;

    if (strnlen(text, AP_KEY_TEXT_LEN) != AP_KEY_TEXT_LEN - 1
        || sodium_base642bin(key.bytes,
                             sizeof(key.bytes),
                             text,
                             AP_KEY_TEXT_LEN - 1,
                             NULL,
                             &len,
                             NULL,
                             sodium_base64_VARIANT_ORIGINAL)
               != 0
        || len != AP_KEY_LEN) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "not a WireGuard key");
        return FALSE;
    }

    ap_key_to_text(&key, canonical);
    if (strcmp(canonical, text) != 0) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "a key in non-canonical form");
        return FALSE;
    }

    *out = key;
    return TRUE;
}

/**
 * Writes the key as base64.
 */
void
ap_key_to_text(const ApKey *self, char out[static AP_KEY_TEXT_LEN])
{
    (void) sodium_bin2base64(out,
                             AP_KEY_TEXT_LEN,
                             self->bytes,
                             sizeof(self->bytes),
                             sodium_base64_VARIANT_ORIGINAL);
}

/**
 * Orders keys as numbers are compared on paper: by their bytes, first byte first.
 *
 * "The lower key starts" (decisions.md 1) means this order.
 */
int
ap_key_compare(const ApKey *a, const ApKey *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/** Tells whether both are the same public key; not in constant time. */
gboolean
ap_key_equal(const ApKey *a, const ApKey *b)
{
    return ap_key_compare(a, b) == 0;
}

/**
 * Tells whether the key is one of @keys.
 *
 * @keys: (element-type ApKey): in any order
 */
gboolean
ap_key_is_among(const ApKey *self, const GArray *keys)
{
    for (guint i = 0; i < keys->len; i++) {
        if (ap_key_equal(&g_array_index(keys, ApKey, i), self))
            return TRUE;
    }
    return FALSE;
}

/**
 * Mostly asked of two lists of which nothing has changed: those are compared as a whole first.
 *
 * @keys, @others: (element-type ApKey) in any order
 *
 * Returns: whether there is none in @keys that is not in @others
 */
gboolean
ap_key_are_all_among(const GArray *keys, const GArray *others)
{
    if (keys->len == 0
        || (keys->len == others->len
            && memcmp(keys->data, others->data, keys->len * sizeof(ApKey)) == 0))
        return TRUE;

    for (guint i = 0; i < keys->len; i++) {
        if (!ap_key_is_among(&g_array_index(keys, ApKey, i), others))
            return FALSE;
    }
    return TRUE;
}

/* The key is little-endian; p = 2^255 - 19 is ed ff ... ff 7f. */
static gboolean
is_below_p(const ApKey *key)
{
    if (key->bytes[31] != 0x7f)
        return key->bytes[31] < 0x7f;

    for (guint i = 30; i > 0; i--) {
        if (key->bytes[i] != 0xff)
            return TRUE;
    }
    return key->bytes[0] < 0xed;
}

/**
 * Tells whether @self is a canonical point outside the small subgroup (security rule K2).
 *
 * A key with bit 255 set, or not below p, is an alias of another key: the same shared secret
 * under different bytes, which defeats every comparison of keys. A point of low order makes
 * the shared secret a constant. With the first check passed, five encodings of low order are
 * left: 0, 1, p - 1 and the two points of order 8 (RFC 7748 7, and
 * https://cr.yp.to/ecdh.html#validate).
 */
gboolean
ap_key_is_safe(const ApKey *self)
{
    static const ApKey low_order[] = {
        {{0}},
        {{1}},
        {{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
          0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
          0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}},
        {{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
          0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
          0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}},
        {{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    };

    if (!is_below_p(self))
        return FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(low_order); i++) {
        if (ap_key_equal(self, &low_order[i]))
            return FALSE;
    }
    return TRUE;
}

/**
 * Derives the automatic link-local address of a peer: fe80::/64 followed by the first eight
 * bytes of SHA-1 over the raw key, no bit changed (gossip-protocol.md 1.2).
 *
 * SHA-1 only spreads addresses here; nothing is trusted because of it.
 */
ApAddr
ap_key_link_local(const ApKey *self)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA1);
    ApAddr addr = {.family = AF_INET6, .bytes = {0xfe, 0x80}};
    guint8 digest[20];
    gsize len = sizeof(digest);

    g_checksum_update(checksum, self->bytes, sizeof(self->bytes));
    g_checksum_get_digest(checksum, digest, &len);
    memcpy(addr.bytes + 8, digest, 8);
    return addr;
}

/**
 * Wipes a private key in a way that the compiler may not leave out.
 */
void
ap_secret_key_clear(ApSecretKey *self)
{
    sodium_memzero(self, sizeof(*self));
}

/**
 * Computes the public key that belongs to @self, as `wg pubkey` does.
 */
void
ap_secret_key_public(const ApSecretKey *self, ApKey *out)
{
    /* Fails only for a result of zero, which the base point cannot give. */
    (void) crypto_scalarmult_base(out->bytes, self->bytes);
}
