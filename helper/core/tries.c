/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/tries.h"

/** How long one endpoint is tried: in a LAN, and elsewhere (path-management.md, "Endpoints"). */
#define TRY_LAN_USEC AP_USEC_PER_SEC
#define TRY_REMOTE_USEC (3 * AP_USEC_PER_SEC)

/* The order of tries: what worked here before, our own LANs, the rest; IPv6 first in each. */
static guint
rank(const ApPath *self, const ApAdmittedEndpoint *offered)
{
    const gboolean is_v6 = offered->endpoint.addr.family == AF_INET6;

    if (ap_endpoint_equal(&offered->endpoint, &self->last_good))
        return 0;
    return (offered->on_link ? 1 : 3) + (is_v6 ? 0 : 1);
}

/**
 * Finds the endpoint to try after @previous, or the first one when that is NULL or not offered
 * any more.
 *
 * Returns: (transfer none) (nullable): NULL when there is no further one
 */
const ApAdmittedEndpoint *
ap_tries_next(const ApPath *self, const ApAdmission *admission, const ApEndpoint *previous)
{
    const ApAdmittedEndpoint *sorted[AP_CANDIDATE_MAX_ENDPOINTS];
    guint n = 0, next = 0;

    for (guint r = 0; r <= 4; r++) {
        for (guint i = 0; i < admission->n_endpoints; i++) {
            if (rank(self, &admission->endpoints[i]) == r)
                sorted[n++] = &admission->endpoints[i];
        }
    }
    for (guint i = 0; i < n && previous != NULL; i++) {
        if (ap_endpoint_equal(&sorted[i]->endpoint, previous))
            next = i + 1;
    }
    return next < n ? sorted[next] : NULL;
}

/**
 * Tells how long the present endpoint of @self is tried, in microseconds.
 */
gint64
ap_tries_usec(const ApPath *self, const ApAdmission *admission)
{
    for (guint i = 0; i < admission->n_endpoints; i++) {
        if (ap_endpoint_equal(&admission->endpoints[i].endpoint, &self->endpoint))
            return admission->endpoints[i].on_link ? TRY_LAN_USEC : TRY_REMOTE_USEC;
    }
    return TRY_LAN_USEC;
}

/**
 * Makes a number that differs whenever another set of endpoints is offered, whatever their
 * order. FNV-1a, 64 bit, as in path.c; a sum makes the order irrelevant.
 */
guint64
ap_tries_fingerprint(const ApAdmission *admission)
{
    guint64 sum = 0;

    for (guint i = 0; i < admission->n_endpoints; i++) {
        const ApEndpoint *endpoint = &admission->endpoints[i].endpoint;
        guint64 hash = G_GUINT64_CONSTANT(14695981039346656037);

        for (guint j = 0; j < sizeof(endpoint->addr.bytes); j++)
            hash = (hash ^ endpoint->addr.bytes[j]) * G_GUINT64_CONSTANT(1099511628211);
        hash = (hash ^ endpoint->port) * G_GUINT64_CONSTANT(1099511628211);
        sum += hash;
    }
    return sum;
}

/**
 * Tells whether the present endpoint of @self may be tried: it is offered, or it worked. What
 * worked may be tried even if nobody names it, for we learned it from a packet.
 */
gboolean
ap_tries_is_worth(const ApPath *self, const ApAdmission *admission)
{
    for (guint i = 0; i < admission->n_endpoints; i++) {
        if (ap_endpoint_equal(&admission->endpoints[i].endpoint, &self->endpoint))
            return TRUE;
    }
    return ap_endpoint_equal(&self->endpoint, &self->last_good);
}
