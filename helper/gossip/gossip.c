/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/gossip.h"

#include "helper/gossip/letter.h"
#include "helper/gossip/rules.h"

/**
 * @trust: (owned) (nullable): NULL before the first reading of the device: nobody is known then
 * @policy: what @trust was made with; its list is (owned) (nullable)
 * @is_hub: a peer said of itself that it is a member, which ours say to their hub alone
 * @n_changes: how often @trust or @policy became another
 * @n_refused: packets and facts by reason
 */
struct _ApGossip {
    guint32 ifindex;
    ApBootId boot_id;
    ApDoor *door;
    ApKnowledge *knowledge;
    ApTrust *trust;
    ApTrustPolicy policy;
    guint64 n_changes;
    gboolean is_hub;
    guint64 n_refused[AP_N_GOSSIP_REFUSALS];
};

/**
 * Starts the gossip of one tunnel, in which nobody is known yet.
 *
 * @own: the tunnel's private key; copied, so that the caller can wipe its own
 * @boot_id: random
 *
 * Returns: (transfer full) (nullable): NULL when there is no memory for a secret
 */
ApGossip *
ap_gossip_new(guint32 ifindex, const ApSecretKey *own, const ApBootId *boot_id)
{
    ApDoor *door = ap_door_new(own);
    ApGossip *self;

    if (door == NULL)
        return NULL;

    self = g_new0(ApGossip, 1);
    self->ifindex = ifindex;
    self->boot_id = *boot_id;
    self->door = door;
    self->knowledge = ap_knowledge_new();
    return self;
}

void
ap_gossip_free(ApGossip *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->door, ap_door_free);
    g_clear_pointer(&self->knowledge, ap_knowledge_free);
    g_clear_pointer(&self->trust, ap_trust_free);
    if (self->policy.peers != NULL)
        g_ptr_array_unref((GPtrArray *) self->policy.peers);
    g_free(self);
}

/**
 * Begins anew in the eyes of all peers, which then tell us everything again: after a suspend.
 *
 * @boot_id: random
 */
void
ap_gossip_set_boot_id(ApGossip *self, const ApBootId *boot_id)
{
    const GPtrArray *peers = ap_door_peers(self->door);

    self->boot_id = *boot_id;
    for (guint i = 0; i < peers->len; i++)
        ((ApDoorPeer *) peers->pdata[i])->pinged_until_usec = 0;
}

static void
set_policy(ApGossip *self, const ApTrustPolicy *policy)
{
    self->n_changes += policy->peers != self->policy.peers;
    if (policy->peers != NULL)
        g_ptr_array_ref((GPtrArray *) policy->peers);
    if (self->policy.peers != NULL)
        g_ptr_array_unref((GPtrArray *) self->policy.peers);
    self->policy = *policy;
}

/* @trust: (transfer full) */
static void
set_trust(ApGossip *self, ApTrust *trust)
{
    self->n_changes += self->trust == NULL || !ap_trust_equal(self->trust, trust);
    g_clear_pointer(&self->trust, ap_trust_free);
    self->trust = trust;
}

/**
 * Takes over who is on the device and what the configuration says of them.
 *
 * @device: one reading, whose own key is ours; not kept
 * @policy: its list is referenced, and must not change any more
 *
 * Facts are kept as long as they hold, whoever told them: a device that is written anew is empty
 * for a moment. Only those of peers that may say them count.
 */
void
ap_gossip_set_device(ApGossip *self, const ApDevice *device, const ApTrustPolicy *policy)
{
    const GPtrArray *peers;

    g_return_if_fail(ap_key_equal(&device->public_key, ap_door_own_key(self->door)));

    set_policy(self, policy);
    set_trust(self, ap_trust_new(device, policy));
    ap_door_set_peers(self->door, device);
    peers = ap_door_peers(self->door);
    for (guint i = 0; i < peers->len; i++) {
        ApDoorPeer *peer = peers->pdata[i];

        peer->may_name_members = ap_trust_may_name_members(self->trust, &peer->key);
    }
}

