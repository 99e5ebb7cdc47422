/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What gossip costs, without a socket:
 *
 *     build/tests/gossip-bench [--json]
 *
 * Nanoseconds of a packet that is refused, by where it is refused, and of the checksum in it
 * alone; of a packet that is taken; and what 1,000 members of a hub cost in memory and time.
 */

#include "common/clock.h"
#include "tests/unit/gossip-scene.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

/** Rounds of each measurement; the fastest of some is what the code costs. */
#define N_ROUNDS 20000
#define N_REPEATS 5

/** Members that the hub tells of, and how many of them are on the device. */
#define N_MEMBERS 1000
#define N_DIRECT 100

static GossipNode own, hub, leaf, stranger;
static gboolean as_json;
static guint n_printed;

static ApGossip *
gossip_new(void)
{
    const ApBootId boot_id = gossip_boot_id(1);
    g_autoptr(ApDevice) device = gossip_device_new(&own);
    ApGossip *gossip = ap_gossip_new(7, &own.secret, &boot_id);

    gossip_device_add(device, &hub.key, "10.77.0.0/16");
    gossip_device_add(device, &leaf.key, "");
    for (guint i = 0; i < N_DIRECT; i++) {
        GossipNode node;

        gossip_node_init(&node, 100 + i);
        gossip_device_add(device, &node.key, "");
    }
    ap_gossip_set_device(gossip, device, &(ApTrustPolicy){0});
    return gossip;
}

/* A full packet: 24 facts about members from number @first on. */
static GByteArray *
packet_of(const GossipNode *from, guint first)
{
    g_autoptr(GByteArray) inner = g_byte_array_new();

    for (guint i = first; i < first + 8; i++) {
        ApEndpoint endpoint = {.addr = {AF_INET, {192, 0, (guint8) (i >> 8), (guint8) i}},
                               .port = 51820};
        const ApAddr addr = {AF_INET, {10, 77, (guint8) (i >> 8), (guint8) i}};
        GossipNode node;
        ApFact facts[3];

        gossip_node_init(&node, 100 + i);
        facts[0] = gossip_member(&node.key, "");
        facts[1] = ap_fact_allowed(&node.key, &addr, 32);
        facts[2] = ap_fact_endpoint(&node.key, &endpoint);
        for (guint k = 0; k < G_N_ELEMENTS(facts); k++) {
            facts[k].ttl_sec = 255;
            ap_fact_put(&facts[k], inner);
        }
    }
    return gossip_sign(from, &own.key, inner->data, inner->len);
}

static void
print(const char *name, double value)
{
    if (as_json)
        printf("%s\"%s\": %.1f", n_printed++ > 0 ? ", " : "{", name, value);
    else
        printf("%-32s %10.1f\n", name, value);
}

/* Time passes between packets, so that no rate is exceeded. */
static double
receive_nsec(ApGossip *gossip, const ApAddr *source, const GByteArray *datagram)
{
    static gint64 sec;
    double best = G_MAXDOUBLE;

    for (guint repeat = 0; repeat < N_REPEATS; repeat++) {
        const gint64 begin = ap_clock_now().boot_usec;

        for (guint i = 0; i < N_ROUNDS; i++)
            (void)
                ap_gossip_receive(gossip, source, datagram->data, datagram->len, gossip_at(++sec));
        best = MIN(best, (double) (ap_clock_now().boot_usec - begin) * 1000 / N_ROUNDS);
    }
    return best;
}

static double
checksum_nsec(const GByteArray *datagram)
{
    double best = G_MAXDOUBLE;
    ApSharedSecret secret;
    guint n = 0;
    ApGroup group;

    g_assert_true(ap_shared_secret_derive(&secret, &own.secret, &leaf.key));
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len),
                    ==,
                    AP_GOSSIP_REFUSAL_NONE);
    for (guint repeat = 0; repeat < N_REPEATS; repeat++) {
        const gint64 begin = ap_clock_now().boot_usec;

        for (guint i = 0; i < N_ROUNDS; i++)
            n += ap_group_verify(&group, &secret) == AP_GOSSIP_REFUSAL_NONE;
        best = MIN(best, (double) (ap_clock_now().boot_usec - begin) * 1000 / N_ROUNDS);
    }
    g_assert_cmpuint(n, ==, 0);
    return best;
}

static void
measure_refused(void)
{
    ApGossip *gossip = gossip_new();
    g_autoptr(GByteArray) datagram = packet_of(&leaf, 0);
    g_autoptr(GByteArray) forged = packet_of(&leaf, 0);

    forged->data[AP_GROUP_HEADER_LEN - 1] ^= 1;
    print("unknown source, ns", receive_nsec(gossip, &stranger.link_local, datagram));
    print("bad signature, ns", receive_nsec(gossip, &leaf.link_local, forged));
    print("the checksum alone, ns", checksum_nsec(forged));
    print("replayed, ns", receive_nsec(gossip, &leaf.link_local, datagram));
    ap_gossip_free(gossip);
}

/* All members in one go, as at a start, and all again. */
static double
tell_members(ApGossip *gossip, gint64 sec)
{
    gint64 usec = 0;

    for (guint i = 0; i < N_MEMBERS; i += 8) {
        g_autoptr(GByteArray) datagram = packet_of(&hub, i);
        const gint64 begin = ap_clock_now().boot_usec;
        const ApGossipNews news = ap_gossip_receive(gossip,
                                                    &hub.link_local,
                                                    datagram->data,
                                                    datagram->len,
                                                    gossip_at(sec));

        usec += ap_clock_now().boot_usec - begin;
        g_assert_cmpuint(news.n_refused, ==, 0);
    }
    return (double) usec;
}

static void
measure_members(void)
{
    ApGossip *gossip = gossip_new();
    const gsize before = mallinfo2().uordblks;
    g_autoptr(GArray) list = NULL;
    gint64 begin;

    print("1,000 members told, us", tell_members(gossip, 0));
    print("their memory, KiB", (double) (mallinfo2().uordblks - before) / 1024);
    print("1,000 members told again, us", tell_members(gossip, 130));
    begin = ap_clock_now().boot_usec;
    list = ap_gossip_list(gossip);
    print("1,000 members listed, us", (double) (ap_clock_now().boot_usec - begin));
    g_assert_cmpuint(list->len, ==, N_MEMBERS);
    begin = ap_clock_now().boot_usec;
    (void) ap_gossip_deadline(gossip, gossip_at(131));
    (void) ap_gossip_due(gossip, &hub.key, TRUE, gossip_at(131));
    print("next deadlines, us", (double) (ap_clock_now().boot_usec - begin));
    ap_gossip_free(gossip);
}

int
main(int argc, char **argv)
{
    as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    gossip_node_init(&own, 1);
    gossip_node_init(&hub, 2);
    gossip_node_init(&leaf, 3);
    gossip_node_init(&stranger, 4);
    measure_refused();
    measure_members();
    if (as_json)
        printf("}\n");
    return 0;
}
