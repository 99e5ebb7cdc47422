/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What makes sense at all, whoever says it: the part of security rules G5, G8 and G9 that needs
 * nothing but the fact itself.
 */

#pragma once

#include "helper/gossip/group.h"

G_BEGIN_DECLS

/** Most bytes that are kept about a member: its name, and room for items that we do not know. */
#define AP_RULES_MAX_MEMBER 256

/**
 * Longest time that a fact is kept without being said again, in seconds: what wirelink gives its
 * own (gossip-protocol.md 6). A longer one is taken for this (gossip-protocol.md 15, 13).
 */
#define AP_RULES_TTL_SEC 255

ApGossipRefusal ap_rules_judge_group(const ApGroup *group, const ApGroupFacts *facts)
    G_GNUC_WARN_UNUSED_RESULT;
ApGossipRefusal ap_rules_judge(const ApFact *fact) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
