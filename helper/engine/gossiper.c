/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/gossiper.h"

#include "common/clock.h"
#include "common/error.h"
#include "helper/core/uplink.h"
#include "helper/engine/listeners.h"
#include "helper/gossip/losses.h"
#include "helper/gossip/own.h"

#include <string.h>

/**
 * How often a hub looks at its device, in microseconds: WireGuard tells nobody that a peer has
 * come, moved or gone. A peer that speaks gossip is noticed by that at once.
 */
#define HUB_LOOK_USEC (10 * AP_USEC_PER_SEC)

/** When a socket that could not be had is tried again, in microseconds. */
#define RETRY_USEC (10 * AP_USEC_PER_SEC)

/**
 * Most datagrams to one peer at once: a full set of a hub that knows as many facts as anybody
 * keeps of it, AP_KNOWLEDGE_MAX_TRUSTED, some 24 in each.
 */
#define MAX_SALVO 400

/**
 * @gossip: (owned)
 * @socket: (owned) (nullable): could not be opened yet
 * @local: of @socket, as is @port
 * @listeners: (owned): whom to tell, and when
 * @watch: (owned) (element-type ApOwnWatch)
 * @losses: of our direct paths
 * @look_usec: when the device is to be looked at again; AP_NEVER where only events count
 * @wake_usec: when ap_gossiper_run() has something to do that must not wait
 * @due_usec: and when there is something that may
 * @candidates: (owned) (element-type ApCandidate): what the facts come to
 * @revision: of the gossip that @candidates were made of
 */
struct _ApGossiper {
    ApGossiperSetup setup;
    guint32 ifindex;
    ApKey key;
    ApGossip *gossip;
    gpointer socket;
    ApAddr local;
    guint16 port;
    ApListeners *listeners;
    GArray *watch;
    ApLosses losses;
    gint64 look_usec;
    gint64 wake_usec;
    gint64 due_usec;
    GArray *candidates;
    guint64 revision;
};

static ApBootId
make_boot_id(const ApGossiperOps *ops)
{
    ApBootId id;

    ops->randomize(&id, sizeof(id));
    return id;
}

/**
 * Makes the gossip of a tunnel, without a word yet.
 *
 * @device: with a key
 * @setup: copied
 * @error: as ap_wireguard_read_secret(); AP_ERROR_LIMIT without memory for secrets
 *
 * Returns: (transfer full) (nullable)
 */
ApGossiper *
ap_gossiper_new(const ApDevice *device, const ApGossiperSetup *setup, ApInstant now, GError **error)
{
    const ApBootId boot_id = make_boot_id(setup->ops);
    g_auto(ApSecretKey) secret = {0};
    ApGossip *gossip;
    ApGossiper *self;
    guint32 random;

    if (!ap_wireguard_read_secret(setup->wireguard,
                                  &device->id,
                                  &device->public_key,
                                  &secret,
                                  error))
        return NULL;

    gossip = ap_gossip_new(device->id.ifindex, &secret, &boot_id);
    if (gossip == NULL) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_LIMIT,
                    "no memory for the key of %s",
                    device->id.name);
        return NULL;
    }

    self = g_new0(ApGossiper, 1);
    self->setup = *setup;
    self->ifindex = device->id.ifindex;
    self->key = device->public_key;
    self->gossip = gossip;
    self->listeners = ap_listeners_new();
    self->watch = g_array_new(FALSE, TRUE, sizeof(ApOwnWatch));
    setup->ops->randomize(&random, sizeof(random));
    self->losses = ap_losses_init(random);
    self->look_usec = now.boot_usec;
    self->candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    return self;
}

static void
close_socket(ApGossiper *self)
{
    if (self->socket != NULL)
        self->setup.ops->close(self->socket);
    self->socket = NULL;
}

/** Ends without a word: what we said holds for as long as we said. */
void
ap_gossiper_free(ApGossiper *self)
{
    if (self == NULL)
        return;

    ap_gossiper_count(self, self->setup.stats);
    close_socket(self);
    ap_gossip_free(self->gossip);
    ap_listeners_free(self->listeners);
    g_array_unref(self->watch);
    ap_losses_clear(&self->losses);
    g_array_unref(self->candidates);
    g_free(self);
}

/** Returns: the tunnel's index */
guint32
ap_gossiper_get_ifindex(const ApGossiper *self)
{
    return self->ifindex;
}

/** Returns: (transfer none): the tunnel's public key, for which alone this is good */
const ApKey *
ap_gossiper_get_key(const ApGossiper *self)
{
    return &self->key;
}

static void
update_candidates(ApGossiper *self)
{
    const guint64 revision = ap_gossip_revision(self->gossip);

    if (revision == self->revision)
        return;

    self->revision = revision;
    g_array_unref(self->candidates);
    self->candidates = ap_gossip_list(self->gossip);
}

