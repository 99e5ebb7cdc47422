/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * From facts to candidates: who may be reached, by what peers that may say so have said.
 */

#pragma once

#include "helper/core/world.h"
#include "helper/gossip/knowledge.h"
#include "helper/gossip/trust.h"

G_BEGIN_DECLS

GArray *ap_candidates_new(const ApKnowledge *knowledge,
                          const ApTrust *trust,
                          const ApTrustPolicy *policy,
                          guint32 ifindex);
void ap_candidates_merge(GArray *candidates, const GArray *more);

char *ap_candidates_name(const ApKnowledge *knowledge, const ApTrust *trust, const ApKey *key);

G_END_DECLS
