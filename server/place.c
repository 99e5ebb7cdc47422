/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/place.h"

#include "common/endpoint.h"
#include "common/writer.h"

/**
 * Tells whether @addr is one of the addresses.
 */
gboolean
ap_place_holds(const ApPlace *self, const ApAddr *addr)
{
    for (guint i = 0; i < self->n; i++) {
        if (ap_addr_equal(&self->own[i].addr, addr))
            return TRUE;
    }
    return FALSE;
}

/**
 * Counts the sockets that come along.
 */
guint
ap_place_n_sockets(const ApPlace *self)
{
    guint n = 0;

    for (guint i = 0; i < self->n; i++)
        n += self->has_socket[i];
    return n;
}

/**
 * Returns: (transfer full): for example "10.9.0.1:80, [fd09:9::1]:80"
 */
char *
ap_place_to_text(const ApPlace *self)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < self->n; i++) {
        const ApEndpoint endpoint = {.addr = self->own[i].addr, .port = self->port};
        char text[AP_ENDPOINT_TEXT_LEN];

        ap_endpoint_to_text(&endpoint, text);
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", text);
    }
    return g_string_free(out, FALSE);
}

/**
 * Appends an address, or none, to a message.
 */
void
ap_place_put_addr(GByteArray *out, const ApAddr *addr)
{
    ap_writer_put_u8(out, (guint8) (ap_addr_n_bits(addr->family) / 8));
    ap_writer_put(out, addr->bytes, sizeof(addr->bytes));
}

/**
 * Reads what ap_place_put_addr() wrote.
 */
gboolean
ap_place_take_addr(ApReader *reader, ApAddr *out)
{
    ApAddr addr = {0};
    guint8 n_bytes;

    if (!ap_reader_take_u8(reader, &n_bytes)
        || !ap_reader_copy(reader, sizeof(addr.bytes), addr.bytes))
        return FALSE;

    if (n_bytes == 4)
        addr.family = AF_INET;
    else if (n_bytes == 16)
        addr.family = AF_INET6;
    *out = addr;
    return TRUE;
}

/**
 * Appends the place to a message.
 */
void
ap_place_write(const ApPlace *self, GByteArray *out)
{
    ap_writer_put(out, self->interface, sizeof(self->interface));
    ap_writer_put_be16(out, self->port);
    ap_writer_put_u8(out, (guint8) self->n);
    for (guint i = 0; i < self->n; i++) {
        ap_place_put_addr(out, &self->own[i].addr);
        ap_writer_put_u8(out, self->own[i].prefix_len);
        ap_writer_put_u8(out, self->has_socket[i] ? 1 : 0);
    }
}

static gboolean
read_address(ApReader *reader, ApOwnAddress *out, gboolean *has_socket)
{
    guint8 flag;

    if (!ap_place_take_addr(reader, &out->addr) || !ap_reader_take_u8(reader, &out->prefix_len)
        || !ap_reader_take_u8(reader, &flag) || out->prefix_len > ap_addr_n_bits(out->addr.family))
        return FALSE;

    *has_socket = flag != 0;
    return TRUE;
}

/**
 * Reads what ap_place_write() wrote.
 *
 * @out: (out caller-allocates): left as it was when the function fails
 *
 * Returns: FALSE when this is something else
 */
gboolean
ap_place_read(ApPlace *out, ApReader *reader)
{
    ApPlace place = {0};
    guint8 n;

    if (!ap_reader_copy(reader, sizeof(place.interface), place.interface)
        || place.interface[sizeof(place.interface) - 1] != '\0'
        || !ap_reader_take_be16(reader, &place.port) || !ap_reader_take_u8(reader, &n)
        || n > AP_ROSTER_MAX_OWN)
        return FALSE;

    for (; place.n < n; place.n++) {
        if (!read_address(reader, &place.own[place.n], &place.has_socket[place.n]))
            return FALSE;
    }
    *out = place;
    return TRUE;
}
