/* SPDX-License-Identifier: GPL-3.0-or-later */

/* To whom gossip goes, and when: time is an argument, nothing is sent. */

#include "helper/engine/listeners.h"
#include "tests/unit/gossip-scene.h"

typedef struct {
    GossipNode own;
    GossipNode hub;
    GossipNode ben;
    ApDevice *device;
    ApGossip *gossip;
    ApListeners *listeners;
} Fixture;

/* With an endpoint, and with the address to which gossip goes. */
static void
add_peer(Fixture *self, const GossipNode *node, const char *allowed)
{
    ApDevicePeer *peer;
    const ApCidr host = ap_cidr_host(&node->link_local);

    gossip_device_add(self->device, &node->key, allowed);
    peer = (ApDevicePeer *) ap_device_find(self->device, &node->key);
    g_array_append_val(peer->allowed, host);
    g_assert_true(ap_endpoint_parse(&peer->endpoint, "192.0.2.7:51820", NULL));
}

static void
set_up(Fixture *self, gconstpointer unused)
{
    const ApBootId boot_id = gossip_boot_id(1);

    (void) unused;
    gossip_node_init(&self->own, 1);
    gossip_node_init(&self->hub, 2);
    gossip_node_init(&self->ben, 3);
    self->device = gossip_device_new(&self->own);
    self->gossip = ap_gossip_new(7, &self->own.secret, &boot_id);
    self->listeners = ap_listeners_new();
}

static void
tear_down(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_device_free(self->device);
    ap_gossip_free(self->gossip);
    ap_listeners_free(self->listeners);
}

static gboolean
skips_none(G_GNUC_UNUSED const ApDevicePeer *peer, G_GNUC_UNUSED gconstpointer data)
{
    return FALSE;
}

static void
take_device(Fixture *self)
{
    const ApTrustPolicy nothing = {0};

    ap_gossip_set_device(self->gossip, self->device, &nothing);
    ap_listeners_set(self->listeners, self->device, self->gossip, FALSE, skips_none, NULL);
}

static void
say(Fixture *self, const char *endpoint)
{
    g_autoptr(GArray) facts = gossip_facts();
    const ApFact fact = gossip_endpoint(&self->own.key, endpoint);

    g_array_append_val(facts, fact);
    if (ap_gossip_set_own_facts(self->gossip, facts))
        ap_listeners_stir(self->listeners);
}

/* Speaks to everybody to whom something is to be said. Returns: how many datagrams went out */
static guint
speak(Fixture *self, ApInstant now)
{
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    ApListener *listener;
    guint n_all = 0;

    while ((listener = ap_listeners_next(self->listeners, self->gossip, now)) != NULL) {
        const gboolean with_facts = ap_listener_gets_facts(listener, self->gossip, now);
        guint n = 0;

        for (; n < 8; n++) {
            const ApGroupNonce nonce = gossip_nonce();

            if (!ap_gossip_write(self->gossip, &listener->key, with_facts, &nonce, datagram, now))
                break;
            ap_listener_count(listener, datagram->len);
        }
        ap_listener_note(listener, n, FALSE, now);
        n_all += n;
    }
    return n_all;
}

static void
hear(Fixture *self, const GossipNode *from, guint boot_seed, ApInstant now)
{
    const ApFact alive = gossip_alive(&from->key, boot_seed);
    const ApGossipNews news = gossip_hear(self->gossip, from, &self->own.key, &alive, 1, now);

    g_assert_cmpint(news.refusal, ==, AP_GOSSIP_REFUSAL_NONE);
    ap_listeners_hear(self->listeners, &from->key, 125, news.has_changed);
}

static gint64
wait_sec(Fixture *self, ApInstant now)
{
    const gint64 deadline = ap_listeners_deadline(self->listeners, self->gossip, now);

    return (deadline - now.boot_usec) / AP_USEC_PER_SEC;
}

static void
test_nobody_is_spoken_to_who_cannot_hear(Fixture *self, gconstpointer unused)
{
    ApDevicePeer *peer;

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    gossip_device_add(self->device, &self->ben.key, "10.9.0.3/32");
    peer = (ApDevicePeer *) ap_device_find(self->device, &self->hub.key);
    peer->endpoint = (ApEndpoint){0};
    take_device(self);
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 0);
    g_assert_cmpint(ap_listeners_deadline(self->listeners, self->gossip, gossip_at(0)),
                    ==,
                    AP_NEVER);
}

/* From 30 s on it is said when we are awake, and 7.5 s later we wake up for it. */
static void
test_sign_of_life_waits_for_a_wakeup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    hear(self, &self->hub, 1, gossip_at(0));
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 1);
    hear(self, &self->hub, 1, gossip_at(0));
    g_assert_cmpuint(speak(self, gossip_at(29)), ==, 0);
    g_assert_cmpint(wait_sec(self, gossip_at(0)), ==, 37);
    g_assert_cmpint(ap_listeners_due(self->listeners), ==, gossip_at(30).boot_usec);
    g_assert_cmpuint(speak(self, gossip_at(30)), ==, 1);
}

