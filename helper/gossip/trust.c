/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/trust.h"

/**
 * One peer that may tell us something, or of which we know without being told.
 *
 * @n_routes: networks that it routes
 */
typedef struct {
    ApKey key;
    ApTrustLevel level;
    gboolean is_on_device;
    gboolean is_exchanger;
    guint n_routes;
} Peer;

/** One network that a peer routes. */
typedef struct {
    ApCidr network;
    ApKey router;
} Route;

/**
 * @peers: (owned) (element-type Peer) sorted by key
 * @routes: (owned) (element-type Route)
 * @is_configured: the configuration gives some peer a level
 */
struct _ApTrust {
    ApKey own_key;
    GArray *peers;
    GArray *routes;
    gboolean is_configured;
    gboolean is_wide;
};

static int
compare_peers(gconstpointer a, gconstpointer b)
{
    return ap_key_compare(&((const Peer *) a)->key, &((const Peer *) b)->key);
}

static const Peer *
find(const ApTrust *self, const ApKey *key)
{
    const Peer wanted = {.key = *key};
    guint at;

    if (!g_array_binary_search(self->peers, &wanted, compare_peers, &at))
        return NULL;
    return &g_array_index(self->peers, Peer, at);
}

/* Link-local networks are the protocol's own, and nobody is reached by them. */
static guint
add_routes(ApTrust *self, const ApDevicePeer *peer)
{
    guint n = 0;

    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);
        const Route route = {.network = *prefix, .router = peer->key};

        if (ap_cidr_is_host(prefix) || ap_addr_is_link_local(&prefix->addr))
            continue;
        g_array_append_val(self->routes, route);
        n++;
    }
    return n;
}

static void
add_device_peers(ApTrust *self, const ApDevice *device)
{
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *from = g_ptr_array_index(device->peers, i);
        const Peer peer = {
            .key = from->key,
            .is_on_device = TRUE,
            .n_routes = add_routes(self, from),
        };

        g_array_append_val(self->peers, peer);
    }
}

static void
add_policies(ApTrust *self, const GPtrArray *policies)
{
    for (guint i = 0; i < policies->len; i++) {
        const ApPeerPolicy *policy = g_ptr_array_index(policies, i);
        Peer *known = (Peer *) find(self, &policy->key);
        const Peer fresh = {
            .key = policy->key,
            .level = policy->trust,
            .is_exchanger = policy->is_exchanger,
        };

        self->is_configured = self->is_configured || policy->trust != AP_TRUST_AUTO;
        if (known == NULL) {
            g_array_append_val(self->peers, fresh);
            g_array_sort(self->peers, compare_peers);
            continue;
        }
        known->level = policy->trust;
        known->is_exchanger = policy->is_exchanger;
    }
}

/**
 * Works out who may say what.
 *
 * @device: one reading; not kept
 * @policy: the same
 *
 * Returns: (transfer full)
 */
ApTrust *
ap_trust_new(const ApDevice *device, const ApTrustPolicy *policy)
{
    ApTrust *self = g_new0(ApTrust, 1);

    self->own_key = device->public_key;
    self->peers = g_array_sized_new(FALSE, TRUE, sizeof(Peer), device->peers->len);
    self->routes = g_array_new(FALSE, TRUE, sizeof(Route));
    self->is_wide = policy->is_wide;
    add_device_peers(self, device);
    g_array_sort(self->peers, compare_peers);
    if (policy->peers != NULL)
        add_policies(self, policy->peers);
    return self;
}

static gboolean
peers_equal(const Peer *a, const Peer *b)
{
    return ap_key_equal(&a->key, &b->key) && a->level == b->level
           && a->is_on_device == b->is_on_device && a->is_exchanger == b->is_exchanger
           && a->n_routes == b->n_routes;
}

static gboolean
routes_equal(const Route *a, const Route *b)
{
    return ap_cidr_equal(&a->network, &b->network) && ap_key_equal(&a->router, &b->router);
}

/** Returns: whether both judge alike, whatever they are asked */
gboolean
ap_trust_equal(const ApTrust *a, const ApTrust *b)
{
    if (!ap_key_equal(&a->own_key, &b->own_key) || a->is_configured != b->is_configured
        || a->is_wide != b->is_wide || a->peers->len != b->peers->len
        || a->routes->len != b->routes->len)
        return FALSE;

    for (guint i = 0; i < a->peers->len; i++) {
        if (!peers_equal(&g_array_index(a->peers, Peer, i), &g_array_index(b->peers, Peer, i)))
            return FALSE;
    }
    for (guint i = 0; i < a->routes->len; i++) {
        if (!routes_equal(&g_array_index(a->routes, Route, i), &g_array_index(b->routes, Route, i)))
            return FALSE;
    }
    return TRUE;
}

void
ap_trust_free(ApTrust *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->peers, g_array_unref);
    g_clear_pointer(&self->routes, g_array_unref);
    g_free(self);
}

