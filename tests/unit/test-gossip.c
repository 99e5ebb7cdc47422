/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One tunnel's gossip as a whole: what hostile packets come to (security T11, T12), what becomes
 * of facts, and what is said to whom.
 */

#include "common/writer.h"
#include "helper/gossip/rules.h"
#include "tests/unit/gossip-scene.h"
#include "tests/unit/gossip-text.h"

#include <string.h>

#define NONE AP_GOSSIP_REFUSAL_NONE

/** We, a hub that routes 10.77.0.0/24, and two leaves; a fourth key is on no device. */
typedef struct {
    GossipNode own, hub, leaf, other, stranger;
    ApDevice *device;
    ApGossip *gossip;
    gint64 sec;
} Scene;

static void
scene_open(Scene *self)
{
    const ApBootId boot_id = gossip_boot_id(1);

    *self = (Scene){0};
    gossip_node_init(&self->own, 1);
    gossip_node_init(&self->hub, 2);
    gossip_node_init(&self->leaf, 3);
    gossip_node_init(&self->other, 4);
    gossip_node_init(&self->stranger, 5);
    self->device = gossip_device_new(&self->own);
    gossip_device_add(self->device, &self->hub.key, "10.77.0.0/24 fd77::/64");
    gossip_device_add(self->device, &self->leaf.key, "");
    gossip_device_add(self->device, &self->other.key, "");
    self->gossip = ap_gossip_new(7, &self->own.secret, &boot_id);
    g_assert_nonnull(self->gossip);
    ap_gossip_set_device(self->gossip, self->device, &(ApTrustPolicy){0});
}

static void
scene_close(Scene *self)
{
    ap_gossip_free(self->gossip);
    ap_device_free(self->device);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_close)

static ApGossipNews
receive(Scene *self, const ApAddr *source, const GByteArray *datagram)
{
    return ap_gossip_receive(self->gossip,
                             source,
                             datagram->data,
                             datagram->len,
                             gossip_at(self->sec));
}

static ApGossipNews
hear(Scene *self, const GossipNode *from, const ApFact *facts, guint n_facts)
{
    return gossip_hear(self->gossip, from, &self->own.key, facts, n_facts, gossip_at(self->sec));
}

static ApGossipNews
hear_one(Scene *self, const GossipNode *from, ApFact fact)
{
    return hear(self, from, &fact, 1);
}

static guint
n_facts(const Scene *self)
{
    return ap_knowledge_n_facts(ap_gossip_knowledge(self->gossip));
}

/* Nothing was learned, and @refusal alone was counted, once. */
static void
check_refused(const Scene *self, ApGossipRefusal refusal)
{
    g_autoptr(GArray) list = ap_gossip_list(self->gossip);

    g_assert_cmpuint(n_facts(self), ==, 0);
    g_assert_cmpuint(list->len, ==, 0);
    for (guint i = 0; i < AP_N_GOSSIP_REFUSALS; i++) {
        g_test_message("%s: %" G_GUINT64_FORMAT,
                       ap_gossip_refusal_name(i),
                       ap_gossip_n_refused(self->gossip, i));
        g_assert_cmpuint(ap_gossip_n_refused(self->gossip, i), ==, i == (guint) refusal);
    }
}

