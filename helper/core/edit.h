/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * From what a peer should be and what it is to the changes that lead there.
 */

#pragma once

#include "helper/core/path.h"
#include "helper/core/plan.h"

G_BEGIN_DECLS

/** One peer, wanted and found. Borrowed. */
typedef struct {
    const ApDevice *device;
    const ApDevicePeer *peer; /* (nullable) ours, as the device has it */
    const ApOwned *owned;     /* (nullable) as the ledger has it */
    const ApAdmission *admission;
    const ApPathStep *step;
    ApKey key;
    ApReason reason;
} ApEdit;

void ap_edit_remove(GArray *changes, const ApDevice *device, const ApKey *key, ApReason reason);
void ap_edit_demote(GArray *changes, const ApEdit *edit);
void ap_edit_peer(GArray *changes, const ApEdit *edit);

G_END_DECLS
