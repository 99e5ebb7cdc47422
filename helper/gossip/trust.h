/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who may say what about whom (gossip-protocol.md 9, security rule G9, decisions 19).
 *
 * Without configuration a peer speaks for itself, and a peer that routes a network (a hub) says
 * who else is there, where they are, and who has which address inside that network. As soon as
 * the configuration gives any peer a level, levels alone count, and no peer is a hub by itself.
 */

#pragma once

#include "common/device.h"
#include "helper/core/peer-policy.h"
#include "helper/gossip/fact.h"

G_BEGIN_DECLS

/**
 * What the configuration says.
 *
 * @peers: (not owned) (nullable) (element-type ApPeerPolicy)
 * @is_wide: wirelink's wider rule: every peer on the device says where every other one is
 */
typedef struct {
    const GPtrArray *peers;
    gboolean is_wide;
} ApTrustPolicy;

typedef struct _ApTrust ApTrust;

ApTrust *ap_trust_new(const ApDevice *device, const ApTrustPolicy *policy);
gboolean ap_trust_equal(const ApTrust *a, const ApTrust *b);
void ap_trust_free(ApTrust *self);

gboolean ap_trust_knows(const ApTrust *self, const ApKey *key);
gboolean ap_trust_may_name_members(const ApTrust *self, const ApKey *teller);
gboolean ap_trust_gets_all(const ApTrust *self, const ApKey *key);
ApGossipRefusal ap_trust_judge(const ApTrust *self, const ApKey *teller, const ApFact *fact)
    G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApTrust, ap_trust_free)

G_END_DECLS