/* Whoever knew the fact that had a slot does not know the one that has it instead. */
static void
forget_reused(ApGossip *self)
{
    const GPtrArray *peers = ap_door_peers(self->door);
    guint slot;

    while (ap_knowledge_take_reused(self->knowledge, &slot)) {
        for (guint i = 0; i < peers->len; i++)
            ap_told_forget(&((ApDoorPeer *) peers->pdata[i])->told, slot);
    }
}

/**
 * Replaces what we say ourselves.
 *
 * @facts: (element-type ApFact): about ourselves and others, but no signs of life; copied
 *
 * Returns: whether it differs from what we said before
 */
gboolean
ap_gossip_set_own_facts(ApGossip *self, const GArray *facts)
{
    const gboolean has_changed =
        ap_knowledge_set_own(self->knowledge, ap_door_own_key(self->door), facts);

    forget_reused(self);
    return has_changed;
}

static ApGossipRefusal
take_alive(ApGossip *self, ApDoorPeer *from, const ApFact *fact, ApGossipNews *news, ApInstant now)
{
    const gint64 ttl_sec = MIN(fact->ttl_sec, AP_RULES_TTL_SEC);
    const gboolean is_same = memcmp(&from->boot_id, &fact->boot_id, sizeof(fact->boot_id)) == 0
                             && from->alive_until_usec != 0;

    if (!ap_key_equal(&fact->subject, &from->key))
        return AP_GOSSIP_REFUSAL_ALIVE_OTHER;
    if (memcmp(&fact->boot_id, &self->boot_id, sizeof(fact->boot_id)) == 0)
        return AP_GOSSIP_REFUSAL_REFLECTED;
    if (ttl_sec == 0)
        return AP_GOSSIP_REFUSAL_EXPIRED;

    if (!is_same) {
        news->is_new_boot = TRUE;
        from->pinged_until_usec = 0;
        ap_told_clear(&from->told);
    }
    from->boot_id = fact->boot_id;
    from->alive_until_usec = now.boot_usec + ttl_sec * AP_USEC_PER_SEC;
    return AP_GOSSIP_REFUSAL_NONE;
}

static gboolean
is_own_membership(const ApFact *fact, const ApDoorPeer *from)
{
    return fact->kind == AP_FACT_MEMBER && ap_key_equal(&fact->subject, &from->key)
           && ap_member_speaks_bfd(&fact->member);
}

/* @known: (out): the fact as it is held; set on success only */
static ApGossipRefusal
learn(ApGossip *self,
      ApDoorPeer *from,
      const ApFact *fact,
      const ApKnown **known,
      ApGossipNews *news,
      ApInstant now)
{
    ApGossipRefusal refusal = ap_rules_judge(fact);

    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        refusal = ap_trust_judge(self->trust, &from->key, fact);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;

    self->is_hub = self->is_hub || is_own_membership(fact, from);
    switch (
        ap_knowledge_learn(self->knowledge, &from->key, fact, from->may_name_members, known, now)) {
    case AP_LEARNED_NEW:
        forget_reused(self);
        news->has_changed = TRUE;
        break;
    case AP_LEARNED_MORE:
        news->has_changed = TRUE;
        break;
    case AP_LEARNED_AGAIN:
        break;
    case AP_LEARNED_NOT:
        return AP_GOSSIP_REFUSAL_LIMIT;
    }
    return AP_GOSSIP_REFUSAL_NONE;
}

/* Whatever we may think of a fact: who says it need not be told it. */
static ApGossipRefusal
take_fact(ApGossip *self, ApDoorPeer *from, const ApFact *fact, ApGossipNews *news, ApInstant now)
{
    const gint64 ttl_sec = MIN(fact->ttl_sec, AP_RULES_TTL_SEC);
    const ApKnown *known = NULL;
    const ApGossipRefusal refusal = learn(self, from, fact, &known, news, now);

    if (known == NULL)
        known = ap_knowledge_find(self->knowledge, fact);
    if (known != NULL)
        ap_told_note(&from->told, known->slot, now.boot_usec + ttl_sec * AP_USEC_PER_SEC);
    return refusal;
}

