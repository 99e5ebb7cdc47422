/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What one peer knows, as far as we know: what we told it, and what it told us. It is not told
 * again before it is about to forget (gossip-protocol.md 8.3).
 *
 * Only facts that we hold ourselves are noted, by their slot in ApKnowledge. A peer that says
 * more than that costs no memory.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/**
 * How long before a peer forgets a fact it is told again, in microseconds: wirelink's half of a
 * fact's life and its tick (gossip-protocol.md 6). One packet may be lost on the way.
 */
#define AP_TOLD_AGAIN_USEC (AP_USEC_PER_SEC * 1325 / 10)

/** Private to told.c; visible so that it can be a member. All zero: the peer knows nothing. */
typedef struct {
    GArray *until_sec; /* (owned) (nullable) (element-type guint32) by slot, of the boot clock */
} ApTold;

void ap_told_note(ApTold *self, guint slot, gint64 until_usec);
gint64 ap_told_due(const ApTold *self, guint slot, gint64 until_usec) G_GNUC_PURE;
void ap_told_forget(ApTold *self, guint slot);
void ap_told_clear(ApTold *self);

G_END_DECLS
