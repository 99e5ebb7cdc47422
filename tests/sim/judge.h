/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Holds what happens to what was promised. The first breach ends the run: stage_violate().
 */

#pragma once

#include "helper/bfd/packet.h"
#include "tests/sim/stage.h"

G_BEGIN_DECLS

void judge_data(Node *node, Tie *tie);
void judge_arrival(Node *node, const Cargo *cargo);
void judge_bfd_sent(Node *node, Tie *tie, const guint8 *payload, gsize n_bytes);
void judge_bfd_heard(Node *node, Tie *tie, const ApBfdPacket *packet);
void judge_edit(Node *node, const ApPeerChange *change);
guint64 judge_hash_foreign(const Node *node);
void judge_foreign(Node *node);

void judge_step(Stage *stage);
gboolean judge_is_settled(Stage *stage, char **why);
void judge_nothing_left(Node *node);
void judge_record(Node *node);

G_END_DECLS
