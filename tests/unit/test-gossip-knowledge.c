/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/knowledge.h"
#include "helper/gossip/told.h"
#include "tests/unit/gossip-scene.h"

static GossipNode own, hub, leaf, peer;

/** A different fact about @subject for each @n. */
static ApFact
numbered(const ApKey *subject, guint n)
{
    ApFact fact = gossip_endpoint(subject, "192.0.2.7:1");

    fact.endpoint.addr.bytes[1] = (guint8) (n >> 16);
    fact.endpoint.addr.bytes[2] = (guint8) (n >> 8);
    fact.endpoint.addr.bytes[3] = (guint8) n;
    return fact;
}

static ApLearned
learn(ApKnowledge *knowledge, const GossipNode *teller, const ApFact *fact, gint64 sec)
{
    return ap_knowledge_learn(knowledge, &teller->key, fact, teller == &hub, NULL, gossip_at(sec));
}

static guint
n_about(const ApKnowledge *knowledge, const ApKey *subject)
{
    const ApKnown *known = ap_knowledge_first(knowledge, subject);
    guint n = 0;

    for (; known != NULL && ap_key_equal(&known->fact.subject, subject);
         known = ap_known_next(known))
        n++;
    return n;
}

static void
test_learn_and_renew(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact fact = numbered(&leaf.key, 1);
    const ApKnown *known;

    g_assert_cmpint(learn(knowledge, &leaf, &fact, 0), ==, AP_LEARNED_NEW);
    g_assert_cmpint(learn(knowledge, &leaf, &fact, 10), ==, AP_LEARNED_AGAIN);
    g_assert_cmpint(learn(knowledge, &hub, &fact, 20), ==, AP_LEARNED_MORE);
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 1);
    known = ap_knowledge_find(knowledge, &fact);
    g_assert_nonnull(known);
    g_assert_cmpint(ap_known_until(known), ==, gossip_at(20 + 255).boot_usec);
}

static void
test_a_shorter_life_takes_nothing_away(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    ApFact fact = numbered(&leaf.key, 1);

    learn(knowledge, &leaf, &fact, 0);
    fact.ttl_sec = 5;
    learn(knowledge, &leaf, &fact, 1);
    g_assert_cmpint(ap_known_until(ap_knowledge_find(knowledge, &fact)),
                    ==,
                    gossip_at(255).boot_usec);
}

static void
test_a_life_is_capped(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    ApFact fact = numbered(&leaf.key, 1);

    fact.ttl_sec = AP_FACT_TTL_MAX_SEC;
    learn(knowledge, &leaf, &fact, 0);
    g_assert_cmpint(ap_known_until(ap_knowledge_find(knowledge, &fact)),
                    ==,
                    gossip_at(255).boot_usec);
}

static void
test_what_a_peer_says_of_itself_is_over_in_time(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact fact = numbered(&leaf.key, 1);

    learn(knowledge, &leaf, &fact, 0);
    g_assert_cmpint(ap_knowledge_deadline(knowledge, gossip_at(0)), ==, gossip_at(255).boot_usec);
    g_assert_false(ap_knowledge_advance(knowledge, gossip_at(254)));
    g_assert_true(ap_knowledge_advance(knowledge, gossip_at(255)));
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 0);
    g_assert_cmpint(ap_knowledge_deadline(knowledge, gossip_at(255)), ==, AP_NEVER);
}

/* Lets the hub give signs of life, each 30 s. */
static void
speak(ApKnowledge *knowledge, gint64 from_sec, gint64 to_sec)
{
    for (gint64 sec = from_sec; sec <= to_sec; sec += 30) {
        ap_knowledge_hear(knowledge, &hub.key, gossip_at(sec));
        ap_knowledge_advance(knowledge, gossip_at(sec));
    }
}

static void
test_what_a_speaking_hub_says_no_more_is_over(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact fact = gossip_member(&leaf.key, "");

    learn(knowledge, &hub, &fact, 0);
    speak(knowledge, 0, 240);
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 1);
    g_assert_true(ap_knowledge_advance(knowledge, gossip_at(255)));
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 0);
}

static void
test_a_silent_hub_takes_nothing_back(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact fact = gossip_member(&leaf.key, "");

    learn(knowledge, &hub, &fact, 0);
    speak(knowledge, 0, 150);
    g_assert_false(ap_knowledge_advance(knowledge, gossip_at(256)));
    g_assert_false(ap_knowledge_advance(knowledge, gossip_at(20 * 3600)));
    g_assert_cmpint(ap_known_until(ap_knowledge_find(knowledge, &fact)),
                    ==,
                    gossip_at(255).boot_usec); /* held, but not passed on */
    g_assert_true(ap_knowledge_advance(knowledge, gossip_at(255 + AP_KNOWLEDGE_HELD_SEC)));
}

