/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim-net.h"

/*
 * Both ends at once, with BFD between them. The figures count data packets, one each way every
 * 10 ms, that neither the direct path nor the hub delivered.
 */
#define PING_MSEC 10

/*
 * What one switch may cost: what is under way by the hub (20 ms), and a crossing of the LAN in
 * which one end has moved and the other has not; both ways.
 */
#define SWITCH_LOSS (2 * (20 + 2 + PING_MSEC) / PING_MSEC)

/* A dead path is noticed after at most three intervals of 300 ms, and told within a crossing. */
#define DETECTION_MSEC 900

typedef struct {
    SimNet *net;
} Fixture;

static void
set_up(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->net = sim_net_new();
    self->net->ping_msec = PING_MSEC;
    sim_net_speak(self->net, 0, TRUE);
    sim_net_speak(self->net, 1, TRUE);
}

static void
tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_net_free(self->net);
}

static gboolean
are_both(const Fixture *self, gboolean is_direct)
{
    return sim_net_is_direct(self->net, 0) == is_direct
           && sim_net_is_direct(self->net, 1) == is_direct;
}

static void
forget_losses(Fixture *self)
{
    self->net->hosts[0].n_lost = self->net->hosts[1].n_lost = 0;
}

static void
introduce_both(Fixture *self)
{
    sim_net_introduce(self->net, 0);
    sim_net_introduce(self->net, 1);
}

static void
go_direct(Fixture *self)
{
    introduce_both(self);
    sim_net_run(self->net, 1000);
    g_assert_true(are_both(self, TRUE));
    forget_losses(self);
}

static void
block(Fixture *self, gboolean first, gboolean second)
{
    self->net->blocked[0] = first;
    self->net->blocked[1] = second;
}

/* Runs until both ends are direct or both are not; the time that took, in milliseconds. */
static gint64
run_until(Fixture *self, gboolean is_direct, gint64 limit_msec)
{
    gint64 msec = 0;

    for (; !are_both(self, is_direct) && msec < limit_msec; msec++)
        sim_net_run(self->net, 1);
    return msec;
}

/* How far apart the two ends became direct, in milliseconds. */
static gint64
skew_msec(const Fixture *self)
{
    return ABS(self->net->hosts[0].direct_usec - self->net->hosts[1].direct_usec)
           / AP_USEC_PER_MSEC;
}

static void
test_both_learn_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    introduce_both(self);
    g_assert_cmpint(run_until(self, TRUE, 1000), <=, 15);
    g_assert_cmpint(skew_msec(self), <=, 1);
    sim_net_run(self->net, 600000);
    g_assert_true(are_both(self, TRUE));
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);
    g_assert_cmpuint(self->net->hosts[0].n_changes + self->net->hosts[1].n_changes, ==, 2);
}

/*
 * One starts in the very moment in which the other stops waiting for it, or gives up: the
 * handshakes collide, or one of them loses its peer. The next round succeeds.
 */
static gboolean
is_unlucky(gint64 skew_msec)
{
    return ABS(skew_msec - 300) < 5 || ABS(skew_msec - 1000) < 5;
}

/* Whatever the time between the two, and whoever is first. */
static void
test_one_learns_later(G_GNUC_UNUSED Fixture *unused, G_GNUC_UNUSED gconstpointer data)
{
    static const gint64 skews_msec[] = {
        1,
        2,
        5,
        20,
        100,
        290,
        299,
        300,
        301,
        310,
        500,
        999,
        1000,
        1001,
        1300,
        4000,
        15000,
        60000,
    };

    for (gsize i = 0; i < 2 * G_N_ELEMENTS(skews_msec); i++) {
        const guint first = i % 2;
        Fixture self;

        g_test_message("host %u first, by %" G_GINT64_FORMAT " ms", first, skews_msec[i / 2]);
        set_up(&self, NULL);
        sim_net_introduce(self.net, first);
        sim_net_run(self.net, skews_msec[i / 2]);
        g_assert_cmpuint(sim_net_lost(self.net), ==, 0);
        sim_net_introduce(self.net, 1 - first);
        g_assert_cmpint(run_until(&self, TRUE, 12000),
                        <=,
                        is_unlucky(skews_msec[i / 2]) ? 12000 : 1000);
        g_assert_cmpint(skew_msec(&self), <=, 1);
        sim_net_run(self.net, 10000);
        g_assert_true(are_both(&self, TRUE));
        g_assert_cmpuint(sim_net_lost(self.net), <=, SWITCH_LOSS);
        tear_down(&self, NULL);
    }
}

