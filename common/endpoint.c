/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/endpoint.h"

#include "common/error.h"

#include <netinet/in.h>
#include <string.h>

static gboolean
set_invalid(GError **error, const char *text)
{
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "'%.80s' is not ADDRESS:PORT or [ADDRESS]:PORT",
                text);
    return FALSE;
}

/* "fe80::1%3": splits the scope off @host, in place. */
static gboolean
take_scope(char *host, guint32 *scope_id)
{
    char *percent = strchr(host, '%');
    guint64 value;

    if (percent == NULL)
        return TRUE;

    if (!g_ascii_string_to_unsigned(percent + 1, 10, 1, G_MAXUINT32, &value, NULL))
        return FALSE;

    *percent = '\0';
    *scope_id = (guint32) value;
    return TRUE;
}

/**
 * Reads "192.0.2.7:51820" or "[2001:db8::7]:51820"; "[fe80::1%3]:51820" names the interface
 * by its index.
 *
 * @out: (out caller-allocates): the endpoint; left as it was when the function fails
 * @text: NUL-terminated
 * @error: AP_ERROR_INVALID; port 0 is an error
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_endpoint_parse(ApEndpoint *out, const char *text, GError **error)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = NULL;
    ApEndpoint endpoint = {0};
    guint64 port;

    if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
        return set_invalid(error, text);

    if (text[0] == '[') {
        if (colon - text < 2 || colon[-1] != ']')
            return set_invalid(error, text);
        host = g_strndup(text + 1, (gsize) (colon - text - 2));
    } else {
        host = g_strndup(text, (gsize) (colon - text));
    }

    if (!take_scope(host, &endpoint.scope_id) || !ap_addr_parse(&endpoint.addr, host, NULL))
        return set_invalid(error, text);

    const gboolean is_v6 = endpoint.addr.family == AF_INET6;
    if (is_v6 != (text[0] == '[')
        || (endpoint.scope_id != 0 && !ap_addr_is_link_local(&endpoint.addr)))
        return set_invalid(error, text);

    endpoint.port = (guint16) port;
    *out = endpoint;
    return TRUE;
}

/**
 * Writes what ap_endpoint_parse() reads; an empty string when there is no endpoint.
 */
void
ap_endpoint_to_text(const ApEndpoint *self, char out[static AP_ENDPOINT_TEXT_LEN])
{
    char addr[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(&self->addr, addr);
    if (addr[0] == '\0')
        out[0] = '\0';
    else if (self->addr.family == AF_INET)
        g_snprintf(out, AP_ENDPOINT_TEXT_LEN, "%s:%u", addr, self->port);
    else if (self->scope_id != 0)
        g_snprintf(out, AP_ENDPOINT_TEXT_LEN, "[%s%%%u]:%u", addr, self->scope_id, self->port);
    else
        g_snprintf(out, AP_ENDPOINT_TEXT_LEN, "[%s]:%u", addr, self->port);
}

/**
 * Takes address, port and scope out of a socket address.
 *
 * Returns: FALSE when @from is neither IPv4 nor IPv6; @out is then left as it was
 */
gboolean
ap_endpoint_from_sockaddr(ApEndpoint *out, const struct sockaddr *from)
{
    ApEndpoint endpoint = {0};

    if (!ap_addr_from_sockaddr(&endpoint.addr, from))
        return FALSE;

    if (from->sa_family == AF_INET) {
        endpoint.port = g_ntohs(((const struct sockaddr_in *) (const void *) from)->sin_port);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) (const void *) from;

        endpoint.port = g_ntohs(in6->sin6_port);
        endpoint.scope_id = ap_addr_is_link_local(&endpoint.addr) ? in6->sin6_scope_id : 0;
    }

    *out = endpoint;
    return TRUE;
}

/**
 * Fills a socket address for connect(), bind() or the kernel's WireGuard.
 *
 * @out: (out caller-allocates): zeroed first
 *
 * Returns: the length of the address in bytes; 0 when @self holds no endpoint
 */
socklen_t
ap_endpoint_to_sockaddr(const ApEndpoint *self, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));

    if (self->addr.family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *) (void *) out;

        in->sin_family = AF_INET;
        in->sin_port = g_htons(self->port);
        memcpy(&in->sin_addr, self->addr.bytes, 4);
        return sizeof(*in);
    }

    if (self->addr.family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) (void *) out;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = g_htons(self->port);
        in6->sin6_scope_id = self->scope_id;
        memcpy(&in6->sin6_addr, self->addr.bytes, 16);
        return sizeof(*in6);
    }

    return 0;
}

/** Tells whether there is an address; the port may be 0 all the same. */
gboolean
ap_endpoint_is_set(const ApEndpoint *self)
{
    return self->addr.family != AF_UNSPEC;
}

/**
 * Orders by address, port, then scope, as qsort() wants it.
 */
int
ap_endpoint_compare(const ApEndpoint *a, const ApEndpoint *b)
{
    const int by_addr = ap_addr_compare(&a->addr, &b->addr);

    if (by_addr != 0)
        return by_addr;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    if (a->scope_id != b->scope_id)
        return a->scope_id < b->scope_id ? -1 : 1;
    return 0;
}

/** Tells whether address, port and scope are the same. */
gboolean
ap_endpoint_equal(const ApEndpoint *a, const ApEndpoint *b)
{
    return ap_endpoint_compare(a, b) == 0;
}