/* Signs of life first: a peer that began anew knows what it says in this very packet. */
static void
take_facts(ApGossip *self,
           ApDoorPeer *from,
           const ApGroupFacts *facts,
           gboolean signs_of_life,
           ApGossipNews *news,
           ApInstant now)
{
    for (guint i = 0; i < facts->n_items; i++) {
        const ApFact *fact = &facts->items[i];
        ApGossipRefusal refusal;

        if ((fact->kind == AP_FACT_ALIVE) != signs_of_life)
            continue;
        refusal = signs_of_life ? take_alive(self, from, fact, news, now)
                                : take_fact(self, from, fact, news, now);
        if (refusal == AP_GOSSIP_REFUSAL_NONE)
            continue;
        self->n_refused[refusal]++;
        news->n_refused++;
    }
}

/**
 * Takes one datagram.
 *
 * @source: its source address
 * @datagram: its payload, untrusted; not kept
 */
ApGossipNews
ap_gossip_receive(ApGossip *self,
                  const ApAddr *source,
                  const guint8 *datagram,
                  gsize n_bytes,
                  ApInstant now)
{
    ApGossipNews news = {0};
    ApGroupFacts facts;
    ApDoorPeer *from;

    news.refusal = ap_door_pass(self->door, source, datagram, n_bytes, &facts, &from, now);
    if (news.refusal != AP_GOSSIP_REFUSAL_NONE) {
        self->n_refused[news.refusal]++;
        return news;
    }

    news.from = from->key;
    ap_knowledge_hear(self->knowledge, &from->key, now);
    take_facts(self, from, &facts, TRUE, &news, now);
    take_facts(self, from, &facts, FALSE, &news, now);
    return news;
}

/**
 * Forgets what is over. Call it when ap_gossip_deadline() has come; at any other time it does
 * nothing.
 *
 * Returns: whether ap_gossip_list() may say something else
 */
gboolean
ap_gossip_advance(ApGossip *self, ApInstant now)
{
    return ap_knowledge_advance(self->knowledge, now);
}

/**
 * Returns: when the next fact or sign of life is over, in microseconds of the boot clock;
 *     AP_NEVER when none is going to be
 */
gint64
ap_gossip_deadline(const ApGossip *self, ApInstant now)
{
    const GPtrArray *peers = ap_door_peers(self->door);
    gint64 deadline = ap_knowledge_deadline(self->knowledge, now);

    for (guint i = 0; i < peers->len; i++) {
        const ApDoorPeer *peer = peers->pdata[i];

        if (peer->alive_until_usec > now.boot_usec)
            deadline = MIN(deadline, peer->alive_until_usec);
    }
    return deadline;
}

static ApLetter
letter_to(const ApGossip *self, ApDoorPeer *peer, gboolean with_facts)
{
    return (ApLetter){
        .to = peer,
        .knowledge = with_facts ? self->knowledge : NULL,
        .trust = self->trust,
        .own_key = ap_door_own_key(self->door),
        .boot_id = &self->boot_id,
    };
}

/**
 * Writes the next datagram for a peer: facts that it does not know or is about to forget, and
 * that we are alive.
 *
 * @with_facts: FALSE: only that we are alive
 * @nonce: random; never used before
 * @datagram: (inout): gets the payload in place of what is in it
 *
 * What was written counts as known. Where it could not be sent, see ap_gossip_forget_told().
 *
 * Returns: FALSE when there is nothing to say, or nobody of this key
 */