/* What a leaf may sign, as hexadecimal; %s is its own key. */
#define E4 "65ff01%s c0000207 ca6c"
static const struct {
    const char *hex;
    ApGossipRefusal refusal;
} packet_cases[] = {
    {"7801%s", AP_GOSSIP_REFUSAL_ATTRIBUTE},
    {"0001%s", AP_GOSSIP_REFUSAL_ATTRIBUTE},
    {"ff01%s", AP_GOSSIP_REFUSAL_ATTRIBUTE},
    {"5300%s", AP_GOSSIP_REFUSAL_NESTED},
    {"6501%s c00002", AP_GOSSIP_REFUSAL_SHORT},
    {"6501%s c0000207", AP_GOSSIP_REFUSAL_SHORT},
    {"6501%s c0000207 ca", AP_GOSSIP_REFUSAL_SHORT},
    {"4501%s 20010db8000000000000000000000001 ca", AP_GOSSIP_REFUSAL_SHORT},
    {"6101%s c0000207", AP_GOSSIP_REFUSAL_SHORT},
    {"2101%s 00", AP_GOSSIP_REFUSAL_SHORT},
    {"4d01%s", AP_GOSSIP_REFUSAL_SHORT},
    {"4d01%s 05 00", AP_GOSSIP_REFUSAL_SHORT},
    {"65", AP_GOSSIP_REFUSAL_SHORT},
    {"6580", AP_GOSSIP_REFUSAL_SHORT},
    {E4 "00", AP_GOSSIP_REFUSAL_ATTRIBUTE}, /* bytes after the last fact */
    {"65808004%s c0000207 ca6c", AP_GOSSIP_REFUSAL_TTL},
    {"65ffffffffffffffffff01%s c0000207 ca6c", AP_GOSSIP_REFUSAL_TTL},
    {"6580808080808080808080 00%s c0000207 ca6c", AP_GOSSIP_REFUSAL_VARINT},
    {"65ff8000%s c0000207 ca6c", AP_GOSSIP_REFUSAL_NOT_MINIMAL},
    {"4d01%s 8000", AP_GOSSIP_REFUSAL_NOT_MINIMAL},
    {"4d01%s 05 6e82006162", AP_GOSSIP_REFUSAL_NOT_MINIMAL},
    {"4501%s 00000000000000000000ffffc0000207 ca6c", AP_GOSSIP_REFUSAL_MAPPED},
    {"4101%s 00000000000000000000ffffc0000207 80", AP_GOSSIP_REFUSAL_MAPPED},
    {"6101%s 0a4d0009 21", AP_GOSSIP_REFUSAL_PREFIX_LENGTH},
    {"4101%s fd770000000000000000000000000009 81", AP_GOSSIP_REFUSAL_PREFIX_LENGTH},
    {"4d01%s 01 6e", AP_GOSSIP_REFUSAL_MEMBER_FRAME},
    {"4d01%s 03 6e0261", AP_GOSSIP_REFUSAL_MEMBER_FRAME},
    {"4d01%s 06 6e01616e0162", AP_GOSSIP_REFUSAL_MEMBER_TWICE},
    {"4d01%s 04 7a007a00", AP_GOSSIP_REFUSAL_MEMBER_TWICE},
    {"4d01%s 04 6e02fffe", AP_GOSSIP_REFUSAL_MEMBER_NAME},
    {"4d01%s 04 6e02c080", AP_GOSSIP_REFUSAL_MEMBER_NAME},
    {"4d01%s 03 620102", AP_GOSSIP_REFUSAL_MEMBER_BASIC},
    {"4d01%s 04 62020101", AP_GOSSIP_REFUSAL_MEMBER_BASIC},

    /* well-formed, and still not to be believed */
    {"6500%s c0000207 ca6c", AP_GOSSIP_REFUSAL_EXPIRED},
    {"6501%s c0000207 0000", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"6501%s 00000000 ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"6501%s 7f000001 ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"6501%s ffffffff ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"6501%s e0000001 ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"4501%s fe800000000000000000000000000001 ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"4501%s 00000000000000000000000000000001 ca6c", AP_GOSSIP_REFUSAL_ENDPOINT},
    {"6101%s 0a4d0009 18", AP_GOSSIP_REFUSAL_HOST_BITS},
    {"4101%s fd770000000000000000000000000009 40", AP_GOSSIP_REFUSAL_HOST_BITS},
    {"6101%s 0a4d0000 18", AP_GOSSIP_REFUSAL_NETWORK},
    {"6101%s 00000000 00", AP_GOSSIP_REFUSAL_NETWORK},
    {"4101%s 00000000000000000000000000000000 00", AP_GOSSIP_REFUSAL_NETWORK},
    {"6101%s 7f000001 20", AP_GOSSIP_REFUSAL_ADDRESS},
    {"4101%s fe800000000000000000000000000001 80", AP_GOSSIP_REFUSAL_ADDRESS},
    {"4d01%s 05 6e031b5b6d", AP_GOSSIP_REFUSAL_NAME},
    {"4d01%s 03 6e010a", AP_GOSSIP_REFUSAL_NAME},
    {"6101%s 0a4d0009 20", AP_GOSSIP_REFUSAL_TRUST}, /* its own address */
    {"4101%s fd770000000000000000000000000009 80", AP_GOSSIP_REFUSAL_TRUST},
};

/* Puts @key in the place of %s and leaves the spaces out. */
static GByteArray *
inner_bytes(const char *hex, const ApKey *key)
{
    g_autofree char *key_hex = gossip_to_hex(key->bytes, AP_KEY_LEN);
    g_autoptr(GString) text = g_string_new(hex);
    GByteArray *bytes;

    g_string_replace(text, "%s", key_hex, 0);
    g_string_replace(text, " ", "", 0);
    bytes = gossip_from_hex(text->str);
    g_assert_nonnull(bytes);
    return bytes;
}

static void
test_each_violation_has_its_reason(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(packet_cases); i++) {
        g_auto(Scene) scene = {0};
        g_autoptr(GByteArray) inner = NULL;
        g_autoptr(GByteArray) datagram = NULL;

        g_test_message("case '%s'", packet_cases[i].hex);
        scene_open(&scene);
        inner = inner_bytes(packet_cases[i].hex, &scene.leaf.key);
        datagram = gossip_sign(&scene.leaf, &scene.own.key, inner->data, inner->len);
        (void) receive(&scene, &scene.leaf.link_local, datagram);
        check_refused(&scene, packet_cases[i].refusal);
    }
}

/* One spoils all that stands in the same packet, before it and after it. */
static void
test_a_malformed_fact_spoils_its_packet(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) inner = NULL;
    g_autoptr(GByteArray) datagram = NULL;

    scene_open(&scene);
    inner = inner_bytes(E4 "7801%s" E4, &scene.leaf.key);
    datagram = gossip_sign(&scene.leaf, &scene.own.key, inner->data, inner->len);
    (void) receive(&scene, &scene.leaf.link_local, datagram);
    check_refused(&scene, AP_GOSSIP_REFUSAL_ATTRIBUTE);
}

static void
test_a_fact_that_is_not_believed_spoils_no_other(void)
{
    g_auto(Scene) scene = {0};
    ApFact facts[3];
    ApGossipNews news;

    scene_open(&scene);
    facts[0] = gossip_endpoint(&scene.leaf.key, "127.0.0.1:1");
    facts[1] = gossip_endpoint(&scene.leaf.key, "192.0.2.7:51820");
    facts[2] = gossip_endpoint(&scene.other.key, "192.0.2.8:51820");
    news = hear(&scene, &scene.leaf, facts, 3);
    g_assert_cmpint(news.refusal, ==, NONE);
    g_assert_cmpuint(news.n_refused, ==, 2);
    g_assert_true(news.has_changed);
    g_assert_cmpuint(n_facts(&scene), ==, 1);
}

