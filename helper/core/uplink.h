/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which of our interfaces lead to a LAN, and what a server may be told about them.
 */

#pragma once

#include "common/offer.h"
#include "helper/core/link.h"
#include "helper/core/policy.h"

G_BEGIN_DECLS

gboolean ap_uplink_is_usable(const ApLink *link, const ApPolicy *policy);

guint ap_uplink_attachments(const GPtrArray *links,
                            const ApPolicy *policy,
                            ApAttachment out[static AP_COORD_MAX_ATTACHMENTS]);
guint ap_uplink_candidates(const GPtrArray *links,
                           const ApPolicy *policy,
                           guint16 port,
                           ApRankedEndpoint out[static AP_COORD_MAX_CANDIDATES]);
guint64 ap_uplink_fingerprint(const GPtrArray *links, const ApPolicy *policy);

G_END_DECLS
