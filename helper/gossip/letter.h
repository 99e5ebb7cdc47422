/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What one peer is to be told (gossip-protocol.md 8): facts that it does not know, and that we
 * are alive.
 */

#pragma once

#include "helper/gossip/door.h"
#include "helper/gossip/knowledge.h"
#include "helper/gossip/trust.h"

G_BEGIN_DECLS

/**
 * When a peer is to hear again that we are alive, in seconds before it forgets: it hears so each
 * 30 s. gossip-protocol.md 6.
 */
#define AP_LETTER_PING_SEC 225

/**
 * All that is borrowed for one letter.
 *
 * @knowledge: (nullable): NULL: no facts, only that we are alive
 * @trust: (nullable): NULL: only what we say ourselves
 */
typedef struct {
    ApDoorPeer *to;
    const ApKnowledge *knowledge;
    const ApTrust *trust;
    const ApKey *own_key;
    const ApBootId *boot_id;
} ApLetter;

gboolean ap_letter_write(const ApLetter *self, GByteArray *datagram, ApInstant now)
    G_GNUC_WARN_UNUSED_RESULT;
gint64 ap_letter_due(const ApLetter *self, ApInstant now);

G_END_DECLS
