/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where a peer can be reached: an address and a UDP (or TCP) port, as a plain value.
 */

#pragma once

#include "common/addr.h"

G_BEGIN_DECLS

/** Room for any endpoint as text: "[", an address, "%" and a scope, "]:", a port and NUL. */
#define AP_ENDPOINT_TEXT_LEN (AP_ADDR_TEXT_LEN + 20)

/**
 * An address with a port.
 *
 * @addr: family 0 means "no endpoint"
 * @port: host byte order
 * @scope_id: the interface index of an IPv6 link-local address, otherwise 0
 */
typedef struct {
    ApAddr addr;
    guint16 port;
    guint32 scope_id;
} ApEndpoint;

gboolean ap_endpoint_parse(ApEndpoint *out, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_endpoint_to_text(const ApEndpoint *self, char out[static AP_ENDPOINT_TEXT_LEN]);
gboolean ap_endpoint_from_sockaddr(ApEndpoint *out, const struct sockaddr *from)
    G_GNUC_WARN_UNUSED_RESULT;
socklen_t ap_endpoint_to_sockaddr(const ApEndpoint *self, struct sockaddr_storage *out);

gboolean ap_endpoint_is_set(const ApEndpoint *self) G_GNUC_PURE;
int ap_endpoint_compare(const ApEndpoint *a, const ApEndpoint *b) G_GNUC_PURE;
gboolean ap_endpoint_equal(const ApEndpoint *a, const ApEndpoint *b) G_GNUC_PURE;

G_END_DECLS
