/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Peers, devices and packets for the tests of gossip: keys are made from small numbers, time is
 * an argument.
 */

#pragma once

#include "common/device.h"
#include "helper/gossip/gossip.h"

G_BEGIN_DECLS

/** One who has a key. */
typedef struct {
    ApSecretKey secret;
    ApKey key;
    ApAddr link_local;
} GossipNode;

void gossip_node_init(GossipNode *self, guint seed);
ApBootId gossip_boot_id(guint seed);
ApInstant gossip_at(gint64 sec);

ApDevice *gossip_device_new(const GossipNode *own);
void gossip_device_add(ApDevice *device, const ApKey *key, const char *allowed);

ApFact gossip_endpoint(const ApKey *subject, const char *text);
ApFact gossip_allowed(const ApKey *subject, const char *text);
ApFact gossip_member(const ApKey *subject, const char *items_hex);
ApFact gossip_alive(const ApKey *subject, guint boot_seed);
GArray *gossip_facts(void);

ApGroupNonce gossip_nonce(void);
GByteArray *
gossip_sign(const GossipNode *from, const ApKey *to, const void *inner, gsize n_inner_bytes);
ApGossipNews gossip_hear(ApGossip *gossip,
                         const GossipNode *from,
                         const ApKey *to,
                         const ApFact *facts,
                         guint n_facts,
                         ApInstant now);

G_END_DECLS
