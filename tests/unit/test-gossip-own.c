/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What we say ourselves: a leaf of itself, a hub of all who are there. */

#include "helper/gossip/own.h"
#include "tests/unit/gossip-scene.h"
#include "tests/unit/gossip-text.h"

#include <string.h>

typedef struct {
    GossipNode own;
    GossipNode anna;
    GossipNode ben;
    ApDevice *device;
    GArray *watch;
    GArray *ours;
    GPtrArray *peers;
    ApEndpoint endpoints[2];
    const ApKey *alive; /* whose gossip runs */
    guint32 lost;
} Fixture;

static void
set_up(Fixture *self, gconstpointer unused)
{
    (void) unused;
    gossip_node_init(&self->own, 1);
    gossip_node_init(&self->anna, 2);
    gossip_node_init(&self->ben, 3);
    self->device = gossip_device_new(&self->own);
    gossip_device_add(self->device, &self->anna.key, "10.9.0.11/32 fd09::/64 fe80::1/128");
    gossip_device_add(self->device, &self->ben.key, "10.9.0.12/32");
    self->watch = g_array_new(FALSE, TRUE, sizeof(ApOwnWatch));
    self->ours = g_array_new(FALSE, TRUE, sizeof(ApKey));
    self->peers = g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
    g_assert_true(ap_endpoint_parse(&self->endpoints[0], "192.168.77.1:51820", NULL));
    g_assert_true(ap_endpoint_parse(&self->endpoints[1], "[fe80::7]:51820", NULL));
}

static void
tear_down(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_device_free(self->device);
    g_array_unref(self->watch);
    g_array_unref(self->ours);
    g_ptr_array_unref(self->peers);
}

static gboolean
is_alive(const ApKey *key, gconstpointer fixture)
{
    const Fixture *self = fixture;

    return self->alive != NULL && ap_key_equal(self->alive, key);
}

static void
shake_hands(Fixture *self, const GossipNode *with, const char *endpoint, ApInstant now)
{
    ApDevicePeer *peer = (ApDevicePeer *) ap_device_find(self->device, &with->key);

    peer->handshake_real_usec = now.real_usec;
    g_assert_true(ap_endpoint_parse(&peer->endpoint, endpoint, NULL));
}

static char
letter(const Fixture *self, const ApKey *key)
{
    if (ap_key_equal(key, &self->own.key))
        return 'o';
    return ap_key_equal(key, &self->anna.key) ? 'a' : 'b';
}

static int
compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* "o e 192.168.77.1:51820; …": whom it is about, the kind, the value; sorted. */
static char *
tell(Fixture *self, gboolean is_hub, gboolean speaks_bfd, ApInstant now)
{
    const ApOwn own = {
        .device = self->device,
        .endpoints = self->endpoints,
        .n_endpoints = G_N_ELEMENTS(self->endpoints),
        .watch = self->watch,
        .peers = self->peers,
        .is_hub = is_hub,
        .speaks_bfd = speaks_bfd,
        .lost = self->lost,
        .is_alive = is_alive,
        .data = self,
    };
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    ap_own_watch(self->watch, self->device, self->ours, now);

    g_auto(ApOwnFacts) facts = ap_own_tell(&own, now);

    for (guint i = 0; i < facts.facts->len; i++) {
        const ApFact *fact = &g_array_index(facts.facts, ApFact, i);
        g_autofree char *value = gossip_value_text(fact);

        g_ptr_array_add(
            lines,
            g_strdup_printf("%c %c %s", letter(self, &fact->subject), fact->kind, value));
    }
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("; ", (char **) lines->pdata);
}

