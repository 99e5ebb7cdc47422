/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * When we say that a direct path of ours is gone. Of a path that dies while it is quiet the far end
 * knows nothing: it refuses what we send by the hub, until it has found out by itself. Nobody but
 * the hub can reach it, and what it hears makes it ask its paths with us at once; it believes only
 * their answers.
 */

#pragma once

#include "common/instant.h"
#include "common/key.h"

G_BEGIN_DECLS

/**
 * Shortest time between two marks, in microseconds: 15 s. Each makes another fact about us, which
 * everybody keeps for AP_RULES_TTL_SEC: there are 17 of them at most. Without a word the far end
 * takes 45 s (AP_BFD_IDLE_USEC in helper/bfd/session.h, three times).
 */
#define AP_LOSSES_GAP_USEC (15 * AP_USEC_PER_SEC)

/**
 * @direct: (owned) (element-type ApKey): peers that were on a direct path when last looked
 * @mark: what we say; 0: nothing was lost yet
 * @next_mark: what we say next; odd
 * @marked_boot_usec: since when
 * @is_due: something was lost after that, which is still to be said
 */
typedef struct {
    GArray *direct;
    guint32 mark;
    guint32 next_mark;
    gint64 marked_boot_usec;
    gboolean is_due;
} ApLosses;

ApLosses ap_losses_init(guint32 random);
void ap_losses_clear(ApLosses *self);
void ap_losses_note(ApLosses *self, const GArray *direct, ApInstant now);
gint64 ap_losses_deadline(const ApLosses *self) G_GNUC_PURE;

G_END_DECLS
