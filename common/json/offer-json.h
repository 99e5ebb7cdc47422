/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * ApRequest as JSON, both ways, and ApOffer from JSON (coordination-protocol.md 2, 3 and 6). The
 * server writes its answers by itself: server/answer.h.
 */

#pragma once

#include "common/offer.h"

G_BEGIN_DECLS

char *ap_request_to_json(const ApRequest *self);
gboolean ap_request_from_json(ApRequest *out, const char *text, gsize n_bytes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

ApOffer *ap_offer_from_json(const char *text, gsize n_bytes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
