/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What we say ourselves (gossip-protocol.md 7): where we are; and, on a hub, who else is there,
 * where we see them, and which addresses they have.
 */

#pragma once

#include "common/device.h"
#include "common/instant.h"
#include "helper/core/peer-policy.h"
#include "helper/gossip/fact.h"

G_BEGIN_DECLS

/**
 * How long after its latest handshake a peer is taken to be where the device sees it, in
 * microseconds: REKEY_AFTER_TIME, 120 s; REKEY_TIMEOUT, 5 s; KEEPALIVE_TIMEOUT, 10 s, with jitter;
 * and 30 s of slack. gossip-protocol.md 6, "handshake validity".
 */
#define AP_OWN_HEALTHY_USEC (165334 * AP_USEC_PER_MSEC)

/** One peer of the device that is not ours: see ap_own_watch(). */
typedef struct {
    ApKey key;
    gint64 handshake_real_usec;
    gint64 seen_boot_usec; /* when that handshake was, as near as we know */
} ApOwnWatch;

/** Tells whether the gossip of a peer is known to run. */
typedef gboolean (*ApOwnAliveFunc)(const ApKey *key, gconstpointer data);

/**
 * All that is borrowed for one telling.
 *
 * @endpoints: where we are
 * @watch: (element-type ApOwnWatch): of @device, brought up to date
 * @peers: (nullable) (element-type ApPeerPolicy)
 * @is_hub: we say of others what we know
 * @speaks_bfd: we do, on this tunnel
 * @lost: the mark of a direct path of ours that was lost: ap_losses_note(); 0: none
 */
typedef struct {
    const ApDevice *device;
    const ApEndpoint *endpoints;
    guint n_endpoints;
    const GArray *watch;
    const GPtrArray *peers;
    gboolean is_hub;
    gboolean speaks_bfd;
    guint32 lost;
    ApOwnAliveFunc is_alive;
    gconstpointer data;
} ApOwn;

/**
 * What we say.
 *
 * @facts: (owned) (element-type ApFact): some borrow @buffers
 * @buffers: (owned) (element-type GByteArray)
 */
typedef struct {
    GArray *facts;
    GPtrArray *buffers;
} ApOwnFacts;

void ap_own_watch(GArray *watch, const ApDevice *device, const GArray *ours, ApInstant now);

ApOwnFacts ap_own_tell(const ApOwn *self, ApInstant now);
void ap_own_facts_clear(ApOwnFacts *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApOwnFacts, ap_own_facts_clear)

G_END_DECLS
