/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The pieces that requests and offers share, as JSON: keys, addresses, endpoints, tokens.
 */

#pragma once

#include "common/json/json.h"
#include "common/offer.h"

G_BEGIN_DECLS

/** Longest text that is looked at where an address, key or token belongs, in bytes
 * (coordination-protocol.md 5, "JSON"). */
#define AP_JSON_MAX_TEXT 64

gboolean ap_json_get_key(ApJson *object, const char *name, ApKey *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_json_as_addr(ApJson *value, ApAddr *out) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_json_as_endpoint(ApJson *object, ApEndpoint *out, ApDrop *why)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_json_as_ranked(ApJson *object, ApRankedEndpoint *out, ApDrop *why)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_json_get_token(ApJson *object, const char *name, char out[static AP_COORD_TOKEN_LEN])
    G_GNUC_WARN_UNUSED_RESULT;

void ap_json_append_addr(GString *out, const ApAddr *addr);
void ap_json_append_key(GString *out, const ApKey *key);
void ap_json_append_ranked(GString *out, const ApRankedEndpoint *items, guint n_items);

G_END_DECLS
