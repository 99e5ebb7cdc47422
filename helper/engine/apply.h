/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Carries out a plan: ledger first, then the device, then the ledger again.
 */

#pragma once

#include "common/wireguard/wireguard.h"
#include "helper/core/plan.h"
#include "helper/io/address.h"
#include "helper/io/ledger.h"

G_BEGIN_DECLS

/** What plans are carried out with. All borrowed. */
typedef struct {
    ApWireguard *wireguard;
    ApLedger *ledger;
    const ApAddressOps *addresses;
} ApApplyTools;

/** What carrying out plans has come to. */
typedef struct {
    guint64 n_changes;   /* edits that were made */
    guint64 n_addresses; /* of those, of interfaces' own addresses */
    guint64 n_failed;    /* devices on which an edit failed */
} ApApplyStats;

gboolean ap_apply_plan(const ApApplyTools *tools,
                       const ApWorld *world,
                       const ApPlan *plan,
                       ApHoldings *holdings,
                       ApApplyStats *stats,
                       GError **error);

G_END_DECLS