/* What each case does to a good packet, and from where it is sent. */
static const struct {
    const char *what;
    ApGossipRefusal refusal;
} envelope_cases[] = {
    {"nothing at all", AP_GOSSIP_REFUSAL_SHORT},
    {"the header cut by a byte", AP_GOSSIP_REFUSAL_SHORT},
    {"a fact that nobody signed", AP_GOSSIP_REFUSAL_UNSIGNED},
    {"another kind of packet", AP_GOSSIP_REFUSAL_ATTRIBUTE},
    {"a bit of the nonce", AP_GOSSIP_REFUSAL_TAG},
    {"a bit of the tag", AP_GOSSIP_REFUSAL_TAG},
    {"a bit of the facts", AP_GOSSIP_REFUSAL_TAG},
    {"the last byte is missing", AP_GOSSIP_REFUSAL_TAG},
    {"a byte more", AP_GOSSIP_REFUSAL_TAG},
    {"a bit of the signer", AP_GOSSIP_REFUSAL_SIGNER_ADDRESS},
    {"from another peer's address", AP_GOSSIP_REFUSAL_SIGNER_ADDRESS},
    {"from nobody's address", AP_GOSSIP_REFUSAL_SOURCE},
    {"from a tunnel address", AP_GOSSIP_REFUSAL_SOURCE},
    {"from another network, same host", AP_GOSSIP_REFUSAL_SOURCE},
    {"from our own address", AP_GOSSIP_REFUSAL_SOURCE},
    {"signed for another", AP_GOSSIP_REFUSAL_TAG},
    {"signed by another in its name", AP_GOSSIP_REFUSAL_TAG},
    {"by one that we do not know", AP_GOSSIP_REFUSAL_SOURCE},
    {"larger than any packet", AP_GOSSIP_REFUSAL_SIZE},
    {"larger than anybody reads", AP_GOSSIP_REFUSAL_SIZE},
};

static GByteArray *
good_packet(const Scene *scene, const GossipNode *from, const ApKey *to)
{
    g_autoptr(GByteArray) inner = g_byte_array_new();
    const ApFact fact = gossip_endpoint(&scene->leaf.key, "192.0.2.7:51820");

    ap_fact_put(&fact, inner);
    return gossip_sign(from, to, inner->data, inner->len);
}

static void
damage(guint i, Scene *scene, GByteArray **datagram, ApAddr *source)
{
    GByteArray *bytes = *datagram;

    switch (i) {
    case 0:
        g_byte_array_set_size(bytes, 0);
        break;
    case 1:
        g_byte_array_set_size(bytes, AP_GROUP_HEADER_LEN - 1);
        break;
    case 2:
        g_byte_array_remove_range(bytes, 0, AP_GROUP_HEADER_LEN);
        break;
    case 3:
        bytes->data[0] = 'T';
        break;
    case 4:
        bytes->data[2 + AP_KEY_LEN] ^= 1;
        break;
    case 5:
        bytes->data[AP_GROUP_HEADER_LEN - 1] ^= 0x80;
        break;
    case 6:
        bytes->data[AP_GROUP_HEADER_LEN + 1] ^= 1;
        break;
    case 7:
        g_byte_array_set_size(bytes, bytes->len - 1);
        break;
    case 8:
        ap_writer_put_u8(bytes, 0);
        break;
    case 9:
        bytes->data[2] ^= 1;
        break;
    case 10:
        *source = scene->other.link_local;
        break;
    case 11:
        source->bytes[15] ^= 1;
        break;
    case 12:
        *source = (ApAddr){AF_INET, {10, 77, 0, 11}};
        break;
    case 13:
        source->bytes[0] = 0xfd;
        break;
    case 14:
        *source = scene->own.link_local;
        break;
    case 15:
        g_byte_array_unref(bytes);
        *datagram = good_packet(scene, &scene->leaf, &scene->hub.key);
        break;
    case 16:
        g_byte_array_unref(bytes);
        *datagram = good_packet(scene, &scene->other, &scene->own.key);
        memcpy((*datagram)->data + 2, scene->leaf.key.bytes, AP_KEY_LEN);
        break;
    case 17:
        g_byte_array_unref(bytes);
        *datagram = good_packet(scene, &scene->stranger, &scene->own.key);
        *source = scene->stranger.link_local;
        break;
    case 18:
        g_byte_array_set_size(bytes, AP_DOOR_MAX_BYTES + 1);
        break;
    case 19:
        g_byte_array_set_size(bytes, AP_GROUP_MAX_READ + 1);
        break;
    default:
        g_assert_not_reached();
    }
}

static void
test_envelopes_that_are_not_right(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(envelope_cases); i++) {
        g_auto(Scene) scene = {0};
        g_autoptr(GByteArray) datagram = NULL;
        ApAddr source;

        g_test_message("case '%s'", envelope_cases[i].what);
        scene_open(&scene);
        datagram = good_packet(&scene, &scene.leaf, &scene.own.key);
        source = scene.leaf.link_local;
        damage(i, &scene, &datagram, &source);
        (void) receive(&scene, &source, datagram);
        check_refused(&scene, envelope_cases[i].refusal);
    }
}

/* The TTL of a group is not signed; a longer form of it is a rule broken all the same. */
static void
test_a_longer_form_in_the_header(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) datagram = NULL;

    scene_open(&scene);
    datagram = good_packet(&scene, &scene.leaf, &scene.own.key);
    g_byte_array_set_size(datagram, datagram->len + 1);
    memmove(datagram->data + 2, datagram->data + 1, datagram->len - 2);
    datagram->data[1] = 0x80;
    (void) receive(&scene, &scene.leaf.link_local, datagram);
    check_refused(&scene, AP_GOSSIP_REFUSAL_NOT_MINIMAL);
}

