/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path.h"
#include "tests/unit/sim.h"

#include <string.h>
#include <time.h>

/*
 * One host whose device the test moves by hand. Our key is lower than the peer's, so that we
 * are the side that starts; tests of the other side swap them. The tunnel is mute, so that
 * WireGuard's own signs decide; test-plan-bfd.c has the other half.
 */
#define TUNNEL 7
#define LAN 2

typedef struct {
    Sim *sim;
    ApInstant now;
    ApKey own;
    ApKey hub;
    ApKey peer;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    const gboolean is_passive = g_strcmp0(data, "passive") == 0;

    self->sim = sim_new();
    self->now = (ApInstant){.boot_usec = 1000 * AP_USEC_PER_SEC};
    self->own = sim_key(is_passive ? 300 : 10);
    self->hub = sim_key(1);
    self->peer = sim_key(34);
    (void) sim_add_lan(self->sim, LAN, "192.168.77.12/24", "192.168.77.1");
    sim_add_tunnel(self->sim, TUNNEL, &self->own, "10.85.0.2/24");
    sim_set_mute(self->sim, TUNNEL);
    sim_add_peer(self->sim, TUNNEL, &self->hub, "10.85.0.0/24");
}

static void
tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_free(self->sim);
}

static void
pass_msec(Fixture *self, gint64 msec)
{
    self->now.boot_usec += msec * AP_USEC_PER_MSEC;
    self->now.real_usec += msec * AP_USEC_PER_MSEC;
}

static ApDevicePeer *
peer_on(Fixture *self)
{
    return ap_wireguard_fake_peer(self->sim->wireguard, TUNNEL, &self->peer);
}

/* Plans, applies, and expects exactly these changes; then no more at the same instant. */
static void
turn(Fixture *self, const char *expected)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);
    g_autoptr(ApPlan) again = NULL;
    g_autofree char *changes = sim_describe(plan);
    g_autofree char *more = NULL;

    g_test_message("at %" G_GINT64_FORMAT " ms: %s",
                   self->now.boot_usec / AP_USEC_PER_MSEC,
                   changes);
    g_assert_cmpstr(changes, ==, expected);
    g_assert_cmpint(plan->wake_at_boot_usec, >, self->now.boot_usec);

    sim_apply(self->sim, plan, self->now);
    again = sim_plan(self->sim, self->now);
    more = sim_describe(again);
    g_assert_cmpstr(more, ==, "");
}

static void
expect(Fixture *self, ApPathState state, const char *reason)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);
    const ApVerdict *verdict = sim_verdict(plan, TUNNEL, &self->peer);

    g_assert_nonnull(verdict);
    g_assert_cmpstr(ap_reason_name(verdict->reason), ==, reason);
    g_assert_cmpint(verdict->state, ==, state);
}

/* The peer answered our handshake from @endpoint, and then sent one packet more. */
static void
answer(Fixture *self, const char *endpoint)
{
    ApDevicePeer *peer = peer_on(self);

    peer->endpoint = sim_endpoint(endpoint);
    peer->handshake_real_usec = self->now.real_usec + 1;
    peer->rx_bytes += 92 + 32;
    peer->tx_bytes += 148 + 32;
}

static void
offer(Fixture *self)
{
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
}

static void
go_direct(Fixture *self)
{
    offer(self);
    turn(self, "add(probing)");
    answer(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "probe(proven) promote(proven)");
    g_assert_true(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.34/32"));
}

static void
test_path_goes_direct(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(probing)");
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 25);
    g_assert_cmpuint(peer_on(self)->allowed->len, ==, 1);
    expect(self, AP_PATH_PROBING, "probing");

    answer(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "probe(proven) promote(proven)");
    expect(self, AP_PATH_DIRECT, "proven");
    g_assert_true(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.34/32"));
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 25);
}

