/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/publish.h"
#include "tests/unit/sim.h"

#define TUNNEL 7

/* What the test's server is like. */
static ApServerNews news;

static ApServerNews
tell(guint32 ifindex, gpointer user_data)
{
    g_assert_cmpuint(ifindex, ==, TUNNEL);
    g_assert_null(user_data);
    return news;
}

static Sim *
make_sim(void)
{
    Sim *sim = sim_new();
    const ApKey own = sim_key(10), hub = sim_key(1), friend = sim_key(2);

    (void) sim_add_lan(sim, 2, "192.168.77.12/24", "192.168.77.1");
    sim_add_tunnel(sim, TUNNEL, &own, "10.85.0.2/24");
    sim_add_peer(sim, TUNNEL, &hub, "10.85.0.0/24,0.0.0.0/0");
    sim_add_peer(sim, TUNNEL, &friend, "10.85.0.77/32,172.16.5.0/24");
    return sim;
}

/* What the test's gossip says of everybody and everything. */
static const char *told_name;
static gboolean is_hub;

static char *
tell_name(guint32 ifindex, const ApKey *key, gpointer user_data)
{
    g_assert_cmpuint(ifindex, ==, TUNNEL);
    g_assert_true(ap_key_is_safe(key));
    g_assert_null(user_data);
    return g_strdup(told_name);
}

static gboolean
tell_hub(guint32 ifindex, gpointer user_data)
{
    g_assert_cmpuint(ifindex, ==, TUNNEL);
    g_assert_null(user_data);
    return is_hub;
}

static ApView *
publish(Sim *sim, ApInstant now)
{
    const ApPublishSources sources = {.news = tell, .name = tell_name, .is_hub = tell_hub};
    g_autoptr(ApPlan) plan = sim_plan(sim, now);
    const ApWorld world = sim_read(sim);

    return ap_publish_view(&world, plan, sim->policy, &sources, now);
}

static const ApInstant now = {.boot_usec = 1000 * AP_USEC_PER_SEC,
                              .real_usec = 5000 * AP_USEC_PER_SEC};

static void
test_tunnel_tells_how_its_server_is(void)
{
    static const ApServerNews cases[] = {
        {AP_REASON_NONE, "", 40000},
        {AP_REASON_NO_SERVER, "refused", 0},
        {AP_REASON_SERVER_ERROR, "status 500", 40000},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Sim) sim = make_sim();
        g_autoptr(ApView) view = NULL;
        const ApTunnelView *tunnel;
        const ApReason expected =
            cases[i].reason != AP_REASON_NONE ? cases[i].reason : AP_REASON_MANAGED;

        news = cases[i];
        view = publish(sim, now);
        tunnel = &g_array_index(view->tunnels, ApTunnelView, 0);
        g_test_message("case %zu", i);
        g_assert_true(tunnel->managed);
        g_assert_cmpstr(ap_reason_name(tunnel->reason), ==, ap_reason_name(expected));
        g_assert_cmpstr(tunnel->last_error, ==, cases[i].error);
        g_assert_cmpint(tunnel->hub_rtt_usec, ==, cases[i].hub_rtt_usec);
    }
}

/* Neither a default route nor a single host tells which tunnel an address is of. */
static void
test_tunnel_tells_its_networks(void)
{
    g_autoptr(Sim) sim = make_sim();
    g_autoptr(ApView) view = NULL;
    const ApTunnelView *tunnel;
    static const char *const networks[] = {"10.85.0.0/24", "172.16.5.0/24"};

    news = (ApServerNews){.error = ""};
    view = publish(sim, now);
    tunnel = &g_array_index(view->tunnels, ApTunnelView, 0);
    g_assert_cmpuint(tunnel->n_routes, ==, G_N_ELEMENTS(networks));
    for (guint i = 0; i < tunnel->n_routes; i++) {
        gboolean found = FALSE;

        for (gsize k = 0; k < G_N_ELEMENTS(networks); k++) {
            const ApCidr network = sim_cidr(networks[k]);

            found |= ap_cidr_equal(&network, &tunnel->routes[i]);
        }
        g_assert_true(found);
    }
}

static void
test_peer_tells_what_is_known(void)
{
    g_autoptr(Sim) sim = make_sim();
    g_autoptr(ApView) view = NULL;
    const ApKey key = sim_key(34);
    ApCandidate *candidate = sim_offer(sim, TUNNEL, &key, "10.85.0.34", "192.168.77.34:51820");
    ApProof *proof = sim_proof(sim, TUNNEL, &key);
    const ApPeerView *peer;

    candidate->seen_boot_usec = now.boot_usec - 7 * AP_USEC_PER_SEC;
    candidate->relay_rtt_usec = 82000;
    proof->heard_boot_usec = now.boot_usec - 3 * AP_USEC_PER_SEC;
    proof->rtt_usec = 420;
    proof->tx_bytes = 100;
    proof->rx_bytes = 200;
    news = (ApServerNews){.error = ""};
    view = publish(sim, now);
    g_assert_cmpuint(view->peers->len, ==, 1);
    peer = &g_array_index(view->peers, ApPeerView, 0);
    g_assert_cmpint(peer->tried_real_usec, ==, now.real_usec);
    g_assert_cmpint(peer->seen_real_usec, ==, now.real_usec - 7 * AP_USEC_PER_SEC);
    g_assert_cmpint(peer->heard_real_usec, ==, now.real_usec - 3 * AP_USEC_PER_SEC);
    g_assert_cmpint(peer->rtt_usec, ==, 420);
    g_assert_cmpint(peer->relay_rtt_usec, ==, 82000);
    g_assert_cmpuint(peer->proof_tx_bytes, ==, 100);
    g_assert_cmpuint(peer->proof_rx_bytes, ==, 200);
}

