/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The gossip of one tunnel: datagrams and instants in; datagrams, candidates, signs of life and
 * the next deadline out. The protocol is gossip-protocol.md; what we do better is its section 15.
 *
 * It lives as long as the tunnel's own key: for another key, make another one.
 *
 *     ap_gossip_set_device()      whenever the device or the configuration was read
 *     ap_gossip_set_own_facts()   whenever what we say ourselves may have changed
 *     ap_gossip_receive()         for each datagram
 *     ap_gossip_advance()         when ap_gossip_deadline() has come
 *     ap_gossip_write()           until nothing is left to say, for each peer that is to be told;
 *                                 next at ap_gossip_due()
 *     ap_gossip_list()            whenever any of these says that something changed
 *
 * Whom to tell facts and whom only that we are alive, and what we say ourselves, the caller
 * decides.
 */

#pragma once

#include "helper/gossip/candidates.h"
#include "helper/gossip/door.h"

G_BEGIN_DECLS

/**
 * What came of one datagram.
 *
 * @refusal: of all of it; the rest means nothing then
 * @from: who sent it
 * @n_refused: of its facts; each is counted under its reason
 * @is_new_boot: its gossip began anew, and it knows nothing
 * @has_changed: ap_gossip_list() may say something else
 */
typedef struct {
    ApGossipRefusal refusal;
    ApKey from;
    guint n_refused;
    gboolean is_new_boot;
    gboolean has_changed;
} ApGossipNews;

typedef struct _ApGossip ApGossip;

ApGossip *ap_gossip_new(guint32 ifindex, const ApSecretKey *own, const ApBootId *boot_id)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_gossip_free(ApGossip *self);

void ap_gossip_set_boot_id(ApGossip *self, const ApBootId *boot_id);
void ap_gossip_set_device(ApGossip *self, const ApDevice *device, const ApTrustPolicy *policy);
gboolean ap_gossip_set_own_facts(ApGossip *self, const GArray *facts);

ApGossipNews ap_gossip_receive(ApGossip *self,
                               const ApAddr *source,
                               const guint8 *datagram,
                               gsize n_bytes,
                               ApInstant now);
gboolean ap_gossip_advance(ApGossip *self, ApInstant now);
gint64 ap_gossip_deadline(const ApGossip *self, ApInstant now);

gboolean ap_gossip_write(ApGossip *self,
                         const ApKey *to,
                         gboolean with_facts,
                         const ApGroupNonce *nonce,
                         GByteArray *datagram,
                         ApInstant now) G_GNUC_WARN_UNUSED_RESULT;
gint64 ap_gossip_due(const ApGossip *self, const ApKey *to, gboolean with_facts, ApInstant now);
void ap_gossip_repeat_ping(ApGossip *self, const ApKey *to);
void ap_gossip_forget_told(ApGossip *self, const ApKey *to);

guint64 ap_gossip_revision(const ApGossip *self) G_GNUC_PURE;
GArray *ap_gossip_list(const ApGossip *self);
char *ap_gossip_name(const ApGossip *self, const ApKey *key);
gboolean ap_gossip_is_hub(const ApGossip *self) G_GNUC_PURE;
gint64 ap_gossip_alive_until(const ApGossip *self, const ApKey *key);
gboolean ap_gossip_gets_all(const ApGossip *self, const ApKey *key);
guint64 ap_gossip_n_refused(const ApGossip *self, ApGossipRefusal refusal);
const ApKnowledge *ap_gossip_knowledge(const ApGossip *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGossip, ap_gossip_free)

G_END_DECLS
