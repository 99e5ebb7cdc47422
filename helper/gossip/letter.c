/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/letter.h"

#include "helper/gossip/rules.h"

/** How long what we say now holds, in microseconds. */
#define TTL_USEC (AP_RULES_TTL_SEC * AP_USEC_PER_SEC)

/* Until when @known holds for one who is told now. */
static gint64
until_of(const ApKnown *known, ApInstant now)
{
    return MIN(ap_known_until(known), now.boot_usec + TTL_USEC);
}

/* Whoever told a fact may have lost its say since. */
static gboolean
may_pass_on(const ApKey *teller, const ApFact *fact, gconstpointer data)
{
    const ApLetter *self = data;

    return ap_key_equal(teller, self->own_key)
           || (self->trust != NULL
               && ap_trust_judge(self->trust, teller, fact) == AP_GOSSIP_REFUSAL_NONE);
}

/* A peer knows better where it is; whether it belongs to us, it has to be told. */
static gboolean
is_of_interest(const ApLetter *self, const ApFact *fact)
{
    return fact->kind == AP_FACT_MEMBER || !ap_key_equal(&fact->subject, &self->to->key);
}

/* When the peer is to be told @known; AP_NEVER: not at all. */
static gint64
due_of(const ApLetter *self, const ApKnown *known, ApInstant now)
{
    const gint64 until_usec = ap_known_until(known);

    if (until_usec < now.boot_usec + AP_USEC_PER_SEC || !is_of_interest(self, &known->fact))
        return AP_NEVER;
    return ap_told_due(&self->to->told, known->slot, until_usec);
}

static gint64
ping_due(const ApLetter *self)
{
    return self->to->pinged_until_usec == 0
               ? 0
               : self->to->pinged_until_usec - AP_LETTER_PING_SEC * AP_USEC_PER_SEC;
}

static gboolean
add(GByteArray *datagram, const ApFact *fact, gint64 until_usec, ApInstant now)
{
    ApFact copy = *fact;

    copy.ttl_sec = (guint32) ((until_usec - now.boot_usec) / AP_USEC_PER_SEC);
    return ap_group_add(datagram, &copy);
}

static void
add_facts(const ApLetter *self, GByteArray *datagram, ApInstant now)
{
    const ApKnown *known = ap_knowledge_first(self->knowledge, NULL);

    for (; known != NULL; known = ap_known_next(known)) {
        const gint64 until_usec = until_of(known, now);

        if (due_of(self, known, now) > now.boot_usec || !ap_known_has(known, may_pass_on, self))
            continue;
        if (!add(datagram, &known->fact, until_usec, now))
            return;
        ap_told_note(&self->to->told, known->slot, until_usec);
    }
}

/* A sign of life stands last, and comes along wherever there is room. */
static void
add_ping(const ApLetter *self, GByteArray *datagram, ApInstant now)
{
    const ApFact alive = ap_fact_alive(self->own_key, self->boot_id);
    const gint64 until_usec = now.boot_usec + TTL_USEC;

    if (add(datagram, &alive, until_usec, now))
        self->to->pinged_until_usec = until_usec;
}

/**
 * Writes one group, not signed yet, of what is due, and notes that the peer knows it.
 *
 * @datagram: (inout): gets the group in place of what is in it
 *
 * Returns: FALSE when nothing is due
 */
gboolean
ap_letter_write(const ApLetter *self, GByteArray *datagram, ApInstant now)
{
    ap_group_begin(datagram);
    if (self->knowledge != NULL)
        add_facts(self, datagram, now);
    if (datagram->len > AP_GROUP_HEADER_LEN || ping_due(self) <= now.boot_usec)
        add_ping(self, datagram, now);
    return datagram->len > AP_GROUP_HEADER_LEN;
}

/**
 * Returns: when ap_letter_write() has something to write, in microseconds of the boot clock; past
 *     when it has now
 */
gint64
ap_letter_due(const ApLetter *self, ApInstant now)
{
    gint64 due = ping_due(self);
    const ApKnown *known;

    if (self->knowledge == NULL)
        return due;
    for (known = ap_knowledge_first(self->knowledge, NULL); known != NULL;
         known = ap_known_next(known)) {
        const gint64 of_fact = due_of(self, known, now);

        if (of_fact < due && ap_known_has(known, may_pass_on, self))
            due = of_fact;
    }
    return due;
}
