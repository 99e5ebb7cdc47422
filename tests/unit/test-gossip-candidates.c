/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/gossip-scene.h"

static GossipNode own, hub, leaf, other, fresh;

/** A tunnel with a hub that routes 10.77.0.0/24, and two peers. */
static ApGossip *
gossip_new(const GPtrArray *policies)
{
    const ApBootId boot_id = gossip_boot_id(1);
    g_autoptr(ApDevice) device = gossip_device_new(&own);
    ApGossip *gossip = ap_gossip_new(7, &own.secret, &boot_id);

    gossip_device_add(device, &hub.key, "10.77.0.0/24 fd77::/64");
    gossip_device_add(device, &leaf.key, "");
    gossip_device_add(device, &other.key, "");
    ap_gossip_set_device(gossip, device, &(ApTrustPolicy){.peers = policies});
    return gossip;
}

static void
hear(ApGossip *gossip, const GossipNode *from, ApFact fact)
{
    static gint64 sec;
    const ApGossipNews news = gossip_hear(gossip, from, &own.key, &fact, 1, gossip_at(sec++ / 100));

    g_assert_cmpint(news.refusal, ==, AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpuint(news.n_refused, ==, 0);
}

/* The candidate as one line of text. */
static char *
describe(const ApCandidate *candidate)
{
    GString *text = g_string_new(NULL);
    char item[AP_ENDPOINT_TEXT_LEN];

    for (guint i = 0; i < candidate->n_addresses; i++) {
        ap_addr_to_text(&candidate->addresses[i], item);
        g_string_append_printf(text, "%s ", item);
    }
    g_string_append(text, "at ");
    for (guint i = 0; i < candidate->n_endpoints; i++) {
        ap_endpoint_to_text(&candidate->endpoints[i], item);
        g_string_append_printf(text, "%s ", item);
    }
    if (candidate->speaks_bfd)
        g_string_append(text, "bfd ");
    if (candidate->doubted_boot_usec != 0)
        g_string_append(text, "doubted ");
    if (candidate->withdrawn)
        g_string_append(text, "withdrawn ");
    g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

static ApCandidate
get_only(const ApGossip *gossip)
{
    g_autoptr(GArray) list = ap_gossip_list(gossip);

    g_assert_cmpuint(list->len, ==, 1);
    return g_array_index(list, ApCandidate, 0);
}

static void
check_only(const ApGossip *gossip, const ApKey *key, const char *expected)
{
    const ApCandidate candidate = get_only(gossip);
    g_autofree char *text = describe(&candidate);

    g_assert_true(ap_key_equal(&candidate.key, key));
    g_assert_cmpuint(candidate.ifindex, ==, 7);
    g_assert_cmpuint(candidate.sources, ==, AP_SOURCE_GOSSIP);
    g_assert_cmpstr(text, ==, expected);
}

static guint
n_candidates(const ApGossip *gossip)
{
    g_autoptr(GArray) list = ap_gossip_list(gossip);

    return list->len;
}

static void
test_a_member_that_a_hub_tells_of(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);

    hear(gossip, &hub, gossip_allowed(&fresh.key, "10.77.0.12/32"));
    hear(gossip, &hub, gossip_allowed(&fresh.key, "fd77::12/128"));
    hear(gossip, &hub, gossip_endpoint(&fresh.key, "192.168.7.12:51820"));
    g_assert_cmpuint(n_candidates(gossip), ==, 0); /* nobody says that it belongs to us */
    hear(gossip, &hub, gossip_member(&fresh.key, ""));
    check_only(gossip, &fresh.key, "fd77::12 10.77.0.12 at 192.168.7.12:51820");
}

static void
test_the_old_form_of_membership(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    const ApFact fact = {.kind = AP_FACT_MEMBER_OLD, .ttl_sec = 255, .subject = fresh.key};

    hear(gossip, &hub, fact);
    g_assert_cmpuint(n_candidates(gossip), ==, 1);
}

static void
test_nobody_makes_itself_a_member(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);

    hear(gossip, &leaf, gossip_member(&leaf.key, "420101"));
    hear(gossip, &leaf, gossip_endpoint(&leaf.key, "192.168.7.12:51820"));
    g_assert_cmpuint(n_candidates(gossip), ==, 0);
}