/** Returns: whether @key is on the device or in the configuration */
gboolean
ap_trust_knows(const ApTrust *self, const ApKey *key)
{
    return find(self, key) != NULL;
}

static gboolean
is_hub(const ApTrust *self, const Peer *peer)
{
    return !self->is_configured && peer->is_on_device && peer->n_routes > 0;
}

/**
 * Returns: whether @teller may say who else is there: a hub, or one that is configured to. Of
 *     such a peer more facts are kept than of others (decisions 19).
 */
gboolean
ap_trust_may_name_members(const ApTrust *self, const ApKey *teller)
{
    const Peer *peer = find(self, teller);

    return peer != NULL && (peer->level >= AP_TRUST_MEMBERSHIP || is_hub(self, peer));
}

/**
 * Returns: whether @key is sent all that we know, as wirelink does (gossip-protocol.md 8.2): it
 *     routes a network, may tell us addresses, or is configured as an exchanger
 */
gboolean
ap_trust_gets_all(const ApTrust *self, const ApKey *key)
{
    const Peer *peer = find(self, key);

    return peer != NULL
           && (peer->is_exchanger || peer->level >= AP_TRUST_ALLOWED_IPS || peer->n_routes > 0);
}

/* Who is asked for the way to @addr when nobody has exactly that address: the narrowest network
 * counts, as in WireGuard. */
static const Route *
find_route(const ApTrust *self, const ApAddr *addr)
{
    const Route *best = NULL;

    for (guint i = 0; i < self->routes->len; i++) {
        const Route *route = &g_array_index(self->routes, Route, i);

        if (ap_cidr_holds(&route->network, addr)
            && (best == NULL || route->network.prefix_len > best->network.prefix_len))
            best = route;
    }
    return best;
}

static gboolean
routes(const ApTrust *self, const Peer *peer, const ApAddr *addr)
{
    const Route *route = find_route(self, addr);

    return route != NULL && ap_key_equal(&route->router, &peer->key);
}

/* A level is about peers that we know of; what is said of others makes them known. */
static gboolean
has_level(const ApTrust *self, const Peer *peer, ApTrustLevel level, const ApKey *subject)
{
    return peer->level >= (ap_trust_knows(self, subject) ? level : AP_TRUST_MEMBERSHIP);
}

static gboolean
may_say_where(const ApTrust *self, const Peer *peer, const ApFact *fact)
{
    if (is_hub(self, peer) || has_level(self, peer, AP_TRUST_ENDPOINTS, &fact->subject))
        return TRUE;
    return self->is_wide && peer->is_on_device && peer->level == AP_TRUST_AUTO
           && ap_trust_knows(self, &fact->subject);
}

static gboolean
may_say_address(const ApTrust *self, const Peer *peer, const ApFact *fact)
{
    return has_level(self, peer, AP_TRUST_ALLOWED_IPS, &fact->subject)
           || (is_hub(self, peer) && routes(self, peer, &fact->network.addr));
}

/* What a peer says about itself makes it no member: it is only asked who and where it is. */
static ApGossipRefusal
judge_about_itself(const ApFact *fact)
{
    switch (fact->kind) {
    case AP_FACT_ALIVE:
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
    case AP_FACT_MEMBER_OLD:
    case AP_FACT_MEMBER:
        return AP_GOSSIP_REFUSAL_NONE;
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        return AP_GOSSIP_REFUSAL_TRUST;
    }
    return AP_GOSSIP_REFUSAL_TRUST;
}

static gboolean
may_say(const ApTrust *self, const Peer *peer, const ApFact *fact)
{
    switch (fact->kind) {
    case AP_FACT_ALIVE:
        return FALSE;
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
        return may_say_where(self, peer, fact);
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        return may_say_address(self, peer, fact);
    case AP_FACT_MEMBER_OLD:
    case AP_FACT_MEMBER:
        return peer->level >= AP_TRUST_MEMBERSHIP || is_hub(self, peer);
    }
    return FALSE;
}

/**
 * Judges whether @teller may say @fact.
 *
 * @teller: whose signature the packet has
 * @fact: one that makes sense: see ap_rules_judge()
 *
 * The answer is about this moment: a hub that loses its routes loses its say, and so do facts
 * that it told before.
 */
ApGossipRefusal
ap_trust_judge(const ApTrust *self, const ApKey *teller, const ApFact *fact)
{
    const Peer *peer = find(self, teller);

    if (ap_key_equal(&fact->subject, &self->own_key))
        return AP_GOSSIP_REFUSAL_OWN_SUBJECT;
    if (peer == NULL || peer->level == AP_TRUST_NOTHING)
        return AP_GOSSIP_REFUSAL_TRUST;
    if (may_say(self, peer, fact))
        return AP_GOSSIP_REFUSAL_NONE;
    if (ap_key_equal(&fact->subject, teller))
        return judge_about_itself(fact);
    return fact->kind == AP_FACT_ALIVE ? AP_GOSSIP_REFUSAL_ALIVE_OTHER : AP_GOSSIP_REFUSAL_TRUST;
}