static void
test_silent_one_is_asked_ever_more_rarely(Fixture *self, gconstpointer unused)
{
    static const guint pauses_sec[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
    gint64 sec = 0;

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    g_assert_cmpuint(speak(self, gossip_at(sec)), ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(pauses_sec); i++) {
        g_assert_cmpint(wait_sec(self, gossip_at(sec)), ==, pauses_sec[i]);
        sec += pauses_sec[i];
        g_assert_cmpuint(speak(self, gossip_at(sec)), ==, 1);
    }
}

/* gossip-protocol.md 8.4, and what that comes to in a minute. */
static void
test_one_that_is_alive_hears_a_word_each_half_minute(Fixture *self, gconstpointer unused)
{
    guint n = 0;

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    hear(self, &self->hub, 2, gossip_at(0));
    (void) speak(self, gossip_at(0));
    for (gint64 sec = 1; sec <= 600; sec++) {
        if (sec % 30 == 0)
            hear(self, &self->hub, 2, gossip_at(sec));
        n += speak(self, gossip_at(sec));
    }
    g_assert_cmpuint(n, ==, 20);
}

static void
test_news_go_out_at_once_to_a_hub_alone(Fixture *self, gconstpointer unused)
{
    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    add_peer(self, &self->ben, "10.9.0.3/32");
    take_device(self);
    hear(self, &self->hub, 2, gossip_at(0));
    hear(self, &self->ben, 3, gossip_at(0));
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 2);
    say(self, "192.168.77.1:51820");
    g_assert_cmpuint(speak(self, gossip_at(1)), ==, 1);
    g_assert_cmpuint(speak(self, gossip_at(1)), ==, 0);
}

/* Nothing but the question is repeated to one that does not answer. */
static void
test_silent_hub_is_not_told_facts_again(Fixture *self, gconstpointer unused)
{
    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    say(self, "192.168.77.1:51820");
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 1);
    say(self, "192.168.77.2:51820");
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 0);
    hear(self, &self->hub, 2, gossip_at(1));
    g_assert_cmpuint(speak(self, gossip_at(1)), ==, 1);
}

/* Security rule G12: one that begins anew with each packet gets no more out of us than its share. */
static void
test_nobody_makes_us_speak_without_end(Fixture *self, gconstpointer unused)
{
    guint n = 0;

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    for (guint i = 0; i < 1000; i++) {
        ApInstant now = gossip_at(0);

        now.boot_usec += i * 60 * AP_USEC_PER_MSEC;
        hear(self, &self->hub, i % 250, now);
        n += speak(self, now);
    }
    g_test_message("%u datagrams in a minute", n);
    g_assert_cmpuint(n, <=, 20 + 6);
    g_assert_cmpuint(n, >=, 20);
}

/* Decisions 6: a sign of life is 125 bytes, and 208 in the device's counters. */
static void
test_what_gossip_costs_is_no_traffic(Fixture *self, gconstpointer unused)
{
    ApProof proof = {.key = self->hub.key, .tx_bytes = 1000, .rx_bytes = 2000};
    ApProof other = {.key = self->ben.key, .tx_bytes = 1000};

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    hear(self, &self->hub, 2, gossip_at(0));
    g_assert_cmpuint(speak(self, gossip_at(0)), ==, 1);
    take_device(self);
    ap_listeners_add_to(self->listeners, &proof);
    ap_listeners_add_to(self->listeners, &other);
    g_assert_cmpuint(proof.tx_bytes, ==, 1208);
    g_assert_cmpuint(proof.rx_bytes, ==, 2208);
    g_assert_cmpuint(other.tx_bytes, ==, 1000);
}

static void
test_failure_is_not_repeated_at_once(Fixture *self, gconstpointer unused)
{
    ApListener *listener;

    (void) unused;
    add_peer(self, &self->hub, "10.9.0.0/24");
    take_device(self);
    listener = ap_listeners_next(self->listeners, self->gossip, gossip_at(0));
    g_assert_nonnull(listener);
    ap_listener_note(listener, 0, TRUE, gossip_at(0));
    g_assert_null(ap_listeners_next(self->listeners, self->gossip, gossip_at(0)));
    g_assert_nonnull(ap_listeners_next(self->listeners, self->gossip, gossip_at(1)));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *self, gconstpointer unused);
    } cases[] = {
        {"/listeners/nobody-is-spoken-to-who-cannot-hear",
         test_nobody_is_spoken_to_who_cannot_hear},
        {"/listeners/sign-of-life-waits-for-a-wakeup", test_sign_of_life_waits_for_a_wakeup},
        {"/listeners/silent-one-is-asked-ever-more-rarely",
         test_silent_one_is_asked_ever_more_rarely},
        {"/listeners/one-that-is-alive-hears-a-word-each-half-minute",
         test_one_that_is_alive_hears_a_word_each_half_minute},
        {"/listeners/news-go-out-at-once-to-a-hub-alone", test_news_go_out_at_once_to_a_hub_alone},
        {"/listeners/silent-hub-is-not-told-facts-again", test_silent_hub_is_not_told_facts_again},
        {"/listeners/nobody-makes-us-speak-without-end", test_nobody_makes_us_speak_without_end},
        {"/listeners/what-gossip-costs-is-no-traffic", test_what_gossip_costs_is_no_traffic},
        {"/listeners/failure-is-not-repeated-at-once", test_failure_is_not_repeated_at_once},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
