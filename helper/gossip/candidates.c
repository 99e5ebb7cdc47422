/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/candidates.h"

/** What the listing of one tunnel needs at every step. */
typedef struct {
    const ApTrust *trust;
    const ApTrustPolicy *policy;
    guint32 ifindex;
} Context;

static void
add_address(ApCandidate *self, const ApAddr *addr)
{
    for (guint i = 0; i < self->n_addresses; i++) {
        if (ap_addr_equal(&self->addresses[i], addr))
            return;
    }
    if (self->n_addresses < AP_COORD_MAX_ADDRESSES)
        self->addresses[self->n_addresses++] = *addr;
}

/* @limit: leaves room for those that others tell */
static void
add_endpoint(ApCandidate *self, const ApEndpoint *endpoint, guint limit)
{
    for (guint i = 0; i < self->n_endpoints; i++) {
        if (ap_endpoint_equal(&self->endpoints[i], endpoint))
            return;
    }
    if (self->n_endpoints < limit)
        self->endpoints[self->n_endpoints++] = *endpoint;
}

static gboolean
may_say(const ApKey *teller, const ApFact *fact, gconstpointer trust)
{
    return ap_trust_judge(trust, teller, fact) == AP_GOSSIP_REFUSAL_NONE;
}

static gboolean
may_say_of_itself(const ApKey *teller, const ApFact *fact, gconstpointer trust)
{
    return ap_key_equal(teller, &fact->subject) && may_say(teller, fact, trust);
}

static gboolean
may_say_of_another(const ApKey *teller, const ApFact *fact, gconstpointer trust)
{
    return !ap_key_equal(teller, &fact->subject) && may_say(teller, fact, trust);
}

static gboolean
is_endpoint(const ApFact *fact)
{
    return fact->kind == AP_FACT_ENDPOINT4 || fact->kind == AP_FACT_ENDPOINT6;
}

static gboolean
is_member(const ApFact *fact)
{
    return fact->kind == AP_FACT_MEMBER || fact->kind == AP_FACT_MEMBER_OLD;
}

/* One of the facts about @self other than where it is. Returns: whether it makes it a member. */
static gboolean
read_fact(ApCandidate *self, const ApKnown *known, const ApTrust *trust)
{
    const ApFact *fact = &known->fact;

    if (is_endpoint(fact) || !ap_known_has(known, may_say, trust))
        return FALSE;
    if (!is_member(fact)) {
        add_address(self, &fact->network.addr);
        return FALSE;
    }

    if (fact->kind == AP_FACT_MEMBER) {
        self->speaks_bfd |= ap_member_speaks_bfd(&fact->member);
        self->gossips &= !ap_member_is_basic(&fact->member);
        if (ap_member_has_lost(&fact->member))
            self->doubted_boot_usec = MAX(self->doubted_boot_usec, known->learned_boot_usec);
    }
    return ap_known_has(known, may_say_of_another, trust);
}

/* What the peer itself says of where it is comes first; one place is left for what others see. */
static void
read_endpoints(ApCandidate *self, const ApKnown *first, const ApTrust *trust)
{
    static const struct {
        ApKnownTellerFunc accepts;
        guint limit;
    } passes[] = {
        {may_say_of_itself, AP_CANDIDATE_MAX_ENDPOINTS - 1},
        {may_say_of_another, AP_CANDIDATE_MAX_ENDPOINTS},
        {may_say_of_itself, AP_CANDIDATE_MAX_ENDPOINTS},
    };

    for (gsize pass = 0; pass < G_N_ELEMENTS(passes); pass++) {
        for (const ApKnown *known = first;
             known != NULL && ap_key_equal(&known->fact.subject, &self->key);
             known = ap_known_next(known)) {
            if (is_endpoint(&known->fact) && ap_known_has(known, passes[pass].accepts, trust))
                add_endpoint(self, &known->fact.endpoint, passes[pass].limit);
        }
    }
}

static const ApPeerPolicy *
find_policy(const ApTrustPolicy *policy, const ApKey *key)
{
    for (guint i = 0; policy->peers != NULL && i < policy->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(policy->peers, i);

        if (ap_key_equal(&peer->key, key))
            return peer;
    }
    return NULL;
}

static void
read_policy(ApCandidate *self, const ApPeerPolicy *peer)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *network = &g_array_index(peer->allowed, ApCidr, i);

        if (ap_cidr_is_host(network))
            add_address(self, &network->addr);
    }
    for (guint i = 0; i < peer->endpoints->len; i++)
        add_endpoint(self,
                     &g_array_index(peer->endpoints, ApEndpoint, i),
                     AP_CANDIDATE_MAX_ENDPOINTS - 1);
}

/* Reads all facts about one subject. Returns: (nullable): the first fact about the next one. */
static const ApKnown *
read_subject(const Context *context, const ApKnown *first, GArray *candidates)
{
    const ApPeerPolicy *peer = find_policy(context->policy, &first->fact.subject);
    ApCandidate candidate = {
        .ifindex = context->ifindex,
        .key = first->fact.subject,
        .sources = AP_SOURCE_GOSSIP,
        .gossips = peer == NULL || !peer->is_basic,
    };
    gboolean belongs = peer != NULL;
    const ApKnown *known;

    if (peer != NULL)
        read_policy(&candidate, peer);
    for (known = first; known != NULL && ap_key_equal(&known->fact.subject, &candidate.key);
         known = ap_known_next(known))
        belongs |= read_fact(&candidate, known, context->trust);
    if (belongs) {
        read_endpoints(&candidate, first, context->trust);
        g_array_append_val(candidates, candidate);
    }
    return known;
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    return ap_key_compare(&((const ApCandidate *) a)->key, &((const ApCandidate *) b)->key);
}

