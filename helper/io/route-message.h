/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Reads single rtnetlink messages into values. Pure: no socket, no state.
 */

#pragma once

#include "helper/core/link.h"

#include <linux/netlink.h>

G_BEGIN_DECLS

/** An address, and the interface that it is on. */
typedef struct {
    guint32 ifindex;
    ApLinkAddress address;
} ApRouteAddress;

/** A default route, and the interface by which it leads. */
typedef struct {
    guint32 ifindex;
    guint16 family;
    ApDefaultRoute route;
} ApRouteDefault;

ApLink *ap_route_message_read_link(const struct nlmsghdr *message);
gboolean ap_route_message_read_address(ApRouteAddress *out, const struct nlmsghdr *message);
gboolean ap_route_message_read_default(ApRouteDefault *out, const struct nlmsghdr *message);

G_END_DECLS
