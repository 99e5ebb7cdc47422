/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which clients may be told of each other: the administrator's policy file. Pure.
 */

#pragma once

#include "server/roster.h"

G_BEGIN_DECLS

/** Most groups, the one of all others among them: the bits of ApPass. */
#define AP_RULES_MAX_GROUPS 64

/** Longest policy file, in bytes: 10,000 keys take 450 KiB. Design rule. */
#define AP_RULES_MAX_BYTES (1024 * 1024)

/** Longest name of a group, in characters. Design rule. */
#define AP_RULES_MAX_NAME 32

/**
 * What the rules say of one client, as bit sets of groups. The bits of two policy files have
 * nothing to do with each other.
 *
 * @groups: those that it is in
 * @reach: those whose members it may peer with
 */
typedef struct {
    guint64 groups;
    guint64 reach;
} ApPass;

typedef struct _ApRules ApRules;

ApRules *ap_rules_new(void);
ApRules *ap_rules_parse(const char *text, gsize n_bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_rules_free(ApRules *self);

ApPass ap_rules_judge(const ApRules *self, const ApRosterPeer *peer);
gboolean ap_rules_is_enabled(const ApRules *self);
guint ap_rules_n_groups(const ApRules *self);

/** Tells whether two clients may be told of each other; it is the same the other way round. */
static inline gboolean
ap_pass_allows(const ApPass *a, const ApPass *b)
{
    return (a->reach & b->groups) != 0;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRules, ap_rules_free)

G_END_DECLS
