/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/peers.h"

#include "common/addr.h"

typedef struct {
    const ApClientPeer *peer;
    guint rank;
    ApAddr address; /* of family 0 when it has none that we can read */
} Entry;

/* States that this version does not know go last. */
static guint
rank_of(const ApClientPeer *peer)
{
    static const char *const states[] = {"direct", "probing", "waiting"};

    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        if (g_str_equal(peer->state, states[i]))
            return i;
    }
    return G_N_ELEMENTS(states);
}

static Entry
make_entry(const ApClientPeer *peer)
{
    Entry entry = {.peer = peer, .rank = rank_of(peer)};

    if (peer->addresses[0] != NULL && !ap_addr_parse(&entry.address, peer->addresses[0], NULL))
        entry.address = (ApAddr){0};
    return entry;
}

static int
compare(gconstpointer x, gconstpointer y)
{
    const Entry *a = x, *b = y;
    const int by_tunnel = g_strcmp0(a->peer->tunnel, b->peer->tunnel);
    const int by_address = ap_addr_compare(&a->address, &b->address);

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (by_tunnel != 0)
        return by_tunnel;
    return by_address != 0 ? by_address : g_strcmp0(a->peer->public_key, b->peer->public_key);
}

/**
 * Sorts the peers of a view: direct ones first, then those that are being tried; by tunnel and
 * address within these.
 *
 * Returns: (transfer full) (element-type ApClientPeer): valid for as long as @view
 */
GPtrArray *
ap_peers_sorted(const ApClientView *view)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    GPtrArray *sorted = g_ptr_array_new();

    for (guint i = 0; i < view->peers->len; i++) {
        const Entry entry = make_entry(view->peers->pdata[i]);

        g_array_append_val(entries, entry);
    }

    g_array_sort(entries, compare);
    for (guint i = 0; i < entries->len; i++)
        g_ptr_array_add(sorted, (gpointer) g_array_index(entries, Entry, i).peer);
    return sorted;
}
