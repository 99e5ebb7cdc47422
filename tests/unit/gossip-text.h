/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Facts as text, in the words of tests/data/gossip.json; and a receiver that only decodes.
 */

#pragma once

#include "helper/gossip/group.h"

G_BEGIN_DECLS

char *gossip_to_hex(const void *bytes, gsize n);
GByteArray *gossip_from_hex(const char *text);

char *gossip_value_text(const ApFact *fact);
void gossip_append_fact(GString *json, const ApFact *fact);

ApGossipRefusal gossip_receive(const GByteArray *datagram,
                               const ApAddr *source,
                               const GArray *keys,
                               ApGroupFacts *facts) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
