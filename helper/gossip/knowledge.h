/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All facts that we hold: each with who told it, and until when. Memory is bounded for every
 * teller by itself, so that none can drive out what others told.
 *
 * # When a fact is over
 *
 * What a peer says about itself is over with its time to live. What it says about others is not
 * while it is silent: a hub whose gossip stopped has not taken anybody's membership away, and
 * the members would lose each other all at once (gossip-protocol.md 15, 8). Such a fact is over
 * when its teller has been speaking for long enough to have said it again, and did not.
 */

#pragma once

#include "common/instant.h"
#include "helper/gossip/fact.h"

G_BEGIN_DECLS

/** Most facts of a teller that may name members, and of any other. Decisions 19. */
#define AP_KNOWLEDGE_MAX_TRUSTED 8192
#define AP_KNOWLEDGE_MAX_PLAIN 128

/** Most facts of all those others together. Decisions 19 bounds each; a device has many. */
#define AP_KNOWLEDGE_MAX_ALL_PLAIN 8192

/** Longest silence of a teller that is speaking, in seconds: two of wirelink's pings, each 35 s at
 * most (gossip-protocol.md 8.4). */
#define AP_KNOWLEDGE_SILENCE_SEC 75

/**
 * How long a teller must speak until what it has not said again is over, in seconds: wirelink says
 * everything anew within 125 s to 132.5 s (gossip-protocol.md 6, 8.3).
 */
#define AP_KNOWLEDGE_SPEECH_SEC 150

/** How long a fact is kept at most while its teller is silent, in seconds: a day. */
#define AP_KNOWLEDGE_HELD_SEC (24 * 60 * 60)

/** Private to knowledge.c. */
typedef struct _ApClaim ApClaim;

/**
 * One fact that is held.
 *
 * @fact: its time to live means nothing; what it borrows, this owns
 * @slot: a small number that is this fact's own as long as it is held: see told.h
 * @learned_boot_usec: when somebody else told it first; 0: nobody did
 * @claims: who told it; at least one
 */
typedef struct {
    ApFact fact;
    guint slot;
    gint64 learned_boot_usec;
    GSequenceIter *at;
    ApClaim *claims;
} ApKnown;

/** What came of learning. */
typedef enum {
    AP_LEARNED_NEW,   /* nobody had told it */
    AP_LEARNED_MORE,  /* somebody else had */
    AP_LEARNED_AGAIN, /* the same teller had: it holds for longer */
    AP_LEARNED_NOT,   /* its teller told too much already */
} ApLearned;

typedef struct _ApKnowledge ApKnowledge;

/** Judges a teller of a fact; see ap_known_has(). */
typedef gboolean (*ApKnownTellerFunc)(const ApKey *teller, const ApFact *fact, gconstpointer data);

ApKnowledge *ap_knowledge_new(void);
void ap_knowledge_free(ApKnowledge *self);

void ap_knowledge_hear(ApKnowledge *self, const ApKey *teller, ApInstant now);
ApLearned ap_knowledge_learn(ApKnowledge *self,
                             const ApKey *teller,
                             const ApFact *fact,
                             gboolean is_trusted,
                             const ApKnown **known,
                             ApInstant now);
gboolean ap_knowledge_set_own(ApKnowledge *self, const ApKey *own, const GArray *facts);
gboolean ap_knowledge_take_reused(ApKnowledge *self, guint *slot);
gboolean ap_knowledge_advance(ApKnowledge *self, ApInstant now);
guint64 ap_knowledge_revision(const ApKnowledge *self) G_GNUC_PURE;
gint64 ap_knowledge_deadline(const ApKnowledge *self, ApInstant now);

const ApKnown *ap_knowledge_find(const ApKnowledge *self, const ApFact *fact);
const ApKnown *ap_knowledge_first(const ApKnowledge *self, const ApKey *subject);
const ApKnown *ap_known_next(const ApKnown *self);
gint64 ap_known_until(const ApKnown *self) G_GNUC_PURE;
gboolean ap_known_has(const ApKnown *self, ApKnownTellerFunc accepts, gconstpointer data);
guint ap_knowledge_n_facts(const ApKnowledge *self);
guint ap_knowledge_n_claims(const ApKnowledge *self, const ApKey *teller);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApKnowledge, ap_knowledge_free)

G_END_DECLS