/* A handshake alone says that the far end answers, not that it has moved. */
static void
test_initiator_waits_for_a_packet(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(probing)");
    answer(self, "192.168.77.34:51820");
    peer_on(self)->rx_bytes = 92;
    pass_msec(self, 20);
    turn(self, "");
    pass_msec(self, 5900);
    turn(self, "");
    pass_msec(self, 200);
    turn(self, "probe(proven) promote(proven)"); /* it never will: other software */
}

static void
test_passive_side_starts_later(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(passive)");
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 0);
    pass_msec(self, 280);
    turn(self, "");
    pass_msec(self, 20);
    turn(self, "probe(probing)");
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 25);
}

static void
test_responder_moves_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(passive)");
    answer(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "promote(proven)");
}

static void
test_waiting_peer_answers(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", NULL);
    turn(self, "add(no-endpoint)");
    g_assert_false(ap_endpoint_is_set(&peer_on(self)->endpoint));
    expect(self, AP_PATH_WAITING, "no-endpoint");

    answer(self, "192.168.77.34:40001");
    pass_msec(self, 5000);
    turn(self, "promote(proven)");
}

static void
test_handshake_from_elsewhere_proves_nothing(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(probing)");
    answer(self, "198.51.100.7:51820");
    pass_msec(self, 20);
    turn(self, "");
    g_assert_false(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.34/32"));
}

static void
test_every_endpoint_is_tried_then_backed_off(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApCandidate *candidate =
        sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    gint64 pause;

    candidate->endpoints[candidate->n_endpoints++] = sim_endpoint("198.51.100.7:51820");
    candidate->endpoints[candidate->n_endpoints++] = sim_endpoint("192.168.77.35:51820");
    self->sim->policy->scope = AP_SCOPE_ANY;

    turn(self, "add(probing)");
    pass_msec(self, 1000);
    turn(self, "remove(no-handshake) add(probing)");
    g_assert_true(ap_endpoint_equal(&peer_on(self)->endpoint, &candidate->endpoints[2]));
    pass_msec(self, 1000);
    turn(self, "remove(no-handshake) add(probing)");
    g_assert_true(ap_endpoint_equal(&peer_on(self)->endpoint, &candidate->endpoints[1]));
    pass_msec(self, 2900);
    turn(self, "");
    pass_msec(self, 100);
    turn(self, "remove(no-answer) add(no-answer)");
    g_assert_false(ap_endpoint_is_set(&peer_on(self)->endpoint));
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 0);

    pause = g_array_index(self->sim->paths, ApPath, 0).not_before_boot_usec - self->now.boot_usec;
    g_assert_cmpint(pause, >=, 4 * AP_USEC_PER_SEC);
    g_assert_cmpint(pause, <=, 6 * AP_USEC_PER_SEC);
    pass_msec(self, pause / AP_USEC_PER_MSEC + 1);
    turn(self, "remove(probing) add(probing)");
}

static const struct {
    const char *name;
    gint64 age_sec; /* since the server heard of the peer; less than 0: not told */
    ApPresence presence;
} silence_cases[] = {
    {"no-answer", -1, AP_PRESENCE_UNKNOWN},
    {"no-answer", 0, AP_PRESENCE_THERE},
    {"no-answer", 58, AP_PRESENCE_UNKNOWN},
    {"no-neighbour", -1, AP_PRESENCE_ABSENT},
    {"no-neighbour", 58, AP_PRESENCE_ABSENT},
    {"peer-offline", 59, AP_PRESENCE_ABSENT}, /* 60 by the end of the try */
    {"peer-offline", 600, AP_PRESENCE_THERE},
};

