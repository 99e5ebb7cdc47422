/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/door.h"

#include "helper/gossip/rules.h"

#include <sodium.h>

/** Packets of a peer that are looked at: 20 a second, after a burst of 50. Security rule G4. */
#define PEER_COST_USEC (AP_USEC_PER_SEC / 20)
#define PEER_BURST 50

/**
 * The burst of a peer that may name members: a full set of AP_KNOWLEDGE_MAX_TRUSTED facts, 24 or
 * so a packet, which wirelink sends at once and says again only two minutes later.
 */
#define HUB_BURST 400

/** Packets of all peers together: 200 a second (security rule G4), after the bursts of two hubs. */
#define ALL_COST_USEC (AP_USEC_PER_SEC / 200)
#define ALL_BURST (2 * HUB_BURST)

/**
 * Shared secrets that are computed because somebody sent us something: one a second (security
 * rule G4), after a burst for the start of a fleet. One costs 36 microseconds.
 */
#define SECRET_COST_USEC AP_USEC_PER_SEC
#define SECRET_BURST 128

/* Security rule G5 wants no more facts in a packet than 48: the shortest do not fit more often. */
G_STATIC_ASSERT((AP_DOOR_MAX_BYTES - AP_GROUP_HEADER_LEN) / AP_FACT_MIN_LEN <= 48);

/** How far we are with the secret of a peer. */
typedef enum {
    SECRET_UNKNOWN,
    SECRET_READY,
    SECRET_IMPOSSIBLE, /* its key is a point of low order */
} SecretState;

/**
 * @own: (owned): our private key, in memory of its own that is locked, guarded and wiped
 * @peers: (owned) (element-type ApDoorPeer) sorted by key
 * @by_host: (owned) (element-type ApDoorPeer) by @host
 * @all_usec, @secrets_usec: what was taken of the rates for all, as instants: see take()
 */
struct _ApDoor {
    ApSecretKey *own;
    ApKey own_key;
    GPtrArray *peers;
    GHashTable *by_host;
    gint64 all_usec;
    gint64 secrets_usec;
};

/**
 * Prepares to hear and to speak as @own.
 *
 * @own: our private key; copied, so that the caller can wipe its own
 *
 * Returns: (transfer full) (nullable): NULL when there is no memory for a secret
 */
ApDoor *
ap_door_new(const ApSecretKey *own)
{
    ApSecretKey *kept = sodium_init() >= 0 ? sodium_malloc(sizeof(*kept)) : NULL;
    ApDoor *self;

    if (kept == NULL)
        return NULL;

    *kept = *own;
    (void) sodium_mprotect_readonly(kept);
    self = g_new0(ApDoor, 1);
    self->own = kept;
    ap_secret_key_public(own, &self->own_key);
    self->peers = g_ptr_array_new();
    self->by_host = g_hash_table_new(g_int64_hash, g_int64_equal);
    return self;
}

static void
peer_free(ApDoorPeer *self)
{
    ap_shared_secret_clear(&self->secret);
    ap_replay_clear(&self->replay);
    ap_told_clear(&self->told);
    g_free(self);
}

void
ap_door_free(ApDoor *self)
{
    if (self == NULL)
        return;

    g_ptr_array_foreach(self->peers, (GFunc) (void (*)(void)) peer_free, NULL);
    g_clear_pointer(&self->peers, g_ptr_array_unref);
    g_clear_pointer(&self->by_host, g_hash_table_unref);
    g_clear_pointer(&self->own, sodium_free);
    g_free(self);
}

static guint64
host_of(const ApAddr *link_local)
{
    guint64 host;

    memcpy(&host, link_local->bytes + 8, sizeof(host));
    return host;
}

static ApDoorPeer *
peer_new(const ApKey *key)
{
    ApDoorPeer *peer = g_new0(ApDoorPeer, 1);

    peer->key = *key;
    peer->link_local = ap_key_link_local(key);
    peer->host = host_of(&peer->link_local);
    return peer;
}

static int
compare_with_key(const ApDoorPeer *peer, const ApKey *key)
{
    return ap_key_compare(&peer->key, key);
}

/**
 * Finds a peer by its key.
 *
 * Returns: (transfer none) (nullable): NULL when the device has none; otherwise valid until
 *     ap_door_set_peers()
 */
