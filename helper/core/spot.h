/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Every address that the guard asks about, with what the devices say about it. One pass over a
 * device answers for all candidates: 10,000 peers times 256 candidates would be too many pairs.
 */

#pragma once

#include "helper/core/tunnel.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

/** In place of a tunnel's index: an address outside all tunnels, of an endpoint. */
#define AP_SPOT_OUTSIDE 0

typedef struct {
    guint32 ifindex; /* the tunnel, or AP_SPOT_OUTSIDE */
    ApAddr addr;

    /* in a tunnel */
    const ApDevicePeer *holder; /* (nullable) has exactly this address */
    gboolean contested;         /* a second peer has it too, if the reading is to be believed */
    const ApDevicePeer *router; /* (nullable) configured, holds it in a network: the narrowest */
    ApCidr route;               /* that network */
    guint n_claims;             /* candidates that want it */
    const ApPath *pinner;       /* (nullable) whose it was a moment ago, the latest */
    gint64 pinned_until_boot_usec;

    /* outside */
    gboolean tunnelled; /* some peer routes it, by more than a default route */
} ApSpot;

typedef struct _ApSpots ApSpots;

ApSpots *ap_spots_new(const ApWorld *world, ApInstant now);
const ApSpot *ap_spots_find(const ApSpots *self, guint32 ifindex, const ApAddr *addr);
void ap_spots_free(ApSpots *self);

gboolean ap_spot_is_default(const ApCidr *prefix);
gboolean ap_spots_is_repeated(const ApAddr *addresses, guint at);

G_END_DECLS
