/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/roster.h"

#include <string.h>

struct _ApRoster {
    GHashTable *by_key;     /* (owned) ApKey inside the value → (owned) ApRosterPeer */
    GHashTable *by_address; /* (owned) ApAddr inside an ApRosterPeer → that peer */
    ApOwnAddress own[AP_ROSTER_MAX_OWN];
    guint n_own;
};

/**
 * Hashes a public key for GHashTable. Keys are uniform, and who may have one is the
 * administrator's decision, so four of its bytes are as good as any function of it.
 */
guint
ap_key_hash(gconstpointer key)
{
    guint hash;

    memcpy(&hash, ((const ApKey *) key)->bytes, sizeof(hash));
    return hash;
}

/**
 * Compares two public keys for GHashTable; public, so not in constant time.
 */
gboolean
ap_key_same(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(ApKey)) == 0;
}

/**
 * Hashes an address for GHashTable.
 */
guint
ap_addr_hash(gconstpointer key)
{
    const ApAddr *addr = key;
    guint32 hash = addr->family;

    for (guint i = 0; i < sizeof(addr->bytes); i += 4) {
        guint32 word;

        memcpy(&word, addr->bytes + i, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b1U;
        hash ^= hash >> 15;
    }
    return hash;
}

/**
 * Compares two addresses for GHashTable.
 */
gboolean
ap_addr_same(gconstpointer a, gconstpointer b)
{
    return ap_addr_equal(a, b);
}

/**
 * Makes a roster without peers.
 *
 * Returns: (transfer full)
 */
ApRoster *
ap_roster_new(void)
{
    ApRoster *self = g_new0(ApRoster, 1);

    self->by_key = g_hash_table_new_full(ap_key_hash, ap_key_same, NULL, g_free);
    self->by_address = g_hash_table_new(ap_addr_hash, ap_addr_same);
    return self;
}

void
ap_roster_free(ApRoster *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->by_address, g_hash_table_unref);
    g_clear_pointer(&self->by_key, g_hash_table_unref);
    g_free(self);
}

/*
 * Only its own addresses: a device moves a prefix from one peer to another in one step, and
 * the new holder may have been entered before the old one is.
 */
static void
forget_addresses(ApRoster *self, const ApRosterPeer *peer)
{
    for (guint i = 0; i < peer->n_addresses; i++) {
        if (g_hash_table_lookup(self->by_address, &peer->addresses[i]) == peer)
            (void) g_hash_table_remove(self->by_address, &peer->addresses[i]);
    }
}

/**
 * Enters a peer as the device shows it now, in place of what was known under its key.
 *
 * @peer: copied; at most AP_ROSTER_MAX_ADDRESSES addresses
 *
 * Pointers that were handed out for this key are invalid afterwards.
 */
void
ap_roster_put(ApRoster *self, const ApRosterPeer *peer)
{
    ApRosterPeer *entry = g_memdup2(peer, sizeof(*peer));

    (void) ap_roster_remove(self, &peer->key);
    (void) g_hash_table_insert(self->by_key, &entry->key, entry);
    for (guint i = 0; i < entry->n_addresses; i++)
        (void) g_hash_table_replace(self->by_address, &entry->addresses[i], entry);
}

/**
 * Forgets a peer.
 *
 * Returns: FALSE when there was none
 */
gboolean
ap_roster_remove(ApRoster *self, const ApKey *key)
{
    const ApRosterPeer *entry = g_hash_table_lookup(self->by_key, key);

    if (entry == NULL)
        return FALSE;

    forget_addresses(self, entry);
    return g_hash_table_remove(self->by_key, key);
}

/**
 * Returns: (transfer none) (nullable): valid until the next change of the roster
 */
const ApRosterPeer *
ap_roster_find(const ApRoster *self, const ApKey *key)
{
    return g_hash_table_lookup(self->by_key, key);
}

/**
 * Tells who may send from @addr inside the tunnel.
 *
 * A host prefix is the longest there is and a device gives it to one peer, so its holder is
 * whom WireGuard authenticated. A peer that holds @addr only within a wider prefix forwards for
 * others and is not found.
 *
 * Returns: (transfer none) (nullable): valid until the next change of the roster
 */
const ApRosterPeer *
ap_roster_holder(const ApRoster *self, const ApAddr *addr)
{
    return g_hash_table_lookup(self->by_address, addr);
}

/** Returns: how many peers the device has */
guint
ap_roster_n_peers(const ApRoster *self)
{
    return g_hash_table_size(self->by_key);
}

/**
 * Tells the roster which addresses are the hub's own; more than AP_ROSTER_MAX_OWN are cut off.
 */
void
ap_roster_set_own(ApRoster *self, const ApOwnAddress *own, guint n_own)
{
    self->n_own = MIN(n_own, AP_ROSTER_MAX_OWN);
    for (guint i = 0; i < self->n_own; i++)
        self->own[i] = own[i];
}

/**
 * Tells whether @addr is one of the hub's own addresses on the tunnel.
 */
gboolean
ap_roster_is_own(const ApRoster *self, const ApAddr *addr)
{
    for (guint i = 0; i < self->n_own; i++) {
        if (ap_addr_equal(&self->own[i].addr, addr))
            return TRUE;
    }
    return FALSE;
}

/**
 * Tells whether @addr is an address of the tunnel: the hub's, a peer's, or one in between. Such
 * an address on a LAN would make two peers send their tunnel through the tunnel.
 */
gboolean
ap_roster_is_inside(const ApRoster *self, const ApAddr *addr)
{
    for (guint i = 0; i < self->n_own; i++) {
        const ApCidr network = ap_cidr_network(&self->own[i].addr, self->own[i].prefix_len);

        if (ap_cidr_holds(&network, addr))
            return TRUE;
    }
    return ap_roster_holder(self, addr) != NULL;
}