/* Peers that are configured are members though nobody says a word about them. */
static void
add_silent(const Context *context, const ApKnowledge *knowledge, GArray *candidates)
{
    const GPtrArray *peers = context->policy->peers;

    for (guint i = 0; peers != NULL && i < peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(peers, i);
        const ApKnown *known = ap_knowledge_first(knowledge, &peer->key);
        ApCandidate candidate = {
            .ifindex = context->ifindex,
            .key = peer->key,
            .sources = AP_SOURCE_GOSSIP,
            .gossips = !peer->is_basic,
        };

        if (known != NULL && ap_key_equal(&known->fact.subject, &peer->key))
            continue;
        read_policy(&candidate, peer);
        g_array_append_val(candidates, candidate);
    }
}

/**
 * Lists who may be reached on one tunnel: everybody whose membership was told by one who may, and
 * everybody who is configured. Whether any of it is a good idea is the guard's question.
 *
 * Its order and that within each candidate come from the facts alone, so that the same facts
 * make the same list; when they were learned tells when a path was said to be gone. What we say
 * ourselves makes no candidates.
 *
 * Returns: (transfer full) (element-type ApCandidate): sorted by key
 */
GArray *
ap_candidates_new(const ApKnowledge *knowledge,
                  const ApTrust *trust,
                  const ApTrustPolicy *policy,
                  guint32 ifindex)
{
    const Context context = {.trust = trust, .policy = policy, .ifindex = ifindex};
    GArray *candidates = g_array_new(FALSE, FALSE, sizeof(ApCandidate));
    const ApKnown *known = ap_knowledge_first(knowledge, NULL);

    while (known != NULL)
        known = read_subject(&context, known, candidates);
    add_silent(&context, knowledge, candidates);
    g_array_sort(candidates, compare_candidates);
    return candidates;
}

/*
 * A peer that one source still names is not gone; and one that a server names need not gossip.
 */
static void
merge_into(ApCandidate *self, const ApCandidate *more)
{
    const gint64 doubted = MAX(self->doubted_boot_usec, more->doubted_boot_usec);

    if (more->withdrawn) {
        self->sources |= self->withdrawn ? more->sources : 0;
        return;
    }
    if (self->withdrawn) {
        *self = *more;
        self->doubted_boot_usec = doubted;
        return;
    }

    self->doubted_boot_usec = doubted;
    self->sources |= more->sources;
    self->gossips = self->gossips && more->gossips;
    self->speaks_bfd = self->speaks_bfd || more->speaks_bfd;
    for (guint i = 0; i < more->n_addresses; i++)
        add_address(self, &more->addresses[i]);
    for (guint i = 0; i < more->n_endpoints; i++)
        add_endpoint(self, &more->endpoints[i], AP_CANDIDATE_MAX_ENDPOINTS);
}

static ApCandidate *
find(const GArray *candidates, guint n, const ApCandidate *wanted)
{
    for (guint i = 0; i < n; i++) {
        ApCandidate *candidate = &g_array_index(candidates, ApCandidate, i);

        if (candidate->ifindex == wanted->ifindex && ap_key_equal(&candidate->key, &wanted->key))
            return candidate;
    }
    return NULL;
}

/**
 * Adds @more to @candidates so that a peer that both name is one candidate of both sources, with
 * what @candidates say first: two entries for one key would be refused (security rule K4).
 *
 * @candidates: (inout) (element-type ApCandidate): its own entries stay apart
 * @more: (element-type ApCandidate)
 */
void
ap_candidates_merge(GArray *candidates, const GArray *more)
{
    const guint n = candidates->len;

    for (guint i = 0; i < more->len; i++) {
        const ApCandidate *candidate = &g_array_index(more, ApCandidate, i);
        ApCandidate *same = find(candidates, n, candidate);

        if (same != NULL)
            merge_into(same, candidate);
        else
            g_array_append_vals(candidates, candidate, 1);
    }
}

/* Returns: (transfer full) (nullable): the first name that somebody told whom @accepts takes */
static char *
find_name(const ApKnowledge *knowledge,
          const ApTrust *trust,
          const ApKey *key,
          ApKnownTellerFunc accepts)
{
    const ApKnown *known = ap_knowledge_first(knowledge, key);

    for (; known != NULL && ap_key_equal(&known->fact.subject, key); known = ap_known_next(known)) {
        ApReader name;

        if (known->fact.kind == AP_FACT_MEMBER && ap_known_has(known, accepts, trust)
            && ap_member_find(&known->fact.member, AP_MEMBER_NAME, &name) && name.left > 0)
            return g_strndup((const char *) name.data, name.left);
    }
    return NULL;
}

/**
 * Finds what a peer is called, by those who may say so: one that names members, or else itself.
 *
 * Returns: (transfer full) (nullable): at most AP_PEER_NAME_MAX bytes of harmless text; NULL when
 *     nobody says
 */
char *
ap_candidates_name(const ApKnowledge *knowledge, const ApTrust *trust, const ApKey *key)
{
    char *name = find_name(knowledge, trust, key, may_say_of_another);

    return name != NULL ? name : find_name(knowledge, trust, key, may_say_of_itself);
}
