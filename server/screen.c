/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/screen.h"

/** The longest IPv4 prefix whose first and last address are no hosts (RFC 3021: /31 has none). */
#define MAX_PREFIX_WITH_BROADCAST 30

static gboolean
is_host_of(const ApCidr *network, const ApAddr *addr)
{
    const ApAddr last = ap_cidr_last(network);

    if (!ap_cidr_holds(network, addr))
        return FALSE;
    if (addr->family != AF_INET || network->prefix_len > MAX_PREFIX_WITH_BROADCAST)
        return TRUE;
    return !ap_addr_equal(addr, &network->addr) && !ap_addr_equal(addr, &last);
}

/*
 * A router is on the link: inside the network, or with a link-local address as IPv6 routers
 * have.
 */
static gboolean
is_gateway_of(const ApCidr *network, const ApAddr *gateway)
{
    if (gateway->family == AF_INET6 && ap_addr_is_link_local(gateway))
        return TRUE;
    return ap_addr_is_host(gateway) && is_host_of(network, gateway);
}

static gboolean
is_sane_attachment(const ApAttachment *self, const ApRoster *roster)
{
    if (self->prefix_len < 1 || self->prefix_len > ap_addr_n_bits(self->ip.family)
        || self->gateway.family != self->ip.family || ap_addr_equal(&self->ip, &self->gateway))
        return FALSE;

    const ApCidr network = ap_cidr_network(&self->ip, self->prefix_len);
    return ap_addr_is_host(&self->ip) && is_host_of(&network, &self->ip)
           && is_gateway_of(&network, &self->gateway) && !ap_roster_is_inside(roster, &self->ip);
}

static gboolean
is_sane_candidate(const ApRankedEndpoint *self, const ApRoster *roster)
{
    return self->endpoint.port != 0 && ap_addr_is_host(&self->endpoint.addr)
           && !ap_roster_is_inside(roster, &self->endpoint.addr);
}

/**
 * Takes out of @request what no client can truthfully say: attachments and candidates that are
 * not hosts, lie outside their own network, or are addresses of the tunnel itself.
 *
 * One bad element never rejects the others: a client with a strange second interface is still
 * reached by its first.
 *
 * Returns: how many were taken out
 */
guint
ap_screen_request(ApRequest *request, const ApRoster *roster)
{
    const guint n_before = request->n_attachments + request->n_candidates;
    guint n = 0;

    for (guint i = 0; i < request->n_attachments; i++) {
        if (is_sane_attachment(&request->attachments[i], roster))
            request->attachments[n++] = request->attachments[i];
    }
    request->n_attachments = n;

    n = 0;
    for (guint i = 0; i < request->n_candidates; i++) {
        if (is_sane_candidate(&request->candidates[i], roster))
            request->candidates[n++] = request->candidates[i];
    }
    request->n_candidates = n;

    return n_before - request->n_attachments - request->n_candidates;
}