/* What is heard is used at once and told on at once, as often as each listener's share allows. */
static void
on_datagram(const ApAddr *from, const guint8 *payload, gsize n_bytes, gpointer user_data)
{
    ApGossiper *self = user_data;
    const ApInstant now = ap_clock_now();
    const ApGossipNews news = ap_gossip_receive(self->gossip, from, payload, n_bytes, now);
    gboolean decide;

    self->setup.stats->n_heard++;
    if (news.refusal != AP_GOSSIP_REFUSAL_NONE)
        return;

    if (news.has_changed)
        update_candidates(self);
    ap_listeners_hear(self->listeners, &news.from, n_bytes, news.has_changed);
    decide = ap_gossiper_run(self, now) || news.has_changed || news.is_new_boot;
    self->setup.heard(decide, self->setup.user_data);
}

static gboolean
listen_on(ApGossiper *self, const ApAddr *local, guint16 port, GError **error)
{
    if (self->socket != NULL && ap_addr_equal(&self->local, local) && self->port == port)
        return TRUE;

    close_socket(self);
    self->local = *local;
    self->port = port;
    self->socket = self->setup.ops->open(self->ifindex, local, port, on_datagram, self, error);
    return self->socket != NULL;
}

/** What is_alive() needs. Borrowed. */
typedef struct {
    const ApGossip *gossip;
    ApInstant now;
} Moment;

static gboolean
is_alive(const ApKey *key, gconstpointer moment)
{
    const Moment *self = moment;

    return ap_gossip_alive_until(self->gossip, key) > self->now.boot_usec;
}

/* Returns: whether anything is said that was not */
static gboolean
tell_own(ApGossiper *self, const ApGossiperTurn *turn, const GPtrArray *peers, ApInstant now)
{
    ApRankedEndpoint ranked[AP_COORD_MAX_CANDIDATES];
    ApEndpoint endpoints[AP_COORD_MAX_CANDIDATES];
    const Moment moment = {.gossip = self->gossip, .now = now};
    const ApOwn own = {
        .device = turn->device,
        .endpoints = endpoints,
        .n_endpoints =
            ap_uplink_candidates(turn->links, turn->policy, turn->device->listen_port, ranked),
        .watch = self->watch,
        .peers = peers,
        .is_hub = turn->is_hub,
        .speaks_bfd = !turn->is_mute,
        .lost = self->losses.mark,
        .is_alive = is_alive,
        .data = &moment,
    };

    for (guint i = 0; i < own.n_endpoints; i++)
        endpoints[i] = ranked[i].endpoint;
    ap_own_watch(self->watch, turn->device, turn->ours, now);

    g_auto(ApOwnFacts) facts = ap_own_tell(&own, now);

    return ap_gossip_set_own_facts(self->gossip, facts.facts);
}

/*
 * A peer that we added proves itself by BFD where it can. Before its first handshake a word would
 * be one, and who begins it is the path's to decide (decisions.md 1 and 2).
 */
static gboolean
is_left_to_bfd(const ApDevicePeer *peer, gconstpointer turn)
{
    const ApGossiperTurn *self = turn;

    return ap_key_is_among(&peer->key, self->ours)
           && (peer->handshake_real_usec == 0 || ap_key_is_among(&peer->key, self->bfd));
}

/**
 * Takes over what a turn found out, and says what is then to be said.
 *
 * @turn: of this tunnel, which has our link-local address
 * @error: of opening the socket: as ap_gossip_socket_new(). The rest is done all the same
 *
 * Returns: TRUE when gossip can be heard
 */
gboolean
ap_gossiper_match(ApGossiper *self, const ApGossiperTurn *turn, ApInstant now, GError **error)
{
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(turn->policy, turn->device->id.name);
    const ApTrustPolicy trust = {
        .peers = entry != NULL ? entry->peers : NULL,
        .is_wide = turn->policy->peers_tell_endpoints,
    };
    const ApAddr local = ap_key_link_local(&self->key);
    const gboolean ok = listen_on(self, &local, turn->policy->gossip_port, error);

    ap_gossip_set_device(self->gossip, turn->device, &trust);
    update_candidates(self);
    ap_losses_note(&self->losses, turn->direct, now);
    if (tell_own(self, turn, trust.peers, now))
        ap_listeners_stir(self->listeners);
    ap_listeners_set(self->listeners,
                     turn->device,
                     self->gossip,
                     turn->is_hub,
                     is_left_to_bfd,
                     turn);
    self->look_usec = turn->is_hub ? now.boot_usec + HUB_LOOK_USEC : AP_NEVER;
    if (!ok)
        self->look_usec = now.boot_usec + RETRY_USEC;
    self->look_usec = MIN(self->look_usec, ap_losses_deadline(&self->losses));
    (void) ap_gossiper_run(self, now);
    return ok;
}

