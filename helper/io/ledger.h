/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The record of what we changed on each device; written before the device is touched, so that
 * everything can be undone after a crash.
 */

#pragma once

#include "helper/io/holdings.h"

G_BEGIN_DECLS

typedef struct _ApLedger ApLedger;

ApLedger *ap_ledger_open(const char *directory, GError **error);
ApHoldings *ap_ledger_load(ApLedger *self, GPtrArray *warnings, GError **error);
gboolean ap_ledger_store(ApLedger *self,
                         const ApDeviceId *id,
                         const ApKey *device_key,
                         const ApHoldings *holdings,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_ledger_free(ApLedger *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApLedger, ap_ledger_free)

G_END_DECLS
