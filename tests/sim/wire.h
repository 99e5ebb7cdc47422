/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What is between the machines: LANs, their NATs, and the hub with its coordination server.
 */

#pragma once

#include "tests/sim/stage.h"

G_BEGIN_DECLS

ApEndpoint wire_lan_endpoint(const Node *node);
ApEndpoint wire_public_endpoint(const Node *node);
gboolean wire_share_lan(const Node *a, const Node *b);

void wire_send(Node *from, const ApEndpoint *to, const Packet *packet, guint n_bytes);
void wire_send_by_hub(Node *from, guint to, const Cargo *cargo);
gboolean wire_reaches_hub(const Node *node);
gboolean wire_is_known_to_hub(const Node *node);
gboolean wire_touch_hub(Node *from);
void wire_deliver(Stage *stage);
gint64 wire_deadline(const Stage *stage);

void wire_open_office(Stage *stage);
void wire_close_office(Stage *stage);
gint64 wire_office_deadline(const Stage *stage);
void wire_run_office(Stage *stage);

G_END_DECLS