static void
test_cut_path_falls_back(Fixture *self, gconstpointer data)
{
    const guint cut = GPOINTER_TO_UINT(data); /* bit by direction */

    go_direct(self);
    block(self, (cut & 1) != 0, (cut & 2) != 0);
    g_assert_cmpint(run_until(self, FALSE, 5000), <=, DETECTION_MSEC + 2);
    g_assert_cmpuint(sim_net_lost(self->net), <=, 2 * (DETECTION_MSEC + 40) / PING_MSEC);

    forget_losses(self);
    sim_net_run(self->net, 300000);
    g_assert_true(are_both(self, FALSE));
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

/* The path is used again when the pause is over and it has been stable for 3 s. */
static void
test_restored_path_is_used_again(G_GNUC_UNUSED Fixture *unused, G_GNUC_UNUSED gconstpointer data)
{
    static const gint64 cuts_msec[] = {
        1000,
        1500,
        2000,
        3000,
        4000,
        4900,
        5800,
        6000,
        6300,
        7000,
        9700,
        12000,
        18500,
        30000,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cuts_msec); i++) {
        Fixture self;
        gint64 msec, pause_msec;

        set_up(&self, NULL);
        go_direct(&self);
        block(&self, TRUE, TRUE);
        pause_msec = run_until(&self, FALSE, 5000) + 5000;
        sim_net_run(self.net, cuts_msec[i] - (pause_msec - 5000));
        block(&self, FALSE, FALSE);
        forget_losses(&self);
        msec = cuts_msec[i] + run_until(&self, TRUE, 60000);
        g_test_message("cut for %" G_GINT64_FORMAT " ms, direct again %" G_GINT64_FORMAT
                       " ms after the cut",
                       cuts_msec[i],
                       msec);
        g_assert_cmpint(msec, <=, MAX(pause_msec, cuts_msec[i] + 3000) + 2000);
        g_assert_cmpint(msec, >=, MAX(pause_msec - 2, cuts_msec[i] + 3000));
        g_assert_cmpint(skew_msec(&self), <=, 1);
        sim_net_run(self.net, 1000);
        g_assert_cmpuint(sim_net_lost(self.net), <=, SWITCH_LOSS);
        tear_down(&self, NULL);
    }
}

static void
test_toggled_filter_does_not_flap(Fixture *self, gconstpointer data)
{
    const guint mute = GPOINTER_TO_UINT(data);

    go_direct(self);
    for (guint i = 0; i < 150; i++) {
        self->net->blocked[mute] = i % 2 == 0;
        sim_net_run(self->net, 2000);
    }
    g_test_message("%u and %u changes",
                   self->net->hosts[0].n_changes,
                   self->net->hosts[1].n_changes);
    g_assert_cmpuint(self->net->hosts[0].n_changes + self->net->hosts[1].n_changes, <=, 8);
}

/*
 * Whatever the LAN does to whichever direction, and for how long: no end is direct alone for
 * longer than it takes to notice. Where one direction is cut just before it moves, the far end
 * notices; and where what that says is cut too, its silence has to tell.
 */
static void
test_ends_stay_together(G_GNUC_UNUSED Fixture *unused, G_GNUC_UNUSED gconstpointer data)
{
    static const int longest_msec[] = {500, 2000, 5000, 20000};
    const guint32 seed = (guint32) g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < 4 * G_N_ELEMENTS(longest_msec); i++) {
        Fixture self;

        set_up(&self, NULL);
        go_direct(&self);
        self.net->longest_apart_msec = 0;
        for (guint j = 0; j < 20; j++) {
            block(&self, g_rand_boolean(rand), g_rand_boolean(rand));
            sim_net_run(self.net, g_rand_int_range(rand, 1, longest_msec[i / 4]));
        }
        g_assert_cmpuint(self.net->longest_apart_msec, <=, 2 * DETECTION_MSEC + 2);
        tear_down(&self, NULL);
    }
}

static void
test_long_cut_ends(G_GNUC_UNUSED Fixture *unused, G_GNUC_UNUSED gconstpointer data)
{
    static const gint64 cuts_msec[] = {40000, 100000, 200000, 400000};

    for (gsize i = 0; i < G_N_ELEMENTS(cuts_msec); i++) {
        Fixture self;
        gint64 msec;

        set_up(&self, NULL);
        go_direct(&self);
        block(&self, TRUE, TRUE);
        sim_net_run(self.net, cuts_msec[i]);
        block(&self, FALSE, FALSE);
        forget_losses(&self);
        msec = run_until(&self, TRUE, 600000);
        g_test_message("cut for %" G_GINT64_FORMAT " ms, direct again after %" G_GINT64_FORMAT
                       " ms",
                       cuts_msec[i],
                       msec);
        g_assert_true(are_both(&self, TRUE));
        g_assert_cmpint(skew_msec(&self), <=, 1);
        g_assert_cmpuint(sim_net_lost(self.net), <=, SWITCH_LOSS);
        tear_down(&self, NULL);
    }
}