/** Begins anew in the eyes of all peers, which then tell us everything again: after a suspend. */
void
ap_gossiper_begin_anew(ApGossiper *self)
{
    const ApBootId boot_id = make_boot_id(self->setup.ops);

    ap_gossip_set_boot_id(self->gossip, &boot_id);
    ap_listeners_stir(self->listeners);
}

/* Says all that is due to one listener. */
static void
speak_to(ApGossiper *self, ApListener *listener, ApInstant now)
{
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApGossiperOps *ops = self->setup.ops;
    const gboolean with_facts = ap_listener_gets_facts(listener, self->gossip, now);
    gboolean failed = FALSE;
    guint n_sent = 0;

    while (n_sent < MAX_SALVO) {
        ApGroupNonce nonce;

        ops->randomize(&nonce, sizeof(nonce));
        if (!ap_gossip_write(self->gossip, &listener->key, with_facts, &nonce, datagram, now))
            break;
        if (!ops->send(self->socket, &listener->link_local, datagram->data, datagram->len, NULL)) {
            ap_gossip_forget_told(self->gossip, &listener->key);
            self->setup.stats->n_send_failed++;
            failed = TRUE;
            break;
        }
        self->setup.stats->n_sent++;
        ap_listener_count(listener, datagram->len);
        n_sent++;
    }
    ap_listener_note(listener, n_sent, failed, now);
}

static void
set_wake(ApGossiper *self, ApInstant now)
{
    const gint64 over = ap_gossip_deadline(self->gossip, now);
    const gint64 other = MIN(over, self->look_usec);
    gint64 speak = AP_NEVER, due = AP_NEVER;

    if (self->socket != NULL) {
        speak = ap_listeners_deadline(self->listeners, self->gossip, now);
        due = ap_listeners_due(self->listeners);
    }
    self->wake_usec = MIN(other, speak);
    self->due_usec = MIN(other, due);
}

/**
 * Does what is due: forgets what is over, and speaks.
 *
 * Returns: TRUE when a turn should follow: somebody is no candidate any more, or a hub is to look
 *     who is there
 */
gboolean
ap_gossiper_run(ApGossiper *self, ApInstant now)
{
    gboolean decide = ap_gossip_advance(self->gossip, now);
    ApListener *listener;

    if (decide) {
        update_candidates(self);
        ap_listeners_stir(self->listeners);
    }
    while (self->socket != NULL
           && (listener = ap_listeners_next(self->listeners, self->gossip, now)) != NULL)
        speak_to(self, listener, now);

    if (now.boot_usec >= self->look_usec) {
        self->look_usec = now.boot_usec + HUB_LOOK_USEC;
        decide = TRUE;
    }
    set_wake(self, now);
    return decide;
}

/** Returns: from when on ap_gossiper_run() is worth a call, should we be awake, on the boot clock */
gint64
ap_gossiper_due(const ApGossiper *self)
{
    return self->due_usec;
}

/** Returns: when to call ap_gossiper_run() next, on the boot clock */
gint64
ap_gossiper_deadline(const ApGossiper *self)
{
    return self->wake_usec;
}

/**
 * Appends who may be reached, by what was told.
 *
 * @candidates: (inout) (element-type ApCandidate): see ap_candidates_merge()
 */
void
ap_gossiper_list(const ApGossiper *self, GArray *candidates)
{
    for (guint i = 0; i < self->candidates->len; i++) {
        ApCandidate *candidate = &g_array_index(self->candidates, ApCandidate, i);

        candidate->alive_until_boot_usec = ap_gossip_alive_until(self->gossip, &candidate->key);
    }
    ap_candidates_merge(candidates, self->candidates);
}

/**
 * Adds what gossip has come to, to the proofs of this tunnel's peers.
 *
 * @proofs: (inout) (element-type ApProof)
 */
void
ap_gossiper_add_to(const ApGossiper *self, GArray *proofs)
{
    for (guint i = 0; i < proofs->len; i++) {
        ApProof *proof = &g_array_index(proofs, ApProof, i);

        if (proof->ifindex == self->ifindex)
            ap_listeners_add_to(self->listeners, proof);
    }
}

/** Returns: (transfer full) (nullable): what those who may say so call a peer: ap_gossip_name() */
char *
ap_gossiper_name(const ApGossiper *self, const ApKey *key)
{
    return ap_gossip_name(self->gossip, key);
}

/** Returns: whether we are known to be the hub of the tunnel: ap_gossip_is_hub() */
gboolean
ap_gossiper_is_hub(const ApGossiper *self)
{
    return ap_gossip_is_hub(self->gossip);
}

/** Adds what this machine refused; all else is in the stats of the setup already. */
void
ap_gossiper_count(const ApGossiper *self, ApGossipStats *stats)
{
    for (guint i = 0; i < AP_N_GOSSIP_REFUSALS; i++)
        stats->refused[i] += ap_gossip_n_refused(self->gossip, i);
}