/* It has not said everything again before it spoke for a while. */
static void
test_a_hub_that_speaks_again_is_given_time(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact gone = gossip_member(&leaf.key, "");
    const ApFact stays = gossip_member(&peer.key, "");

    learn(knowledge, &hub, &gone, 0);
    learn(knowledge, &hub, &stays, 0);
    ap_knowledge_advance(knowledge, gossip_at(1000));
    speak(knowledge, 1000, 1120);
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 2);
    g_assert_cmpint(ap_knowledge_deadline(knowledge, gossip_at(1130)),
                    ==,
                    gossip_at(1000 + AP_KNOWLEDGE_SPEECH_SEC).boot_usec);
    learn(knowledge, &hub, &stays, 1130);
    ap_knowledge_advance(knowledge, gossip_at(1149));
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 2);
    g_assert_true(ap_knowledge_advance(knowledge, gossip_at(1150)));
    g_assert_null(ap_knowledge_find(knowledge, &gone));
    g_assert_nonnull(ap_knowledge_find(knowledge, &stays));
}

/* A laptop that slept for hours heard nobody: that is its own silence. */
static void
test_sleep_takes_nothing_back(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact fact = gossip_member(&leaf.key, "");

    learn(knowledge, &hub, &fact, 0);
    speak(knowledge, 0, 120);
    speak(knowledge, 10 * 3600, 10 * 3600);
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, 1);
}

static void
test_a_teller_fills_its_own_room_only(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const ApFact mine = numbered(&peer.key, 0);
    ApFact fact;

    learn(knowledge, &peer, &mine, 0);
    for (guint i = 0; i < 10 * AP_KNOWLEDGE_MAX_PLAIN; i++) {
        fact = numbered(&leaf.key, i);
        learn(knowledge, &leaf, &fact, i / 10);
    }
    g_assert_cmpuint(ap_knowledge_n_claims(knowledge, &leaf.key), ==, AP_KNOWLEDGE_MAX_PLAIN);
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, AP_KNOWLEDGE_MAX_PLAIN + 1);
    g_assert_nonnull(ap_knowledge_find(knowledge, &mine));
    g_assert_nonnull(ap_knowledge_find(knowledge, &fact)); /* the oldest went */
    fact = numbered(&leaf.key, 0);
    g_assert_null(ap_knowledge_find(knowledge, &fact));
}

static void
test_what_would_go_first_is_not_taken(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    ApFact fact;

    for (guint i = 0; i < AP_KNOWLEDGE_MAX_PLAIN; i++) {
        fact = numbered(&leaf.key, i);
        learn(knowledge, &leaf, &fact, 0);
    }
    fact = numbered(&leaf.key, 1000);
    fact.ttl_sec = 10;
    g_assert_cmpint(learn(knowledge, &leaf, &fact, 0), ==, AP_LEARNED_NOT);
}

static void
test_a_hub_has_more_room(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();

    for (guint i = 0; i < AP_KNOWLEDGE_MAX_TRUSTED + 100; i++) {
        const ApFact fact = numbered(&leaf.key, i);

        learn(knowledge, &hub, &fact, 0);
    }
    g_assert_cmpuint(ap_knowledge_n_claims(knowledge, &hub.key), ==, AP_KNOWLEDGE_MAX_TRUSTED);
}

static void
test_a_hub_that_is_none_any_more_has_less(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    ApFact fact;

    for (guint i = 0; i < 1000; i++) {
        fact = numbered(&leaf.key, i);
        learn(knowledge, &hub, &fact, i);
    }
    ap_knowledge_learn(knowledge, &hub.key, &fact, FALSE, NULL, gossip_at(1000));
    g_assert_cmpuint(ap_knowledge_n_claims(knowledge, &hub.key), ==, AP_KNOWLEDGE_MAX_PLAIN);
    g_assert_nonnull(ap_knowledge_find(knowledge, &fact));
}

/* Many who may each say a little may not say everything. */
static void
test_all_others_together_have_a_limit(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();

    for (guint i = 0; i < 100 * AP_KNOWLEDGE_MAX_PLAIN; i++) {
        ApKey teller = {{0}};
        const ApFact fact = numbered(&leaf.key, i);

        teller.bytes[0] = (guint8) (1 + i / AP_KNOWLEDGE_MAX_PLAIN);
        ap_knowledge_learn(knowledge, &teller, &fact, FALSE, NULL, gossip_at(0));
    }
    g_assert_cmpuint(ap_knowledge_n_facts(knowledge), ==, AP_KNOWLEDGE_MAX_ALL_PLAIN);
}