/* What only the peer itself can know is added to what the hub says. */
static void
test_a_member_speaks_for_itself(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);

    hear(gossip, &hub, gossip_member(&leaf.key, ""));
    hear(gossip, &hub, gossip_allowed(&leaf.key, "10.77.0.12/32"));
    hear(gossip, &hub, gossip_endpoint(&leaf.key, "192.0.2.1:40000"));
    hear(gossip, &leaf, gossip_endpoint(&leaf.key, "192.168.7.12:51820"));
    hear(gossip, &leaf, gossip_member(&leaf.key, "420101"));
    check_only(gossip, &leaf.key, "10.77.0.12 at 192.168.7.12:51820 192.0.2.1:40000 bfd");
}

static void
test_another_version_of_bfd_is_none(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);

    hear(gossip, &hub, gossip_member(&leaf.key, "420102"));
    check_only(gossip, &leaf.key, "at");
}

/* Each mark tells of one loss, however often and by whomever it is told. */
static void
test_a_lost_path_is_doubted_once(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    const struct {
        const GossipNode *teller;
        const char *items;
        gint64 sec, doubted_sec;
    } said[] = {
        {&hub, "", 0, 0},
        {&hub, "420101", 1, 0},
        {&hub, "4201014c0401020304", 20, 20},
        {&hub, "4201014c0401020304", 40, 20},
        {&leaf, "4201014c0401020304", 41, 20},
        {&hub, "4201014c0301020304", 50, 20}, /* no mark of ours */
        {&hub, "4201014c0401020305", 60, 60},
        {&hub, "420101", 80, 60},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
        const ApInstant now = gossip_at(said[i].sec);
        const gint64 doubted = said[i].doubted_sec;
        const ApFact fact = gossip_member(&leaf.key, said[i].items);

        g_test_message("second %" G_GINT64_FORMAT, said[i].sec);
        (void) gossip_hear(gossip, said[i].teller, &own.key, &fact, 1, now);
        g_assert_cmpint(get_only(gossip).doubted_boot_usec,
                        ==,
                        doubted != 0 ? gossip_at(doubted).boot_usec : 0);
    }
}

/* One that may not speak of others cannot make anybody look at their paths. */
static void
test_a_path_of_others_is_not_doubted(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    const ApFact fact = gossip_member(&leaf.key, "4201014c0401020304");

    hear(gossip, &hub, gossip_member(&leaf.key, ""));
    (void) gossip_hear(gossip, &other, &own.key, &fact, 1, gossip_at(20));
    g_assert_cmpint(get_only(gossip).doubted_boot_usec, ==, 0);
}

/* However many endpoints a peer has, one place is left for what others see. */
static void
test_endpoints_have_a_limit(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autoptr(GArray) list = NULL;
    const ApCandidate *candidate;

    hear(gossip, &hub, gossip_member(&leaf.key, ""));
    for (guint i = 0; i < 20; i++) {
        ApFact fact = gossip_endpoint(&leaf.key, "192.168.7.12:51820");

        fact.endpoint.addr.bytes[3] = (guint8) (i + 1);
        hear(gossip, &leaf, fact);
    }
    hear(gossip, &hub, gossip_endpoint(&leaf.key, "203.0.113.1:40000"));
    list = ap_gossip_list(gossip);
    candidate = &g_array_index(list, ApCandidate, 0);
    g_assert_cmpuint(candidate->n_endpoints, ==, AP_CANDIDATE_MAX_ENDPOINTS);
    g_assert_cmpuint(candidate->endpoints[0].addr.bytes[3], ==, 1);
    g_assert_cmpuint(candidate->endpoints[AP_CANDIDATE_MAX_ENDPOINTS - 1].addr.bytes[0], ==, 203);
}

static void
test_addresses_have_a_limit(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autoptr(GArray) list = NULL;

    hear(gossip, &hub, gossip_member(&leaf.key, ""));
    for (guint i = 0; i < 20; i++) {
        ApFact fact = gossip_allowed(&leaf.key, "10.77.0.12/32");

        fact.network.addr.bytes[3] = (guint8) (i + 10);
        hear(gossip, &hub, fact);
    }
    list = ap_gossip_list(gossip);
    g_assert_cmpuint(g_array_index(list, ApCandidate, 0).n_addresses, ==, AP_COORD_MAX_ADDRESSES);
}