static void
test_names_of_the_files_come_before_those_told(void)
{
    static const struct {
        const char *configured, *told, *name;
    } cases[] = {
        {"", NULL, ""},
        {"", "anna", "anna"},
        {"", " anna ", "anna"},
        {"", "  ", ""},
        {"printer", NULL, "printer"},
        {"printer", "anna", "printer"},
    };
    const ApKey key = sim_key(34);

    news = (ApServerNews){.error = ""};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Sim) sim = make_sim();
        ApTunnelPolicy *entry = ap_policy_add_tunnel(sim->policy, "wg7");
        g_autoptr(ApView) view = NULL;

        (void) g_strlcpy(ap_tunnel_policy_get_peer(entry, &key)->name,
                         cases[i].configured,
                         AP_PEER_NAME_MAX + 1);
        (void) sim_offer(sim, TUNNEL, &key, "10.85.0.34", NULL);
        told_name = cases[i].told;
        view = publish(sim, now);
        told_name = NULL;
        g_test_message("case %zu", i);
        g_assert_cmpuint(view->peers->len, ==, 1);
        g_assert_cmpstr(g_array_index(view->peers, ApPeerView, 0).name, ==, cases[i].name);
    }
}

/* What a hub's device has is also what one has that lacks its hub. */
static void
test_hub_is_told_from_a_tunnel_without_one(void)
{
    static const struct {
        const char *allowed;
        gboolean gossip, is_hub;
        ApReason reason;
    } cases[] = {
        {"10.85.0.2/32", TRUE, TRUE, AP_REASON_IS_HUB},
        {"10.85.0.2/32", TRUE, FALSE, AP_REASON_NO_HUB},
        {"10.85.0.2/32", FALSE, TRUE, AP_REASON_NO_HUB},
        {"10.85.0.0/24", TRUE, TRUE, AP_REASON_NO_SERVER},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Sim) sim = sim_new();
        const ApKey own = sim_key(10), peer = sim_key(1);
        g_autoptr(ApView) view = NULL;

        (void) sim_add_lan(sim, 2, "192.168.77.12/24", "192.168.77.1");
        sim_add_tunnel(sim, TUNNEL, &own, "10.85.0.1/24");
        sim_add_peer(sim, TUNNEL, &peer, cases[i].allowed);
        sim->policy->gossip = cases[i].gossip;
        news = (ApServerNews){.reason = AP_REASON_NO_SERVER, .error = ""};
        (void) ap_tunnel_policy_get_peer(ap_policy_add_tunnel(sim->policy, "wg7"), &peer);
        (void) sim_offer(sim, TUNNEL, &peer, "10.85.0.2", NULL);
        is_hub = cases[i].is_hub;
        view = publish(sim, now);
        is_hub = FALSE;
        g_test_message("case %zu", i);
        g_assert_cmpstr(ap_reason_name(g_array_index(view->tunnels, ApTunnelView, 0).reason),
                        ==,
                        ap_reason_name(cases[i].reason));
        g_assert_cmpuint(view->peers->len, ==, cases[i].reason == AP_REASON_IS_HUB ? 0 : 1);
    }
}

/* A server that says the same again makes no news. */
static void
test_grounds_are_no_change(void)
{
    g_autoptr(Sim) sim = make_sim();
    const ApKey key = sim_key(34);
    ApCandidate *candidate = sim_offer(sim, TUNNEL, &key, "10.85.0.34", NULL);
    g_autoptr(ApView) before = NULL;
    g_autoptr(ApView) after = NULL;

    news = (ApServerNews){.error = "", .hub_rtt_usec = 40000};
    before = publish(sim, now);
    candidate->seen_boot_usec = now.boot_usec;
    candidate->relay_rtt_usec = 1;
    news.hub_rtt_usec = 41000;
    after = publish(sim, now);
    g_assert_true(ap_view_equal(before, after));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/publish/server", test_tunnel_tells_how_its_server_is);
    g_test_add_func("/publish/networks", test_tunnel_tells_its_networks);
    g_test_add_func("/publish/peer", test_peer_tells_what_is_known);
    g_test_add_func("/publish/names", test_names_of_the_files_come_before_those_told);
    g_test_add_func("/publish/hub", test_hub_is_told_from_a_tunnel_without_one);
    g_test_add_func("/publish/grounds-are-no-change", test_grounds_are_no_change);
    return g_test_run();
}