gboolean
ap_gossip_write(ApGossip *self,
                const ApKey *to,
                gboolean with_facts,
                const ApGroupNonce *nonce,
                GByteArray *datagram,
                ApInstant now)
{
    ApDoorPeer *peer = ap_door_find(self->door, to);

    if (peer == NULL)
        return FALSE;

    const ApLetter letter = letter_to(self, peer, with_facts);

    return ap_letter_write(&letter, datagram, now)
           && ap_door_seal(self->door, peer, nonce, datagram);
}

/**
 * Returns: when ap_gossip_write() has something to say, in microseconds of the boot clock; past
 *     when it has now; AP_NEVER for nobody's key
 */
gint64
ap_gossip_due(const ApGossip *self, const ApKey *to, gboolean with_facts, ApInstant now)
{
    ApDoorPeer *peer = ap_door_find(self->door, to);

    if (peer == NULL)
        return AP_NEVER;

    const ApLetter letter = letter_to(self, peer, with_facts);

    return ap_letter_due(&letter, now);
}

/** Lets a peer be told again that we are alive: it does not answer. */
void
ap_gossip_repeat_ping(ApGossip *self, const ApKey *to)
{
    ApDoorPeer *peer = ap_door_find(self->door, to);

    if (peer != NULL)
        peer->pinged_until_usec = 0;
}

/**
 * Notes that a peer knows nothing of us: what was written for it did not go out.
 */
void
ap_gossip_forget_told(ApGossip *self, const ApKey *to)
{
    ApDoorPeer *peer = ap_door_find(self->door, to);

    if (peer == NULL)
        return;
    peer->pinged_until_usec = 0;
    ap_told_clear(&peer->told);
}

/** Returns: a number that is another one whenever ap_gossip_list() may say something else */
guint64
ap_gossip_revision(const ApGossip *self)
{
    return self->n_changes + ap_knowledge_revision(self->knowledge);
}

/**
 * Lists who may be reached, by what was told.
 *
 * Returns: (transfer full) (element-type ApCandidate): sorted by key
 */
GArray *
ap_gossip_list(const ApGossip *self)
{
    if (self->trust == NULL)
        return g_array_new(FALSE, FALSE, sizeof(ApCandidate));
    return ap_candidates_new(self->knowledge, self->trust, &self->policy, self->ifindex);
}

/** Returns: (transfer full) (nullable): what the peer is called; NULL when nobody says */
char *
ap_gossip_name(const ApGossip *self, const ApKey *key)
{
    return self->trust != NULL ? ap_candidates_name(self->knowledge, self->trust, key) : NULL;
}

/**
 * Tells whether we are the hub of this tunnel by what was heard: a peer of ours that has a hub
 * says to it, and to nobody else, that it is a member.
 *
 * Returns: FALSE when it is not, or cannot be told: wirelink does not say so
 */
gboolean
ap_gossip_is_hub(const ApGossip *self)
{
    return self->is_hub;
}

/** Returns: until when the peer's gossip is known to run, in microseconds of the boot clock; may
 *     be past; 0: it was never heard */
gint64
ap_gossip_alive_until(const ApGossip *self, const ApKey *key)
{
    const ApDoorPeer *peer = ap_door_find(self->door, key);

    return peer != NULL ? peer->alive_until_usec : 0;
}

/** Returns: whether the peer is one of those that are told all facts: ap_trust_gets_all() */
gboolean
ap_gossip_gets_all(const ApGossip *self, const ApKey *key)
{
    return self->trust != NULL && ap_trust_gets_all(self->trust, key);
}

/** Returns: how many packets and facts were refused for this reason */
guint64
ap_gossip_n_refused(const ApGossip *self, ApGossipRefusal refusal)
{
    g_return_val_if_fail((guint) refusal < AP_N_GOSSIP_REFUSALS, 0);

    return self->n_refused[refusal];
}

/** Returns: (transfer none): all facts that are held */
const ApKnowledge *
ap_gossip_knowledge(const ApGossip *self)
{
    return self->knowledge;
}
