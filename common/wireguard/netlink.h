/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The kernel backend: WireGuard in Linux, by generic netlink.
 */

#pragma once

#include "common/wireguard/netlink-socket.h"
#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

/**
 * How often a listing that changed under our hands is read, at most.
 *
 * Each try is a whole reading, so that a device under constant change costs five of them, and
 * the caller tries later. Source: architecture.md, facts from the field (NLM_F_DUMP_INTR).
 */
#define AP_NETLINK_MAX_TRIES 5

ApWireguard *ap_wireguard_netlink_new(ApNetlinkAsk ask);

G_END_DECLS
