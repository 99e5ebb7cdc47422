/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Addresses with a prefix length, as plain values: copy them, compare them, no allocation.
 */

#pragma once

#include "common/addr.h"

G_BEGIN_DECLS

/** Room for any network as text, with its final NUL: an address, a slash, three digits. */
#define AP_CIDR_TEXT_LEN (AP_ADDR_TEXT_LEN + 4)

/**
 * An IPv4 or IPv6 network in canonical form: every bit after the prefix is zero.
 *
 * @addr: the network's first address
 * @prefix_len: in bits, 0 to 32 or 0 to 128
 */
typedef struct {
    ApAddr addr;
    guint8 prefix_len;
} ApCidr;

gboolean ap_cidr_parse(ApCidr *out, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_cidr_to_text(const ApCidr *self, char out[static AP_CIDR_TEXT_LEN]);
ApCidr ap_cidr_host(const ApAddr *addr) G_GNUC_PURE;
ApCidr ap_cidr_network(const ApAddr *addr, guint8 prefix_len) G_GNUC_PURE;
ApAddr ap_cidr_last(const ApCidr *self) G_GNUC_PURE;

gboolean ap_cidr_is_host(const ApCidr *self) G_GNUC_PURE;
gboolean ap_cidr_holds(const ApCidr *self, const ApAddr *addr) G_GNUC_PURE;
gboolean ap_cidr_contains(const ApCidr *outer, const ApCidr *inner) G_GNUC_PURE;
gboolean ap_cidr_overlaps(const ApCidr *a, const ApCidr *b) G_GNUC_PURE;
int ap_cidr_compare(const ApCidr *a, const ApCidr *b) G_GNUC_PURE;
gboolean ap_cidr_equal(const ApCidr *a, const ApCidr *b) G_GNUC_PURE;

G_END_DECLS
