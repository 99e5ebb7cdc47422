/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/spot.h"

#include "helper/core/order.h"

#include <string.h>

/**
 * Prefixes shorter than this, in bits, count as default routes: 0.0.0.0/0, its two halves, and
 * whatever else says "everything" in pieces. Source: security rule A5, decisions.md 16.
 */
#define SHORTEST_ROUTE4 8
#define SHORTEST_ROUTE6 32

/**
 * Size of the filter, as a power of two in bits: 4,096 bits for at most some 2,500 addresses of
 * one tunnel's candidates. A filter that is too small costs time and nothing else.
 */
#define FILTER_LOG2 12

struct _ApSpots {
    GArray *list; /* (owned) (element-type ApSpot) by index, address; each once */
    guint64 filter[(1 << FILTER_LOG2) / 64];
};

static int
compare_spots(gconstpointer a, gconstpointer b)
{
    const ApSpot *x = a;
    const ApSpot *y = b;

    return ap_order_addresses(x->ifindex, &x->addr, y->ifindex, &y->addr);
}

/* Where @addr stands in the filter: multiplicative hashing, Knuth, TAOCP 3, 6.4. */
static guint
filter_bit(const ApAddr *addr)
{
    guint64 halves[2];

    memcpy(halves, addr->bytes, sizeof(halves));
    return (guint) (((halves[0] ^ (halves[1] * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)))
                     * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15))
                    >> (64 - FILTER_LOG2));
}

/* FALSE: surely nobody asks about @prefix. Nearly all of 10,000 peers end here. */
static gboolean
may_matter(const ApSpots *self, const ApCidr *prefix)
{
    const guint bit = filter_bit(&prefix->addr);

    return !ap_cidr_is_host(prefix)
           || (self->filter[bit / 64] & (G_GUINT64_CONSTANT(1) << (bit % 64))) != 0;
}

static void
add(ApSpots *self, guint32 ifindex, const ApAddr *addr, guint n_claims)
{
    const guint bit = filter_bit(addr);
    const ApSpot spot = {.ifindex = ifindex, .addr = *addr, .n_claims = n_claims};

    g_array_append_val(self->list, spot);
    self->filter[bit / 64] |= G_GUINT64_CONSTANT(1) << (bit % 64);
}

/**
 * Tells whether the element @at of a list of addresses stands in it before, too.
 */
gboolean
ap_spots_is_repeated(const ApAddr *addresses, guint at)
{
    for (guint i = 0; i < at; i++) {
        if (ap_addr_equal(&addresses[i], &addresses[at]))
            return TRUE;
    }
    return FALSE;
}

/*
 * Whether the offer counts against others that want the same address. One that is refused for
 * its key takes no address away from anybody, or else a server need only name the hub beside it.
 */
static gboolean
is_claim(const ApWorld *world, const ApCandidate *candidate)
{
    const ApDevice *device = ap_world_find_device(world, candidate->ifindex);

    if (candidate->withdrawn || device == NULL)
        return FALSE;
    return ap_device_find(device, &candidate->key) == NULL
           || ap_world_find_ours(world, device, &candidate->key) != NULL;
}

static void
add_candidate(ApSpots *self, const ApWorld *world, const ApCandidate *candidate)
{
    const ApAddr link_local = ap_key_link_local(&candidate->key);
    const guint n_claims = is_claim(world, candidate) ? 1 : 0;

    add(self, candidate->ifindex, &link_local, n_claims);
    for (guint i = 0; i < candidate->n_addresses; i++) {
        const ApAddr *addr = &candidate->addresses[i];

        /* A server may name the one that gossip gave; nobody gets it from there (rule A3). */
        if (!ap_spots_is_repeated(candidate->addresses, i))
            add(self, candidate->ifindex, addr, ap_addr_is_link_local(addr) ? 0 : n_claims);
    }
    for (guint i = 0; i < candidate->n_endpoints; i++) {
        const ApAddr *addr = &candidate->endpoints[i].addr;

        /* Often one address with several ports. */
        if (i == 0 || !ap_addr_equal(addr, &candidate->endpoints[i - 1].addr))
            add(self, AP_SPOT_OUTSIDE, addr, 0);
    }
}

static void
add_owned(ApSpots *self, const ApWorld *world, const ApOwned *owned)
{
    const ApDevice *device = ap_world_find_device(world, owned->ifindex);
    const ApDevicePeer *peer = device != NULL ? ap_device_find(device, &owned->key) : NULL;

    if (peer != NULL && ap_endpoint_is_set(&peer->endpoint))
        add(self, AP_SPOT_OUTSIDE, &peer->endpoint.addr, 0);
}

/* Sorts the list and makes one of equal spots, with the sum of their claims. */
static void
merge(ApSpots *self)
{
    guint n = 0;

    g_array_sort(self->list, compare_spots);
    for (guint i = 0; i < self->list->len; i++) {
        const ApSpot *spot = &g_array_index(self->list, ApSpot, i);
        ApSpot *last = n > 0 ? &g_array_index(self->list, ApSpot, n - 1) : NULL;

        if (last != NULL && compare_spots(last, spot) == 0)
            last->n_claims += spot->n_claims;
        else
            g_array_index(self->list, ApSpot, n++) = *spot;
    }
    g_array_set_size(self->list, n);
}