static void
expect_silence(Fixture *self, guint i)
{
    const ApLanHost host = {sim_addr("192.168.77.34"), silence_cases[i].presence};
    const ApVerdict *verdict;
    g_autoptr(ApPlan) plan = NULL;

    offer(self);
    if (silence_cases[i].age_sec >= 0)
        g_array_index(self->sim->candidates, ApCandidate, 0).seen_boot_usec =
            self->now.boot_usec - silence_cases[i].age_sec * AP_USEC_PER_SEC;
    g_array_append_val(self->sim->hosts, host);
    turn(self, "add(probing)");
    peer_on(self)->tx_bytes = 148;
    pass_msec(self, 1000);

    plan = sim_plan(self->sim, self->now);
    verdict = sim_verdict(plan, TUNNEL, &self->peer);
    g_assert_cmpstr(ap_reason_name(verdict->reason), ==, silence_cases[i].name);
    g_assert_cmpint(verdict->trial.presence, ==, silence_cases[i].presence);
    g_assert_cmpuint(verdict->trial.tx_bytes, ==, 148);
    g_assert_cmpuint(verdict->trial.rx_bytes, ==, 0);
    g_assert_cmpint(verdict->trial.began_boot_usec, ==, self->now.boot_usec - AP_USEC_PER_SEC);
    g_assert_true(ap_addr_equal(&verdict->trial.endpoint.addr, &host.addr));
}

/* A round that met nobody says what can be known of why, with what was sent and came back. */
static void
test_silence_has_a_reason(Fixture *self, gconstpointer data)
{
    for (guint i = 0; i < G_N_ELEMENTS(silence_cases); i++) {
        g_test_message("case %u: %s", i, silence_cases[i].name);
        tear_down(self, data);
        set_up(self, data);
        expect_silence(self, i);
    }
}

/* One of two addresses answers for somebody: the peer is not gone from the LAN. */
static void
test_one_address_that_is_there_is_enough(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApLanHost hosts[] = {{sim_addr("192.168.77.34"), AP_PRESENCE_THERE},
                               {sim_addr("192.168.77.35"), AP_PRESENCE_ABSENT}};
    ApCandidate *candidate;

    offer(self);
    candidate = &g_array_index(self->sim->candidates, ApCandidate, 0);
    candidate->endpoints[candidate->n_endpoints++] = sim_endpoint("192.168.77.35:51820");
    g_array_append_vals(self->sim->hosts, hosts, G_N_ELEMENTS(hosts));
    turn(self, "add(probing)");
    pass_msec(self, 1000);
    turn(self, "remove(no-handshake) add(probing)");
    pass_msec(self, 1000);
    turn(self, "remove(no-answer) add(no-answer)");
}

static void
test_new_endpoint_ends_a_back_off(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(probing)");
    pass_msec(self, 1000);
    turn(self, "remove(no-answer) add(no-answer)");
    pass_msec(self, 10);
    turn(self, "");
    g_array_index(self->sim->candidates, ApCandidate, 0).endpoints[0].port = 40002;
    turn(self, "remove(probing) add(probing)");
}

static void
test_resync_ends_a_back_off(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    offer(self);
    turn(self, "add(probing)");
    pass_msec(self, 1000);
    turn(self, "remove(no-answer) add(no-answer)");
    ap_path_clear_backoff(&g_array_index(self->sim->paths, ApPath, 0));
    turn(self, "remove(probing) add(probing)");
}

/* Mistake 3 of the existing client: the port flaps, and the peer is gone for good. */
static void
test_flapping_port_leaves_a_direct_peer_alone(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    for (guint i = 0; i < 20; i++) {
        g_array_index(self->sim->candidates, ApCandidate, 0).endpoints[0].port =
            (guint16) (40000 + i % 2);
        pass_msec(self, 1000);
        turn(self, "");
    }
}

static void
test_silent_peer_falls_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 1000);
    peer_on(self)->tx_bytes += 128 * 10;
    turn(self, "");
    pass_msec(self, 14000);
    turn(self, "");
    pass_msec(self, 1000);
    turn(self, "remove(silent)");
    expect(self, AP_PATH_WAITING, "silent");
    pass_msec(self, 4999);
    turn(self, "");
    pass_msec(self, 1);
    turn(self, "add(probing)");
}

/* Nothing but the counters tells that it died. */
static void
test_quiet_path_is_looked_at(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(ApPlan) plan = NULL;

    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "");
    plan = sim_plan(self->sim, self->now);
    g_assert_cmpint(plan->wake_at_boot_usec - self->now.boot_usec, ==, 15 * AP_USEC_PER_SEC);
}

