/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/addr.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/**
 * A block of addresses, for the tables below.
 *
 * @n_bits: length of the prefix
 */
typedef struct {
    guint16 family;
    guint8 n_bits;
    guint8 bytes[16];
} Block;

static gboolean
block_holds(const Block *block, const ApAddr *addr)
{
    const guint n_bytes = block->n_bits / 8;
    const guint rest = block->n_bits % 8;
    const guint8 mask = (guint8) (0xff << (8 - rest));

    if (block->family != addr->family || memcmp(block->bytes, addr->bytes, n_bytes) != 0)
        return FALSE;

    return rest == 0 || ((block->bytes[n_bytes] ^ addr->bytes[n_bytes]) & mask) == 0;
}

static gboolean
any_block_holds(const Block *blocks, gsize n_blocks, const ApAddr *addr)
{
    for (gsize i = 0; i < n_blocks; i++) {
        if (block_holds(&blocks[i], addr))
            return TRUE;
    }
    return FALSE;
}

/**
 * Reads an IPv4 or IPv6 address in any form that inet_pton() takes.
 *
 * @out: (out caller-allocates): the address; left as it was when the function fails
 * @text: NUL-terminated
 * @error: AP_ERROR_INVALID; a zone ("%eth0") is an error, too
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_addr_parse(ApAddr *out, const char *text, GError **error)
{
    ApAddr addr = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};

    if (inet_pton(addr.family, text, addr.bytes) != 1) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "'%.64s' is not an IP address", text);
        return FALSE;
    }

    *out = addr;
    return TRUE;
}

/**
 * Reads an address in canonical text form only: what is printed back must be what came in.
 *
 * For text from a server or a peer: two programs that read "FD00::1" or "10.1" differently
 * would disagree about what was offered.
 *
 * @out: (out caller-allocates): the address; left as it was when the function fails
 * @text: NUL-terminated, from an untrusted source
 * @error: AP_ERROR_INVALID
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_addr_parse_strict(ApAddr *out, const char *text, GError **error)
{
    char canonical[AP_ADDR_TEXT_LEN];
    ApAddr addr;

    if (!ap_addr_parse(&addr, text, error))
        return FALSE;

    ap_addr_to_text(&addr, canonical);
    if (strcmp(canonical, text) != 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "'%.64s' is not in canonical form ('%s')",
                    text,
                    canonical);
        return FALSE;
    }

    *out = addr;
    return TRUE;
}

/**
 * Writes the canonical text; an empty string when @self holds no address.
 */
void
ap_addr_to_text(const ApAddr *self, char out[static AP_ADDR_TEXT_LEN])
{
    if (self->family == AF_UNSPEC
        || inet_ntop(self->family, self->bytes, out, AP_ADDR_TEXT_LEN) == NULL)
        out[0] = '\0';
}

/**
 * Takes the address out of a socket address; port and scope are dropped.
 *
 * Returns: FALSE when @from is neither IPv4 nor IPv6; @out is then left as it was
 */
gboolean
ap_addr_from_sockaddr(ApAddr *out, const struct sockaddr *from)
{
    ApAddr addr = {.family = from->sa_family};

    if (from->sa_family == AF_INET)
        memcpy(addr.bytes, &((const struct sockaddr_in *) (const void *) from)->sin_addr, 4);
    else if (from->sa_family == AF_INET6)
        memcpy(addr.bytes, &((const struct sockaddr_in6 *) (const void *) from)->sin6_addr, 16);
    else
        return FALSE;

    *out = addr;
    return TRUE;
}

/**
 * Tells the length of an address of @family: 32, 128, or 0 for any other family.
 */
guint
ap_addr_n_bits(guint16 family)
{
    if (family == AF_INET)
        return 32;
    return family == AF_INET6 ? 128 : 0;
}

/**
 * Orders by family (IPv4 first), then by bytes, as qsort() wants it.
 */
int
ap_addr_compare(const ApAddr *a, const ApAddr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/** Tells whether both are the same address of one family. */
gboolean
ap_addr_equal(const ApAddr *a, const ApAddr *b)
{
    return ap_addr_compare(a, b) == 0;
}

/** 0.0.0.0 or :: (RFC 4291 2.5.2), or no address at all. */
gboolean
ap_addr_is_unspecified(const ApAddr *self)
{
    const ApAddr zero = {.family = self->family};

    return ap_addr_equal(self, &zero);
}

/** 127.0.0.0/8 (RFC 1122 3.2.1.3) or ::1. */
gboolean
ap_addr_is_loopback(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET, 8, {127}},
        {AF_INET6, 128, {[15] = 1}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 2.7). */
gboolean
ap_addr_is_multicast(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET, 4, {224}},
        {AF_INET6, 8, {0xff}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 2.5.6). */
gboolean
ap_addr_is_link_local(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET, 16, {169, 254}},
        {AF_INET6, 10, {0xfe, 0x80}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/**
 * An IPv6 address that carries an IPv4 one: mapped ::ffff:0:0/96, compatible ::/96, and the
 * translation prefix 64:ff9b::/96 (RFC 4291 2.5.5, RFC 6052 2.1).
 *
 * Such text would let an IPv4 address slip past rules that were written for IPv4.
 */
gboolean
ap_addr_is_embedded_v4(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET6, 96, {[10] = 0xff, [11] = 0xff}},
        {AF_INET6, 96, {0}},
        {AF_INET6, 96, {0x00, 0x64, 0xff, 0x9b}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/** 0.0.0.0/8 and 240.0.0.0/4, the limited broadcast among them (RFC 1122, RFC 1112 4). */
gboolean
ap_addr_is_reserved(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET, 8, {0}},
        {AF_INET, 4, {240}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/** RFC 1918, CGNAT 100.64.0.0/10 (RFC 6598), ULA fc00::/7 (RFC 4193). */
gboolean
ap_addr_is_private(const ApAddr *self)
{
    static const Block blocks[] = {
        {AF_INET, 8, {10}},
        {AF_INET, 12, {172, 16}},
        {AF_INET, 16, {192, 168}},
        {AF_INET, 10, {100, 64}},
        {AF_INET6, 7, {0xfc}},
    };

    return any_block_holds(blocks, G_N_ELEMENTS(blocks), self);
}

/**
 * Tells whether @self can be the address of one ordinary host: unicast, neither loopback nor
 * link-local nor reserved, and no IPv4 address in IPv6 clothes.
 */
gboolean
ap_addr_is_host(const ApAddr *self)
{
    return self->family != AF_UNSPEC && !ap_addr_is_unspecified(self) && !ap_addr_is_loopback(self)
           && !ap_addr_is_multicast(self) && !ap_addr_is_link_local(self)
           && !ap_addr_is_reserved(self) && !ap_addr_is_embedded_v4(self);
}
