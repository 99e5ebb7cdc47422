/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim-net.h"

/*
 * Both ends at once. The figures count data packets, one each way every 10 ms, that neither the
 * direct path nor the hub delivered.
 */
#define PING_MSEC 10

/*
 * What one switch may cost: the two ends move within a poll of 20 ms and a crossing of the LAN,
 * and what is under way by the hub (20 ms) is dropped as well; both ways.
 */
#define SWITCH_LOSS (2 * (20 + 20 + 10) / PING_MSEC)

typedef struct {
    SimNet *net;
} Fixture;

static void
set_up(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->net = sim_net_new();
    self->net->ping_msec = PING_MSEC;
}

static void
tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_net_free(self->net);
}

static void
expect_both(Fixture *self, gboolean is_direct)
{
    for (guint i = 0; i < 2; i++)
        g_assert_cmpint(sim_net_is_direct(self->net, i), ==, is_direct);
}

static void
go_direct(Fixture *self)
{
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
    sim_net_run(self->net, 1000);
    expect_both(self, TRUE);
    self->net->hosts[0].n_lost = 0;
    self->net->hosts[1].n_lost = 0;
}

static void
test_both_learn_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
    sim_net_run(self->net, 100);
    expect_both(self, TRUE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);

    sim_net_run(self->net, 600000);
    expect_both(self, TRUE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);
    g_assert_cmpuint(self->net->hosts[0].n_promoted, ==, 1);
    g_assert_cmpuint(self->net->hosts[1].n_promoted, ==, 1);
}

static void
test_idle_path_stays(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->net->ping_msec = 0;
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
    sim_net_run(self->net, 1800000);
    expect_both(self, TRUE);
    g_assert_cmpuint(self->net->hosts[0].n_promoted, ==, 1);
    g_assert_cmpuint(self->net->hosts[1].n_promoted, ==, 1);
}

/* Whatever the time between the two, and whoever is first: at most one switch is paid for. */
static void
test_one_learns_later(G_GNUC_UNUSED Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    static const gint64 skews_msec[] = {1,
                                        2,
                                        5,
                                        20,
                                        100,
                                        290,
                                        300,
                                        301,
                                        310,
                                        500,
                                        999,
                                        1000,
                                        1001,
                                        1300,
                                        4000,
                                        6000,
                                        15000,
                                        60000};

    for (gsize i = 0; i < 2 * G_N_ELEMENTS(skews_msec); i++) {
        const guint first = i % 2;
        g_autoptr(SimNet) net = sim_net_new();

        g_test_message("host %u first, by %" G_GINT64_FORMAT " ms", first, skews_msec[i / 2]);
        net->ping_msec = PING_MSEC;
        sim_net_introduce(net, first);
        sim_net_run(net, skews_msec[i / 2]);
        g_assert_cmpuint(sim_net_lost(net), ==, 0);
        sim_net_introduce(net, 1 - first);
        sim_net_run(net, 12000);
        g_assert_true(sim_net_is_direct(net, 0) && sim_net_is_direct(net, 1));
        g_assert_cmpuint(sim_net_lost(net), <=, SWITCH_LOSS);
    }
}

static void
test_unreachable_peer_is_never_promoted(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->net->blocked[0] = self->net->blocked[1] = TRUE;
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
    sim_net_run(self->net, 600000);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
    g_assert_cmpuint(self->net->hosts[0].n_promoted + self->net->hosts[1].n_promoted, ==, 0);
}

static void
test_half_blocked_peer_is_never_promoted(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->net->blocked[1] = TRUE;
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
    sim_net_run(self->net, 600000);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
    g_assert_cmpuint(self->net->hosts[0].n_promoted + self->net->hosts[1].n_promoted, ==, 0);
}

static void
test_one_sided_knowledge_promotes_nobody(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_net_introduce(self->net, 0);
    sim_net_run(self->net, 600000);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
    g_assert_cmpuint(self->net->hosts[0].n_promoted, ==, 0);
}

/* security.md T10: a firewall comes up in the LAN. */
static void
test_dead_path_falls_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const guint n_pings = 2 * 18000 / PING_MSEC;

    go_direct(self);
    self->net->blocked[0] = self->net->blocked[1] = TRUE;
    sim_net_run(self->net, 18000);
    expect_both(self, FALSE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, n_pings);

    self->net->hosts[0].n_lost = self->net->hosts[1].n_lost = 0;
    sim_net_run(self->net, 300000);
    expect_both(self, FALSE);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