static void
test_signs_of_life_are_about_oneself(void)
{
    g_auto(Scene) scene = {0};

    scene_open(&scene);
    (void) hear_one(&scene, &scene.hub, gossip_alive(&scene.leaf.key, 9));
    check_refused(&scene, AP_GOSSIP_REFUSAL_ALIVE_OTHER);
    g_assert_cmpint(ap_gossip_alive_until(scene.gossip, &scene.leaf.key), ==, 0);
    g_assert_cmpint(ap_gossip_alive_until(scene.gossip, &scene.hub.key), ==, 0);
}

static void
test_our_own_boot_id_comes_from_a_mirror(void)
{
    g_auto(Scene) scene = {0};

    scene_open(&scene);
    (void) hear_one(&scene, &scene.leaf, gossip_alive(&scene.leaf.key, 1));
    check_refused(&scene, AP_GOSSIP_REFUSAL_REFLECTED);
    g_assert_cmpint(ap_gossip_alive_until(scene.gossip, &scene.leaf.key), ==, 0);
}

static void
test_nobody_tells_us_about_ourselves(void)
{
    g_auto(Scene) scene = {0};

    scene_open(&scene);
    (void) hear_one(&scene, &scene.hub, gossip_endpoint(&scene.own.key, "192.0.2.7:51820"));
    check_refused(&scene, AP_GOSSIP_REFUSAL_OWN_SUBJECT);
}

static void
test_a_packet_counts_once(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) datagram = NULL;
    const ApKnown *known;

    scene_open(&scene);
    datagram = good_packet(&scene, &scene.leaf, &scene.own.key);
    g_assert_cmpint(receive(&scene, &scene.leaf.link_local, datagram).refusal, ==, NONE);
    scene.sec = 100;
    g_assert_cmpint(receive(&scene, &scene.leaf.link_local, datagram).refusal,
                    ==,
                    AP_GOSSIP_REFUSAL_REPLAY);
    known = ap_knowledge_first(ap_gossip_knowledge(scene.gossip), NULL);
    g_assert_cmpint(ap_known_until(known), ==, gossip_at(255).boot_usec);

    scene.sec = AP_REPLAY_SEC; /* still remembered */
    g_assert_cmpint(receive(&scene, &scene.leaf.link_local, datagram).refusal,
                    ==,
                    AP_GOSSIP_REFUSAL_REPLAY);
}

static void
test_replays_are_remembered_in_a_bounded_ring(void)
{
    ApReplay replay = {0};
    ApGroupNonce nonces[3 * AP_REPLAY_MAX];

    for (guint i = 0; i < G_N_ELEMENTS(nonces); i++) {
        nonces[i] = gossip_nonce();
        g_assert_true(ap_replay_is_new(&replay, &nonces[i], gossip_at(i / 10)));
        g_assert_false(ap_replay_is_new(&replay, &nonces[i], gossip_at(i / 10)));
        g_assert_cmpuint(replay.seen->len, <=, AP_REPLAY_MAX);
        if (i >= AP_REPLAY_MAX - 1)
            g_assert_false(
                ap_replay_is_new(&replay, &nonces[i + 1 - AP_REPLAY_MAX], gossip_at(i / 10)));
    }

    /* what is older than its time makes room, in a ring that has grown as well */
    for (guint i = 0; i < 10; i++) {
        const ApGroupNonce nonce = gossip_nonce();

        g_assert_true(ap_replay_is_new(&replay, &nonce, gossip_at(10000 + i)));
    }
    g_assert_cmpuint(replay.seen->len, ==, AP_REPLAY_MAX);
    ap_replay_clear(&replay);
}

static void
test_a_slow_peer_needs_little_memory_for_replays(void)
{
    ApReplay replay = {0};

    for (guint i = 0; i < 10000; i++) {
        const ApGroupNonce nonce = gossip_nonce();

        g_assert_true(ap_replay_is_new(&replay, &nonce, gossip_at(30 * i)));
    }
    g_assert_cmpuint(replay.seen->len, <=, AP_REPLAY_SEC / 30 + 1);
    ap_replay_clear(&replay);
}

/* Sends @n packets at one moment; returns how many were looked at. */
static guint
flood(Scene *scene, const GossipNode *from, const ApAddr *source, guint n)
{
    g_autoptr(GByteArray) datagram = good_packet(scene, from, &scene->own.key);
    guint n_seen = 0;

    for (guint i = 0; i < n; i++) {
        const ApGossipRefusal refusal = receive(scene, source, datagram).refusal;

        n_seen += refusal != AP_GOSSIP_REFUSAL_RATE && refusal != AP_GOSSIP_REFUSAL_RATE_ALL;
    }
    return n_seen;
}

static void
test_a_peer_that_floods_is_not_listened_to(void)
{
    g_auto(Scene) scene = {0};
    guint n = 0;

    scene_open(&scene);
    g_assert_cmpuint(flood(&scene, &scene.leaf, &scene.leaf.link_local, 10000), ==, 50);
    g_assert_cmpint(ap_gossip_n_refused(scene.gossip, AP_GOSSIP_REFUSAL_RATE), ==, 9950);
    for (scene.sec = 1; scene.sec <= 100; scene.sec++)
        n += flood(&scene, &scene.leaf, &scene.leaf.link_local, 1000);
    g_assert_cmpuint(n, ==, 2000); /* 20 a second */

    /* and nobody else suffers */
    g_assert_cmpint(hear_one(&scene, &scene.other, gossip_alive(&scene.other.key, 8)).refusal,
                    ==,
                    NONE);
}

