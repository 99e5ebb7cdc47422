/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What stands in for the edges of the helper: clock, timer, watches, ledger, HTTP child, sockets.
 * Each belongs to stage_current.
 */

#pragma once

#include "helper/io/address.h"
#include "tests/sim/stage.h"

G_BEGIN_DECLS

ApLedger *edges_open_ledger(Node *node);
extern const ApAddressOps *edges_addresses;

gboolean edges_end_questions(Node *node, gboolean all);
gint64 edges_question_deadline(const Node *node);
void edges_answer(Question *question, guint status, const char *body, gint64 delay_usec);
gboolean edges_has_mail(const Node *node);
void edges_read_inbox(Node *node);
void edges_put_links(Node *node);

G_END_DECLS
