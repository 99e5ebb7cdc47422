/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/cidr.h"

#include "common/error.h"

#include <string.h>

/* Sets every bit of @addr after the first @n_bits to the lowest bit of @value. */
static void
fill_after(ApAddr *addr, guint n_bits, guint8 value)
{
    const guint n_all = ap_addr_n_bits(addr->family);

    for (guint bit = n_bits; bit < n_all; bit++) {
        const guint8 mask = (guint8) (0x80 >> (bit % 8));

        if (value)
            addr->bytes[bit / 8] |= mask;
        else
            addr->bytes[bit / 8] &= (guint8) ~mask;
    }
}

/**
 * Reads "192.0.2.0/24", "2001:db8::/32" or a bare address, which means a host.
 *
 * @out: (out caller-allocates): the network; left as it was when the function fails
 * @text: NUL-terminated, from an untrusted source
 * @error: AP_ERROR_INVALID when @text is neither, when the prefix is too long for the
 *     family, or when a bit after the prefix is set
 *
 * A host bit is an error, not something to mask away: "10.0.0.5/24" in an offer means that
 * its author and we disagree about what is being offered.
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_cidr_parse(ApCidr *out, const char *text, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *host =
        slash != NULL ? g_strndup(text, (gsize) (slash - text)) : g_strdup(text);
    ApAddr addr;
    guint64 prefix_len;

    if (!ap_addr_parse(&addr, host, error))
        return FALSE;

    prefix_len = ap_addr_n_bits(addr.family);
    if (slash != NULL
        && !g_ascii_string_to_unsigned(slash + 1, 10, 0, prefix_len, &prefix_len, NULL)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "'%.64s' has a prefix length outside 0 to %u",
                    text,
                    ap_addr_n_bits(addr.family));
        return FALSE;
    }

    const ApCidr cidr = ap_cidr_network(&addr, (guint8) prefix_len);
    if (!ap_addr_equal(&cidr.addr, &addr)) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "'%.64s' has host bits set", text);
        return FALSE;
    }

    *out = cidr;
    return TRUE;
}

/**
 * Writes "192.0.2.0/24"; an empty string when @self holds no address.
 */
void
ap_cidr_to_text(const ApCidr *self, char out[static AP_CIDR_TEXT_LEN])
{
    char addr[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(&self->addr, addr);
    if (addr[0] == '\0')
        out[0] = '\0';
    else
        g_snprintf(out, AP_CIDR_TEXT_LEN, "%s/%u", addr, self->prefix_len);
}

/**
 * Makes the network that holds @addr alone.
 */
ApCidr
ap_cidr_host(const ApAddr *addr)
{
    return (ApCidr){.addr = *addr, .prefix_len = (guint8) ap_addr_n_bits(addr->family)};
}

/**
 * Makes the network of @prefix_len bits that @addr lies in; host bits are cleared.
 *
 * For an interface's own address, where host bits are normal.
 *
 * @prefix_len: in bits; cut to the length of the family
 */
ApCidr
ap_cidr_network(const ApAddr *addr, guint8 prefix_len)
{
    const guint n_bits = ap_addr_n_bits(addr->family);
    ApCidr cidr = {.addr = *addr, .prefix_len = (guint8) MIN(prefix_len, n_bits)};

    fill_after(&cidr.addr, cidr.prefix_len, 0);
    return cidr;
}

/**
 * Tells the highest address of @self: the broadcast address of an IPv4 network.
 */
ApAddr
ap_cidr_last(const ApCidr *self)
{
    ApAddr addr = self->addr;

    fill_after(&addr, self->prefix_len, 1);
    return addr;
}

/** Tells whether the prefix is one address: /32 or /128. */
gboolean
ap_cidr_is_host(const ApCidr *self)
{
    return self->addr.family != AF_UNSPEC && self->prefix_len == ap_addr_n_bits(self->addr.family);
}

/**
 * Tells whether @addr lies in @self; FALSE across families.
 */
gboolean
ap_cidr_holds(const ApCidr *self, const ApAddr *addr)
{
    const ApCidr host = ap_cidr_host(addr);

    return ap_cidr_contains(self, &host);
}

/**
 * Tells whether every address of @inner is also in @outer.
 *
 * Returns: TRUE for equal networks too; FALSE across families
 */
gboolean
ap_cidr_contains(const ApCidr *outer, const ApCidr *inner)
{
    const guint n_bytes = outer->prefix_len / 8;
    const guint rest = outer->prefix_len % 8;
    const guint8 mask = (guint8) (0xff << (8 - rest));

    if (outer->addr.family != inner->addr.family || outer->prefix_len > inner->prefix_len)
        return FALSE;

    if (memcmp(outer->addr.bytes, inner->addr.bytes, n_bytes) != 0)
        return FALSE;

    return rest == 0 || ((outer->addr.bytes[n_bytes] ^ inner->addr.bytes[n_bytes]) & mask) == 0;
}

/**
 * Tells whether some address lies in both; FALSE across families.
 */
gboolean
ap_cidr_overlaps(const ApCidr *a, const ApCidr *b)
{
    return ap_cidr_contains(a, b) || ap_cidr_contains(b, a);
}

/**
 * Orders by family, address, then prefix length (shorter first), as qsort() wants it.
 */
int
ap_cidr_compare(const ApCidr *a, const ApCidr *b)
{
    const int by_addr = ap_addr_compare(&a->addr, &b->addr);

    return by_addr != 0 ? by_addr : (int) a->prefix_len - (int) b->prefix_len;
}

/** Tells whether both are the same prefix of one family. */
gboolean
ap_cidr_equal(const ApCidr *a, const ApCidr *b)
{
    return ap_cidr_compare(a, b) == 0;
}
