/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/knowledge.h"

#include "helper/gossip/knowledge-private.h"
#include "helper/gossip/rules.h"

#include <string.h>

static guint
hash_key(gconstpointer key)
{
    guint hash;

    memcpy(&hash, ((const ApKey *) key)->bytes, sizeof(hash));
    return hash;
}

static gboolean
equal_keys(gconstpointer a, gconstpointer b)
{
    return ap_key_equal(a, b);
}

/** Returns: a number that is another one once anybody says what it did not, or stops saying it */
guint64
ap_knowledge_revision(const ApKnowledge *self)
{
    return self->revision;
}

/** Returns: (transfer full) */
ApKnowledge *
ap_knowledge_new(void)
{
    ApKnowledge *self = g_new0(ApKnowledge, 1);

    self->facts = g_sequence_new(NULL);
    self->tellers = g_hash_table_new_full(hash_key, equal_keys, NULL, g_free);
    self->free_slots = g_array_new(FALSE, FALSE, sizeof(guint));
    self->reused_slots = g_array_new(FALSE, FALSE, sizeof(guint));
    return self;
}

static ApTeller *
find_or_add_teller(ApKnowledge *self, const ApKey *key)
{
    ApTeller *teller = g_hash_table_lookup(self->tellers, key);

    if (teller == NULL) {
        teller = g_new0(ApTeller, 1);
        teller->key = *key;
        g_hash_table_insert(self->tellers, &teller->key, teller);
    }
    return teller;
}

static gboolean
pop(GArray *slots, guint *out)
{
    if (slots->len == 0)
        return FALSE;

    *out = g_array_index(slots, guint, slots->len - 1);
    g_array_set_size(slots, slots->len - 1);
    return TRUE;
}

static guint
take_slot(ApKnowledge *self)
{
    guint slot;

    if (!pop(self->free_slots, &slot))
        return self->n_slots++;
    g_array_append_val(self->reused_slots, slot);
    return slot;
}

static ApKnown *
add_known(ApKnowledge *self, const ApFact *fact)
{
    ApKnown *known = g_new0(ApKnown, 1);

    known->fact = *fact;
    if (fact->kind == AP_FACT_MEMBER)
        known->fact.member.bytes = g_memdup2(fact->member.bytes, fact->member.n_bytes);
    known->slot = take_slot(self);
    known->at = g_sequence_insert_sorted(self->facts, known, ap_known_compare, NULL);
    return known;
}

static void
remove_known(ApKnowledge *self, ApKnown *known)
{
    g_sequence_remove(known->at);
    g_array_append_val(self->free_slots, known->slot);
    if (known->fact.kind == AP_FACT_MEMBER)
        g_free((guint8 *) known->fact.member.bytes);
    g_free(known);
}

static ApClaim *
find_claim(const ApKnown *known, const ApTeller *teller)
{
    for (ApClaim *claim = known->claims; claim != NULL; claim = claim->next) {
        if (claim->teller == teller)
            return claim;
    }
    return NULL;
}

/* Almost always a claim holds longer than all before it, and the walk ends at once. */
static void
put_in_order(ApTeller *teller, ApClaim *claim)
{
    GList *before = teller->claims.tail;

    while (before != NULL && ((ApClaim *) before->data)->until_usec > claim->until_usec)
        before = before->prev;
    if (before == NULL)
        g_queue_push_head_link(&teller->claims, &claim->link);
    else
        g_queue_insert_after_link(&teller->claims, before, &claim->link);
}

static void
count(ApKnowledge *self, const ApTeller *teller, int change)
{
    if (!teller->is_trusted && !teller->is_own)
        self->n_plain += change;
}

static void
add_claim(ApKnowledge *self, ApTeller *teller, ApKnown *known, gint64 until_usec)
{
    ApClaim *claim = g_new0(ApClaim, 1);

    *claim = (ApClaim){
        .teller = teller,
        .known = known,
        .next = known->claims,
        .until_usec = until_usec,
        .link.data = claim,
    };
    known->claims = claim;
    self->revision++;
    put_in_order(teller, claim);
    count(self, teller, 1);
}

/* A fact that nobody says any more goes with its last claim. */
static void
remove_claim(ApKnowledge *self, ApClaim *claim)
{
    ApKnown *known = claim->known;
    ApClaim **at = &known->claims;

    while (*at != claim)
        at = &(*at)->next;
    *at = claim->next;
    self->revision++;
    g_queue_unlink(&claim->teller->claims, &claim->link);
    count(self, claim->teller, -1);
    g_free(claim);
    if (known->claims == NULL)
        remove_known(self, known);
}

