/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Gives peers of others the address that gossip needs, and takes it back (decisions.md 3).
 */

#pragma once

#include "helper/engine/apply.h"

G_BEGIN_DECLS

/** What is worked on. All borrowed. */
typedef struct {
    const ApApplyTools *tools;
    const ApPlan *plan;
    const ApDevice *device;
    ApHoldings *holdings;
    ApApplyStats *stats;
} ApLending;

gboolean ap_lending_has_work(const ApPlan *plan, guint32 ifindex);
void ap_lending_note(const ApLending *self);
gboolean ap_lending_give(const ApLending *self, GError **error);
gboolean ap_lending_take_back(const ApLending *self, GError **error);

G_END_DECLS
