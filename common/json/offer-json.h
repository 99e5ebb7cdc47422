/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The JSON forms of ApRequest and ApOffer (coordination-protocol.md 2, 3 and 6).
 */

#pragma once

#include "common/offer.h"

G_BEGIN_DECLS

char *ap_request_to_json(const ApRequest *self);
gboolean ap_request_from_json(ApRequest *out, const char *text, gsize n_bytes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

char *ap_offer_to_json(const ApOffer *self);
ApOffer *ap_offer_from_json(const char *text, gsize n_bytes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