ApDoorPeer *
ap_door_find(const ApDoor *self, const ApKey *key)
{
    guint low = 0, high = self->peers->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (compare_with_key(self->peers->pdata[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == self->peers->len || compare_with_key(self->peers->pdata[low], key) != 0)
        return NULL;
    return self->peers->pdata[low];
}

/* Two keys with one address would take 2^32 keys to find; the later one is not heard then. */
static void
index_peers(ApDoor *self)
{
    g_hash_table_remove_all(self->by_host);
    for (guint i = 0; i < self->peers->len; i++) {
        ApDoorPeer *peer = self->peers->pdata[i];

        if (!g_hash_table_contains(self->by_host, &peer->host))
            g_hash_table_insert(self->by_host, &peer->host, peer);
    }
}

/**
 * Takes over who is on the device. What is known of peers that stay is kept; the secrets of those
 * that are gone are wiped.
 */
void
ap_door_set_peers(ApDoor *self, const ApDevice *device)
{
    g_autoptr(GPtrArray) before = self->peers;
    guint at = 0, n_kept = 0;

    self->peers = g_ptr_array_sized_new(device->peers->len);
    for (guint i = 0; i < device->peers->len; i++) {
        const ApKey *key = &((const ApDevicePeer *) device->peers->pdata[i])->key;

        for (; at < before->len && compare_with_key(before->pdata[at], key) < 0; at++)
            peer_free(before->pdata[at]);
        if (at < before->len && compare_with_key(before->pdata[at], key) == 0) {
            g_ptr_array_add(self->peers, before->pdata[at++]);
            n_kept++;
        } else {
            g_ptr_array_add(self->peers, peer_new(key));
        }
    }
    for (; at < before->len; at++)
        peer_free(before->pdata[at]);

    if (n_kept < before->len || n_kept < self->peers->len)
        index_peers(self);
}

/** Returns: (transfer none) (element-type ApDoorPeer): sorted by key */
const GPtrArray *
ap_door_peers(const ApDoor *self)
{
    return self->peers;
}

/** Returns: (transfer none): the key that others know us by */
const ApKey *
ap_door_own_key(const ApDoor *self)
{
    return &self->own_key;
}

/*
 * A token bucket kept as one instant: when all that was taken would have been taken at the steady
 * rate.
 */
static gboolean
take(gint64 *taken_usec, gint64 cost_usec, guint burst, ApInstant now)
{
    const gint64 usec = MAX(*taken_usec, now.boot_usec) + cost_usec;

    if (usec > now.boot_usec + burst * cost_usec)
        return FALSE;
    *taken_usec = usec;
    return TRUE;
}

static ApDoorPeer *
find_sender(const ApDoor *self, const ApAddr *source)
{
    static const guint8 network[8] = {0xfe, 0x80};
    const guint64 host = host_of(source);

    if (source->family != AF_INET6 || memcmp(source->bytes, network, sizeof(network)) != 0)
        return NULL;
    return g_hash_table_lookup(self->by_host, &host);
}

static ApGossipRefusal
judge_rate(ApDoor *self, ApDoorPeer *peer, ApInstant now)
{
    if (!take(&peer->rate_usec,
              PEER_COST_USEC,
              peer->may_name_members ? HUB_BURST : PEER_BURST,
              now))
        return AP_GOSSIP_REFUSAL_RATE;
    if (!take(&self->all_usec, ALL_COST_USEC, ALL_BURST, now))
        return AP_GOSSIP_REFUSAL_RATE_ALL;
    return AP_GOSSIP_REFUSAL_NONE;
}

static void
derive(const ApDoor *self, ApDoorPeer *peer)
{
    if (peer->secret_state == SECRET_UNKNOWN)
        peer->secret_state = ap_shared_secret_derive(&peer->secret, self->own, &peer->key)
                                 ? SECRET_READY
                                 : SECRET_IMPOSSIBLE;
}

static ApGossipRefusal
judge_signature(ApDoor *self, ApDoorPeer *peer, const ApGroup *group, ApInstant now)
{
    if (peer->secret_state == SECRET_UNKNOWN
        && !take(&self->secrets_usec, SECRET_COST_USEC, SECRET_BURST, now))
        return AP_GOSSIP_REFUSAL_RATE_SECRETS;

    derive(self, peer);
    if (peer->secret_state != SECRET_READY)
        return AP_GOSSIP_REFUSAL_SIGNER_KEY;
    return ap_group_verify(group, &peer->secret);
}

/* Who it is, and whether it is that one's. */
static ApGossipRefusal
judge_group(ApDoor *self, ApDoorPeer *peer, const ApGroup *group, ApInstant now)
{
    ApGossipRefusal refusal;

    if (!ap_key_equal(&group->signer, &peer->key))
        return AP_GOSSIP_REFUSAL_SIGNER_ADDRESS;
    refusal = judge_signature(self, peer, group, now);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    return ap_replay_is_new(&peer->replay, &group->nonce, now) ? AP_GOSSIP_REFUSAL_NONE
                                                               : AP_GOSSIP_REFUSAL_REPLAY;
}

/**
 * Judges a datagram, and reads its facts when it passes.
 *
 * @source: its source address; the socket is bound to the device, so that WireGuard has made
 *     sure that the address is the sender's
 * @datagram: its payload
 * @facts: (out caller-allocates): may borrow @datagram; not to be looked at when it is refused
 * @from: (out) (transfer none): set on success only
 */
ApGossipRefusal
ap_door_pass(ApDoor *self,
             const ApAddr *source,
             const guint8 *datagram,
             gsize n_bytes,
             ApGroupFacts *facts,
             ApDoorPeer **from,
             ApInstant now)
{
    ApDoorPeer *peer = find_sender(self, source);
    ApGossipRefusal refusal;
    ApGroup group;

    if (peer == NULL)
        return AP_GOSSIP_REFUSAL_SOURCE;
    refusal = judge_rate(self, peer, now);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    if (n_bytes > AP_DOOR_MAX_BYTES)
        return AP_GOSSIP_REFUSAL_SIZE;

    refusal = ap_group_split(&group, datagram, n_bytes);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        refusal = judge_group(self, peer, &group, now);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        refusal = ap_group_read(&group, facts);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        refusal = ap_rules_judge_group(&group, facts);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *from = peer;
    return refusal;
}

/**
 * Signs a group for @to.
 *
 * @datagram: begun by ap_group_begin()
 *
 * Returns: FALSE when nobody can share a secret with @to
 */
gboolean
ap_door_seal(ApDoor *self, ApDoorPeer *to, const ApGroupNonce *nonce, GByteArray *datagram)
{
    derive(self, to);
    if (to->secret_state != SECRET_READY)
        return FALSE;

    ap_group_seal(datagram, &self->own_key, &to->secret, nonce);
    return TRUE;
}
