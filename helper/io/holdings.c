/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/holdings.h"

#include "helper/core/order.h"

/**
 * Makes an empty list: nothing is ours.
 *
 * Returns: (transfer full)
 */
ApHoldings *
ap_holdings_new(void)
{
    ApHoldings *self = g_new0(ApHoldings, 1);

    self->peers = g_array_new(FALSE, TRUE, sizeof(ApOwned));
    self->addresses = g_array_new(FALSE, TRUE, sizeof(ApOwnedAddress));
    self->loans = g_array_new(FALSE, TRUE, sizeof(ApLoan));
    return self;
}

void
ap_holdings_free(ApHoldings *self)
{
    if (self == NULL)
        return;

    g_array_unref(self->peers);
    g_array_unref(self->addresses);
    g_array_unref(self->loans);
    g_free(self);
}

static int
compare_peers(gconstpointer a, gconstpointer b)
{
    const ApOwned *pa = a, *pb = b;

    return ap_order_peers(pa->ifindex, &pa->key, pb->ifindex, &pb->key);
}

static int
compare_addresses(gconstpointer a, gconstpointer b)
{
    const ApOwnedAddress *aa = a, *ab = b;

    return ap_order_addresses(aa->ifindex, &aa->addr, ab->ifindex, &ab->addr);
}

static int
compare_loans(gconstpointer a, gconstpointer b)
{
    const ApLoan *la = a, *lb = b;

    return ap_order_peers(la->ifindex, &la->key, lb->ifindex, &lb->key);
}

/** Puts peers and loans in the order of index and key, addresses in that of index and address. */
void
ap_holdings_sort(ApHoldings *self)
{
    g_array_sort(self->peers, compare_peers);
    g_array_sort(self->addresses, compare_addresses);
    g_array_sort(self->loans, compare_loans);
}

/** Returns: (transfer none) (nullable): valid until an entry is added or struck off */
ApOwned *
ap_holdings_find_peer(const ApHoldings *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < self->peers->len; i++) {
        ApOwned *entry = &g_array_index(self->peers, ApOwned, i);

        if (entry->ifindex == ifindex && ap_key_equal(&entry->key, key))
            return entry;
    }
    return NULL;
}

/** Returns: (transfer none) (nullable): valid until an entry is added or struck off */
ApOwnedAddress *
ap_holdings_find_address(const ApHoldings *self, guint32 ifindex, const ApAddr *addr)
{
    for (guint i = 0; i < self->addresses->len; i++) {
        ApOwnedAddress *entry = &g_array_index(self->addresses, ApOwnedAddress, i);

        if (entry->ifindex == ifindex && ap_addr_equal(&entry->addr, addr))
            return entry;
    }
    return NULL;
}

/** Takes a peer off the list; one that is not on it is no error. */
void
ap_holdings_strike_peer(ApHoldings *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = self->peers->len; i > 0; i--) {
        const ApOwned *entry = &g_array_index(self->peers, ApOwned, i - 1);

        if (entry->ifindex == ifindex && ap_key_equal(&entry->key, key))
            g_array_remove_index(self->peers, i - 1);
    }
}

/** Takes an address off the list; one that is not on it is no error. */
void
ap_holdings_strike_address(ApHoldings *self, guint32 ifindex, const ApAddr *addr)
{
    for (guint i = self->addresses->len; i > 0; i--) {
        const ApOwnedAddress *entry = &g_array_index(self->addresses, ApOwnedAddress, i - 1);

        if (entry->ifindex == ifindex && ap_addr_equal(&entry->addr, addr))
            g_array_remove_index(self->addresses, i - 1);
    }
}

/** Returns: whether the peer has its link-local address from us */
gboolean
ap_holdings_has_loan(const ApHoldings *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < self->loans->len; i++) {
        const ApLoan *entry = &g_array_index(self->loans, ApLoan, i);

        if (entry->ifindex == ifindex && ap_key_equal(&entry->key, key))
            return TRUE;
    }
    return FALSE;
}

/** Takes a loan off the list; one that is not on it is no error. */
void
ap_holdings_strike_loan(ApHoldings *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = self->loans->len; i > 0; i--) {
        const ApLoan *entry = &g_array_index(self->loans, ApLoan, i - 1);

        if (entry->ifindex == ifindex && ap_key_equal(&entry->key, key))
            g_array_remove_index(self->loans, i - 1);
    }
}