static void
test_keepalives_are_no_traffic(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    for (guint second = 1; second < 170; second++) {
        pass_msec(self, 1000);
        if (second % 25 == 0)
            peer_on(self)->tx_bytes += 32;
        turn(self, "");
    }
}

static void
test_session_must_be_renewed(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    for (guint second = 1; second < 180; second++) {
        pass_msec(self, 1000);
        peer_on(self)->tx_bytes += 100;
        peer_on(self)->rx_bytes += 100;
        turn(self, "");
    }
    pass_msec(self, 1000);
    turn(self, "remove(handshake-old)");
}

static void
test_far_end_that_started_anew_is_told(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    peer_on(self)->handshake_real_usec = self->now.real_usec;
    peer_on(self)->rx_bytes += 148;
    turn(self, "probe(proven) probe(proven)");
    g_assert_cmpuint(peer_on(self)->keepalive_sec, ==, 25);
}

static void
test_roamed_peer_falls_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 1000);
    peer_on(self)->endpoint = sim_endpoint("198.51.100.7:40001");
    turn(self, "remove(roamed)");
}

static void
test_hold_down_doubles(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    for (guint i = 0; i < 10; i++) {
        const gint64 pause_sec = MIN(5 << i, 600);

        peer_on(self)->endpoint = sim_endpoint("198.51.100.7:40001");
        turn(self, "remove(roamed)");
        pass_msec(self, pause_sec * 1000 - 1);
        turn(self, "");
        pass_msec(self, 1);
        turn(self, "add(probing)");
        answer(self, "192.168.77.34:51820");
        pass_msec(self, 20);
        turn(self, "probe(proven) promote(proven)");
    }
}

static void
test_wiped_peer_comes_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    ap_wireguard_fake_remove_peer(self->sim->wireguard, TUNNEL, &self->peer);
    pass_msec(self, 1000);
    turn(self, "add(probing)");
    answer(self, "192.168.77.34:51820");
    peer_on(self)->rx_bytes = 92; /* the far end is direct still: no nod is needed */
    pass_msec(self, 20);
    turn(self, "probe(proven) promote(proven)");
}

static void
test_edited_peer_is_given_up(Fixture *self, gconstpointer data)
{
    const gboolean with_psk = g_strcmp0(data, "psk") == 0;
    const ApCidr network = sim_cidr("10.99.0.0/24");

    go_direct(self);
    if (with_psk)
        peer_on(self)->has_psk = TRUE;
    else
        g_array_append_val(peer_on(self)->allowed, network);
    turn(self, "");
    expect(self, AP_PATH_WAITING, "taken-over");
    g_assert_cmpuint(self->sim->owned->len, ==, 0);

    /* Removed by its new owner: not added again for ten minutes. */
    ap_wireguard_fake_remove_peer(self->sim->wireguard, TUNNEL, &self->peer);
    pass_msec(self, 599000);
    turn(self, "");
    pass_msec(self, 1000);
    turn(self, "add(probing)");
}

/* An administrator gives our peer's address to one of his own (T16). */
static void
test_address_taken_later_is_given_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey colleague = sim_key(40);

    go_direct(self);
    sim_add_peer(self->sim, TUNNEL, &colleague, "10.85.0.34/32");
    turn(self, "remove(address-none)");
    g_assert_true(sim_holds(self->sim, TUNNEL, &colleague, "10.85.0.34/32"));
}

