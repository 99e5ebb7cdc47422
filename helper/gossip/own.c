/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/own.h"

static int
compare_watches(gconstpointer a, gconstpointer b)
{
    return ap_key_compare(&((const ApOwnWatch *) a)->key, &((const ApOwnWatch *) b)->key);
}

static const ApOwnWatch *
find_watch(GArray *watch, const ApKey *key)
{
    const ApOwnWatch wanted = {.key = *key};
    guint at;

    if (!g_array_binary_search(watch, &wanted, compare_watches, &at))
        return NULL;
    return &g_array_index(watch, ApOwnWatch, at);
}

/* A handshake from before we looked is as old as the wall clock says; a later one is new. */
static gint64
judge_handshake(const ApOwnWatch *before, const ApDevicePeer *peer, ApInstant now)
{
    if (before == NULL)
        return now.boot_usec - MAX(0, now.real_usec - peer->handshake_real_usec);
    if (before->handshake_real_usec == peer->handshake_real_usec)
        return before->seen_boot_usec;
    return now.boot_usec;
}

/**
 * Brings up to date when each configured peer of a device last had a handshake.
 *
 * @watch: (inout) (element-type ApOwnWatch): what the reading before came to; empty at first.
 *     Sorted by key
 * @ours: (element-type ApKey): peers that we added, which are left out
 */
void
ap_own_watch(GArray *watch, const ApDevice *device, const GArray *ours, ApInstant now)
{
    g_autoptr(GArray) before = g_array_copy(watch);

    g_array_set_size(watch, 0);
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);
        const ApOwnWatch entry = {
            .key = peer->key,
            .handshake_real_usec = peer->handshake_real_usec,
            .seen_boot_usec = judge_handshake(find_watch(before, &peer->key), peer, now),
        };

        if (!ap_key_is_among(&peer->key, ours))
            g_array_append_val(watch, entry);
    }
}

static void
say(ApOwnFacts *self, ApFact fact)
{
    g_array_append_val(self->facts, fact);
}

static void
say_member(ApOwnFacts *self, const ApKey *subject, ApMemberWords words)
{
    GByteArray *buffer = g_byte_array_new();

    g_ptr_array_add(self->buffers, buffer);
    say(self, ap_fact_member(subject, ap_member_describe(buffer, &words)));
}

/* A link-local address means nothing to whoever is not on the link, and is told to all. */
static void
say_where_we_are(ApOwnFacts *facts, const ApOwn *self)
{
    for (guint i = 0; i < self->n_endpoints; i++) {
        if (!ap_addr_is_link_local(&self->endpoints[i].addr))
            say(facts, ap_fact_endpoint(&self->device->public_key, &self->endpoints[i]));
    }
}

static void
say_prefix(ApOwnFacts *facts, const ApKey *subject, const ApCidr *prefix)
{
    if (ap_cidr_is_host(prefix) && !ap_addr_is_link_local(&prefix->addr))
        say(facts, ap_fact_allowed(subject, &prefix->addr, prefix->prefix_len));
}

static const ApPeerPolicy *
find_policy(const ApOwn *self, const ApKey *key)
{
    for (guint i = 0; self->peers != NULL && i < self->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(self->peers, i);

        if (ap_key_equal(&peer->key, key))
            return peer;
    }
    return NULL;
}

/* Of one that is neither heard nor had a handshake nothing is said: it is away. */
static void
say_who_is_there(ApOwnFacts *facts, const ApOwn *self, ApInstant now)
{
    for (guint i = 0; i < self->watch->len; i++) {
        const ApOwnWatch *entry = &g_array_index(self->watch, ApOwnWatch, i);
        const ApDevicePeer *peer = ap_device_find(self->device, &entry->key);
        const gboolean is_healthy = entry->handshake_real_usec != 0
                                    && now.boot_usec - entry->seen_boot_usec < AP_OWN_HEALTHY_USEC;

        if (peer == NULL || (!is_healthy && !self->is_alive(&entry->key, self->data)))
            continue;
        if (is_healthy && ap_endpoint_is_set(&peer->endpoint)
            && !ap_addr_is_link_local(&peer->endpoint.addr))
            say(facts, ap_fact_endpoint(&peer->key, &peer->endpoint));
        for (guint j = 0; j < peer->allowed->len; j++)
            say_prefix(facts, &peer->key, &g_array_index(peer->allowed, ApCidr, j));
        if (find_policy(self, &peer->key) == NULL)
            say_member(facts, &peer->key, (ApMemberWords){0});
    }
}

/* What the files say of peers holds whoever is there. */
static void
say_what_is_configured(ApOwnFacts *facts, const ApOwn *self)
{
    for (guint i = 0; self->peers != NULL && i < self->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(self->peers, i);

        if (ap_key_equal(&peer->key, &self->device->public_key))
            continue;
        say_member(facts,
                   &peer->key,
                   (ApMemberWords){.name = peer->name, .is_basic = peer->is_basic});
        for (guint j = 0; j < peer->allowed->len; j++)
            say_prefix(facts, &peer->key, &g_array_index(peer->allowed, ApCidr, j));
        for (guint j = 0; j < peer->endpoints->len; j++)
            say(facts,
                ap_fact_endpoint(&peer->key, &g_array_index(peer->endpoints, ApEndpoint, j)));
    }
}

/**
 * Says what there is to say, but for our signs of life.
 *
 * That we speak BFD, and that we lost a path, we say of ourselves; hubs of ours and of wirelink
 * pass it on.
 *
 * Returns: (transfer full)
 */
ApOwnFacts
ap_own_tell(const ApOwn *self, ApInstant now)
{
    ApOwnFacts facts = {
        .facts = g_array_new(FALSE, TRUE, sizeof(ApFact)),
        .buffers = g_ptr_array_new_with_free_func((GDestroyNotify) g_byte_array_unref),
    };

    say_where_we_are(&facts, self);
    if (self->speaks_bfd && !self->is_hub)
        say_member(&facts,
                   &self->device->public_key,
                   (ApMemberWords){.speaks_bfd = TRUE, .lost = self->lost});
    if (self->is_hub)
        say_who_is_there(&facts, self, now);
    say_what_is_configured(&facts, self);
    return facts;
}

void
ap_own_facts_clear(ApOwnFacts *self)
{
    g_clear_pointer(&self->facts, g_array_unref);
    g_clear_pointer(&self->buffers, g_ptr_array_unref);
}