static void
test_a_hub_may_say_much_at_once(void)
{
    g_auto(Scene) scene = {0};

    scene_open(&scene);
    g_assert_cmpuint(flood(&scene, &scene.hub, &scene.hub.link_local, 10000), ==, 400);
}

static void
test_all_together_have_a_rate(void)
{
    g_auto(Scene) scene = {0};
    GossipNode nodes[30];
    guint n = 0;

    scene_open(&scene);
    for (guint i = 0; i < G_N_ELEMENTS(nodes); i++) {
        gossip_node_init(&nodes[i], 100 + i);
        gossip_device_add(scene.device, &nodes[i].key, "");
    }
    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
    for (guint i = 0; i < G_N_ELEMENTS(nodes); i++)
        n += flood(&scene, &nodes[i], &nodes[i].link_local, 100);
    g_assert_cmpuint(n, ==, 800);
    g_assert_cmpuint(ap_gossip_n_refused(scene.gossip, AP_GOSSIP_REFUSAL_RATE_ALL), >, 0);
}

/* Who comes and goes on the device may not make us compute for ever. */
static void
test_secrets_have_a_rate(void)
{
    g_auto(Scene) scene = {0};
    guint n = 0;

    scene_open(&scene);
    for (guint i = 0; i < 200; i++) {
        GossipNode node;

        gossip_node_init(&node, 1000 + i);
        gossip_device_add(scene.device, &node.key, "");
        ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
        n += hear_one(&scene, &node, gossip_alive(&node.key, 9)).refusal == NONE;
    }
    g_assert_cmpuint(n, ==, 128);
    g_assert_cmpuint(ap_gossip_n_refused(scene.gossip, AP_GOSSIP_REFUSAL_RATE_SECRETS), ==, 72);
}

/* 10^6 different facts of a leaf, and as many of a hub: bounded, and the others' stay. */
static void
test_a_million_facts(void)
{
    g_auto(Scene) scene = {0};
    guint32 n = 0;

    scene_open(&scene);
    (void) hear_one(&scene, &scene.other, gossip_endpoint(&scene.other.key, "192.0.2.7:51820"));
    for (scene.sec = 0; n < 1000000; scene.sec += 2) {
        ApFact facts[40];

        for (guint i = 0; i < 40; i += 20) {
            const GossipNode *from = i == 0 ? &scene.leaf : &scene.hub;

            for (guint k = i; k < i + 20; k++, n++) {
                facts[k] = gossip_endpoint(&scene.leaf.key, "10.0.0.1:1024");
                facts[k].endpoint.addr.bytes[1] = (guint8) (n >> 16);
                facts[k].endpoint.addr.bytes[2] = (guint8) (n >> 8);
                facts[k].endpoint.addr.bytes[3] = (guint8) n;
                facts[k].ttl_sec = AP_FACT_TTL_MAX_SEC;
            }
            (void) hear(&scene, from, facts + i, 20);
        }
        if (scene.sec % 100 == 0)
            (void) hear_one(&scene,
                            &scene.other,
                            gossip_endpoint(&scene.other.key, "192.0.2.7:51820"));
        ap_gossip_advance(scene.gossip, gossip_at(scene.sec));
        g_assert_cmpuint(n_facts(&scene),
                         <=,
                         AP_KNOWLEDGE_MAX_TRUSTED + AP_KNOWLEDGE_MAX_PLAIN + 1);
    }
    g_assert_cmpuint(ap_knowledge_n_claims(ap_gossip_knowledge(scene.gossip), &scene.other.key),
                     ==,
                     1);
}

static void
test_signs_of_life(void)
{
    g_auto(Scene) scene = {0};
    const ApKey *leaf = &scene.leaf.key;

    scene_open(&scene);
    g_assert_true(hear_one(&scene, &scene.leaf, gossip_alive(leaf, 9)).is_new_boot);
    g_assert_cmpint(ap_gossip_alive_until(scene.gossip, leaf), ==, gossip_at(255).boot_usec);
    g_assert_cmpint(ap_gossip_deadline(scene.gossip, gossip_at(0)), ==, gossip_at(255).boot_usec);

    scene.sec = 30;
    g_assert_false(hear_one(&scene, &scene.leaf, gossip_alive(leaf, 9)).is_new_boot);
    scene.sec = 60;
    g_assert_true(hear_one(&scene, &scene.leaf, gossip_alive(leaf, 10)).is_new_boot);

    scene.sec = 1000; /* after a silence */
    g_assert_false(hear_one(&scene, &scene.leaf, gossip_alive(leaf, 10)).is_new_boot);
    g_assert_cmpint(ap_gossip_alive_until(scene.gossip, leaf), ==, gossip_at(1255).boot_usec);
}

/* A peer that leaves the device and comes back is new; its facts have waited for it. */
static void
test_facts_survive_an_empty_device(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(ApDevice) empty = NULL;

    scene_open(&scene);
    empty = gossip_device_new(&scene.own);
    (void) hear_one(&scene, &scene.hub, gossip_member(&scene.stranger.key, ""));
    ap_gossip_set_device(scene.gossip, empty, &(ApTrustPolicy){0});
    g_autoptr(GArray) none = ap_gossip_list(scene.gossip);
    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpint(hear_one(&scene, &scene.hub, gossip_alive(&scene.hub.key, 3)).refusal,
                    ==,
                    AP_GOSSIP_REFUSAL_SOURCE);

    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
    g_autoptr(GArray) again = ap_gossip_list(scene.gossip);
    g_assert_cmpuint(again->len, ==, 1);
}

