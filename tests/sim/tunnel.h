/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * WireGuard as the kernel does it, but for the cryptography: handshakes, sessions, roaming,
 * AllowedIPs and timers. Source: drivers/net/wireguard, Linux 6.1.
 */

#pragma once

#include "tests/sim/stage.h"

G_BEGIN_DECLS

/** In @to of a Tie: the hub. */
#define TIE_HUB G_MAXUINT

Tie *tunnel_find(const Node *node, const ApKey *key);
Tie *tunnel_hub(const Node *node);
ApDevicePeer *tunnel_shown(const Node *node, const Tie *tie);
Tie *tunnel_route(const Node *node, const ApAddr *addr);
gboolean tunnel_holds(const Node *node, const Tie *tie, const ApAddr *addr);

ApWireguard *tunnel_open(Node *node);
void tunnel_make(Node *node);
void tunnel_clear(Node *node);
void tunnel_configure(Node *node, const ApKey *key, const char *allowed);
void tunnel_remove(Node *node, const ApKey *key);

gboolean tunnel_send(Node *node, const Cargo *cargo);
void tunnel_receive(Node *node, const Packet *packet);
void tunnel_take_data(Node *node, Tie *tie, const Cargo *cargo);
gint64 tunnel_deadline(const Node *node);
void tunnel_run(Node *node);

G_END_DECLS
