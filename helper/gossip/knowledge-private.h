/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the two halves of the knowledge share: knowledge.c, which learns and forgets, and
 * knowledge-view.c, which looks.
 */

#pragma once

#include "helper/gossip/knowledge.h"

G_BEGIN_DECLS

/** Somebody who told facts; ourselves, too. Lives as long as anything of it is known. */
typedef struct {
    ApKey key;
    gboolean is_own;
    gboolean is_trusted;  /* the larger limit is for this one */
    GQueue claims;        /* (element-type ApClaim) by the time that they hold, soonest first */
    gint64 heard_usec;    /* the latest packet */
    gint64 speaking_usec; /* since when there was no long silence */
} ApTeller;

/** One teller says one fact. */
struct _ApClaim {
    ApTeller *teller;  /* (not owned) outlives us: it holds us */
    ApKnown *known;    /* (not owned) the same */
    ApClaim *next;     /* of the same fact */
    gint64 until_usec; /* AP_NEVER: as long as we say it ourselves */
    GList link;        /* in the teller's list */
};

/**
 * @facts: (owned) (element-type ApKnown) in the order of ap_fact_compare()
 * @tellers: (owned) (element-type ApTeller) by key
 * @free_slots: (owned) (element-type guint): given back
 * @reused_slots: (owned) (element-type guint): another fact's than before; not yet told
 * @revision: rises with each claim that comes or goes
 * @n_plain: claims of all tellers that may not name members
 */
struct _ApKnowledge {
    GSequence *facts;
    GHashTable *tellers;
    GArray *free_slots;
    GArray *reused_slots;
    guint n_slots;
    guint n_plain;
    guint64 revision;
};

int ap_known_compare(gconstpointer a, gconstpointer b, gpointer unused);

G_END_DECLS