/* A firewall inside the tunnel, at either end or at both. */
static void
test_blocked_proof_keeps_the_hub(Fixture *self, gconstpointer data)
{
    const guint blocked = GPOINTER_TO_UINT(data);

    self->net->bfd_blocked[0] = (blocked & 1) != 0;
    self->net->bfd_blocked[1] = (blocked & 2) != 0;
    introduce_both(self);
    sim_net_run(self->net, 200000);
    g_assert_cmpuint(self->net->hosts[0].n_promoted + self->net->hosts[1].n_promoted, ==, 0);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

static void
test_unreachable_peer_keeps_the_hub(Fixture *self, gconstpointer data)
{
    const guint blocked = GPOINTER_TO_UINT(data);

    block(self, (blocked & 1) != 0, (blocked & 2) != 0);
    introduce_both(self);
    sim_net_run(self->net, 200000);
    g_assert_cmpuint(self->net->hosts[0].n_promoted + self->net->hosts[1].n_promoted, ==, 0);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

/* IPv6 is off on one tunnel: that end says nothing of BFD to the server, the other does. */
static void
test_mute_end_keeps_the_hub(Fixture *self, gconstpointer data)
{
    const guint mute = GPOINTER_TO_UINT(data);

    sim_set_mute(self->net->hosts[mute].sim, SIM_NET_TUNNEL);
    self->net->hosts[1 - mute].far_speaks = FALSE;
    introduce_both(self);
    sim_net_run(self->net, 200000);
    g_assert_cmpuint(self->net->hosts[0].n_promoted + self->net->hosts[1].n_promoted, ==, 0);
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);
}

/* A peer that is held down is turned away for a moment: the hold-down and its reason go on. */
static void
test_hold_down_outlasts_a_refusal(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    Sim *sim = self->net->hosts[0].sim;
    const ApPath *path;

    go_direct(self);
    block(self, TRUE, TRUE);
    g_assert_cmpint(run_until(self, FALSE, 2000), <=, DETECTION_MSEC + 2);
    path = &g_array_index(sim->paths, ApPath, 0);
    g_assert_cmpint(path->reason, ==, AP_REASON_SILENT);

    sim->policy->max_peers = 0;
    sim_net_wake(self->net, 0);
    sim_net_run(self->net, 1000);
    path = &g_array_index(sim->paths, ApPath, 0);
    g_assert_cmpint(path->reason, ==, AP_REASON_LIMIT);

    sim->policy->max_peers = 256;
    sim_net_wake(self->net, 0);
    sim_net_run(self->net, 1000);
    path = &g_array_index(sim->paths, ApPath, 0);
    g_assert_cmpint(path->reason, ==, AP_REASON_SILENT);
    g_assert_true(path->held);
}

/* IPv6 was off at both ends when they became direct, and is on again: BFD takes over. */
static void
test_speech_that_comes_later_is_used(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    for (guint i = 0; i < 2; i++) {
        sim_net_speak(self->net, i, FALSE);
        sim_set_mute(self->net->hosts[i].sim, SIM_NET_TUNNEL);
    }
    go_direct(self);
    sim_net_speak(self->net, 0, TRUE);
    sim_net_speak(self->net, 1, TRUE);
    g_array_set_size(self->net->hosts[0].sim->candidates, 0);
    g_array_set_size(self->net->hosts[1].sim->candidates, 0);
    introduce_both(self);
    sim_net_run(self->net, 10000);
    g_assert_true(are_both(self, TRUE));
    g_assert_cmpuint(sim_net_lost(self->net), ==, 0);

    block(self, TRUE, TRUE);
    g_assert_cmpint(run_until(self, FALSE, 20000), <=, DETECTION_MSEC + 2);
}

/* A server that knows nothing of BFD names both: they find out by themselves, and as fast. */
static void
test_unknown_speakers_find_out(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_net_speak(self->net, 0, FALSE);
    sim_net_speak(self->net, 1, FALSE);
    introduce_both(self);
    g_assert_cmpint(run_until(self, TRUE, 1000), <=, 15);
    sim_net_run(self->net, 60000);
    g_assert_true(are_both(self, TRUE));
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);
}

/* Switched off, stopped or suspended: the far end follows within a crossing. */
static void
test_leaving_takes_the_far_end_along(Fixture *self, gconstpointer data)
{
    const guint at = GPOINTER_TO_UINT(data);

    go_direct(self);
    self->net->hosts[at].sim->policy->enabled = FALSE;
    sim_net_wake(self->net, at);
    g_assert_cmpint(run_until(self, FALSE, 1000), <=, 3);
    sim_net_run(self->net, 10000);
    g_assert_cmpuint(self->net->hosts[at].sim->owned->len, ==, 0);
    g_assert_cmpuint(self->net->hosts[at].sim->addresses->len, ==, 0);
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);

    /* Switched on again: at once, for that was no death. */
    forget_losses(self);
    self->net->hosts[at].sim->policy->enabled = TRUE;
    sim_net_wake(self->net, at);
    g_assert_cmpint(run_until(self, TRUE, 10000), <=, 1000);
    g_assert_cmpuint(sim_net_lost(self->net), <=, SWITCH_LOSS);
}