/* What is heard or read again changes nothing; whatever the list is made of changes the number. */
static void
test_revision_tells_when_the_list_may_be_another(void)
{
    g_auto(Scene) scene = {0};
    ApDevicePeer *peer;
    guint64 before;

    scene_open(&scene);
    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
    before = ap_gossip_revision(scene.gossip);
    (void) hear_one(&scene, &scene.hub, gossip_member(&scene.stranger.key, ""));
    g_assert_cmpuint(ap_gossip_revision(scene.gossip), !=, before);

    before = ap_gossip_revision(scene.gossip);
    (void) hear_one(&scene, &scene.hub, gossip_member(&scene.stranger.key, ""));
    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
    g_assert_cmpuint(ap_gossip_revision(scene.gossip), ==, before);

    peer = (ApDevicePeer *) ap_device_find(scene.device, &scene.hub.key);
    g_array_set_size(peer->allowed, 0);
    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){0});
    g_assert_cmpuint(ap_gossip_revision(scene.gossip), !=, before);

    before = ap_gossip_revision(scene.gossip);
    ap_gossip_set_device(scene.gossip, scene.device, &(ApTrustPolicy){.is_wide = TRUE});
    g_assert_cmpuint(ap_gossip_revision(scene.gossip), !=, before);
}

static void
test_before_the_device_is_known_nobody_is(void)
{
    const ApBootId boot_id = gossip_boot_id(1);
    GossipNode own, hub;
    ApGossip *gossip;

    gossip_node_init(&own, 1);
    gossip_node_init(&hub, 2);
    gossip = ap_gossip_new(7, &own.secret, &boot_id);
    const ApFact fact = gossip_alive(&hub.key, 3);
    g_autoptr(GArray) list = ap_gossip_list(gossip);

    g_assert_cmpint(gossip_hear(gossip, &hub, &own.key, &fact, 1, gossip_at(0)).refusal,
                    ==,
                    AP_GOSSIP_REFUSAL_SOURCE);
    g_assert_cmpuint(list->len, ==, 0);
    g_assert_null(ap_gossip_name(gossip, &hub.key));
    g_assert_false(ap_gossip_gets_all(gossip, &hub.key));
    ap_gossip_free(gossip);
}

/* What a peer that speaks as we do reads in a datagram that we wrote for it. */
static void
read_as(const GossipNode *reader,
        const ApKey *writer,
        const GByteArray *datagram,
        ApGroupFacts *facts)
{
    g_auto(ApSharedSecret) secret = {0};
    ApGroup group;

    g_assert_true(ap_shared_secret_derive(&secret, &reader->secret, writer));
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len), ==, NONE);
    g_assert_true(ap_key_equal(&group.signer, writer));
    g_assert_cmpint(ap_group_verify(&group, &secret), ==, NONE);
    g_assert_cmpint(ap_group_read(&group, facts), ==, NONE);
    g_assert_cmpuint(group.inner.left, <=, AP_GROUP_MAX_INNER);
}

/* Writes all that is due for @to with facts; returns how many facts there were in how many. */
static guint
write_all(Scene *scene, const ApKey *to, gboolean with_facts, guint *n_datagrams)
{
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const GossipNode *const nodes[] = {&scene->hub, &scene->leaf, &scene->other};
    ApGroupNonce nonce = gossip_nonce();
    guint n = 0;

    *n_datagrams = 0;
    while (
        ap_gossip_write(scene->gossip, to, with_facts, &nonce, datagram, gossip_at(scene->sec))) {
        for (guint i = 0; i < G_N_ELEMENTS(nodes); i++) {
            ApGroupFacts facts;

            if (!ap_key_equal(&nodes[i]->key, to))
                continue;
            read_as(nodes[i], &scene->own.key, datagram, &facts);
            n += facts.n_items;
        }
        ++*n_datagrams;
        nonce = gossip_nonce();
        g_assert_cmpuint(*n_datagrams, <, 1000);
    }
    return n;
}

static void
set_own_endpoints(Scene *scene, guint n)
{
    g_autoptr(GArray) facts = gossip_facts();

    for (guint i = 0; i < n; i++) {
        ApFact fact = gossip_endpoint(&scene->own.key, "192.0.2.7:51820");

        fact.endpoint.addr.bytes[2] = (guint8) (i >> 8);
        fact.endpoint.addr.bytes[3] = (guint8) i;
        g_array_append_val(facts, fact);
    }
    g_assert_true(ap_gossip_set_own_facts(scene->gossip, facts));
}

static void
test_facts_are_told_once_and_again_in_time(void)
{
    g_auto(Scene) scene = {0};
    const ApKey *hub = &scene.hub.key;
    gint64 due;
    guint n;

    scene_open(&scene);
    set_own_endpoints(&scene, 60);
    g_assert_cmpint(ap_gossip_due(scene.gossip, hub, TRUE, gossip_at(0)), <=, 0);
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 60 + 1); /* a ping where there is room */
    g_assert_cmpuint(n, ==, 3);

    due = ap_gossip_due(scene.gossip, hub, TRUE, gossip_at(0));
    g_assert_cmpint(due, ==, gossip_at(30).boot_usec); /* the ping */
    scene.sec = 29;
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 0);
    for (scene.sec = 30; scene.sec < 120; scene.sec += 30)
        g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 1);
    due = ap_gossip_due(scene.gossip, hub, TRUE, gossip_at(scene.sec));
    scene.sec = 123;
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 60 + 1);
}