static void
test_one_address_taken_leaves_the_other(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey colleague = sim_key(40);
    ApCandidate *candidate;

    offer(self);
    candidate = &g_array_index(self->sim->candidates, ApCandidate, 0);
    candidate->addresses[candidate->n_addresses++] = sim_addr("10.85.0.35");
    turn(self, "add(probing)");
    answer(self, "192.168.77.34:51820");
    turn(self, "probe(proven) promote(proven)");
    sim_add_peer(self->sim, TUNNEL, &colleague, "10.85.0.34/32");
    turn(self, "");
    g_assert_true(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.35/32"));

    /* Not offered any more: it leaves the peer, and the peer stays. */
    candidate = &g_array_index(self->sim->candidates, ApCandidate, 0);
    candidate->addresses[0] = sim_addr("10.85.0.36");
    candidate->n_addresses = 1;
    turn(self, "demote(proven) promote(proven)");
    g_assert_true(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.36/32"));
    g_assert_false(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.35/32"));
}

static void
test_withdrawn_peer_leaves(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    g_array_index(self->sim->candidates, ApCandidate, 0).withdrawn = TRUE;
    g_array_index(self->sim->candidates, ApCandidate, 0).why = AP_REASON_GONE;
    turn(self, "remove(gone)");
    g_assert_cmpuint(self->sim->owned->len, ==, 0);
}

static void
test_unknown_leftover_is_removed(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    g_array_set_size(self->sim->candidates, 0);
    g_array_set_size(self->sim->paths, 0); /* another helper did all that */
    turn(self, "remove(not-offered)");
}

static void
test_offered_leftover_is_made_anew(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    g_array_set_size(self->sim->paths, 0);
    turn(self, "remove(network-changed) add(probing)");
    g_assert_false(sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.34/32"));
}

static void
test_disabled_removes_everything(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    self->sim->policy->enabled = FALSE;
    turn(self, "remove(disabled)");
}

static void
test_another_network_starts_over(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApLink *lan = g_ptr_array_index(self->sim->links, 0);

    go_direct(self);
    lan->route4.gateway = sim_addr("192.168.77.254");
    turn(self, "remove(network-changed) add(probing)");
}

static void
test_lost_link_removes_everything(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    ((ApLink *) g_ptr_array_index(self->sim->links, 0))->running = FALSE;
    turn(self, "remove(roamed)");
    expect(self, AP_PATH_WAITING, "no-uplink");
}

/* decisions.md 14 */
static void
test_lost_gateway_keeps_what_is_proven(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey other = sim_key(35);
    ApLink *lan = g_ptr_array_index(self->sim->links, 0);

    go_direct(self);
    lan->route4.gateway = (ApAddr){0};
    (void) sim_offer(self->sim, TUNNEL, &other, "10.85.0.35", "192.168.77.35:51820");
    pass_msec(self, 1000);
    turn(self, "");
    expect(self, AP_PATH_DIRECT, "proven");

    lan->route4.gateway = sim_addr("192.168.77.1");
    pass_msec(self, 1000);
    turn(self, "add(probing)"); /* the other one */
    expect(self, AP_PATH_DIRECT, "proven");
}

static void
test_new_device_key_starts_everything_anew(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey new_key = sim_key(11);

    go_direct(self);
    ap_wireguard_fake_set_key(self->sim->wireguard, TUNNEL, &new_key);
    turn(self, "remove(network-changed) add(probing)");
    expect(self, AP_PATH_PROBING, "probing");
    g_assert_cmpuint(self->sim->owned->len, ==, 1);
    g_assert_true(ap_key_equal(&g_array_index(self->sim->owned, ApOwned, 0).device_key, &new_key));
}

static void
test_lost_device_is_reported(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    ap_wireguard_fake_remove_device(self->sim->wireguard, TUNNEL);
    g_array_set_size(self->sim->candidates, 0);
    {
        g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);

        g_assert_cmpuint(plan->changes->len, ==, 0);
        g_assert_cmpint(sim_verdict(plan, TUNNEL, &self->peer)->reason,
                        ==,
                        AP_REASON_NETWORK_CHANGED);
    }
    turn(self, "");
}

static void
test_limit_keeps_the_direct_ones(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey lower = sim_key(20);
    const ApKey higher = sim_key(50);

    go_direct(self);
    self->sim->policy->max_peers = 2;
    (void) sim_offer(self->sim, TUNNEL, &higher, "10.85.0.50", NULL);
    (void) sim_offer(self->sim, TUNNEL, &lower, "10.85.0.20", NULL);
    turn(self, "add(no-endpoint)");
    g_assert_nonnull(ap_wireguard_fake_peer(self->sim->wireguard, TUNNEL, &lower));
    expect(self, AP_PATH_DIRECT, "proven");
}

static guint
count_verdicts(const ApPlan *plan, const char *reason)
{
    guint n = 0;

    for (guint i = 0; i < plan->verdicts->len; i++)
        n +=
            strcmp(ap_reason_name(g_array_index(plan->verdicts, ApVerdict, i).reason), reason) == 0;
    return n;
}

static void
test_starts_are_rationed(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    guint n_initiated = 0;

    for (guint i = 0; i < 100; i++) {
        const ApKey key = sim_key(40 + i);
        g_autofree char *address = g_strdup_printf("10.85.0.%u", 40 + i);
        g_autofree char *endpoint = g_strdup_printf("192.168.77.%u:51820", 40 + i);

        (void) sim_offer(self->sim, TUNNEL, &key, address, endpoint);
    }
    for (guint msec = 0; msec < 5000; msec += 20) {
        g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);
        guint n_now = 0;

        for (guint i = 0; i < plan->changes->len; i++) {
            const ApChange *change = &g_array_index(plan->changes, ApChange, i);

            if (change->kind == AP_CHANGE_ADD_PEER && change->peer.keepalive_sec != 0)
                n_now++;
        }
        g_assert_cmpuint(n_now, <=, 10);
        if (msec == 0)
            g_assert_cmpuint(count_verdicts(plan, "new"), ==, 90);
        n_initiated += n_now;
        sim_apply(self->sim, plan, self->now);
        pass_msec(self, 20);
    }
    g_assert_cmpuint(n_initiated, <=, 64);
    g_assert_cmpuint(n_initiated, >, 50);
}

static void
test_nothing_owned_sleeps(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);

    g_assert_cmpint(plan->wake_at_boot_usec, ==, AP_NEVER);
    g_assert_cmpuint(plan->changes->len, ==, 0);
}

/* 10,000 configured peers, 256 candidates: the time is printed, and bound only loosely. */
static void
test_large_device(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const guint n_turns = 20;
    ApWorld world;
    clock_t began;

    ap_wireguard_fake_remove_peer(self->sim->wireguard, TUNNEL, &self->hub);
    sim_add_peer(self->sim, TUNNEL, &self->hub, "10.0.0.0/8,fd85::/48");
    for (guint i = 0; i < 10000; i++) {
        const ApKey key = sim_key(1000 + i);
        g_autofree char *allowed =
            g_strdup_printf("10.9.%u.%u/32,fd85::9:%x/128", i / 250, i % 250 + 1, i);

        sim_add_peer(self->sim, TUNNEL, &key, allowed);
    }
    for (guint i = 0; i < 256; i++) {
        const ApKey key = sim_key(20000 + i);
        g_autofree char *address = g_strdup_printf("10.85.1.%u", i);
        g_autofree char *endpoint = g_strdup_printf("192.168.77.%u:51820", i);
        ApCandidate *candidate = sim_offer(self->sim, TUNNEL, &key, address, endpoint);

        for (guint j = 1; j < AP_CANDIDATE_MAX_ENDPOINTS; j++) {
            candidate->endpoints[j] = candidate->endpoints[0];
            candidate->endpoints[j].port = (guint16) (40000 + j);
        }
        candidate->n_endpoints = AP_CANDIDATE_MAX_ENDPOINTS;
    }

    world = sim_read(self->sim);
    began = clock();
    for (guint i = 0; i < n_turns; i++) {
        g_autoptr(ApPlan) plan = ap_plan_make(&world, self->sim->policy, self->now);

        g_assert_cmpuint(plan->verdicts->len, ==, 256);
    }
    /* Processor time: other work on the machine is not ours to measure. */
    const double msec = 1000.0 * (double) (clock() - began) / CLOCKS_PER_SEC / n_turns;
    g_test_message("%.2f ms a plan", msec);
    g_assert_cmpfloat(msec, <, 200);
}

#define ADD(path, data, test) g_test_add(path, Fixture, data, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/plan/path-goes-direct", NULL, test_path_goes_direct);
    ADD("/plan/initiator-waits-for-a-packet", NULL, test_initiator_waits_for_a_packet);
    ADD("/plan/passive-side-starts-later", "passive", test_passive_side_starts_later);
    ADD("/plan/responder-moves-at-once", "passive", test_responder_moves_at_once);
    ADD("/plan/waiting-peer-answers", NULL, test_waiting_peer_answers);
    ADD("/plan/handshake-from-elsewhere", NULL, test_handshake_from_elsewhere_proves_nothing);
    ADD("/plan/every-endpoint-is-tried", NULL, test_every_endpoint_is_tried_then_backed_off);
    ADD("/plan/silence-has-a-reason", NULL, test_silence_has_a_reason);
    ADD("/plan/one-address-that-is-there-is-enough",
        NULL,
        test_one_address_that_is_there_is_enough);
    ADD("/plan/new-endpoint-ends-a-back-off", NULL, test_new_endpoint_ends_a_back_off);
    ADD("/plan/resync-ends-a-back-off", NULL, test_resync_ends_a_back_off);
    ADD("/plan/flapping-port", NULL, test_flapping_port_leaves_a_direct_peer_alone);
    ADD("/plan/silent-peer-falls-back", NULL, test_silent_peer_falls_back);
    ADD("/plan/quiet-path-is-looked-at", NULL, test_quiet_path_is_looked_at);
    ADD("/plan/keepalives-are-no-traffic", NULL, test_keepalives_are_no_traffic);
    ADD("/plan/session-must-be-renewed", NULL, test_session_must_be_renewed);
    ADD("/plan/far-end-that-started-anew-is-told", NULL, test_far_end_that_started_anew_is_told);
    ADD("/plan/roamed-peer-falls-back", NULL, test_roamed_peer_falls_back);
    ADD("/plan/hold-down-doubles", NULL, test_hold_down_doubles);
    ADD("/plan/wiped-peer-comes-back", NULL, test_wiped_peer_comes_back);
    ADD("/plan/edited-peer-is-given-up", NULL, test_edited_peer_is_given_up);
    ADD("/plan/peer-with-psk-is-given-up", "psk", test_edited_peer_is_given_up);
    ADD("/plan/address-taken-later", NULL, test_address_taken_later_is_given_back);
    ADD("/plan/one-address-taken", NULL, test_one_address_taken_leaves_the_other);
    ADD("/plan/withdrawn-peer-leaves", NULL, test_withdrawn_peer_leaves);
    ADD("/plan/unknown-leftover-is-removed", NULL, test_unknown_leftover_is_removed);
    ADD("/plan/offered-leftover-is-made-anew", NULL, test_offered_leftover_is_made_anew);
    ADD("/plan/disabled-removes-everything", NULL, test_disabled_removes_everything);
    ADD("/plan/another-network-starts-over", NULL, test_another_network_starts_over);
    ADD("/plan/lost-link-removes-everything", NULL, test_lost_link_removes_everything);
    ADD("/plan/lost-gateway", NULL, test_lost_gateway_keeps_what_is_proven);
    ADD("/plan/new-device-key-starts-everything-anew",
        NULL,
        test_new_device_key_starts_everything_anew);
    ADD("/plan/lost-device-is-reported", NULL, test_lost_device_is_reported);
    ADD("/plan/limit-keeps-the-direct-ones", NULL, test_limit_keeps_the_direct_ones);
    ADD("/plan/starts-are-rationed", NULL, test_starts_are_rationed);
    ADD("/plan/nothing-owned-sleeps", NULL, test_nothing_owned_sleeps);
    ADD("/plan/large-device", NULL, test_large_device);
    return g_test_run();
}