static void
test_the_order_of_telling_makes_no_difference(void)
{
    const ApFact facts[] = {
        gossip_member(&leaf.key, ""),
        gossip_endpoint(&leaf.key, "192.168.7.12:51820"),
        gossip_endpoint(&leaf.key, "[fd00::7]:51820"),
        gossip_endpoint(&leaf.key, "203.0.113.1:40000"),
        gossip_allowed(&leaf.key, "10.77.0.12/32"),
        gossip_member(&fresh.key, ""),
    };

    for (guint i = 0; i < 50; i++) {
        g_autoptr(ApGossip) gossip = gossip_new(NULL);
        guint order[G_N_ELEMENTS(facts)] = {0, 1, 2, 3, 4, 5};
        g_autoptr(GArray) list = NULL;

        for (guint k = 0; k < G_N_ELEMENTS(order); k++) {
            const guint with = (guint) g_test_rand_int_range(0, G_N_ELEMENTS(order));
            const guint kept = order[k];

            order[k] = order[with];
            order[with] = kept;
        }
        for (guint k = 0; k < G_N_ELEMENTS(order); k++)
            hear(gossip, &hub, facts[order[k]]);
        list = ap_gossip_list(gossip);
        g_assert_cmpuint(list->len, ==, 2);
        for (guint k = 0; k < 2; k++) {
            const ApCandidate *candidate = &g_array_index(list, ApCandidate, k);
            g_autofree char *text = describe(candidate);

            g_assert_cmpstr(text,
                            ==,
                            ap_key_equal(&candidate->key, &fresh.key)
                                ? "at"
                                : "10.77.0.12 at [fd00::7]:51820 192.168.7.12:51820 "
                                  "203.0.113.1:40000");
        }
    }
}

/* A hub that loses its routes has no say any more, and what it said goes with it. */
static void
test_facts_of_one_that_may_not_say_them_any_more(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autoptr(ApDevice) device = gossip_device_new(&own);

    hear(gossip, &hub, gossip_member(&fresh.key, ""));
    g_assert_cmpuint(n_candidates(gossip), ==, 1);
    gossip_device_add(device, &hub.key, "10.77.0.1/32");
    ap_gossip_set_device(gossip, device, &(ApTrustPolicy){0});
    g_assert_cmpuint(n_candidates(gossip), ==, 0);
}

static void
test_what_we_say_ourselves_makes_no_candidates(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autoptr(GArray) facts = gossip_facts();
    const ApFact fact = gossip_member(&leaf.key, "");

    g_array_append_val(facts, fact);
    ap_gossip_set_own_facts(gossip, facts);
    g_assert_cmpuint(n_candidates(gossip), ==, 0);
}

static ApPeerPolicy *
policy_new(const ApKey *key)
{
    ApPeerPolicy *policy = ap_peer_policy_new(key);
    ApEndpoint endpoint;
    ApCidr network;

    g_assert_true(ap_endpoint_parse(&endpoint, "192.168.7.12:51820", NULL));
    g_array_append_val(policy->endpoints, endpoint);
    g_assert_true(ap_cidr_parse(&network, "10.77.0.12/32", NULL));
    g_array_append_val(policy->allowed, network);
    g_assert_true(ap_cidr_parse(&network, "10.78.0.0/24", NULL));
    g_array_append_val(policy->allowed, network);
    return policy;
}

static void
test_a_configured_peer_needs_nobody_to_name_it(void)
{
    g_autoptr(GPtrArray) policies =
        g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
    g_autoptr(ApGossip) gossip = NULL;

    g_ptr_array_add(policies, policy_new(&fresh.key));
    gossip = gossip_new(policies);
    check_only(gossip, &fresh.key, "10.77.0.12 at 192.168.7.12:51820");
    hear(gossip, &hub, gossip_endpoint(&fresh.key, "203.0.113.1:40000"));
    check_only(gossip, &fresh.key, "10.77.0.12 at 192.168.7.12:51820 203.0.113.1:40000");
}

