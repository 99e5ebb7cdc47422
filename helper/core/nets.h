/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where this host is: its own addresses, the LANs and tunnels that it is in, and the addresses
 * there that belong to the infrastructure.
 */

#pragma once

#include "helper/core/policy.h"
#include "helper/core/tunnel.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

/** In place of an interface's index: any tunnel. */
#define AP_NETS_ANY_TUNNEL 0

typedef struct _ApNets ApNets;

ApNets *ap_nets_new(const ApWorld *world, const GArray *tunnels, const ApPolicy *policy);
void ap_nets_free(ApNets *self);

gboolean ap_nets_is_own(const ApNets *self, const ApAddr *addr);
gboolean ap_nets_is_reserved(const ApNets *self, const ApAddr *addr);
const ApCidr *ap_nets_find_lan(const ApNets *self, const ApEndpoint *endpoint);
gboolean ap_nets_tunnel_holds(const ApNets *self, guint32 ifindex, const ApAddr *addr);
gboolean ap_nets_tunnel_overlaps(const ApNets *self, guint32 ifindex, const ApCidr *network);
gboolean ap_nets_is_edge_of_tunnel(const ApNets *self, guint32 ifindex, const ApAddr *addr);

gboolean ap_nets_is_edge(const ApCidr *network, const ApAddr *addr);

G_END_DECLS
