/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The order in which lists about tunnels and their peers are kept.
 */

#pragma once

#include "common/addr.h"
#include "common/key.h"

G_BEGIN_DECLS

/** Orders tunnels, by the index of their interface. Returns: as strcmp() */
static inline int
ap_order_tunnels(guint32 a, guint32 b)
{
    return (a > b) - (a < b);
}

/** Orders peers: by tunnel, then by key. Returns: as strcmp() */
static inline int
ap_order_peers(guint32 ifindex_a, const ApKey *a, guint32 ifindex_b, const ApKey *b)
{
    const int by_tunnel = ap_order_tunnels(ifindex_a, ifindex_b);

    return by_tunnel != 0 ? by_tunnel : ap_key_compare(a, b);
}

/** Orders addresses: by tunnel, then by address. Returns: as strcmp() */
static inline int
ap_order_addresses(guint32 ifindex_a, const ApAddr *a, guint32 ifindex_b, const ApAddr *b)
{
    const int by_tunnel = ap_order_tunnels(ifindex_a, ifindex_b);

    return by_tunnel != 0 ? by_tunnel : ap_addr_compare(a, b);
}

G_END_DECLS
