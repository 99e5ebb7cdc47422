/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Bare IP addresses, as plain values: copy them, compare them, no allocation.
 */

#pragma once

#include <glib.h>

#include <sys/socket.h>

G_BEGIN_DECLS

/** Room for any address as text, with its final NUL. Source: INET6_ADDRSTRLEN, netinet/in.h. */
#define AP_ADDR_TEXT_LEN 46

/**
 * An IPv4 or IPv6 address.
 *
 * @family: AF_INET or AF_INET6; 0 (AF_UNSPEC) means "no address"
 * @bytes: network byte order; IPv4 uses the first four bytes and the rest stay zero, so that
 *     two equal addresses are equal bytes
 */
typedef struct {
    guint16 family;
    guint8 bytes[16];
} ApAddr;

gboolean ap_addr_parse(ApAddr *out, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_addr_parse_strict(ApAddr *out, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_addr_to_text(const ApAddr *self, char out[static AP_ADDR_TEXT_LEN]);
gboolean ap_addr_from_sockaddr(ApAddr *out, const struct sockaddr *from) G_GNUC_WARN_UNUSED_RESULT;

guint ap_addr_n_bits(guint16 family) G_GNUC_CONST;
int ap_addr_compare(const ApAddr *a, const ApAddr *b) G_GNUC_PURE;
gboolean ap_addr_equal(const ApAddr *a, const ApAddr *b) G_GNUC_PURE;

gboolean ap_addr_is_unspecified(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_loopback(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_multicast(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_link_local(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_embedded_v4(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_reserved(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_private(const ApAddr *self) G_GNUC_PURE;
gboolean ap_addr_is_host(const ApAddr *self) G_GNUC_PURE;

G_END_DECLS
