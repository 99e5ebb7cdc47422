/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who sees whom. Two clients are neighbours when they report the same gateway and network and
 * reach the hub from the same public address, and the rules allow it; the index finds them without
 * looking at others.
 */

#pragma once

#include "server/registry.h"

G_BEGIN_DECLS

/**
 * Most neighbours in one answer: what our client takes of one (AP_COORD_MAX_PEERS). In a larger
 * group they are those that came or changed last.
 */
#define AP_MATCH_MAX_NEIGHBOURS AP_COORD_MAX_PEERS

/** Most departures in one answer, and most that a group remembers. Design rule. */
#define AP_MATCH_MAX_GONE 64

typedef struct _ApGroup ApGroup;

/**
 * The place of one client in one group: how it is seen by the group's other members.
 *
 * @attachment: index of the attachment that the group shares
 * @is_alias: the client does not reach the hub from the group's public address, an IPv6 /64, but
 *     says that it is attached to it: it is seen only by those who do reach the hub from there
 * @serial: when it sat down: higher is later
 * @text: (owned) (nullable): its JSON form, made by answer.c when first needed
 */
struct _ApSeat {
    ApClient *client;
    ApGroup *group;
    GList member_link;
    GList holding_link;
    guint64 serial;
    guint attachment;
    gboolean is_alias;
    char *text;
    guint n_plain; /* bytes of @text that plain clients get */
    guint n_text;
    guint64 hash; /* of @text */
};

/** A neighbour as found for one asker. */
typedef struct {
    ApSeat *seat;
    gboolean mutual;  /* it has been told of the asker */
    ApDirectWord tie; /* what it says of its direct path with the asker */
} ApNeighbour;

typedef struct _ApMatch ApMatch;

ApMatch *ap_match_new(void);
void ap_match_free(ApMatch *self);

void ap_match_put(ApMatch *self, ApClient *client);
void ap_match_take(ApMatch *self, ApClient *client);
void ap_match_bury(ApMatch *self, ApClient *client, ApGoneWhy why, ApInstant now);

void ap_match_neighbours(ApMatch *self, ApClient *asker, ApInstant now, GArray *out);
void ap_match_gone(const ApMatch *self, const ApClient *asker, ApInstant now, GArray *out);
void ap_match_tell(const ApMatch *self, ApClient *client);

void ap_match_set_rules(ApMatch *self, ApInstant now);

void ap_match_set_holding(ApClient *client, gboolean is_holding);
void ap_match_wake(const ApClient *client, GArray *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApMatch, ap_match_free)

G_END_DECLS