static void
remove_claims(ApKnowledge *self, ApTeller *teller)
{
    while (teller->claims.head != NULL)
        remove_claim(self, teller->claims.head->data);
}

void
ap_knowledge_free(ApKnowledge *self)
{
    GHashTableIter iter;
    gpointer teller;

    if (self == NULL)
        return;

    g_hash_table_iter_init(&iter, self->tellers);
    while (g_hash_table_iter_next(&iter, NULL, &teller))
        remove_claims(self, teller);
    g_clear_pointer(&self->facts, g_sequence_free);
    g_clear_pointer(&self->tellers, g_hash_table_unref);
    g_clear_pointer(&self->free_slots, g_array_unref);
    g_clear_pointer(&self->reused_slots, g_array_unref);
    g_free(self);
}

static gboolean
is_speaking(const ApTeller *teller, ApInstant now)
{
    return now.boot_usec - teller->heard_usec <= AP_KNOWLEDGE_SILENCE_SEC * AP_USEC_PER_SEC;
}

static void
hear(ApTeller *teller, ApInstant now)
{
    if (teller->heard_usec == 0 || !is_speaking(teller, now))
        teller->speaking_usec = now.boot_usec;
    teller->heard_usec = now.boot_usec;
}

/**
 * Notes that a packet of @teller came, whatever it said: silence is told from taking back by it.
 * Does nothing for one that has told nothing.
 */
void
ap_knowledge_hear(ApKnowledge *self, const ApKey *teller, ApInstant now)
{
    ApTeller *known = g_hash_table_lookup(self->tellers, teller);

    if (known != NULL)
        hear(known, now);
}

/* Makes room for one more claim; of the teller's own, the one that is over soonest goes first. */
static gboolean
make_room(ApKnowledge *self, ApTeller *teller, gint64 until_usec)
{
    const guint limit = teller->is_trusted ? AP_KNOWLEDGE_MAX_TRUSTED : AP_KNOWLEDGE_MAX_PLAIN;
    const gboolean is_full = !teller->is_trusted && self->n_plain >= AP_KNOWLEDGE_MAX_ALL_PLAIN;
    ApClaim *soonest = teller->claims.head != NULL ? teller->claims.head->data : NULL;

    if (teller->claims.length < limit && !is_full)
        return TRUE;
    if (soonest == NULL || soonest->until_usec > until_usec)
        return FALSE;
    remove_claim(self, soonest);
    return TRUE;
}

/* A teller that gains or loses the larger limit changes which one its claims count against; what
 * exceeds a smaller limit goes as others come. */
static void
set_trusted(ApKnowledge *self, ApTeller *teller, gboolean is_trusted)
{
    if (teller->is_trusted == is_trusted)
        return;

    count(self, teller, -(int) teller->claims.length);
    teller->is_trusted = is_trusted;
    count(self, teller, (int) teller->claims.length);
    while (!is_trusted && teller->claims.length > AP_KNOWLEDGE_MAX_PLAIN)
        remove_claim(self, teller->claims.head->data);
}

static void
renew(ApTeller *teller, ApClaim *claim, gint64 until_usec)
{
    g_queue_unlink(&teller->claims, &claim->link);
    claim->until_usec = MAX(claim->until_usec, until_usec);
    put_in_order(teller, claim);
}

/**
 * Learns one fact, or that it holds for longer.
 *
 * @teller: who told it, and may; it counts as heard, too
 * @fact: one that makes sense; held for its time to live, and for AP_RULES_TTL_SEC at most
 * @is_trusted: the larger limit is for this teller
 * @known: (out) (optional): the fact as it is held; not set for AP_LEARNED_NOT
 */
ApLearned
ap_knowledge_learn(ApKnowledge *self,
                   const ApKey *teller,
                   const ApFact *fact,
                   gboolean is_trusted,
                   const ApKnown **known,
                   ApInstant now)
{
    const gint64 ttl_sec = MIN(fact->ttl_sec, AP_RULES_TTL_SEC);
    const gint64 until_usec = now.boot_usec + ttl_sec * AP_USEC_PER_SEC;
    ApTeller *who = find_or_add_teller(self, teller);
    ApKnown *held = (ApKnown *) ap_knowledge_find(self, fact);
    ApClaim *claim = held != NULL ? find_claim(held, who) : NULL;
    ApLearned learned = held != NULL ? AP_LEARNED_MORE : AP_LEARNED_NEW;

    hear(who, now);
    set_trusted(self, who, is_trusted);
    if (claim != NULL) {
        learned = AP_LEARNED_AGAIN;
        renew(who, claim, until_usec);
    } else {
        if (!make_room(self, who, until_usec))
            return AP_LEARNED_NOT;
        if (held == NULL)
            held = add_known(self, fact);
        add_claim(self, who, held, until_usec);
    }
    if (held->learned_boot_usec == 0)
        held->learned_boot_usec = now.boot_usec;
    if (known != NULL)
        *known = held;
    return learned;
}

