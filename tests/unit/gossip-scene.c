/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/gossip-scene.h"

#include "common/writer.h"
#include "tests/unit/gossip-text.h"

#include <string.h>

/** How long facts hold that are told in these tests, in seconds. */
#define TTL_SEC 255

/** Makes the peer number @seed, always the same. */
void
gossip_node_init(GossipNode *self, guint seed)
{
    *self = (GossipNode){.secret = {{0x40, (guint8) seed, (guint8) (seed >> 8), 7}}};
    ap_secret_key_public(&self->secret, &self->key);
    self->link_local = ap_key_link_local(&self->key);
}

ApBootId
gossip_boot_id(guint seed)
{
    return (ApBootId){{0xb0, 0x07, (guint8) seed}};
}

/** The moment @sec seconds after one that is not 0. */
ApInstant
gossip_at(gint64 sec)
{
    const gint64 usec = (100000 + sec) * AP_USEC_PER_SEC;

    return (ApInstant){.boot_usec = usec, .real_usec = usec};
}

/** Returns: (transfer full): a device without peers */
ApDevice *
gossip_device_new(const GossipNode *own)
{
    const ApDeviceId id = {.ifindex = 7, .name = "wg0", .backend = AP_BACKEND_FAKE};
    ApDevice *device = ap_device_new(&id);

    device->public_key = own->key;
    device->has_key = TRUE;
    return device;
}

/** @allowed: networks with spaces between them */
void
gossip_device_add(ApDevice *device, const ApKey *key, const char *allowed)
{
    g_auto(GStrv) words = g_strsplit(allowed, " ", -1);
    ApDevicePeer *peer = ap_device_peer_new(key);

    for (guint i = 0; words[i] != NULL; i++) {
        ApCidr network;

        if (*words[i] == '\0')
            continue;
        g_assert_true(ap_cidr_parse(&network, words[i], NULL));
        g_array_append_val(peer->allowed, network);
    }
    g_ptr_array_add(device->peers, peer);
    ap_device_sort(device);
}

ApFact
gossip_endpoint(const ApKey *subject, const char *text)
{
    ApEndpoint endpoint;
    ApFact fact;

    g_assert_true(ap_endpoint_parse(&endpoint, text, NULL));
    fact = ap_fact_endpoint(subject, &endpoint);
    fact.ttl_sec = TTL_SEC;
    return fact;
}

/** @text: an address, a slash and a length; bits after the prefix may be set */
ApFact
gossip_allowed(const ApKey *subject, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    ApAddr addr;
    ApFact fact;

    g_assert_true(ap_addr_parse(&addr, parts[0], NULL));
    fact = ap_fact_allowed(subject, &addr, (guint8) g_ascii_strtoull(parts[1], NULL, 10));
    fact.ttl_sec = TTL_SEC;
    return fact;
}

/** @items_hex: the items as on the wire; kept until the program ends */
ApFact
gossip_member(const ApKey *subject, const char *items_hex)
{
    static GPtrArray *kept;
    GByteArray *items = gossip_from_hex(items_hex);
    ApFact fact;

    if (kept == NULL)
        kept = g_ptr_array_new();
    g_assert_nonnull(items);
    g_ptr_array_add(kept, items);
    fact = ap_fact_member(subject, (ApMember){.bytes = items->data, .n_bytes = items->len});
    fact.ttl_sec = TTL_SEC;
    return fact;
}

ApFact
gossip_alive(const ApKey *subject, guint boot_seed)
{
    const ApBootId boot_id = gossip_boot_id(boot_seed);
    ApFact fact = ap_fact_alive(subject, &boot_id);

    fact.ttl_sec = TTL_SEC;
    return fact;
}

/** Returns: (transfer full): an empty list of facts */
GArray *
gossip_facts(void)
{
    return g_array_new(FALSE, FALSE, sizeof(ApFact));
}

/** Returns: one that was not returned before */
ApGroupNonce
gossip_nonce(void)
{
    static guint64 n;
    ApGroupNonce nonce = {{0}};

    n++;
    memcpy(nonce.bytes, &n, sizeof(n));
    return nonce;
}

/* Tests sign a lot, and mostly for the same two. */
static const ApSharedSecret *
secret_of(const GossipNode *from, const ApKey *to)
{
    static struct {
        ApKey from, to;
        ApSharedSecret secret;
    } cache[8];
    const guint at = (from->key.bytes[0] ^ to->bytes[0]) % G_N_ELEMENTS(cache);

    if (!ap_key_equal(&cache[at].from, &from->key) || !ap_key_equal(&cache[at].to, to)) {
        cache[at].from = from->key;
        cache[at].to = *to;
        g_assert_true(ap_shared_secret_derive(&cache[at].secret, &from->secret, to));
    }
    return &cache[at].secret;
}

/**
 * Signs anything as a group.
 *
 * Returns: (transfer full): the datagram
 */
GByteArray *
gossip_sign(const GossipNode *from, const ApKey *to, const void *inner, gsize n_inner_bytes)
{
    const ApGroupNonce nonce = gossip_nonce();
    GByteArray *datagram = g_byte_array_new();

    ap_group_begin(datagram);
    ap_writer_put(datagram, inner, n_inner_bytes);
    ap_group_seal(datagram, &from->key, secret_of(from, to), &nonce);
    return datagram;
}

/** Lets @gossip, whose key is @to, hear these facts from @from in one packet. */
ApGossipNews
gossip_hear(ApGossip *gossip,
            const GossipNode *from,
            const ApKey *to,
            const ApFact *facts,
            guint n_facts,
            ApInstant now)
{
    g_autoptr(GByteArray) inner = g_byte_array_new();
    g_autoptr(GByteArray) datagram = NULL;

    for (guint i = 0; i < n_facts; i++)
        ap_fact_put(&facts[i], inner);
    datagram = gossip_sign(from, to, inner->data, inner->len);
    return ap_gossip_receive(gossip, &from->link_local, datagram->data, datagram->len, now);
}