static void
test_a_basic_peer_has_not_to_gossip(void)
{
    g_autoptr(GPtrArray) policies =
        g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
    g_autoptr(ApGossip) told = gossip_new(NULL);
    g_autoptr(ApGossip) configured = NULL;
    ApPeerPolicy *policy = policy_new(&fresh.key);

    hear(told, &hub, gossip_member(&fresh.key, ""));
    g_assert_true(get_only(told).gossips);
    hear(told, &hub, gossip_member(&fresh.key, "620101"));
    g_assert_false(get_only(told).gossips);

    g_ptr_array_add(policies, policy);
    configured = gossip_new(policies);
    g_assert_true(get_only(configured).gossips);
    policy->is_basic = TRUE;
    g_assert_false(get_only(configured).gossips);
    hear(configured, &hub, gossip_endpoint(&fresh.key, "203.0.113.1:40000"));
    g_assert_false(get_only(configured).gossips);
}

static void
test_names(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autofree char *by_itself = NULL;

    g_assert_null(ap_gossip_name(gossip, &leaf.key));
    hear(gossip, &leaf, gossip_member(&leaf.key, "6e066c6170746f70"));
    by_itself = ap_gossip_name(gossip, &leaf.key);
    g_assert_cmpstr(by_itself, ==, "laptop");
    g_assert_null(ap_gossip_name(gossip, &other.key));
}

static void
test_hub_names_better_than_the_peer_itself(void)
{
    g_autoptr(ApGossip) gossip = gossip_new(NULL);
    g_autofree char *name = NULL;

    hear(gossip, &leaf, gossip_member(&leaf.key, "6e066c6170746f70"));
    hear(gossip, &hub, gossip_member(&leaf.key, "6e077072696e746572"));
    name = ap_gossip_name(gossip, &leaf.key);
    g_assert_cmpstr(name, ==, "printer");
}

/* Only a peer of ours says of itself that it is a member, and only to its hub. */
static void
test_who_is_told_of_a_member_by_itself_is_the_hub(void)
{
    const struct {
        const GossipNode *from;
        ApFact fact;
        gboolean is_hub;
    } cases[] = {
        {&leaf, gossip_endpoint(&leaf.key, "192.168.7.12:51820"), FALSE},
        {&leaf, gossip_member(&leaf.key, "6e066c6170746f70"), FALSE},
        {&hub, gossip_member(&leaf.key, "420101"), FALSE},
        {&leaf, gossip_member(&leaf.key, "420101"), TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApGossip) gossip = gossip_new(NULL);

        g_test_message("case %zu", i);
        hear(gossip, cases[i].from, cases[i].fact);
        g_assert_cmpint(ap_gossip_is_hub(gossip), ==, cases[i].is_hub);
    }
}

static ApCandidate
offered(const ApKey *key, ApSource source, const char *address, const char *endpoint)
{
    ApCandidate candidate = {.ifindex = 7, .key = *key, .sources = source};

    g_assert_true(ap_addr_parse(&candidate.addresses[candidate.n_addresses++], address, NULL));
    g_assert_true(ap_endpoint_parse(&candidate.endpoints[candidate.n_endpoints++], endpoint, NULL));
    return candidate;
}

/* Merges one candidate with another of the same key and describes the result. */
static char *
merged(const ApCandidate *first, const ApCandidate *second, guint *sources)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(ApCandidate));
    g_autoptr(GArray) more = g_array_new(FALSE, FALSE, sizeof(ApCandidate));

    g_array_append_vals(candidates, first, 1);
    g_array_append_vals(more, second, 1);
    ap_candidates_merge(candidates, more);
    g_assert_cmpuint(candidates->len, ==, 1);
    *sources = g_array_index(candidates, ApCandidate, 0).sources;
    return describe(&g_array_index(candidates, ApCandidate, 0));
}

static void
test_two_sources_make_one_candidate(void)
{
    ApCandidate server = offered(&leaf.key, AP_SOURCE_SERVER, "10.77.0.12", "192.168.7.12:1");
    ApCandidate gossip = offered(&leaf.key, AP_SOURCE_GOSSIP, "10.77.0.12", "192.168.7.13:1");
    g_autofree char *both = NULL;
    g_autofree char *left = NULL;
    g_autofree char *gone = NULL;
    guint sources;

    gossip.speaks_bfd = TRUE;
    gossip.doubted_boot_usec = 7;
    both = merged(&server, &gossip, &sources);
    g_assert_cmpstr(both, ==, "10.77.0.12 at 192.168.7.12:1 192.168.7.13:1 bfd doubted");
    g_assert_cmpuint(sources, ==, AP_SOURCE_SERVER | AP_SOURCE_GOSSIP);

    server.withdrawn = TRUE; /* one that the other still names is not gone */
    left = merged(&server, &gossip, &sources);
    g_assert_cmpstr(left, ==, "10.77.0.12 at 192.168.7.13:1 bfd doubted");
    g_assert_cmpuint(sources, ==, AP_SOURCE_GOSSIP);

    gossip.withdrawn = TRUE;
    gone = merged(&server, &gossip, &sources);
    g_assert_cmpstr(gone, ==, "10.77.0.12 at 192.168.7.12:1 withdrawn");
    g_assert_cmpuint(sources, ==, AP_SOURCE_SERVER | AP_SOURCE_GOSSIP);
}

