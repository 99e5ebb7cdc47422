/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/world.h"

#include "helper/core/order.h"

const char *const ap_path_state_names[] = {
    [AP_PATH_WAITING] = "waiting",
    [AP_PATH_PROBING] = "probing",
    [AP_PATH_DIRECT] = "direct",
    NULL,
};

static int
compare_links(gconstpointer a, gconstpointer b)
{
    const ApLink *const *x = a;
    const ApLink *const *y = b;

    return ap_order_tunnels((*x)->ifindex, (*y)->ifindex);
}

static int
compare_devices(gconstpointer a, gconstpointer b)
{
    const ApDevice *const *x = a;
    const ApDevice *const *y = b;

    return ap_order_tunnels((*x)->id.ifindex, (*y)->id.ifindex);
}

static int
compare_owned(gconstpointer a, gconstpointer b)
{
    const ApOwned *x = a;
    const ApOwned *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    const ApCandidate *x = a;
    const ApCandidate *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static int
compare_claims(const ApCandidate *a, const ApCandidate *b)
{
    for (guint i = 0; i < MIN(a->n_addresses, b->n_addresses); i++) {
        const int by_address = ap_addr_compare(&a->addresses[i], &b->addresses[i]);

        if (by_address != 0)
            return by_address;
    }
    return (int) a->n_addresses - (int) b->n_addresses;
}

/* A key that is offered twice is refused, and it shall not depend on chance how that looks. */
static int
compare_twins(gconstpointer a, gconstpointer b)
{
    const ApCandidate *x = a;
    const ApCandidate *y = b;
    const int by_key = compare_candidates(a, b);

    if (by_key != 0)
        return by_key;
    if (x->withdrawn != y->withdrawn)
        return x->withdrawn ? 1 : -1;
    if (x->why != y->why)
        return x->why < y->why ? -1 : 1;
    if (x->sources != y->sources)
        return x->sources < y->sources ? -1 : 1;
    return compare_claims(x, y);
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    const ApPath *x = a;
    const ApPath *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static int
compare_proofs(gconstpointer a, gconstpointer b)
{
    const ApProof *x = a;
    const ApProof *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static int
compare_addresses(gconstpointer a, gconstpointer b)
{
    const ApOwnedAddress *x = a;
    const ApOwnedAddress *y = b;

    return ap_order_addresses(x->ifindex, &x->addr, y->ifindex, &y->addr);
}

static int
compare_loans(gconstpointer a, gconstpointer b)
{
    const ApLoan *x = a;
    const ApLoan *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

static int
compare_mute(gconstpointer a, gconstpointer b)
{
    return ap_order_tunnels(*(const guint32 *) a, *(const guint32 *) b);
}

static int
compare_hosts(gconstpointer a, gconstpointer b)
{
    const ApLanHost *x = a;
    const ApLanHost *y = b;

    return ap_addr_compare(&x->addr, &y->addr);
}

/*
 * The first element of a sorted array that compares equal to @wanted; NULL: there is none.
 * @array: (nullable): NULL is an empty one
 */
static gconstpointer
find(const GArray *array, gconstpointer wanted, GCompareFunc compare)
{
    const guint size = array != NULL ? g_array_get_element_size((GArray *) array) : 0;
    guint low = 0, high = array != NULL ? array->len : 0;

    if (high == 0)
        return NULL;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (compare(array->data + (gsize) middle * size, wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == array->len || compare(array->data + (gsize) low * size, wanted) != 0)
        return NULL;
    return array->data + (gsize) low * size;
}

static gconstpointer
find_pointer(const GPtrArray *array, gconstpointer wanted, GCompareFunc compare)
{
    guint low = 0, high = array->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (compare(&array->pdata[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == array->len || compare(&array->pdata[low], &wanted) != 0)
        return NULL;
    return array->pdata[low];
}

/**
 * Finds a link of a sorted world.
 *
 * Returns: (transfer none) (nullable): NULL when there is no such link
 */
const ApLink *
ap_world_find_link(const ApWorld *self, guint32 ifindex)
{
    const ApLink wanted = {.ifindex = ifindex};

    return find_pointer(self->links, &wanted, compare_links);
}

/**
 * Finds a device of a sorted world.
 *
 * Returns: (transfer none) (nullable): NULL when there is no such device
 */
const ApDevice *
ap_world_find_device(const ApWorld *self, guint32 ifindex)
{
    const ApDevice wanted = {.id.ifindex = ifindex};

    return find_pointer(self->devices, &wanted, compare_devices);
}

/**
 * Finds what the ledger says about a peer in a sorted world.
 *
 * Whether the entry is still about the device that has this index now is another question:
 * compare its device_key.
 *
 * Returns: (transfer none) (nullable): NULL when the peer is not in the ledger
 */
const ApOwned *
ap_world_find_owned(const ApWorld *self, guint32 ifindex, const ApKey *key)
{
    const ApOwned wanted = {.ifindex = ifindex, .key = *key};

    return find(self->owned, &wanted, compare_owned);
}

/* Whether the entry is about the very device that has this index now. */
static gboolean
is_about(const ApOwned *owned, const ApDevice *device)
{
    return ap_key_equal(&owned->device_key, &device->public_key);
}

/*
 * A prefix that is missing is no edit of the peer: whoever gives it to another peer takes it
 * away from this one, and so does a crash between ledger and device.
 */
static gboolean
was_edited(const ApDevicePeer *peer, const ApOwned *owned)
{
    if (peer->has_psk)
        return TRUE;

    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);
        gboolean is_known = FALSE;

        for (guint j = 0; j < owned->n_allowed && !is_known; j++)
            is_known = ap_cidr_equal(&owned->allowed[j], prefix);
        if (!is_known)
            return TRUE;
    }
    return FALSE;
}

/**
 * Finds what the ledger says about a peer of @device, as long as the peer is ours: the ledger
 * means this device, and nobody else changed the peer since.
 *
 * While the device had another key of its own, an entry is only good for removing what is left
 * of that time: see ap_world_is_left_over().
 *
 * Returns: (transfer none) (nullable): NULL when the peer is not, or no longer, ours
 */
const ApOwned *
ap_world_find_ours(const ApWorld *self, const ApDevice *device, const ApKey *key)
{
    const ApOwned *owned = ap_world_find_owned(self, device->id.ifindex, key);
    const ApDevicePeer *peer = owned != NULL ? ap_device_find(device, key) : NULL;

    if (peer != NULL)
        return was_edited(peer, owned) ? NULL : owned;
    return owned != NULL && is_about(owned, device) ? owned : NULL;
}

/**
 * Tells whether @owned is of a time when @device had another key of its own. The sessions of its
 * peers died with that key, so whatever they hold goes nowhere.
 */
gboolean
ap_world_is_left_over(const ApOwned *owned, const ApDevice *device)
{
    return !is_about(owned, device);
}

/**
 * Tells whether a peer that the ledger calls ours was edited by somebody else: it has a
 * preshared key, or a prefix that the ledger does not know.
 */
gboolean
ap_world_is_taken_over(const ApWorld *self, const ApDevice *device, const ApKey *key)
{
    const ApOwned *owned = ap_world_find_owned(self, device->id.ifindex, key);

    return owned != NULL && is_about(owned, device)
           && ap_world_find_ours(self, device, key) == NULL;
}

/**
 * Finds what was offered about a peer in a sorted world.
 *
 * Returns: (transfer none) (nullable): NULL when nobody offers it
 */
const ApCandidate *
ap_world_find_candidate(const ApWorld *self, guint32 ifindex, const ApKey *key)
{
    const ApCandidate wanted = {.ifindex = ifindex, .key = *key};

    return find(self->candidates, &wanted, compare_candidates);
}

/**
 * Finds what the planner remembers of a peer in a sorted world.
 *
 * Returns: (transfer none) (nullable): NULL when it remembers nothing
 */
const ApPath *
ap_world_find_path(const ApWorld *self, guint32 ifindex, const ApKey *key)
{
    const ApPath wanted = {.ifindex = ifindex, .key = *key};

    return find(self->paths, &wanted, compare_paths);
}

/**
 * Tells whether BFD cannot be spoken on a tunnel of a sorted world.
 */
gboolean
ap_world_is_mute(const ApWorld *self, guint32 ifindex)
{
    return find(self->mute, &ifindex, compare_mute) != NULL;
}

/**
 * Tells whether anybody on a LAN of a sorted world has @addr.
 */
ApPresence
ap_world_presence(const ApWorld *self, const ApAddr *addr)
{
    const ApLanHost wanted = {.addr = *addr};
    const ApLanHost *found = find(self->hosts, &wanted, compare_hosts);

    return found != NULL ? found->presence : AP_PRESENCE_UNKNOWN;
}

/**
 * Finds what BFD says about a peer in a sorted world.
 *
 * Returns: (transfer none): a proof of nothing when there is no session, or the tunnel is mute
 */
const ApProof *
ap_world_find_proof(const ApWorld *self, guint32 ifindex, const ApKey *key)
{
    static const ApProof nothing = {.state = AP_PROOF_NONE};
    const ApProof wanted = {.ifindex = ifindex, .key = *key};
    const ApProof *found = find(self->proofs, &wanted, compare_proofs);

    return found != NULL && !ap_world_is_mute(self, ifindex) ? found : &nothing;
}

static GPtrArray *
sorted_pointers(const GPtrArray *from, GCompareFunc compare)
{
    GPtrArray *to = g_ptr_array_sized_new(from->len);

    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, from->pdata[i]);
    g_ptr_array_sort(to, compare);
    return to;
}

static gboolean
is_sorted(const GArray *array, GCompareFunc compare)
{
    const gsize size = g_array_get_element_size((GArray *) array);

    for (gsize i = 1; i < array->len; i++) {
        if (compare(array->data + (i - 1) * size, array->data + i * size) > 0)
            return FALSE;
    }
    return TRUE;
}

/* How a list gets its order: by_copy() or by_reference(). */
typedef GArray *(*SortFunc)(const GArray *from, GCompareFunc compare);

static GArray *
by_copy(const GArray *from, GCompareFunc compare)
{
    GArray *to = g_array_copy((GArray *) from);

    g_array_sort(to, compare);
    return to;
}

/* What is in order already, as nearly all is in nearly each turn, is shared. */
static GArray *
by_reference(const GArray *from, GCompareFunc compare)
{
    return is_sorted(from, compare) ? g_array_ref((GArray *) from) : by_copy(from, compare);
}

/* @from: (nullable): NULL is an empty array of elements of @size bytes */
static GArray *
sort_optional(const GArray *from, guint size, SortFunc sort, GCompareFunc compare)
{
    return from != NULL ? sort(from, compare) : g_array_new(FALSE, FALSE, size);
}

static void
sort_lists(const ApWorld *self, SortFunc sort, ApWorld *out)
{
    *out = (ApWorld){
        .links = sorted_pointers(self->links, compare_links),
        .devices = sorted_pointers(self->devices, compare_devices),
        .owned = sort(self->owned, compare_owned),
        .addresses =
            sort_optional(self->addresses, sizeof(ApOwnedAddress), sort, compare_addresses),
        .loans = sort_optional(self->loans, sizeof(ApLoan), sort, compare_loans),
        .candidates = sort(self->candidates, compare_twins),
        .proofs = sort_optional(self->proofs, sizeof(ApProof), sort, compare_proofs),
        .mute = sort_optional(self->mute, sizeof(guint32), sort, compare_mute),
        .hosts = sort_optional(self->hosts, sizeof(ApLanHost), sort, compare_hosts),
        .paths = sort(self->paths, compare_paths),
    };
}

/**
 * Makes a world whose lists are in order, from one whose lists may be in any.
 *
 * @out: (out caller-allocates): its lists are its own; links and devices in them still belong
 *     to the owner of @self. To be given to ap_world_clear_sorted().
 */
void
ap_world_sort(const ApWorld *self, ApWorld *out)
{
    sort_lists(self, by_copy, out);
}

/**
 * As ap_world_sort(), but what is in order already is not copied: with 1,000 candidates that is
 * 1.5 MiB a turn.
 *
 * @out: (out caller-allocates): not to be used any more once a list of @self changes
 */
void
ap_world_borrow_sorted(const ApWorld *self, ApWorld *out)
{
    sort_lists(self, by_reference, out);
}

/**
 * Frees what ap_world_sort() or ap_world_borrow_sorted() made.
 */
void
ap_world_clear_sorted(ApWorld *self)
{
    g_ptr_array_unref((GPtrArray *) self->links);
    g_ptr_array_unref((GPtrArray *) self->devices);
    g_array_unref((GArray *) self->owned);
    g_array_unref((GArray *) self->addresses);
    g_array_unref((GArray *) self->loans);
    g_array_unref((GArray *) self->candidates);
    g_array_unref((GArray *) self->proofs);
    g_array_unref((GArray *) self->mute);
    g_array_unref((GArray *) self->hosts);
    g_array_unref((GArray *) self->paths);
    *self = (ApWorld){0};
}