/**
 * Replaces all that we say ourselves, which holds until it is replaced again.
 *
 * @own: our own key
 * @facts: (element-type ApFact) in any order; not kept
 *
 * Returns: whether anything is said that was not, or is not said that was
 */
gboolean
ap_knowledge_set_own(ApKnowledge *self, const ApKey *own, const GArray *facts)
{
    ApTeller *who = find_or_add_teller(self, own);
    gboolean has_changed = FALSE;

    who->is_own = TRUE;
    for (GList *link = who->claims.head; link != NULL; link = link->next)
        ((ApClaim *) link->data)->until_usec = 0;

    for (guint i = 0; i < facts->len; i++) {
        const ApFact *fact = &g_array_index(facts, ApFact, i);
        ApKnown *held = (ApKnown *) ap_knowledge_find(self, fact);
        ApClaim *claim = held != NULL ? find_claim(held, who) : NULL;

        if (claim != NULL) {
            claim->until_usec = AP_NEVER;
            continue;
        }
        add_claim(self, who, held != NULL ? held : add_known(self, fact), AP_NEVER);
        has_changed = TRUE;
    }

    for (GList *link = who->claims.head, *next; link != NULL; link = next) {
        next = link->next;
        if (((ApClaim *) link->data)->until_usec != 0)
            continue;
        remove_claim(self, link->data);
        has_changed = TRUE;
    }
    return has_changed;
}

/**
 * Takes the next of the slots that belong to another fact than before. What is noted by slot
 * elsewhere is wrong then: ask after everything that may have added a fact.
 *
 * @slot: (out): set when there is one
 *
 * Returns: FALSE when there is none
 */
gboolean
ap_knowledge_take_reused(ApKnowledge *self, guint *slot)
{
    return pop(self->reused_slots, slot);
}

/* When @claim is over as things stand, in microseconds of the boot clock; see the header. */
static gint64
end_of(const ApClaim *claim, ApInstant now)
{
    const ApTeller *teller = claim->teller;
    const gint64 held_usec = claim->until_usec + AP_KNOWLEDGE_HELD_SEC * AP_USEC_PER_SEC;
    const gint64 spoken_usec = teller->speaking_usec + AP_KNOWLEDGE_SPEECH_SEC * AP_USEC_PER_SEC;

    if (claim->until_usec > now.boot_usec
        || ap_key_equal(&teller->key, &claim->known->fact.subject))
        return claim->until_usec;
    if (!is_speaking(teller, now))
        return held_usec;
    return CLAMP(spoken_usec, claim->until_usec, held_usec);
}

/* The claims before the first that still holds are all that may be over. */
static gboolean
remove_over(ApKnowledge *self, ApTeller *teller, ApInstant now)
{
    gboolean has_removed = FALSE;

    for (GList *link = teller->claims.head, *next; link != NULL; link = next) {
        ApClaim *claim = link->data;

        next = link->next;
        if (claim->until_usec > now.boot_usec)
            break;
        if (end_of(claim, now) > now.boot_usec)
            continue;
        remove_claim(self, claim);
        has_removed = TRUE;
    }
    return has_removed;
}

/**
 * Forgets what is over.
 *
 * Returns: whether anything was
 */
gboolean
ap_knowledge_advance(ApKnowledge *self, ApInstant now)
{
    gboolean has_removed = FALSE;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->tellers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ApTeller *teller = value;

        has_removed |= remove_over(self, teller, now);
        if (teller->claims.length == 0)
            g_hash_table_iter_remove(&iter);
    }
    return has_removed;
}

/**
 * Returns: when the next fact is over, in microseconds of the boot clock, if nothing more is
 *     told; AP_NEVER when none is going to be
 */
gint64
ap_knowledge_deadline(const ApKnowledge *self, ApInstant now)
{
    gint64 deadline = AP_NEVER;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->tellers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        for (GList *link = ((ApTeller *) value)->claims.head; link != NULL; link = link->next) {
            const ApClaim *claim = link->data;

            deadline = MIN(deadline, end_of(claim, now));
            if (claim->until_usec > now.boot_usec)
                break;
        }
    }
    return deadline;
}
