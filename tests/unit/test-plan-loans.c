/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which peers of others get an address for gossip, and when they lose it. */

#include "tests/unit/sim.h"

#define TUNNEL 7
#define TUNNEL_NAME "wg7"

typedef struct {
    Sim *sim;
    ApInstant now;
    ApKey own;
    ApKey first;
    ApKey second;
} Fixture;

static void
set_up(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->sim = sim_new();
    self->sim->policy->gossip = TRUE;
    self->now = (ApInstant){.boot_usec = 1000 * AP_USEC_PER_SEC};
    self->own = sim_key(10);
    self->first = sim_key(1);
    self->second = sim_key(2);
    (void) sim_add_lan(self->sim, 2, "192.168.77.12/24", "192.168.77.1");
}

static void
tear_down(Fixture *self, gconstpointer unused)
{
    (void) unused;
    sim_free(self->sim);
}

static gboolean
has_loan(Fixture *self, const ApKey *key)
{
    const ApAddr addr = ap_key_link_local(key);
    const ApCidr host = ap_cidr_host(&addr);
    char text[AP_CIDR_TEXT_LEN];

    ap_cidr_to_text(&host, text);
    return sim_holds(self->sim, TUNNEL, key, text);
}

static gboolean
has_own_address(Fixture *self)
{
    const ApAddr own = ap_key_link_local(&self->own);

    return sim_has_address(self->sim, TUNNEL, &own);
}

/* Plans and applies; a second plan has nothing more to do. */
static void
turn(Fixture *self)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);
    g_autoptr(ApPlan) again = NULL;

    sim_apply(self->sim, plan, self->now);
    again = sim_plan(self->sim, self->now);
    g_assert_cmpuint(again->loans->len, ==, 0);
    g_assert_cmpuint(again->addresses->len, ==, 0);
    g_assert_cmpuint(again->changes->len, ==, 0);
}

static void
make_leaf(Fixture *self)
{
    sim_add_tunnel(self->sim, TUNNEL, &self->own, "10.85.0.2/24");
    sim_add_peer(self->sim, TUNNEL, &self->first, "10.85.0.0/24");
    sim_add_peer(self->sim, TUNNEL, &self->second, "10.86.0.0/24");
}

static void
make_hub(Fixture *self)
{
    sim_add_tunnel(self->sim, TUNNEL, &self->own, "10.85.0.1/24");
    sim_add_peer(self->sim, TUNNEL, &self->first, "10.85.0.2/32");
    sim_add_peer(self->sim, TUNNEL, &self->second, "10.85.0.3/32");
}

static void
test_leaf_lends_to_its_hub_alone(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_leaf(self);
    turn(self);
    g_assert_true(has_loan(self, &self->first));
    g_assert_false(has_loan(self, &self->second));
    g_assert_true(has_own_address(self));
}

static void
test_configured_peer_gets_one_too(Fixture *self, gconstpointer unused)
{
    ApTunnelPolicy *entry;

    (void) unused;
    make_leaf(self);
    entry = ap_policy_add_tunnel(self->sim->policy, TUNNEL_NAME);
    (void) ap_tunnel_policy_get_peer(entry, &self->second);
    turn(self);
    g_assert_true(has_loan(self, &self->second));

    ap_tunnel_policy_get_peer(entry, &self->second)->is_basic = TRUE;
    turn(self);
    g_assert_false(has_loan(self, &self->second));
}

static void
test_hub_lends_to_all(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_hub(self);
    turn(self);
    g_assert_true(has_loan(self, &self->first));
    g_assert_true(has_loan(self, &self->second));
    g_assert_true(has_own_address(self));
}

static void
test_without_gossip_nothing_is_touched(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->sim->policy->gossip = FALSE;
    make_hub(self);
    turn(self);
    g_assert_false(has_loan(self, &self->first));
    g_assert_false(has_own_address(self));
}

static void
test_tunnel_has_its_own_say(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_leaf(self);
    ap_policy_add_tunnel(self->sim->policy, TUNNEL_NAME)->gossip = AP_MANAGE_NO;
    turn(self);
    g_assert_false(has_loan(self, &self->first));
}

static void
test_disabled_takes_all_back(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_leaf(self);
    turn(self);
    self->sim->policy->enabled = FALSE;
    turn(self);
    g_assert_false(has_loan(self, &self->first));
    g_assert_false(has_own_address(self));
    g_assert_cmpuint(self->sim->loans->len, ==, 0);
}

static void
test_mute_tunnel_lends_nothing(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_leaf(self);
    sim_set_mute(self->sim, TUNNEL);
    turn(self);
    g_assert_false(has_loan(self, &self->first));
}

/* An administrator who runs another gossip gave it already: that is not ours to take back. */
static void
test_address_of_somebody_else_is_no_loan(Fixture *self, gconstpointer unused)
{
    const ApAddr addr = ap_key_link_local(&self->first);
    const ApCidr host = ap_cidr_host(&addr);

    (void) unused;
    make_leaf(self);
    g_array_append_val(ap_wireguard_fake_peer(self->sim->wireguard, TUNNEL, &self->first)->allowed,
                       host);
    turn(self);
    g_assert_cmpuint(self->sim->loans->len, ==, 0);
    self->sim->policy->enabled = FALSE;
    turn(self);
    g_assert_true(has_loan(self, &self->first));
}

static void
test_new_peer_of_a_hub_gets_its_own(Fixture *self, gconstpointer unused)
{
    const ApKey third = sim_key(3);

    (void) unused;
    make_hub(self);
    turn(self);
    sim_add_peer(self->sim, TUNNEL, &third, "10.85.0.4/32");
    turn(self);
    g_assert_true(has_loan(self, &third));
}

static void
test_list_that_was_written_anew_is_completed(Fixture *self, gconstpointer unused)
{
    (void) unused;
    make_leaf(self);
    turn(self);
    ap_wireguard_fake_remove_peer(self->sim->wireguard, TUNNEL, &self->first);
    sim_add_peer(self->sim, TUNNEL, &self->first, "10.85.0.0/24");
    turn(self);
    g_assert_true(has_loan(self, &self->first));
    g_assert_cmpuint(self->sim->loans->len, ==, 1);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *self, gconstpointer unused);
    } cases[] = {
        {"/loans/leaf-lends-to-its-hub-alone", test_leaf_lends_to_its_hub_alone},
        {"/loans/configured-peer-gets-one-too", test_configured_peer_gets_one_too},
        {"/loans/hub-lends-to-all", test_hub_lends_to_all},
        {"/loans/without-gossip-nothing-is-touched", test_without_gossip_nothing_is_touched},
        {"/loans/tunnel-has-its-own-say", test_tunnel_has_its_own_say},
        {"/loans/disabled-takes-all-back", test_disabled_takes_all_back},
        {"/loans/mute-tunnel-lends-nothing", test_mute_tunnel_lends_nothing},
        {"/loans/address-of-somebody-else-is-no-loan", test_address_of_somebody_else_is_no_loan},
        {"/loans/new-peer-of-a-hub-gets-its-own", test_new_peer_of_a_hub_gets_its_own},
        {"/loans/list-that-was-written-anew-is-completed",
         test_list_that_was_written_anew_is_completed},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
