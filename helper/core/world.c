/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/world.h"

static int
compare_indexes(guint32 a, guint32 b)
{
    if (a == b)
        return 0;
    return a < b ? -1 : 1;
}

static int
compare_links(gconstpointer a, gconstpointer b)
{
    const ApLink *const *x = a;
    const ApLink *const *y = b;

    return compare_indexes((*x)->ifindex, (*y)->ifindex);
}

static int
compare_devices(gconstpointer a, gconstpointer b)
{
    const ApDevice *const *x = a;
    const ApDevice *const *y = b;

    return compare_indexes((*x)->id.ifindex, (*y)->id.ifindex);
}

static int
compare_owned(gconstpointer a, gconstpointer b)
{
    const ApOwned *x = a;
    const ApOwned *y = b;
    const int by_index = compare_indexes(x->ifindex, y->ifindex);

    return by_index != 0 ? by_index : ap_key_compare(&x->key, &y->key);
}

static int
compare_candidates(gconstpointer a, gconstpointer b)
{
    const ApCandidate *x = a;
    const ApCandidate *y = b;
    const int by_index = compare_indexes(x->ifindex, y->ifindex);

    return by_index != 0 ? by_index : ap_key_compare(&x->key, &y->key);
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
    const ApPath *x = a;
    const ApPath *y = b;
    const int by_index = compare_indexes(x->ifindex, y->ifindex);

    return by_index != 0 ? by_index : ap_key_compare(&x->key, &y->key);
}

/* The element of a sorted array that compares equal to @wanted; NULL: there is none. */
static gconstpointer
find(const GArray *array, gconstpointer wanted, GCompareFunc compare)
{
    const guint size = g_array_get_element_size((GArray *) array);
    guint low = 0, high = array->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        gconstpointer element = array->data + (gsize) middle * size;
        const int order = compare(wanted, element);

        if (order == 0)
            return element;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static gconstpointer
find_pointer(const GPtrArray *array, gconstpointer wanted, GCompareFunc compare)
{
    guint low = 0, high = array->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const int order = compare(&wanted, &array->pdata[middle]);

        if (order == 0)
            return array->pdata[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
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

/**
 * Finds what the ledger says about a peer of @device, as long as that is the very device that
 * the ledger means: an entry made under another key of the device gives no right to anything.
 *
 * Returns: (transfer none) (nullable): NULL when the peer is not ours
 */
const ApOwned *
ap_world_find_ours(const ApWorld *self, const ApDevice *device, const ApKey *key)
{
    const ApOwned *owned = ap_world_find_owned(self, device->id.ifindex, key);

    if (owned == NULL || !ap_key_equal(&owned->device_key, &device->public_key))
        return NULL;
    return owned;
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

static GPtrArray *
sorted_pointers(const GPtrArray *from, GCompareFunc compare)
{
    GPtrArray *to = g_ptr_array_sized_new(from->len);

    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, from->pdata[i]);
    g_ptr_array_sort(to, compare);
    return to;
}

static GArray *
sorted_values(const GArray *from, GCompareFunc compare)
{
    GArray *to = g_array_copy((GArray *) from);

    g_array_sort(to, compare);
    return to;
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
    *out = (ApWorld){
        .links = sorted_pointers(self->links, compare_links),
        .devices = sorted_pointers(self->devices, compare_devices),
        .owned = sorted_values(self->owned, compare_owned),
        .candidates = sorted_values(self->candidates, compare_candidates),
        .paths = sorted_values(self->paths, compare_paths),
    };
}

/**
 * Frees the lists that ap_world_sort() made.
 */
void
ap_world_clear_sorted(ApWorld *self)
{
    g_ptr_array_unref((GPtrArray *) self->links);
    g_ptr_array_unref((GPtrArray *) self->devices);
    g_array_unref((GArray *) self->owned);
    g_array_unref((GArray *) self->candidates);
    g_array_unref((GArray *) self->paths);
    *self = (ApWorld){0};
}