static void
expect(Fixture *self, gboolean is_hub, ApInstant now, const char *expected)
{
    g_autofree char *text = tell(self, is_hub, FALSE, now);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_leaf_speaks_of_itself(Fixture *self, gconstpointer unused)
{
    const ApInstant now = gossip_at(0);
    g_autofree char *with_bfd = NULL;

    (void) unused;
    shake_hands(self, &self->anna, "192.168.77.11:4000", now);
    self->alive = &self->anna.key;
    expect(self, FALSE, now, "o e 192.168.77.1:51820");
    with_bfd = tell(self, FALSE, TRUE, now);
    g_assert_cmpstr(with_bfd, ==, "o M 420101; o e 192.168.77.1:51820");
}

/* Only where others prove their paths with us, and may ask them; a hub has none. */
static void
test_lost_path_is_told(Fixture *self, gconstpointer unused)
{
    g_autofree char *leaf = NULL;

    (void) unused;
    self->lost = 0xff000001;
    leaf = tell(self, FALSE, TRUE, gossip_at(0));
    g_assert_cmpstr(leaf, ==, "o M 4201014c04ff000001; o e 192.168.77.1:51820");
    expect(self, FALSE, gossip_at(0), "o e 192.168.77.1:51820");
    expect(self, TRUE, gossip_at(0), "o e 192.168.77.1:51820");
}

/* Networks are left out, and so is the address that gossip itself needs. */
static void
test_hub_speaks_of_who_is_there(Fixture *self, gconstpointer unused)
{
    const ApInstant now = gossip_at(0);

    (void) unused;
    shake_hands(self, &self->anna, "192.168.77.11:4000", now);
    expect(self,
           TRUE,
           now,
           "a M ; a a 10.9.0.11/32; a e 192.168.77.11:4000; o e 192.168.77.1:51820");
}

/* Where it was may be wrong by now, so that only its gossip counts. */
static void
test_one_without_a_handshake_may_be_alive(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->alive = &self->ben.key;
    expect(self, TRUE, gossip_at(0), "b M ; b a 10.9.0.12/32; o e 192.168.77.1:51820");
}

static void
test_handshake_grows_old(Fixture *self, gconstpointer unused)
{
    const char *const there = "b M ; b a 10.9.0.12/32; b e 192.168.77.12:4; o e 192.168.77.1:51820";
    const char *const away = "o e 192.168.77.1:51820";

    (void) unused;
    shake_hands(self, &self->ben, "192.168.77.12:4", gossip_at(-100));
    expect(self, TRUE, gossip_at(0), there);
    expect(self, TRUE, gossip_at(65), there);
    expect(self, TRUE, gossip_at(66), away);
    shake_hands(self, &self->ben, "192.168.77.12:4", gossip_at(67));
    expect(self, TRUE, gossip_at(67), there);
}

/* The wall clock tells how old the first handshake is that we see; after that only ours counts. */
static void
test_wall_clock_may_jump(Fixture *self, gconstpointer unused)
{
    const char *const there = "b M ; b a 10.9.0.12/32; b e 192.168.77.12:4; o e 192.168.77.1:51820";
    ApInstant now = gossip_at(0);

    (void) unused;
    shake_hands(self, &self->ben, "192.168.77.12:4", now);
    expect(self, TRUE, now, there);
    for (int days = -1; days <= 1; days += 2) {
        now.real_usec += days * 2 * 86400 * AP_USEC_PER_SEC;
        expect(self, TRUE, now, there);
    }
}

static void
test_peers_that_we_added_are_not_told_of(Fixture *self, gconstpointer unused)
{
    const ApInstant now = gossip_at(0);

    (void) unused;
    shake_hands(self, &self->ben, "192.168.77.12:4", now);
    g_array_append_val(self->ours, self->ben.key);
    expect(self, TRUE, now, "o e 192.168.77.1:51820");
}

static void
test_files_speak_of_who_is_away(Fixture *self, gconstpointer unused)
{
    ApPeerPolicy *ben = ap_peer_policy_new(&self->ben.key);
    const ApEndpoint endpoint = self->endpoints[0];
    ApCidr address;

    (void) unused;
    g_ptr_array_add(self->peers, ben);
    (void) g_strlcpy(ben->name, "ben", sizeof(ben->name));
    ben->is_basic = TRUE;
    g_assert_true(ap_cidr_parse(&address, "10.9.0.12/32", NULL));
    g_array_append_val(ben->allowed, address);
    g_array_append_val(ben->endpoints, endpoint);
    expect(self,
           FALSE,
           gossip_at(0),
           "b M 6e0362656e620101; b a 10.9.0.12/32; b e 192.168.77.1:51820; "
           "o e 192.168.77.1:51820");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *self, gconstpointer unused);
    } cases[] = {
        {"/own/leaf-speaks-of-itself", test_leaf_speaks_of_itself},
        {"/own/lost-path-is-told", test_lost_path_is_told},
        {"/own/hub-speaks-of-who-is-there", test_hub_speaks_of_who_is_there},
        {"/own/one-without-a-handshake-may-be-alive", test_one_without_a_handshake_may_be_alive},
        {"/own/handshake-grows-old", test_handshake_grows_old},
        {"/own/wall-clock-may-jump", test_wall_clock_may_jump},
        {"/own/peers-that-we-added-are-not-told-of", test_peers_that_we_added_are_not_told_of},
        {"/own/files-speak-of-who-is-away", test_files_speak_of_who_is_away},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