static void
test_a_leaf_hears_only_that_we_are_alive(void)
{
    g_auto(Scene) scene = {0};
    guint n;

    scene_open(&scene);
    set_own_endpoints(&scene, 5);
    g_assert_cmpuint(write_all(&scene, &scene.leaf.key, FALSE, &n), ==, 1);
    scene.sec = 29;
    g_assert_cmpuint(write_all(&scene, &scene.leaf.key, FALSE, &n), ==, 0);
    scene.sec = 30;
    g_assert_cmpuint(write_all(&scene, &scene.leaf.key, FALSE, &n), ==, 1);
    g_assert_cmpint(ap_gossip_due(scene.gossip, &scene.leaf.key, FALSE, gossip_at(30)),
                    ==,
                    gossip_at(60).boot_usec);
}

static void
test_the_sign_of_life_stands_last(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApGroupNonce nonce = gossip_nonce();
    const ApBootId boot_id = gossip_boot_id(1);
    ApGroupFacts facts;

    scene_open(&scene);
    set_own_endpoints(&scene, 5);
    g_assert_true(
        ap_gossip_write(scene.gossip, &scene.hub.key, TRUE, &nonce, datagram, gossip_at(0)));
    read_as(&scene.hub, &scene.own.key, datagram, &facts);
    g_assert_cmpuint(facts.n_items, ==, 6);
    g_assert_cmpint(facts.items[5].kind, ==, AP_FACT_ALIVE);
    g_assert_cmpmem(&facts.items[5].boot_id, sizeof(boot_id), &boot_id, sizeof(boot_id));
    for (guint i = 0; i < 6; i++)
        g_assert_cmpuint(facts.items[i].ttl_sec, ==, 255);
}

/* Nobody is told where it is itself, nor what it told us; but whether it belongs, it is. */
static void
test_what_a_peer_knows_it_is_not_told(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GArray) own = gossip_facts();
    const ApKey *hub = &scene.hub.key, *leaf = &scene.leaf.key;
    ApFact facts[3];
    guint n;

    scene_open(&scene);
    facts[0] = gossip_endpoint(leaf, "192.0.2.7:51820");
    facts[1] = gossip_member(leaf, "");
    facts[2] = gossip_allowed(leaf, "10.77.0.11/32");
    g_assert_cmpuint(hear(&scene, &scene.hub, facts, 3).n_refused, ==, 0);
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 1);  /* only the ping */
    g_assert_cmpuint(write_all(&scene, leaf, TRUE, &n), ==, 2); /* the membership */
    g_assert_cmpuint(write_all(&scene, &scene.other.key, TRUE, &n), ==, 4);
}

static void
test_facts_passed_on_gain_no_time(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApGroupNonce nonce = gossip_nonce();
    ApGroupFacts facts;

    scene_open(&scene);
    (void) hear_one(&scene, &scene.leaf, gossip_endpoint(&scene.leaf.key, "192.0.2.7:51820"));
    scene.sec = 100;
    g_assert_true(
        ap_gossip_write(scene.gossip, &scene.hub.key, TRUE, &nonce, datagram, gossip_at(100)));
    read_as(&scene.hub, &scene.own.key, datagram, &facts);
    g_assert_cmpuint(facts.items[0].ttl_sec, ==, 155);
}

static void
test_a_peer_that_began_anew_is_told_everything(void)
{
    g_auto(Scene) scene = {0};
    const ApKey *hub = &scene.hub.key;
    ApFact facts[2];
    guint n;

    scene_open(&scene);
    set_own_endpoints(&scene, 5);
    (void) hear_one(&scene, &scene.hub, gossip_alive(hub, 3));
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 6);
    scene.sec = 10;

    /* It says what it knows in the packet in which it says that it is new: that is not echoed. */
    facts[0] = gossip_endpoint(&scene.other.key, "192.0.2.9:51820");
    facts[1] = gossip_alive(hub, 4);
    g_assert_true(hear(&scene, &scene.hub, facts, 2).is_new_boot);
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 6);
}

static void
test_what_did_not_go_out_is_written_again(void)
{
    g_auto(Scene) scene = {0};
    const ApKey *hub = &scene.hub.key;
    guint n;

    scene_open(&scene);
    set_own_endpoints(&scene, 5);
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 6);
    ap_gossip_forget_told(scene.gossip, hub);
    g_assert_cmpuint(write_all(&scene, hub, TRUE, &n), ==, 6);
    ap_gossip_forget_told(scene.gossip, &scene.stranger.key);
}

static void
test_a_new_boot_id_is_told_to_all(void)
{
    g_auto(Scene) scene = {0};
    const ApBootId boot_id = gossip_boot_id(77);
    guint n;

    scene_open(&scene);
    g_assert_cmpuint(write_all(&scene, &scene.leaf.key, FALSE, &n), ==, 1);
    ap_gossip_set_boot_id(scene.gossip, &boot_id);
    g_assert_cmpuint(write_all(&scene, &scene.leaf.key, FALSE, &n), ==, 1);
}

static void
test_nothing_is_written_for_a_stranger(void)
{
    g_auto(Scene) scene = {0};
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApGroupNonce nonce = gossip_nonce();

    scene_open(&scene);
    g_assert_false(
        ap_gossip_write(scene.gossip, &scene.stranger.key, TRUE, &nonce, datagram, gossip_at(0)));
    g_assert_cmpint(ap_gossip_due(scene.gossip, &scene.stranger.key, TRUE, gossip_at(0)),
                    ==,
                    AP_NEVER);
}

