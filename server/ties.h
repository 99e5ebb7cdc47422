/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * With whom a client says that it has a direct path, and with whom it had one. Who is at the other
 * end cannot see by itself that a path died while nobody used it, so it is told.
 */

#pragma once

#include "common/offer.h"

G_BEGIN_DECLS

/**
 * Most ties that are remembered of one client: as many as a request may name, and as many that were
 * lost. 18 KiB. Design rule.
 */
#define AP_TIES_MAX (2 * AP_COORD_MAX_PEERS)

void ap_ties_update(GArray **ties, const GArray *direct, GArray *turned);
ApDirectWord ap_ties_find(const GArray *ties, const ApKey *key) G_GNUC_PURE;

G_END_DECLS