/* One side's administrator gives the address away. */
static void
test_withdrawn_side_takes_the_other_along(Fixture *self, gconstpointer data)
{
    const guint at = GPOINTER_TO_UINT(data);
    SimHost *host = &self->net->hosts[at];
    const ApKey colleague = sim_key(40);

    go_direct(self);
    sim_add_peer(host->sim, SIM_NET_TUNNEL, &colleague, host->far_address);
    sim_net_wake(self->net, at);
    g_assert_cmpint(run_until(self, FALSE, 1000), <=, 3);
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
    sim_net_run(self->net, 15000);
    g_assert_true(are_both(self, TRUE));
    g_assert_cmpuint(sim_net_lost(self->net), <=, 2 * 1400 / PING_MSEC);
}

/* The helper of one side dies and comes back with nothing but its ledger. */
static void
test_restarted_side_recovers(Fixture *self, gconstpointer data)
{
    const guint at = GPOINTER_TO_UINT(data);
    SimHost *host = &self->net->hosts[at];

    go_direct(self);
    sim_net_run(self->net, 20000);
    g_array_set_size(host->sim->paths, 0);
    g_array_set_size(host->sim->candidates, 0);
    host->bfd = (SimBfd){.exists = FALSE};
    sim_net_wake(self->net, at);
    g_assert_cmpint(run_until(self, FALSE, 2000), <=, DETECTION_MSEC + 2);
    sim_net_introduce(self->net, at);
    sim_net_run(self->net, 15000);
    g_assert_true(are_both(self, TRUE));
    g_assert_cmpuint(sim_net_lost(self->net), <=, 2 * 1000 / PING_MSEC);
}

#define ADD(path, data, test)                                                                      \
    g_test_add(path, Fixture, GUINT_TO_POINTER(data), set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/path-bfd/both-learn-at-once", 0, test_both_learn_at_once);
    ADD("/path-bfd/one-learns-later", 0, test_one_learns_later);
    ADD("/path-bfd/cut", 3, test_cut_path_falls_back);
    ADD("/path-bfd/cut-one-way", 1, test_cut_path_falls_back);
    ADD("/path-bfd/cut-other-way", 2, test_cut_path_falls_back);
    ADD("/path-bfd/restored", 0, test_restored_path_is_used_again);
    ADD("/path-bfd/long-cut", 0, test_long_cut_ends);
    ADD("/path-bfd/ends-stay-together", 0, test_ends_stay_together);
    ADD("/path-bfd/toggled-filter", 0, test_toggled_filter_does_not_flap);
    ADD("/path-bfd/other-toggled-filter", 1, test_toggled_filter_does_not_flap);
    ADD("/path-bfd/blocked-proof", 3, test_blocked_proof_keeps_the_hub);
    ADD("/path-bfd/blocked-proof-one-way", 1, test_blocked_proof_keeps_the_hub);
    ADD("/path-bfd/blocked-proof-other-way", 2, test_blocked_proof_keeps_the_hub);
    ADD("/path-bfd/unreachable", 3, test_unreachable_peer_keeps_the_hub);
    ADD("/path-bfd/unreachable-one-way", 1, test_unreachable_peer_keeps_the_hub);
    ADD("/path-bfd/unreachable-other-way", 2, test_unreachable_peer_keeps_the_hub);
    ADD("/path-bfd/mute-end", 0, test_mute_end_keeps_the_hub);
    ADD("/path-bfd/other-mute-end", 1, test_mute_end_keeps_the_hub);
    ADD("/path-bfd/refused-while-held", 0, test_hold_down_outlasts_a_refusal);
    ADD("/path-bfd/later-speech", 0, test_speech_that_comes_later_is_used);
    ADD("/path-bfd/unknown-speakers", 0, test_unknown_speakers_find_out);
    ADD("/path-bfd/leaving", 0, test_leaving_takes_the_far_end_along);
    ADD("/path-bfd/other-leaving", 1, test_leaving_takes_the_far_end_along);
    ADD("/path-bfd/withdrawn-side", 0, test_withdrawn_side_takes_the_other_along);
    ADD("/path-bfd/other-withdrawn-side", 1, test_withdrawn_side_takes_the_other_along);
    ADD("/path-bfd/wiped", 0, test_wiped_peer_recovers);
    ADD("/path-bfd/other-wiped", 1, test_wiped_peer_recovers);
    ADD("/path-bfd/restarted-side", 0, test_restarted_side_recovers);
    ADD("/path-bfd/other-restarted-side", 1, test_restarted_side_recovers);
    return g_test_run();
}