/* A fact that takes the place of another in the tables is told, whoever knew the other. */
static void
test_a_fact_in_an_old_place_is_told(void)
{
    g_auto(Scene) scene = {0};
    guint n;

    scene_open(&scene);
    (void) hear_one(&scene, &scene.leaf, gossip_endpoint(&scene.leaf.key, "192.0.2.7:51820"));
    g_assert_cmpuint(write_all(&scene, &scene.hub.key, TRUE, &n), ==, 2);
    scene.sec = 255;
    g_assert_true(ap_gossip_advance(scene.gossip, gossip_at(255)));
    (void) write_all(&scene, &scene.hub.key, TRUE, &n);
    (void) hear_one(&scene, &scene.leaf, gossip_endpoint(&scene.leaf.key, "192.0.2.8:51820"));
    g_assert_cmpuint(write_all(&scene, &scene.hub.key, TRUE, &n), ==, 2);
}

static void
test_a_place_of_our_own_facts_is_told_anew(void)
{
    static const guint ports[][2] = {{1, 1}, {2, 2}, {2, 3}, {4, 5}};
    g_auto(Scene) scene = {0};
    guint n;

    scene_open(&scene);
    for (guint i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_autoptr(GArray) facts = gossip_facts();
        const guint n_fresh = i < 3 ? 1 : 2;

        for (guint k = 0; k < 2; k++) {
            ApFact fact = gossip_endpoint(&scene.own.key, "192.0.2.7:51820");

            fact.endpoint.port = (guint16) ports[i][k];
            g_array_append_val(facts, fact);
        }
        g_assert_true(ap_gossip_set_own_facts(scene.gossip, facts));
        g_assert_cmpuint(write_all(&scene, &scene.hub.key, TRUE, &n), ==, n_fresh + 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gossip/each-violation-has-its-reason", test_each_violation_has_its_reason);
    g_test_add_func("/gossip/a-malformed-fact-spoils-its-packet",
                    test_a_malformed_fact_spoils_its_packet);
    g_test_add_func("/gossip/a-fact-that-is-not-believed-spoils-no-other",
                    test_a_fact_that_is_not_believed_spoils_no_other);
    g_test_add_func("/gossip/envelopes-that-are-not-right", test_envelopes_that_are_not_right);
    g_test_add_func("/gossip/a-longer-form-in-the-header", test_a_longer_form_in_the_header);
    g_test_add_func("/gossip/signs-of-life-are-about-oneself",
                    test_signs_of_life_are_about_oneself);
    g_test_add_func("/gossip/our-own-boot-id-comes-from-a-mirror",
                    test_our_own_boot_id_comes_from_a_mirror);
    g_test_add_func("/gossip/nobody-tells-us-about-ourselves",
                    test_nobody_tells_us_about_ourselves);
    g_test_add_func("/gossip/a-packet-counts-once", test_a_packet_counts_once);
    g_test_add_func("/gossip/replays-are-remembered-in-a-bounded-ring",
                    test_replays_are_remembered_in_a_bounded_ring);
    g_test_add_func("/gossip/a-slow-peer-needs-little-memory-for-replays",
                    test_a_slow_peer_needs_little_memory_for_replays);
    g_test_add_func("/gossip/a-peer-that-floods-is-not-listened-to",
                    test_a_peer_that_floods_is_not_listened_to);
    g_test_add_func("/gossip/a-hub-may-say-much-at-once", test_a_hub_may_say_much_at_once);
    g_test_add_func("/gossip/all-together-have-a-rate", test_all_together_have_a_rate);
    g_test_add_func("/gossip/secrets-have-a-rate", test_secrets_have_a_rate);
    g_test_add_func("/gossip/a-million-facts", test_a_million_facts);
    g_test_add_func("/gossip/signs-of-life", test_signs_of_life);
    g_test_add_func("/gossip/facts-survive-an-empty-device", test_facts_survive_an_empty_device);
    g_test_add_func("/gossip/revision-tells-when-the-list-may-be-another",
                    test_revision_tells_when_the_list_may_be_another);
    g_test_add_func("/gossip/before-the-device-is-known-nobody-is",
                    test_before_the_device_is_known_nobody_is);
    g_test_add_func("/gossip/facts-are-told-once-and-again-in-time",
                    test_facts_are_told_once_and_again_in_time);
    g_test_add_func("/gossip/a-leaf-hears-only-that-we-are-alive",
                    test_a_leaf_hears_only_that_we_are_alive);
    g_test_add_func("/gossip/the-sign-of-life-stands-last", test_the_sign_of_life_stands_last);
    g_test_add_func("/gossip/what-a-peer-knows-it-is-not-told",
                    test_what_a_peer_knows_it_is_not_told);
    g_test_add_func("/gossip/facts-passed-on-gain-no-time", test_facts_passed_on_gain_no_time);
    g_test_add_func("/gossip/a-peer-that-began-anew-is-told-everything",
                    test_a_peer_that_began_anew_is_told_everything);
    g_test_add_func("/gossip/what-did-not-go-out-is-written-again",
                    test_what_did_not_go_out_is_written_again);
    g_test_add_func("/gossip/a-new-boot-id-is-told-to-all", test_a_new_boot_id_is_told_to_all);
    g_test_add_func("/gossip/nothing-is-written-for-a-stranger",
                    test_nothing_is_written_for_a_stranger);
    g_test_add_func("/gossip/a-fact-in-an-old-place-is-told", test_a_fact_in_an_old_place_is_told);
    g_test_add_func("/gossip/a-place-of-our-own-facts-is-told-anew",
                    test_a_place_of_our_own_facts_is_told_anew);
    return g_test_run();
}