/* The index of the first spot that is not before @addr. */
static guint
lower_bound(const ApSpots *self, guint32 ifindex, const ApAddr *addr)
{
    const ApSpot wanted = {.ifindex = ifindex, .addr = *addr};
    guint low = 0, high = self->list->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (compare_spots(&g_array_index(self->list, ApSpot, middle), &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next spot inside @prefix from @at on; NULL: no more. They stand side by side. */
static ApSpot *
spot_within(const ApSpots *self, guint at, guint32 ifindex, const ApCidr *prefix)
{
    ApSpot *spot;

    if (at >= self->list->len)
        return NULL;

    spot = &g_array_index(self->list, ApSpot, at);
    return spot->ifindex == ifindex && ap_cidr_holds(prefix, &spot->addr) ? spot : NULL;
}

/* Notes that @peer has @prefix on a managed tunnel. */
static void
mark_inside(ApSpots *self,
            const ApWorld *world,
            const ApDevice *device,
            const ApDevicePeer *peer,
            const ApCidr *prefix)
{
    guint at = lower_bound(self, device->id.ifindex, &prefix->addr);
    ApSpot *spot;

    for (; (spot = spot_within(self, at, device->id.ifindex, prefix)) != NULL; at++) {
        if (ap_cidr_is_host(prefix)) {
            spot->contested |= spot->holder != NULL && spot->holder != peer;
            spot->holder = peer;
        } else if ((spot->router == NULL || spot->route.prefix_len < prefix->prefix_len)
                   && ap_world_find_ours(world, device, &peer->key) == NULL) {
            spot->router = peer;
            spot->route = *prefix;
        }
    }
}

static void
mark_outside(ApSpots *self, const ApCidr *prefix)
{
    guint at = lower_bound(self, AP_SPOT_OUTSIDE, &prefix->addr);
    ApSpot *spot;

    for (; (spot = spot_within(self, at, AP_SPOT_OUTSIDE, prefix)) != NULL; at++)
        spot->tunnelled = TRUE;
}

static void
mark_device(ApSpots *self, const ApWorld *world, const ApDevice *device)
{
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

        for (guint j = 0; j < peer->allowed->len; j++) {
            const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, j);

            if (!may_matter(self, prefix))
                continue;
            mark_inside(self, world, device, peer, prefix);
            if (!ap_spot_is_default(prefix))
                mark_outside(self, prefix);
        }
    }
}

/* Notes whose addresses they were a moment ago. */
static void
mark_pins(ApSpots *self, const ApPath *path, ApInstant now)
{
    for (guint i = 0; i < path->n_pins; i++) {
        const ApPin *pin = &path->pins[i];
        ApSpot *spot = (ApSpot *) ap_spots_find(self, path->ifindex, &pin->addr);

        if (spot == NULL || pin->until_boot_usec <= now.boot_usec
            || pin->until_boot_usec <= spot->pinned_until_boot_usec)
            continue;
        spot->pinner = path;
        spot->pinned_until_boot_usec = pin->until_boot_usec;
    }
}

/**
 * Collects all addresses of candidates and endpoints, and looks once at every device.
 *
 * @world: sorted; borrowed
 *
 * Returns: (transfer full)
 */
ApSpots *
ap_spots_new(const ApWorld *world, ApInstant now)
{
    ApSpots *self = g_new0(ApSpots, 1);

    self->list = g_array_new(FALSE, FALSE, sizeof(ApSpot));
    for (guint i = 0; i < world->candidates->len; i++)
        add_candidate(self, world, &g_array_index(world->candidates, ApCandidate, i));
    for (guint i = 0; i < world->owned->len; i++)
        add_owned(self, world, &g_array_index(world->owned, ApOwned, i));
    merge(self);

    for (guint i = 0; i < world->devices->len && self->list->len > 0; i++)
        mark_device(self, world, g_ptr_array_index(world->devices, i));
    for (guint i = 0; i < world->paths->len; i++)
        mark_pins(self, &g_array_index(world->paths, ApPath, i), now);
    return self;
}

void
ap_spots_free(ApSpots *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->list, g_array_unref);
    g_free(self);
}

/**
 * Finds what is known of one address.
 *
 * @ifindex: the tunnel, or AP_SPOT_OUTSIDE
 *
 * Returns: (transfer none) (nullable): NULL for an address that no candidate or owned peer of
 *     the world names
 */
const ApSpot *
ap_spots_find(const ApSpots *self, guint32 ifindex, const ApAddr *addr)
{
    const ApCidr host = ap_cidr_host(addr);

    return spot_within(self, lower_bound(self, ifindex, addr), ifindex, &host);
}

/**
 * Tells whether @prefix says "everything" rather than name a network.
 */
gboolean
ap_spot_is_default(const ApCidr *prefix)
{
    return prefix->prefix_len
           < (prefix->addr.family == AF_INET ? SHORTEST_ROUTE4 : SHORTEST_ROUTE6);
}