/* One direction dies. The end that still hears must not be kept believing by the other one. */
static void
test_half_dead_path_falls_back(Fixture *self, gconstpointer data)
{
    const guint mute = GPOINTER_TO_UINT(data);

    go_direct(self);
    self->net->blocked[mute] = TRUE;
    sim_net_run(self->net, 36000);
    expect_both(self, FALSE);

    self->net->hosts[0].n_lost = self->net->hosts[1].n_lost = 0;
    sim_net_run(self->net, 300000);
    expect_both(self, FALSE);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

static void
test_path_comes_back(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    self->net->blocked[0] = self->net->blocked[1] = TRUE;
    sim_net_run(self->net, 60000);
    self->net->blocked[0] = self->net->blocked[1] = FALSE;
    self->net->hosts[0].n_lost = self->net->hosts[1].n_lost = 0;
    sim_net_run(self->net, 120000);
    expect_both(self, TRUE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);
}

/* NetworkManager activates the tunnel anew on one side (security.md L20). */
static void
test_wiped_peer_recovers(Fixture *self, gconstpointer data)
{
    SimHost *host = &self->net->hosts[GPOINTER_TO_UINT(data)];

    go_direct(self);
    sim_net_run(self->net, 20000);
    ap_wireguard_fake_remove_peer(host->sim->wireguard, SIM_NET_TUNNEL, &host->far_key);
    host->far = (SimFar){.present = FALSE};
    sim_net_run(self->net, 3000);
    expect_both(self, TRUE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, 2 * 1400 / PING_MSEC);
}

/* The helper of one side dies and comes back with nothing but its ledger. */
static void
test_restarted_side_recovers(Fixture *self, gconstpointer data)
{
    const guint at = GPOINTER_TO_UINT(data);
    Sim *sim = self->net->hosts[at].sim;

    go_direct(self);
    sim_net_run(self->net, 20000);
    g_array_set_size(sim->paths, 0);
    g_array_set_size(sim->candidates, 0);
    sim_net_wake(self->net, at);
    sim_net_run(self->net, 500);
    g_assert_false(sim_net_is_direct(self->net, at));
    sim_net_introduce(self->net, at);
    sim_net_run(self->net, 2500);
    expect_both(self, TRUE);
    g_assert_cmpuint(sim_net_lost(self->net), <=, 2 * 2000 / PING_MSEC);
}

/* One side's administrator gives the address away; the other side learns it from the silence. */
static void
test_withdrawn_side_takes_the_other_along(Fixture *self, gconstpointer data)
{
    const guint at = GPOINTER_TO_UINT(data);
    SimHost *host = &self->net->hosts[at];
    const ApKey colleague = sim_key(40);

    go_direct(self);
    sim_add_peer(host->sim, SIM_NET_TUNNEL, &colleague, host->far_address);
    sim_net_wake(self->net, at);
    sim_net_run(self->net, 18000);
    g_assert_false(sim_net_is_direct(self->net, 1 - at));
}

#define ADD(path, data, test) g_test_add(path, Fixture, data, set_up, test, tear_down)
#define OTHER GUINT_TO_POINTER(1)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/path/both-learn-at-once", NULL, test_both_learn_at_once);
    ADD("/path/idle-path-stays", NULL, test_idle_path_stays);
    ADD("/path/one-learns-later", NULL, test_one_learns_later);
    ADD("/path/unreachable-peer", NULL, test_unreachable_peer_is_never_promoted);
    ADD("/path/half-blocked-peer", NULL, test_half_blocked_peer_is_never_promoted);
    ADD("/path/one-sided-knowledge", NULL, test_one_sided_knowledge_promotes_nobody);
    ADD("/path/dead-path-falls-back", NULL, test_dead_path_falls_back);
    ADD("/path/half-dead-path-falls-back", NULL, test_half_dead_path_falls_back);
    ADD("/path/other-half-dead-path-falls-back", OTHER, test_half_dead_path_falls_back);
    ADD("/path/path-comes-back", NULL, test_path_comes_back);
    ADD("/path/wiped-peer-recovers", NULL, test_wiped_peer_recovers);
    ADD("/path/other-wiped-peer-recovers", OTHER, test_wiped_peer_recovers);
    ADD("/path/restarted-side-recovers", NULL, test_restarted_side_recovers);
    ADD("/path/other-restarted-side-recovers", OTHER, test_restarted_side_recovers);
    ADD("/path/withdrawn-side", NULL, test_withdrawn_side_takes_the_other_along);
    ADD("/path/other-withdrawn-side", OTHER, test_withdrawn_side_takes_the_other_along);
    return g_test_run();
}