static void
test_own_facts_are_replaced_whole(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    g_autoptr(GArray) facts = gossip_facts();
    const ApFact first = numbered(&own.key, 1), second = numbered(&own.key, 2);

    g_array_append_val(facts, first);
    g_array_append_val(facts, second);
    g_assert_true(ap_knowledge_set_own(knowledge, &own.key, facts));
    g_assert_false(ap_knowledge_set_own(knowledge, &own.key, facts));
    g_assert_cmpint(ap_known_until(ap_knowledge_find(knowledge, &first)), ==, AP_NEVER);
    g_assert_false(ap_knowledge_advance(knowledge, gossip_at(100000)));
    g_assert_cmpint(ap_knowledge_deadline(knowledge, gossip_at(0)), ==, AP_NEVER);

    g_array_set_size(facts, 1);
    g_assert_true(ap_knowledge_set_own(knowledge, &own.key, facts));
    g_assert_nonnull(ap_knowledge_find(knowledge, &first));
    g_assert_null(ap_knowledge_find(knowledge, &second));
}

static void
test_a_fact_that_we_drop_stays_by_its_tellers(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    g_autoptr(GArray) facts = gossip_facts();
    const ApFact fact = numbered(&leaf.key, 1);

    g_array_append_val(facts, fact);
    ap_knowledge_set_own(knowledge, &own.key, facts);
    learn(knowledge, &hub, &fact, 0);
    g_array_set_size(facts, 0);
    ap_knowledge_set_own(knowledge, &own.key, facts);
    g_assert_nonnull(ap_knowledge_find(knowledge, &fact));
    g_assert_true(ap_knowledge_advance(knowledge, gossip_at(1000000)));
    g_assert_null(ap_knowledge_find(knowledge, &fact));
}

static void
test_order_is_by_subject(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    const GossipNode *const nodes[] = {&leaf, &hub, &peer};
    const ApKnown *last = NULL;

    for (guint i = 0; i < 30; i++) {
        const ApFact fact = numbered(&nodes[i % 3]->key, (i * 7) % 30);

        learn(knowledge, &hub, &fact, 0);
    }
    for (const ApKnown *known = ap_knowledge_first(knowledge, NULL); known != NULL;
         known = ap_known_next(known)) {
        g_assert_true(last == NULL || ap_fact_compare(&last->fact, &known->fact) < 0);
        last = known;
    }
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(n_about(knowledge, &nodes[i]->key), ==, 10);
    g_assert_cmpuint(n_about(knowledge, &own.key), ==, 0);
}

/* Slots are given back, so that tables by slot stay as small as what is held. */
static void
test_slots_stay_small(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    guint highest = 0;

    for (guint i = 0; i < 5000; i++) {
        const ApFact fact = numbered(&leaf.key, i);
        const ApKnown *known;

        ap_knowledge_learn(knowledge, &leaf.key, &fact, FALSE, &known, gossip_at(i));
        highest = MAX(highest, known->slot);
    }
    g_assert_cmpuint(highest, <, AP_KNOWLEDGE_MAX_PLAIN);
}

static void
test_items_of_members_are_copied(void)
{
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    g_autoptr(GByteArray) buffer = g_byte_array_new();
    const ApMemberWords words = {.name = "laptop", .speaks_bfd = TRUE};
    ApFact fact = ap_fact_member(&leaf.key, ap_member_describe(buffer, &words));
    const ApKnown *known;

    fact.ttl_sec = 255;
    learn(knowledge, &hub, &fact, 0);
    known = ap_knowledge_first(knowledge, &leaf.key);
    g_assert_true(ap_member_speaks_bfd(&known->fact.member));
    memset(buffer->data, 0xff, buffer->len);
    g_assert_true(ap_member_speaks_bfd(&known->fact.member));
}

static void
test_told_until_shortly_before_it_is_forgotten(void)
{
    ApTold told = {0};
    const gint64 until_usec = gossip_at(255).boot_usec;

    g_assert_cmpint(ap_told_due(&told, 3, until_usec), ==, 0);
    ap_told_note(&told, 3, until_usec);
    g_assert_cmpint(ap_told_due(&told, 3, until_usec), ==, AP_NEVER); /* nothing to add */
    g_assert_cmpint(ap_told_due(&told, 3, AP_NEVER), ==, until_usec - AP_TOLD_AGAIN_USEC);
    g_assert_cmpint(ap_told_due(&told, 2, until_usec), ==, 0);
    g_assert_cmpint(ap_told_due(&told, 4, until_usec), ==, 0);
    ap_told_forget(&told, 3);
    ap_told_forget(&told, 4);
    g_assert_cmpint(ap_told_due(&told, 3, until_usec), ==, 0);
    ap_told_note(&told, 3, until_usec);
    ap_told_clear(&told);
    g_assert_cmpint(ap_told_due(&told, 3, until_usec), ==, 0);
}