static void
test_candidates_of_one_source_are_added(void)
{
    g_autoptr(GArray) candidates = g_array_new(FALSE, FALSE, sizeof(ApCandidate));
    g_autoptr(GArray) more = g_array_new(FALSE, FALSE, sizeof(ApCandidate));
    const ApCandidate first = offered(&leaf.key, AP_SOURCE_SERVER, "10.77.0.12", "192.0.2.1:1");
    ApCandidate second = offered(&other.key, AP_SOURCE_GOSSIP, "10.77.0.13", "192.0.2.1:1");

    g_array_append_val(candidates, first);
    g_array_append_val(more, second);
    second = first;
    second.ifindex = 8; /* the same peer on another tunnel is another candidate */
    g_array_append_val(more, second);
    ap_candidates_merge(candidates, more);
    g_assert_cmpuint(candidates->len, ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gossip_node_init(&own, 1);
    gossip_node_init(&hub, 2);
    gossip_node_init(&leaf, 3);
    gossip_node_init(&other, 4);
    gossip_node_init(&fresh, 5);
    g_test_add_func("/gossip/candidates/a-member-that-a-hub-tells-of",
                    test_a_member_that_a_hub_tells_of);
    g_test_add_func("/gossip/candidates/the-old-form-of-membership",
                    test_the_old_form_of_membership);
    g_test_add_func("/gossip/candidates/nobody-makes-itself-a-member",
                    test_nobody_makes_itself_a_member);
    g_test_add_func("/gossip/candidates/a-member-speaks-for-itself",
                    test_a_member_speaks_for_itself);
    g_test_add_func("/gossip/candidates/another-version-of-bfd-is-none",
                    test_another_version_of_bfd_is_none);
    g_test_add_func("/gossip/candidates/a-lost-path-is-doubted-once",
                    test_a_lost_path_is_doubted_once);
    g_test_add_func("/gossip/candidates/a-path-of-others-is-not-doubted",
                    test_a_path_of_others_is_not_doubted);
    g_test_add_func("/gossip/candidates/endpoints-have-a-limit", test_endpoints_have_a_limit);
    g_test_add_func("/gossip/candidates/addresses-have-a-limit", test_addresses_have_a_limit);
    g_test_add_func("/gossip/candidates/the-order-of-telling-makes-no-difference",
                    test_the_order_of_telling_makes_no_difference);
    g_test_add_func("/gossip/candidates/facts-of-one-that-may-not-say-them-any-more",
                    test_facts_of_one_that_may_not_say_them_any_more);
    g_test_add_func("/gossip/candidates/what-we-say-ourselves-makes-none",
                    test_what_we_say_ourselves_makes_no_candidates);
    g_test_add_func("/gossip/candidates/a-configured-peer-needs-nobody-to-name-it",
                    test_a_configured_peer_needs_nobody_to_name_it);
    g_test_add_func("/gossip/candidates/a-basic-peer-has-not-to-gossip",
                    test_a_basic_peer_has_not_to_gossip);
    g_test_add_func("/gossip/candidates/names", test_names);
    g_test_add_func("/gossip/candidates/hub-names-better",
                    test_hub_names_better_than_the_peer_itself);
    g_test_add_func("/gossip/candidates/who-is-the-hub",
                    test_who_is_told_of_a_member_by_itself_is_the_hub);
    g_test_add_func("/gossip/candidates/two-sources-make-one", test_two_sources_make_one_candidate);
    g_test_add_func("/gossip/candidates/those-of-one-source-are-added",
                    test_candidates_of_one_source_are_added);
    return g_test_run();
}
