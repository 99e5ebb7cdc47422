/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/knowledge-private.h"

/** Orders facts that are held as ap_fact_compare() does; for GSequence. */
int
ap_known_compare(gconstpointer a, gconstpointer b, gpointer unused)
{
    (void) unused;
    return ap_fact_compare(&((const ApKnown *) a)->fact, &((const ApKnown *) b)->fact);
}

/**
 * Finds a fact that is held, whatever its time to live.
 *
 * Returns: (transfer none) (nullable): NULL when it is not
 */
const ApKnown *
ap_knowledge_find(const ApKnowledge *self, const ApFact *fact)
{
    const ApKnown wanted = {.fact = *fact};
    GSequenceIter *at = g_sequence_lookup(self->facts, (gpointer) &wanted, ap_known_compare, NULL);

    return at != NULL ? g_sequence_get(at) : NULL;
}

static const ApKnown *
known_at(GSequenceIter *at)
{
    return g_sequence_iter_is_end(at) ? NULL : g_sequence_get(at);
}

/**
 * Finds the first of the facts in the order of subjects, kinds and values.
 *
 * @subject: (nullable): begin with this one, or the next after it
 *
 * Returns: (transfer none) (nullable): NULL when there is none
 */
const ApKnown *
ap_knowledge_first(const ApKnowledge *self, const ApKey *subject)
{
    ApKnown before = {0}; /* of no kind, and so before all facts of the subject */

    if (subject == NULL)
        return known_at(g_sequence_get_begin_iter(self->facts));
    before.fact.subject = *subject;
    return known_at(g_sequence_search(self->facts, &before, ap_known_compare, NULL));
}

/** Returns: (transfer none) (nullable): the fact after this one; NULL: this is the last */
const ApKnown *
ap_known_next(const ApKnown *self)
{
    return known_at(g_sequence_iter_next(self->at));
}

/**
 * Returns: until when the fact holds, in microseconds of the boot clock: by the teller with whom
 *     it holds longest; AP_NEVER when we say it ourselves. May be past: see the header.
 */
gint64
ap_known_until(const ApKnown *self)
{
    gint64 until_usec = 0;

    for (const ApClaim *claim = self->claims; claim != NULL; claim = claim->next)
        until_usec = MAX(until_usec, claim->until_usec);
    return until_usec;
}

/** Returns: whether one of the tellers is such that @accepts says TRUE */
gboolean
ap_known_has(const ApKnown *self, ApKnownTellerFunc accepts, gconstpointer data)
{
    for (const ApClaim *claim = self->claims; claim != NULL; claim = claim->next) {
        if (accepts(&claim->teller->key, &self->fact, data))
            return TRUE;
    }
    return FALSE;
}

/** Returns: how many different facts are held */
guint
ap_knowledge_n_facts(const ApKnowledge *self)
{
    return (guint) g_sequence_get_length(self->facts);
}

/** Returns: how many facts are held that @teller told */
guint
ap_knowledge_n_claims(const ApKnowledge *self, const ApKey *teller)
{
    const ApTeller *who = g_hash_table_lookup(self->tellers, teller);

    return who != NULL ? who->claims.length : 0;
}
