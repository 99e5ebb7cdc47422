/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All that is ours on the devices of this machine, as the ledger has it.
 */

#pragma once

#include "helper/core/world.h"

G_BEGIN_DECLS

typedef struct {
    GArray *peers;     /* (owned) (element-type ApOwned) */
    GArray *addresses; /* (owned) (element-type ApOwnedAddress) */
    GArray *loans;     /* (owned) (element-type ApLoan) */
} ApHoldings;

ApHoldings *ap_holdings_new(void);
void ap_holdings_free(ApHoldings *self);

void ap_holdings_sort(ApHoldings *self);
ApOwned *ap_holdings_find_peer(const ApHoldings *self, guint32 ifindex, const ApKey *key);
ApOwnedAddress *
ap_holdings_find_address(const ApHoldings *self, guint32 ifindex, const ApAddr *addr);
void ap_holdings_strike_peer(ApHoldings *self, guint32 ifindex, const ApKey *key);
gboolean ap_holdings_has_loan(const ApHoldings *self, guint32 ifindex, const ApKey *key);
void ap_holdings_strike_loan(ApHoldings *self, guint32 ifindex, const ApKey *key);
void ap_holdings_strike_address(ApHoldings *self, guint32 ifindex, const ApAddr *addr);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApHoldings, ap_holdings_free)

G_END_DECLS
