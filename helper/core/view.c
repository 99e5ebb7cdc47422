/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/view.h"

#include <string.h>

/** Room for names that is made at once, in bytes. */
#define NAMES_BLOCK 256

/**
 * Makes an empty view.
 *
 * Its lists may be filled by whoever made it until the view is shown to anybody else; from then
 * on it never changes.
 *
 * Returns: (transfer full)
 */
ApView *
ap_view_new(void)
{
    ApView *self = g_new0(ApView, 1);

    g_atomic_ref_count_init(&self->ref_count);
    self->tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnelView));
    self->peers = g_array_new(FALSE, TRUE, sizeof(ApPeerView));
    self->counters = g_array_new(FALSE, TRUE, sizeof(ApCounter));
    self->names = g_string_chunk_new(NAMES_BLOCK);
    return self;
}

ApView *
ap_view_ref(ApView *self)
{
    g_atomic_ref_count_inc(&self->ref_count);
    return self;
}

void
ap_view_unref(ApView *self)
{
    if (self == NULL || !g_atomic_ref_count_dec(&self->ref_count))
        return;

    g_clear_pointer(&self->tunnels, g_array_unref);
    g_clear_pointer(&self->peers, g_array_unref);
    g_clear_pointer(&self->counters, g_array_unref);
    g_clear_pointer(&self->names, g_string_chunk_free);
    g_free(self);
}

/**
 * Gives a peer a name; most have none.
 *
 * @peer: one of @self
 * @name: at most AP_PEER_NAME_MAX bytes; copied
 */
void
ap_view_name_peer(ApView *self, ApPeerView *peer, const char *name)
{
    peer->name = name[0] != '\0' ? g_string_chunk_insert(self->names, name) : "";
}

static gboolean
tunnels_equal(const ApTunnelView *a, const ApTunnelView *b)
{
    return a->id.ifindex == b->id.ifindex && strcmp(a->id.name, b->id.name) == 0
           && a->id.backend == b->id.backend && ap_key_equal(&a->public_key, &b->public_key)
           && a->managed == b->managed && a->reason == b->reason
           && ap_endpoint_equal(&a->server, &b->server) && strcmp(a->last_error, b->last_error) == 0
           && a->n_direct == b->n_direct;
}

static gboolean
addresses_equal(const ApVerdict *a, const ApVerdict *b)
{
    if (a->n_addresses != b->n_addresses)
        return FALSE;

    for (guint i = 0; i < a->n_addresses; i++) {
        if (!ap_addr_equal(&a->addresses[i], &b->addresses[i]))
            return FALSE;
    }
    return TRUE;
}

static gboolean
verdicts_equal(const ApVerdict *a, const ApVerdict *b)
{
    return a->ifindex == b->ifindex && ap_key_equal(&a->key, &b->key) && a->state == b->state
           && a->reason == b->reason && a->since_boot_usec == b->since_boot_usec
           && ap_endpoint_equal(&a->endpoint, &b->endpoint) && a->sources == b->sources
           && addresses_equal(a, b);
}

static gboolean
peers_equal(const ApPeerView *a, const ApPeerView *b)
{
    return strcmp(a->tunnel, b->tunnel) == 0 && strcmp(a->name, b->name) == 0
           && verdicts_equal(&a->verdict, &b->verdict) && a->n_refusals == b->n_refusals
           && memcmp(a->refusals, b->refusals, a->n_refusals * sizeof(a->refusals[0])) == 0;
}

static gboolean
modes_equal(const ApMode *a, const ApMode *b)
{
    return a->switched_on == b->switched_on && a->wanted == b->wanted && a->pause == b->pause
           && a->until_real_usec == b->until_real_usec;
}

/**
 * Tells whether two views look the same to a person who waits for something to happen.
 *
 * Left out, so that the signal Changed does not fire once a second for each direct peer: the
 * serial number, counters, byte counts, the time of the last handshake, round-trip times, and
 * every time that is only another expression of the state (when the next attempt comes, and
 * what the wall clock said at the last change). Whoever shows those reads them anew.
 */
gboolean
ap_view_equal(const ApView *a, const ApView *b)
{
    if (!modes_equal(&a->mode, &b->mode) || a->n_resyncs != b->n_resyncs
        || a->tunnels->len != b->tunnels->len || a->peers->len != b->peers->len)
        return FALSE;

    for (guint i = 0; i < a->tunnels->len; i++) {
        if (!tunnels_equal(&g_array_index(a->tunnels, ApTunnelView, i),
                           &g_array_index(b->tunnels, ApTunnelView, i)))
            return FALSE;
    }
    for (guint i = 0; i < a->peers->len; i++) {
        if (!peers_equal(&g_array_index(a->peers, ApPeerView, i),
                         &g_array_index(b->peers, ApPeerView, i)))
            return FALSE;
    }
    return TRUE;
}
