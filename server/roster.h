/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who the hub's WireGuard device knows: the only source of identity. Filled from the device,
 * never from what a client says.
 */

#pragma once

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"

G_BEGIN_DECLS

/**
 * Most host prefixes of one peer that are looked at. Peers have one of each family; a peer with
 * more than this is a router, and its further addresses identify nobody.
 */
#define AP_ROSTER_MAX_ADDRESSES 8

/** Most addresses that the hub itself may have on the tunnel. */
#define AP_ROSTER_MAX_OWN 16

/**
 * A peer of the device, reduced to what the server needs.
 *
 * @addresses: the allowed /32 and /128, sorted; wider prefixes are not in it
 * @endpoint: where its packets come from; family 0: not known
 * @handshake_real_usec: CLOCK_REALTIME; 0: never
 */
typedef struct {
    ApKey key;
    ApEndpoint endpoint;
    gint64 handshake_real_usec;
    guint n_addresses;
    ApAddr addresses[AP_ROSTER_MAX_ADDRESSES];
} ApRosterPeer;

/** One of the hub's own addresses on the tunnel, with the length of its network in bits. */
typedef struct {
    ApAddr addr;
    guint8 prefix_len;
} ApOwnAddress;

typedef struct _ApRoster ApRoster;

ApRoster *ap_roster_new(void);
void ap_roster_free(ApRoster *self);

void ap_roster_put(ApRoster *self, const ApRosterPeer *peer);
gboolean ap_roster_remove(ApRoster *self, const ApKey *key);
const ApRosterPeer *ap_roster_find(const ApRoster *self, const ApKey *key);
const ApRosterPeer *ap_roster_holder(const ApRoster *self, const ApAddr *addr);
guint ap_roster_n_peers(const ApRoster *self);

void ap_roster_set_own(ApRoster *self, const ApOwnAddress *own, guint n_own);
gboolean ap_roster_is_own(const ApRoster *self, const ApAddr *addr);
gboolean ap_roster_is_inside(const ApRoster *self, const ApAddr *addr);

guint ap_key_hash(gconstpointer key);
gboolean ap_key_same(gconstpointer a, gconstpointer b);
guint ap_addr_hash(gconstpointer key);
gboolean ap_addr_same(gconstpointer a, gconstpointer b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRoster, ap_roster_free)

G_END_DECLS