/* What is held after any sequence of events is what a simple model says. */
static void
test_random_sequences(void)
{
    const GossipNode *const nodes[] = {&leaf, &hub, &peer};
    g_autoptr(ApKnowledge) knowledge = ap_knowledge_new();
    gint64 until[3][8] = {{0}};
    gint64 sec = 0;

    for (guint i = 0; i < 20000; i++) {
        const guint who = (guint) g_test_rand_int_range(0, 3);
        const guint n = (guint) g_test_rand_int_range(0, 8);
        ApFact fact = numbered(&nodes[who]->key, n); /* of itself: over in time */

        sec += g_test_rand_int_range(0, 30);
        fact.ttl_sec = (guint32) g_test_rand_int_range(1, 300);
        ap_knowledge_advance(knowledge, gossip_at(sec));
        learn(knowledge, nodes[who], &fact, sec);
        if (until[who][n] <= sec)
            until[who][n] = 0;
        until[who][n] = MAX(until[who][n], sec + MIN(fact.ttl_sec, 255));

        for (guint k = 0; k < 8; k++) {
            fact = numbered(&nodes[who]->key, k);
            g_assert_cmpint(ap_knowledge_find(knowledge, &fact) != NULL, ==, until[who][k] > sec);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gossip_node_init(&own, 1);
    gossip_node_init(&hub, 2);
    gossip_node_init(&leaf, 3);
    gossip_node_init(&peer, 4);
    g_test_add_func("/gossip/knowledge/learn-and-renew", test_learn_and_renew);
    g_test_add_func("/gossip/knowledge/a-shorter-life-takes-nothing-away",
                    test_a_shorter_life_takes_nothing_away);
    g_test_add_func("/gossip/knowledge/a-life-is-capped", test_a_life_is_capped);
    g_test_add_func("/gossip/knowledge/what-a-peer-says-of-itself-is-over-in-time",
                    test_what_a_peer_says_of_itself_is_over_in_time);
    g_test_add_func("/gossip/knowledge/what-a-speaking-hub-says-no-more-is-over",
                    test_what_a_speaking_hub_says_no_more_is_over);
    g_test_add_func("/gossip/knowledge/a-silent-hub-takes-nothing-back",
                    test_a_silent_hub_takes_nothing_back);
    g_test_add_func("/gossip/knowledge/a-hub-that-speaks-again-is-given-time",
                    test_a_hub_that_speaks_again_is_given_time);
    g_test_add_func("/gossip/knowledge/sleep-takes-nothing-back", test_sleep_takes_nothing_back);
    g_test_add_func("/gossip/knowledge/a-teller-fills-its-own-room-only",
                    test_a_teller_fills_its_own_room_only);
    g_test_add_func("/gossip/knowledge/what-would-go-first-is-not-taken",
                    test_what_would_go_first_is_not_taken);
    g_test_add_func("/gossip/knowledge/a-hub-has-more-room", test_a_hub_has_more_room);
    g_test_add_func("/gossip/knowledge/a-hub-that-is-none-any-more-has-less",
                    test_a_hub_that_is_none_any_more_has_less);
    g_test_add_func("/gossip/knowledge/all-others-together-have-a-limit",
                    test_all_others_together_have_a_limit);
    g_test_add_func("/gossip/knowledge/own-facts-are-replaced-whole",
                    test_own_facts_are_replaced_whole);
    g_test_add_func("/gossip/knowledge/a-fact-that-we-drop-stays-by-its-tellers",
                    test_a_fact_that_we_drop_stays_by_its_tellers);
    g_test_add_func("/gossip/knowledge/order-is-by-subject", test_order_is_by_subject);
    g_test_add_func("/gossip/knowledge/slots-stay-small", test_slots_stay_small);
    g_test_add_func("/gossip/knowledge/items-of-members-are-copied",
                    test_items_of_members_are_copied);
    g_test_add_func("/gossip/told/until-shortly-before-it-is-forgotten",
                    test_told_until_shortly_before_it_is_forgotten);
    g_test_add_func("/gossip/knowledge/random-sequences", test_random_sequences);
    return g_test_run();
}
