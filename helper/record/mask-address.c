/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/mask-address.h"

#include "helper/record/mask.h"

#include <string.h>

/**
 * How many bits of a public address stay: who its provider is, which is what a fault may hang on,
 * but not whose it is.
 */
#define KEPT_BITS4 16
#define KEPT_BITS6 32

/** Where the interface's part of an IPv6 address begins (RFC 4291 2.5.1), in bits. */
#define INTERFACE_BITS6 64

typedef struct {
    guint16 family;
    guint8 n_bits;
    guint8 bytes[16];
} Block;

/* Blocks besides those that common/addr.h knows: they are nobody's. */
static const Block special[] = {
    {AF_INET, 24, {192, 0, 0}}, /* RFC 6890 */
    {AF_INET, 24, {192, 0, 2}}, /* documentation, RFC 5737, as the next two */
    {AF_INET, 24, {198, 51, 100}},
    {AF_INET, 24, {203, 0, 113}},
    {AF_INET, 24, {192, 88, 99}},             /* RFC 7526 */
    {AF_INET, 15, {198, 18}},                 /* RFC 2544 */
    {AF_INET6, 64, {0x01}},                   /* RFC 6666 */
    {AF_INET6, 32, {0x20, 0x01, 0x0d, 0xb8}}, /* documentation, RFC 3849 */
    {AF_INET6, 20, {0x3f, 0xff}},             /* the same, RFC 9637 */
};

static guint
bit_of(const ApAddr *addr, guint at)
{
    return (addr->bytes[at / 8] >> (7 - at % 8)) & 1;
}

static gboolean
bits_equal(const guint8 *a, const guint8 *b, guint n_bits)
{
    const guint rest = n_bits % 8;
    const guint8 mask = (guint8) (0xff << (8 - rest));

    if (memcmp(a, b, n_bits / 8) != 0)
        return FALSE;
    return rest == 0 || ((a[n_bits / 8] ^ b[n_bits / 8]) & mask) == 0;
}

/* Whether @addr is nobody's, or is only known where it is used. */
static gboolean
is_special(const ApAddr *addr)
{
    for (gsize i = 0; i < G_N_ELEMENTS(special); i++) {
        if (special[i].family == addr->family
            && bits_equal(special[i].bytes, addr->bytes, special[i].n_bits))
            return TRUE;
    }
    return !ap_addr_is_host(addr) || ap_addr_is_private(addr);
}

/* Whether a special block lies below the first @at bits of @addr: the way to it must not turn, or
 * another address would be mapped into it. */
static gboolean
leads_to_special(const ApAddr *addr, guint at)
{
    for (gsize i = 0; i < G_N_ELEMENTS(special); i++) {
        if (special[i].family == addr->family && special[i].n_bits > at
            && bits_equal(special[i].bytes, addr->bytes, at))
            return TRUE;
    }
    return FALSE;
}

/* Whether the bits of @addr from @begin until @end are all zero or all one. */
static gboolean
is_uniform(const ApAddr *addr, guint begin, guint end)
{
    for (guint i = begin + 1; i < end; i++) {
        if (bit_of(addr, i) != bit_of(addr, begin))
            return FALSE;
    }
    return TRUE;
}

/* The first, second and last address of a network mean something: they stay what they are. */
static gboolean
leads_to_edge(const GArray *networks, const ApAddr *addr, guint at)
{
    for (guint i = 0; i < networks->len; i++) {
        const ApCidr *network = &g_array_index(networks, ApCidr, i);

        if (network->prefix_len <= at && ap_cidr_holds(network, addr)
            && is_uniform(addr, network->prefix_len, at))
            return TRUE;
    }
    return FALSE;
}

/**
 * Hashes data into a number that nobody can guess who lacks the key.
 *
 * @key: of AP_MASK_KEY_LEN bytes
 */
guint64
ap_mask_hash(const guint8 *key, const char *purpose, const guint8 *data, gsize n)
{
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, AP_MASK_KEY_LEN);
    guint8 digest[32];
    gsize n_digest = sizeof(digest);
    guint64 hash;

    g_hmac_update(hmac, (const guchar *) purpose, (gssize) strlen(purpose) + 1);
    g_hmac_update(hmac, data, (gssize) n);
    g_hmac_get_digest(hmac, digest, &n_digest);
    g_hmac_unref(hmac);
    memcpy(&hash, digest, sizeof(hash));
    return hash;
}

/* Whether bit @at turns: it depends on all bits before it and on nothing else. */
static gboolean
turns(const ApAddressMask *self, const ApAddr *addr, guint at)
{
    guint8 before[2 + sizeof(addr->bytes)] = {(guint8) addr->family, (guint8) at};

    memcpy(before + 2, addr->bytes, (at + 7) / 8);
    if (at % 8 != 0)
        before[2 + at / 8] &= (guint8) (0xff << (8 - at % 8));
    return (ap_mask_hash(self->key, "address", before, sizeof(before)) & 1) != 0;
}

static ApAddr
scramble(const ApAddressMask *self, const ApAddr *addr, guint begin)
{
    const guint n_bits = ap_addr_n_bits(addr->family);
    ApAddr out = *addr;

    for (guint at = begin; at < n_bits; at++) {
        if (!leads_to_special(addr, at) && !leads_to_edge(self->networks, addr, at)
            && turns(self, addr, at))
            out.bytes[at / 8] ^= (guint8) (0x80 >> (at % 8));
    }
    return out;
}

/* The IPv4 address in the last bytes of an IPv6 one (ap_addr_is_embedded_v4()) is as public. */
static ApAddr
mask_embedded(const ApAddressMask *self, const ApAddr *addr)
{
    ApAddr inner = {.family = AF_INET};
    ApAddr out = *addr;

    memcpy(inner.bytes, addr->bytes + 12, 4);
    inner = ap_mask_address(self, &inner);
    memcpy(out.bytes + 12, inner.bytes, 4);
    return out;
}

/* An interface's part that was made of the card's own number (RFC 4291, appendix A). */
static gboolean
names_card(const ApAddr *addr)
{
    return addr->family == AF_INET6 && addr->bytes[11] == 0xff && addr->bytes[12] == 0xfe;
}

/**
 * Maps an address to another one: two addresses share as many bits before as after, the first,
 * second and last address of each network of the mask are so again, and what is private, special
 * or documentation stays as it is, except for the number of a network card in it.
 */
ApAddr
ap_mask_address(const ApAddressMask *self, const ApAddr *addr)
{
    if (ap_addr_is_embedded_v4(addr) && !ap_addr_is_unspecified(addr) && !ap_addr_is_loopback(addr))
        return mask_embedded(self, addr);
    if (!is_special(addr))
        return scramble(self, addr, addr->family == AF_INET ? KEPT_BITS4 : KEPT_BITS6);
    return names_card(addr) && !ap_addr_is_multicast(addr) ? scramble(self, addr, INTERFACE_BITS6)
                                                           : *addr;
}
