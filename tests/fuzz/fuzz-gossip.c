/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Datagrams for one tunnel's gossip. The first byte says who sends the rest: somebody with a
 * forged packet, or a leaf or a hub that signs it.
 */

#include "tests/unit/gossip-scene.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize n_bytes);

/** After so many datagrams everything is forgotten: a file alone shows what a file did. */
#define N_BEFORE_RESET 100

static GossipNode own, hub, leaf;

static ApGossip *
gossip_new(void)
{
    const ApBootId boot_id = gossip_boot_id(1);
    g_autoptr(ApDevice) device = gossip_device_new(&own);
    ApGossip *gossip = ap_gossip_new(7, &own.secret, &boot_id);

    gossip_device_add(device, &hub.key, "10.77.0.0/24 fd77::/64");
    gossip_device_add(device, &leaf.key, "");
    ap_gossip_set_device(gossip, device, &(ApTrustPolicy){0});
    return gossip;
}

/* What comes out must be well-formed whatever came in. */
static void
write_and_list(ApGossip *gossip, ApInstant now)
{
    const ApGroupNonce nonce = gossip_nonce();
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    g_autoptr(GArray) list = ap_gossip_list(gossip);
    ApGroupFacts facts;
    ApGroup group;

    g_assert_cmpuint(list->len, <=, AP_KNOWLEDGE_MAX_TRUSTED);
    if (!ap_gossip_write(gossip, &leaf.key, TRUE, &nonce, datagram, now))
        return;
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len),
                    ==,
                    AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpint(ap_group_read(&group, &facts), ==, AP_GOSSIP_REFUSAL_NONE);
}

static void
receive(ApGossip *gossip, const guint8 *data, gsize n_bytes, ApInstant now)
{
    const GossipNode *from = data[0] % 2 == 0 ? &leaf : &hub;
    const gboolean is_signed = data[0] % 4 >= 2;
    g_autoptr(GByteArray) datagram = NULL;

    if (is_signed)
        datagram = gossip_sign(from, &own.key, data + 1, n_bytes - 1);
    (void) ap_gossip_receive(gossip,
                             &from->link_local,
                             is_signed ? datagram->data : data + 1,
                             is_signed ? datagram->len : n_bytes - 1,
                             now);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize n_bytes)
{
    static ApGossip *gossip;
    static guint n;
    const ApInstant now = gossip_at(n);

    if (n == 0) {
        gossip_node_init(&own, 1);
        gossip_node_init(&hub, 2);
        gossip_node_init(&leaf, 3);
    }
    if (n % N_BEFORE_RESET == 0) {
        ap_gossip_free(gossip);
        gossip = gossip_new();
    }
    n++;
    if (n_bytes == 0)
        return 0;

    receive(gossip, data, n_bytes, now);
    (void) ap_gossip_advance(gossip, now);
    write_and_list(gossip, now);
    return 0;
}
