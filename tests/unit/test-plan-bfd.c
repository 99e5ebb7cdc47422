/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path.h"
#include "tests/unit/sim.h"

/*
 * One host whose device and BFD session the test moves by hand, as test-plan.c does for tunnels
 * without BFD. Our key is lower than the peer's, so that we are the side that starts; tests of
 * the other side swap them.
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

/* "add(probing) ! active fast usable": the changes, and after "!" what the session is to do. */
static char *
describe(Fixture *self, const ApPlan *plan)
{
    const ApSessionWish *wish = sim_wish(plan, TUNNEL, &self->peer);
    g_autofree char *changes = sim_describe(plan);

    if (wish == NULL)
        return g_strdup(changes);
    return g_strdup_printf("%s%s!%s%s%s%s",
                           changes,
                           changes[0] != '\0' ? " " : "",
                           wish->active ? " active" : "",
                           wish->fast ? " fast" : "",
                           wish->usable ? " usable" : "",
                           wish->leaving ? " leaving" : "");
}

/* Plans, applies, and expects exactly this; then no more changes at the same instant. */
static void
turn(Fixture *self, const char *expected)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);
    g_autoptr(ApPlan) again = NULL;
    g_autofree char *text = describe(self, plan);
    g_autofree char *more = NULL;

    g_test_message("at %" G_GINT64_FORMAT " ms: %s", self->now.boot_usec / AP_USEC_PER_MSEC, text);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpint(plan->wake_at_boot_usec, >, self->now.boot_usec);

    sim_apply(self->sim, plan, self->now);
    again = sim_plan(self->sim, self->now);
    more = sim_describe(again);
    g_assert_cmpstr(more, ==, "");
    g_assert_cmpuint(again->addresses->len, ==, 0);
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

static gint64
wake_msec(Fixture *self)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);

    if (plan->wake_at_boot_usec == AP_NEVER)
        return G_MAXINT64;
    return (plan->wake_at_boot_usec - self->now.boot_usec) / AP_USEC_PER_MSEC;
}

static gint64
glance_msec(Fixture *self)
{
    g_autoptr(ApPlan) plan = sim_plan(self->sim, self->now);

    if (plan->glance_at_boot_usec == AP_NEVER)
        return G_MAXINT64;
    return (plan->glance_at_boot_usec - self->now.boot_usec) / AP_USEC_PER_MSEC;
}

/* A handshake was completed with the peer, which is at @endpoint. */
static void
shake_hands(Fixture *self, const char *endpoint)
{
    ApDevicePeer *peer = peer_on(self);

    peer->endpoint = sim_endpoint(endpoint);
    peer->handshake_real_usec = self->now.real_usec + 1;
    peer->rx_bytes += 92;
    peer->tx_bytes += 148;
}

/* What BFD says from now on. */
static void
say(Fixture *self, ApProofState state, ApReason why)
{
    ApProof *proof = sim_proof(self->sim, TUNNEL, &self->peer);

    if (proof->state != state)
        proof->since_boot_usec = self->now.boot_usec;
    proof->state = state;
    proof->why = why;
    proof->remote_usable = state == AP_PROOF_PROVEN;
    if (state != AP_PROOF_NONE)
        proof->heard_boot_usec = self->now.boot_usec;
}

static ApCandidate *
offer(Fixture *self)
{
    return sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
}

static ApCandidate *
offer_speaker(Fixture *self)
{
    ApCandidate *candidate = offer(self);

    candidate->speaks_bfd = TRUE;
    return candidate;
}

static gboolean
is_direct(Fixture *self)
{
    return sim_holds(self->sim, TUNNEL, &self->peer, "10.85.0.34/32");
}

static void
go_direct(Fixture *self)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    pass_msec(self, 5);
    turn(self, "promote(proven) ! active fast usable");
    g_assert_true(is_direct(self));
}

/* --- going direct --------------------------------------------------------------------------- */

static void
test_proof_promotes(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    pass_msec(self, 2);
    turn(self, "! active fast usable");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    pass_msec(self, 2);
    turn(self, "promote(proven) ! active fast usable");
    expect(self, AP_PATH_DIRECT, "proven");
}

static void
test_passive_side_waits_unless_it_hears(Fixture *self, gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(passive) ! fast usable");
    pass_msec(self, 20);
    turn(self, "! fast usable");
    g_assert_cmpstr(data, ==, "passive");

    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    pass_msec(self, 20);
    turn(self, "probe(probing) ! active fast usable");
}

static void
test_far_end_must_be_ready(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    sim_proof(self->sim, TUNNEL, &self->peer)->remote_usable = FALSE;
    for (guint i = 0; i < 600; i++) {
        turn(self, "! active fast usable");
        pass_msec(self, 1000);
    }
    expect(self, AP_PATH_PROBING, "far-end-waits");
    g_assert_cmpint(wake_msec(self), ==, 5000);

    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    turn(self, "promote(proven) ! active fast usable");
}

/* A firewall inside the tunnel drops UDP port 3784. */
static void
test_known_speaker_is_never_promoted_on_less(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    peer_on(self)->rx_bytes += 1000;
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    pass_msec(self, 2980);
    turn(self, "! active fast usable");
    pass_msec(self, 20);
    turn(self, "remove(probe-blocked) add(probe-blocked) ! fast");
    expect(self, AP_PATH_WAITING, "probe-blocked");
}

static void
test_silence_is_taken_for_other_software(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    pass_msec(self, 2980);
    turn(self, "! active fast usable");
    pass_msec(self, 20);
    turn(self, "promote(proven) ! fast usable");
}

/* It would never send by the path if it did not gossip, whatever its device answers. */
static void
test_one_that_gossips_has_to_say_that_it_lives(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApCandidate *candidate = offer(self);

    candidate->gossips = TRUE;
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    pass_msec(self, 9000);
    turn(self, "! active fast usable");
    candidate->alive_until_boot_usec = self->now.boot_usec + 255 * AP_USEC_PER_SEC;
    turn(self, "promote(proven) ! fast usable");
    expect(self, AP_PATH_DIRECT, "proven");

    /* Whoever stops saying so may route by the path all the same. */
    candidate->alive_until_boot_usec = 0;
    pass_msec(self, 1000);
    turn(self, "! fast usable");
    expect(self, AP_PATH_DIRECT, "proven");
}

static void
test_one_that_gossips_and_says_nothing_stays_on_the_hub(Fixture *self,
                                                        G_GNUC_UNUSED gconstpointer data)
{
    offer(self)->gossips = TRUE;
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    pass_msec(self, 14980);
    turn(self, "! active fast usable");
    pass_msec(self, 20);
    turn(self, "remove(far-end-waits) add(far-end-waits) ! fast");
}

/* It answers our handshake, and its BFD arrives a little later: then that decides. */
static void
test_late_speaker_is_known_for_good(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    say(self, AP_PROOF_NONE, AP_REASON_SILENT);
    pass_msec(self, 2980);
    turn(self, "! active fast usable");
    pass_msec(self, 20);
    turn(self, "remove(probe-blocked) add(probe-blocked) ! fast");
}

static void
test_narrow_path_is_told(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_MTU);
    pass_msec(self, 1990);
    turn(self, "! active fast usable");
    pass_msec(self, 10);
    turn(self, "remove(mtu) add(mtu) ! fast");
    expect(self, AP_PATH_WAITING, "mtu");

    /* The far end goes on talking: that is no news. */
    shake_hands(self, "192.168.77.34:51820");
    pass_msec(self, 1000);
    turn(self, "! fast usable");
    expect(self, AP_PATH_WAITING, "mtu");
}

/* One direction of wireguard-go is dead after two handshakes at once. */
static void
test_one_way_is_tried_again(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    for (guint i = 0; i < 2; i++) {
        shake_hands(self, "192.168.77.34:51820");
        say(self, AP_PROOF_HEARD, AP_REASON_NONE);
        pass_msec(self, 1999);
        turn(self, "! active fast usable");
        pass_msec(self, 1);
        turn(self, "remove(one-way) add(probing) ! active fast usable");
    }
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    pass_msec(self, 2000);
    turn(self, "remove(one-way) add(one-way) ! fast");
    expect(self, AP_PATH_WAITING, "one-way");
}

/* BFD that arrives from a place that the guard refuses proves nothing. */
static void
test_proof_from_elsewhere_is_none(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "198.51.100.7:51820");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    pass_msec(self, 20);
    turn(self, "! active fast");
    g_assert_false(is_direct(self));
}

/* The answers to what the device had before it forgot the peer. */
static void
test_proof_without_a_session_is_none(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    g_assert_false(is_direct(self));
}

/* --- waiting -------------------------------------------------------------------------------- */

static void
test_bfd_wakes_a_waiting_peer(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    pass_msec(self, 1000);
    turn(self, "remove(no-answer) add(no-answer) ! fast");
    pass_msec(self, 500);
    shake_hands(self, "192.168.77.34:40000");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    turn(self, "probe(probing) ! active fast usable");
    expect(self, AP_PATH_PROBING, "probing");
}

static void
test_waiting_speaker_is_not_polled(Fixture *self, gconstpointer data)
{
    const gboolean is_known = data != NULL;
    ApCandidate *candidate = sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", NULL);

    candidate->speaks_bfd = is_known;
    turn(self, "add(no-endpoint) ! fast");
    g_assert_cmpint(wake_msec(self), ==, is_known ? G_MAXINT64 : 5000);
}

static void
test_handshake_of_a_waiting_peer_is_followed(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", NULL);
    turn(self, "add(no-endpoint) ! fast");
    pass_msec(self, 5000);
    shake_hands(self, "192.168.77.34:51820");
    turn(self, "! fast usable");
    g_assert_cmpint(wake_msec(self), ==, 3000);
    pass_msec(self, 3000);
    turn(self, "promote(proven) ! fast usable");
}

/* --- falling back --------------------------------------------------------------------------- */

static void
test_death_demotes_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    static const ApReason whys[] = {
        AP_REASON_SILENT,
        AP_REASON_MTU,
        AP_REASON_FAR_END_DOWN,
        AP_REASON_NONE,
    };

    go_direct(self);
    for (guint i = 0; i < G_N_ELEMENTS(whys); i++) {
        const gint64 hold_msec = (5 << i) * 1000;
        /* The last is the third by silence. */
        const char *name = ap_reason_name(whys[i] != AP_REASON_NONE ? whys[i] : AP_REASON_LOSSY);
        g_autofree char *demoted = g_strdup_printf("demote(%s) ! active fast", name);

        g_test_message("%s", name);
        say(self, AP_PROOF_NONE, whys[i]);
        pass_msec(self, 1000);
        turn(self, demoted);
        expect(self, AP_PATH_WAITING, name);

        /* Proven again at once, but not used before the pause is over. */
        say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
        pass_msec(self, hold_msec - 1);
        turn(self, "! active fast");
        pass_msec(self, 1);
        turn(self, "promote(proven) ! active fast usable");
    }
}

/* What a path that keeps dying has to show before it is used again: more, and the pauses grow. */
static void
test_lossy_path_must_be_stable_for_longer(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    for (guint i = 0; i < AP_PATH_N_LOSSY; i++) {
        const gint64 hold_msec = (5 << i) * 1000;
        const gboolean is_last = i == AP_PATH_N_LOSSY - 1;

        say(self, AP_PROOF_NONE, AP_REASON_SILENT);
        pass_msec(self, 1000);
        turn(self, is_last ? "demote(lossy) ! active fast" : "demote(silent) ! active fast");
        pass_msec(self, hold_msec - 3000);
        say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
        pass_msec(self, 3000);
        turn(self, is_last ? "! active fast" : "promote(proven) ! active fast usable");
    }

    expect(self, AP_PATH_PROBING, "lossy");
    pass_msec(self, 11999);
    turn(self, "! active fast");
    pass_msec(self, 1);
    turn(self, "promote(proven) ! active fast usable");
}

/* --- quality -------------------------------------------------------------------------------- */

#define SLOWER_SEC 60

static void
measure(Fixture *self, gint64 direct_msec, gint64 relay_msec)
{
    sim_proof(self->sim, TUNNEL, &self->peer)->rtt_usec = direct_msec * AP_USEC_PER_MSEC;
    g_array_index(self->sim->candidates, ApCandidate, 0).relay_rtt_usec =
        relay_msec * AP_USEC_PER_MSEC;
}

/* Somebody uses the path for a while, looked at each second. */
static void
use_path(Fixture *self, guint seconds)
{
    for (guint i = 0; i < seconds; i++) {
        pass_msec(self, 1000);
        peer_on(self)->tx_bytes += 10000;
        turn(self, "! active fast usable");
    }
}

static const struct {
    gint64 direct_msec;
    gint64 relay_msec;
    guint slower_sec;
    gboolean is_worse;
} worse_cases[] = {
    {100, 40, SLOWER_SEC, TRUE},
    {81, 40, SLOWER_SEC, TRUE},
    {80, 40, SLOWER_SEC, FALSE}, /* just twice */
    {30, 10, SLOWER_SEC, FALSE}, /* just 20 ms more */
    {31, 10, SLOWER_SEC, TRUE},  /* more than both */
    {1, 40, SLOWER_SEC, FALSE},  /* as it should be */
    {500, 0, SLOWER_SEC, FALSE}, /* nobody knows how long the way by the hub is */
    {0, 40, SLOWER_SEC, FALSE},  /* nor how long this one is */
    {100, 40, 0, FALSE},         /* switched off */
};

static void
expect_quality(Fixture *self, guint i)
{
    self->sim->policy->slower_sec = (guint16) worse_cases[i].slower_sec;
    go_direct(self);
    measure(self, worse_cases[i].direct_msec, worse_cases[i].relay_msec);
    use_path(self, SLOWER_SEC);
    pass_msec(self, 1000);
    peer_on(self)->tx_bytes += 10000;
    turn(self, worse_cases[i].is_worse ? "demote(slower) ! active" : "! active fast usable");
}

static void
test_worse_path_goes_back_after_a_minute(Fixture *self, gconstpointer data)
{
    for (guint i = 0; i < G_N_ELEMENTS(worse_cases); i++) {
        g_test_message("direct %d ms, by the hub %d ms, for %u s",
                       (int) worse_cases[i].direct_msec,
                       (int) worse_cases[i].relay_msec,
                       worse_cases[i].slower_sec);
        tear_down(self, data);
        set_up(self, data);
        expect_quality(self, i);
    }
}

/* The minute begins anew with each good moment, and does not run while nobody uses the path. */
static void
test_bad_moment_is_no_bad_minute(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->sim->policy->slower_sec = SLOWER_SEC;
    go_direct(self);
    measure(self, 100, 40);
    use_path(self, SLOWER_SEC);
    measure(self, 60, 40);
    use_path(self, 1);
    measure(self, 100, 40);
    use_path(self, SLOWER_SEC);
    pass_msec(self, 31000);
    turn(self, "! active usable");
    pass_msec(self, 2 * SLOWER_SEC * 1000);
    turn(self, "! active usable");
}

/* It comes back when it is clearly better than where it left, and is measured only shortly before
 * the end of each pause; the pauses grow. */
static void
test_slow_path_comes_back_when_it_is_good(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->sim->policy->slower_sec = 1;
    go_direct(self);
    measure(self, 100, 40);
    use_path(self, 1);
    pass_msec(self, 1000);
    peer_on(self)->tx_bytes += 10000;
    turn(self, "demote(slower) ! active");
    g_assert_cmpint(wake_msec(self), ==, 50000);

    pass_msec(self, 50000);
    turn(self, "! active fast");
    measure(self, 70, 40); /* no reason to leave, and none to return */
    pass_msec(self, 10000);
    turn(self, "! active");
    expect(self, AP_PATH_WAITING, "slower");

    g_assert_cmpint(wake_msec(self), ==, 110000);
    pass_msec(self, 110000);
    turn(self, "! active fast");
    measure(self, 60, 40);
    pass_msec(self, 9999);
    turn(self, "! active fast");
    pass_msec(self, 1);
    turn(self, "promote(proven) ! active fast usable");
}

static void
test_path_must_be_stable_after_a_flap(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    say(self, AP_PROOF_NONE, AP_REASON_SILENT);
    turn(self, "demote(silent) ! active fast");
    pass_msec(self, 4000);
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    turn(self, "! active fast");
    pass_msec(self, 1000);
    turn(self, "! active fast");
    expect(self, AP_PATH_PROBING, "held-down");
    g_assert_cmpint(wake_msec(self), ==, 2000);
    pass_msec(self, 1999);
    turn(self, "! active fast");
    pass_msec(self, 1);
    turn(self, "promote(proven) ! active fast usable");
}

static void
test_dead_path_is_tried_anew_after_the_pause(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    say(self, AP_PROOF_NONE, AP_REASON_SILENT);
    turn(self, "demote(silent) ! active fast");
    pass_msec(self, 5000);
    turn(self, "remove(probing) add(probing) ! active fast");
}

static void
test_far_end_that_waits_is_followed(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    sim_proof(self->sim, TUNNEL, &self->peer)->remote_usable = FALSE;
    turn(self, "demote(far-end-waits) ! active fast usable");
    expect(self, AP_PATH_PROBING, "far-end-waits");

    /* No flap of ours: as soon as it is ready, so are we. */
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    pass_msec(self, 20);
    turn(self, "promote(proven) ! active fast usable");
}

static void
test_far_end_that_left_is_no_death(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    say(self, AP_PROOF_NONE, AP_REASON_FAR_END_LEFT);
    turn(self, "demote(far-end-left) ! fast usable");
    expect(self, AP_PATH_WAITING, "far-end-left");
    pass_msec(self, 3900);
    turn(self, "! fast usable");

    /* It is back. */
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    turn(self, "promote(proven) ! active fast usable");
}

static void
test_roamed_speaker_is_demoted(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    peer_on(self)->endpoint = sim_endpoint("198.51.100.7:40001");
    turn(self, "demote(roamed) ! active fast");
    pass_msec(self, 5000);
    turn(self, "remove(probing) add(probing) ! active fast");
}

static void
test_mute_tunnel_ends_what_bfd_proved(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    sim_set_mute(self->sim, TUNNEL);
    turn(self, "remove(no-ipv6)");
    expect(self, AP_PATH_WAITING, "no-ipv6");
    g_assert_cmpint(wake_msec(self), ==, G_MAXINT64);
}

static void
test_speaker_on_a_mute_tunnel_is_kept_off(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_set_mute(self->sim, TUNNEL);
    (void) offer_speaker(self);
    turn(self, "");
    expect(self, AP_PATH_WAITING, "no-ipv6");
}

static void
test_bfd_takes_over_from_the_handshake(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    turn(self, "! active fast usable");
    pass_msec(self, 3000);
    turn(self, "promote(proven) ! fast usable");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    turn(self, "! fast usable");
    say(self, AP_PROOF_PROVEN, AP_REASON_NONE);
    turn(self, "! active fast usable");
    say(self, AP_PROOF_NONE, AP_REASON_SILENT);
    turn(self, "demote(silent) ! active fast");
}

/* NetworkManager made the list of peers anew; the far end does not know. */
static void
test_wiped_speaker_comes_back_with_a_handshake(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    ap_wireguard_fake_remove_peer(self->sim->wireguard, TUNNEL, &self->peer);
    turn(self, "add(probing) ! active fast usable");
    pass_msec(self, 20);
    turn(self, "! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    pass_msec(self, 20);
    turn(self, "promote(proven) ! active fast usable");
}

static void
test_proven_path_outlives_a_change_of_network(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApLink *lan = g_ptr_array_index(self->sim->links, 0);

    go_direct(self);
    pass_msec(self, 40000);
    turn(self, "! active usable");
    lan->route4.gateway = sim_addr("192.168.77.254");
    turn(self, "! active fast usable");
    g_assert_true(is_direct(self));
}

/* --- fast and quiet ------------------------------------------------------------------------- */

static void
test_quiet_path_slows_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    g_assert_cmpint(wake_msec(self), ==, 1000);
    g_assert_cmpint(glance_msec(self), ==, G_MAXINT64);
    for (guint second = 1; second < 30; second++) {
        ApProof *proof = sim_proof(self->sim, TUNNEL, &self->peer);

        /* BFD's own packets, and keepalives. */
        peer_on(self)->tx_bytes += 336 + (second % 25 == 0 ? 32 : 0);
        peer_on(self)->rx_bytes += 336 + (second % 10 == 0 ? 32 : 0);
        proof->tx_bytes += 336;
        proof->rx_bytes += 336;
        pass_msec(self, 1000);
        turn(self, "! active fast usable");
    }
    pass_msec(self, 1000);
    turn(self, "! active usable");
    g_assert_cmpint(wake_msec(self), ==, 30000);
    g_assert_cmpint(glance_msec(self), ==, 7500);

    /* A handshake is no traffic; a packet in either direction is. */
    shake_hands(self, "192.168.77.34:51820");
    turn(self, "! active usable");
    peer_on(self)->rx_bytes += 128;
    turn(self, "! active fast usable");
    pass_msec(self, 30000);
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 128;
    turn(self, "! active fast usable");
    g_assert_cmpint(wake_msec(self), ==, 1000);

    /* Nor does a handshake hide the traffic that made it necessary. */
    pass_msec(self, 30000);
    turn(self, "! active usable");
    shake_hands(self, "192.168.77.34:51820");
    peer_on(self)->tx_bytes += 10 * 1452;
    turn(self, "! active fast usable");
}

/* BFD sends a packet now; the device counts it when the test says so. */
static void
send_bfd(const Fixture *self, guint64 n_bytes)
{
    ApProof *proof = sim_proof(self->sim, TUNNEL, &self->peer);

    proof->tx_bytes += n_bytes;
    proof->burst_bytes = n_bytes;
    proof->sent_boot_usec = self->now.boot_usec;
}

/* BFD's account is ahead of the device's by a packet under way. */
static void
test_packet_under_way_is_no_traffic(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    send_bfd(self, 1472);
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 1472;
    turn(self, "! active usable");
}

/* The mark is moved by a handshake while a packet is under way: that one is no traffic either. */
static void
test_packet_under_way_in_a_handshake(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    shake_hands(self, "192.168.77.34:51820");
    peer_on(self)->tx_bytes += 148;
    send_bfd(self, 112);
    turn(self, "! active usable");
    pass_msec(self, 7500);
    peer_on(self)->tx_bytes += 112;
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 128;
    turn(self, "! active fast usable");
}

/* Nor where the mark is ahead of the counter, because of a packet before. */
static void
test_packets_under_way_around_a_handshake(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 32 + 112;
    send_bfd(self, 112);
    turn(self, "! active usable");

    pass_msec(self, 15000);
    shake_hands(self, "192.168.77.34:51820");
    peer_on(self)->tx_bytes += 2 * 32;
    send_bfd(self, 112);
    turn(self, "! active usable");
    pass_msec(self, 7500);
    peer_on(self)->tx_bytes += 112;
    turn(self, "! active usable");
}

/* Look by look, each just after BFD sent: what WireGuard says by itself does not add up. */
static void
test_keepalives_behind_packets_under_way(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    for (guint i = 0; i < 3; i++) {
        peer_on(self)->tx_bytes += 32;
        send_bfd(self, 112);
        turn(self, "! active usable");
        peer_on(self)->tx_bytes += 112;
        pass_msec(self, 14000);
    }
    peer_on(self)->tx_bytes += 32;
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 3 * 128;
    turn(self, "! active fast usable");
}

/* One that was counted at once hides no more than two pings. */
static void
test_packet_that_was_counted_hides_little(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 32 + 1472;
    send_bfd(self, 1472);
    turn(self, "! active usable");
    pass_msec(self, 7500);
    turn(self, "! active usable");
    peer_on(self)->tx_bytes += 3 * 128;
    turn(self, "! active fast usable");
}

/* The device counts what comes before it can be heard: just after another one the next look tells. */
static void
test_packet_on_its_way_in_is_no_traffic(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApProof *proof;

    go_direct(self);
    pass_msec(self, 30000);
    turn(self, "! active usable");
    proof = sim_proof(self->sim, TUNNEL, &self->peer);
    proof->heard_boot_usec = self->now.boot_usec;
    peer_on(self)->rx_bytes += 112;
    turn(self, "! active usable");
    proof->rx_bytes += 112;
    pass_msec(self, 7500);
    turn(self, "! active usable");

    proof->heard_boot_usec = self->now.boot_usec;
    peer_on(self)->rx_bytes += 128;
    turn(self, "! active usable");
    pass_msec(self, 7500);
    turn(self, "! active fast usable");
}

/* --- leaving -------------------------------------------------------------------------------- */

static void
disable(Fixture *self)
{
    self->sim->policy->enabled = FALSE;
}

static void
withdraw(Fixture *self)
{
    g_array_index(self->sim->candidates, ApCandidate, 0).withdrawn = TRUE;
}

static void
forget(Fixture *self)
{
    g_array_set_size(self->sim->candidates, 0);
}

static void
give_away(Fixture *self)
{
    const ApKey colleague = sim_key(40);

    sim_add_peer(self->sim, TUNNEL, &colleague, "10.85.0.34/32");
}

static void
unplug(Fixture *self)
{
    ((ApLink *) g_ptr_array_index(self->sim->links, 0))->running = FALSE;
}

static const struct {
    void (*happen)(Fixture *self);
    const char *first;
    const char *last;
} departures[] = {
    {disable, "demote(disabled) ! leaving", "remove(disabled)"},
    {withdraw, "demote(not-offered) ! leaving", "remove(not-offered)"},
    {forget, "demote(not-offered) ! leaving", "remove(not-offered)"},
    {give_away, "! leaving", "remove(address-none)"},
    {unplug, "demote(roamed) ! leaving", "remove(roamed)"},
};

static void
test_leaving_peer_says_so_first(G_GNUC_UNUSED Fixture *unused, G_GNUC_UNUSED gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(departures); i++) {
        Fixture self;

        g_test_message("%s", departures[i].last);
        set_up(&self, NULL);
        go_direct(&self);
        departures[i].happen(&self);
        turn(&self, departures[i].first);
        g_assert_false(is_direct(&self));
        g_assert_cmpint(wake_msec(&self), ==, 200);
        say(&self, AP_PROOF_NONE, AP_REASON_NONE);
        pass_msec(&self, 199);
        turn(&self, "! leaving");
        pass_msec(&self, 1);
        turn(&self, departures[i].last);
        g_assert_cmpuint(self.sim->owned->len, ==, 0);
        g_assert_cmpuint(self.sim->addresses->len, ==, 0);
        tear_down(&self, NULL);
    }
}

static void
test_unproven_peer_leaves_at_once(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    shake_hands(self, "192.168.77.34:51820");
    say(self, AP_PROOF_HEARD, AP_REASON_NONE);
    disable(self);
    turn(self, "remove(disabled)");
}

/* Good-bye was said: the path starts afresh. */
static void
test_change_of_mind_starts_afresh(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    go_direct(self);
    disable(self);
    turn(self, "demote(disabled) ! leaving");
    say(self, AP_PROOF_NONE, AP_REASON_NONE);
    self->sim->policy->enabled = TRUE;
    pass_msec(self, 100);
    turn(self, "! leaving");
    pass_msec(self, 100);
    turn(self, "remove(new) add(probing) ! active fast usable");
}

/* --- our own address ------------------------------------------------------------------------ */

static void
test_address_comes_and_goes_with_the_peers(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApAddr local = ap_key_link_local(&self->own);

    turn(self, "");
    g_assert_false(sim_has_address(self->sim, TUNNEL, &local));
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    g_assert_true(sim_has_address(self->sim, TUNNEL, &local));
    g_assert_cmpuint(self->sim->addresses->len, ==, 1);
    disable(self);
    turn(self, "remove(disabled)");
    g_assert_false(sim_has_address(self->sim, TUNNEL, &local));
    g_assert_cmpuint(self->sim->addresses->len, ==, 0);
}

static void
test_address_that_was_there_stays(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApAddr local = ap_key_link_local(&self->own);
    const ApLinkAddress address = {.addr = local, .prefix_len = 64};
    ApLink *link = g_ptr_array_index(self->sim->links, 1);

    g_array_append_val(link->addresses, address);
    (void) offer_speaker(self);
    turn(self, "add(probing) ! active fast usable");
    g_assert_cmpuint(self->sim->addresses->len, ==, 0);
    disable(self);
    turn(self, "remove(disabled)");
    g_assert_true(sim_has_address(self->sim, TUNNEL, &local));
}

static void
test_address_follows_the_key(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey new_key = sim_key(11);
    const ApAddr before = ap_key_link_local(&self->own);
    const ApAddr after = ap_key_link_local(&new_key);

    go_direct(self);
    ap_wireguard_fake_set_key(self->sim->wireguard, TUNNEL, &new_key);
    turn(self, "remove(network-changed) add(probing) ! active fast usable");
    g_assert_false(sim_has_address(self->sim, TUNNEL, &before));
    g_assert_true(sim_has_address(self->sim, TUNNEL, &after));
    g_assert_cmpuint(self->sim->addresses->len, ==, 1);
}

/* The kernel drops IPv6 addresses when an interface goes down. */
static void
test_lost_address_is_added_again(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApAddr local = ap_key_link_local(&self->own);
    ApLink *link = g_ptr_array_index(self->sim->links, 1);

    go_direct(self);
    for (guint i = link->addresses->len; i > 0; i--) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i - 1).addr, &local))
            g_array_remove_index(link->addresses, i - 1);
    }
    turn(self, "! active fast usable");
    g_assert_true(sim_has_address(self->sim, TUNNEL, &local));
}

/* A change of addresses would be news of the network, which makes the engine try again. */
static void
test_mute_tunnel_keeps_its_address(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApAddr local = ap_key_link_local(&self->own);

    (void) offer(self);
    turn(self, "add(probing) ! active fast usable");
    sim_set_mute(self->sim, TUNNEL);
    turn(self, "");
    g_assert_true(sim_has_address(self->sim, TUNNEL, &local));
    disable(self);
    turn(self, "remove(disabled)");
    g_assert_false(sim_has_address(self->sim, TUNNEL, &local));
}

#define ADD(path, data, test) g_test_add(path, Fixture, data, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/plan-bfd/proof-promotes", NULL, test_proof_promotes);
    ADD("/plan-bfd/passive-side", "passive", test_passive_side_waits_unless_it_hears);
    ADD("/plan-bfd/far-end-must-be-ready", NULL, test_far_end_must_be_ready);
    ADD("/plan-bfd/known-speaker", NULL, test_known_speaker_is_never_promoted_on_less);
    ADD("/plan-bfd/other-software", NULL, test_silence_is_taken_for_other_software);
    ADD("/plan-bfd/one-that-gossips", NULL, test_one_that_gossips_has_to_say_that_it_lives);
    ADD("/plan-bfd/silent-gossip", NULL, test_one_that_gossips_and_says_nothing_stays_on_the_hub);
    ADD("/plan-bfd/late-speaker", NULL, test_late_speaker_is_known_for_good);
    ADD("/plan-bfd/narrow-path", NULL, test_narrow_path_is_told);
    ADD("/plan-bfd/one-way", NULL, test_one_way_is_tried_again);
    ADD("/plan-bfd/proof-from-elsewhere", NULL, test_proof_from_elsewhere_is_none);
    ADD("/plan-bfd/proof-without-session", NULL, test_proof_without_a_session_is_none);
    ADD("/plan-bfd/bfd-wakes-a-waiting-peer", NULL, test_bfd_wakes_a_waiting_peer);
    ADD("/plan-bfd/waiting-speaker-is-not-polled", "known", test_waiting_speaker_is_not_polled);
    ADD("/plan-bfd/waiting-stranger-is-polled", NULL, test_waiting_speaker_is_not_polled);
    ADD("/plan-bfd/waiting-handshake", NULL, test_handshake_of_a_waiting_peer_is_followed);
    ADD("/plan-bfd/death-demotes", NULL, test_death_demotes_at_once);
    ADD("/plan-bfd/lossy-path", NULL, test_lossy_path_must_be_stable_for_longer);
    ADD("/plan-bfd/worse-path", NULL, test_worse_path_goes_back_after_a_minute);
    ADD("/plan-bfd/bad-moment", NULL, test_bad_moment_is_no_bad_minute);
    ADD("/plan-bfd/slow-path-comes-back", NULL, test_slow_path_comes_back_when_it_is_good);
    ADD("/plan-bfd/stable-after-a-flap", NULL, test_path_must_be_stable_after_a_flap);
    ADD("/plan-bfd/tried-anew", NULL, test_dead_path_is_tried_anew_after_the_pause);
    ADD("/plan-bfd/far-end-waits", NULL, test_far_end_that_waits_is_followed);
    ADD("/plan-bfd/far-end-left", NULL, test_far_end_that_left_is_no_death);
    ADD("/plan-bfd/roamed", NULL, test_roamed_speaker_is_demoted);
    ADD("/plan-bfd/tunnel-becomes-mute", NULL, test_mute_tunnel_ends_what_bfd_proved);
    ADD("/plan-bfd/mute-tunnel", NULL, test_speaker_on_a_mute_tunnel_is_kept_off);
    ADD("/plan-bfd/bfd-takes-over", NULL, test_bfd_takes_over_from_the_handshake);
    ADD("/plan-bfd/wiped", NULL, test_wiped_speaker_comes_back_with_a_handshake);
    ADD("/plan-bfd/another-network", NULL, test_proven_path_outlives_a_change_of_network);
    ADD("/plan-bfd/quiet-path", NULL, test_quiet_path_slows_down);
    ADD("/plan-bfd/packet-under-way", NULL, test_packet_under_way_is_no_traffic);
    ADD("/plan-bfd/packet-under-way-in-handshake", NULL, test_packet_under_way_in_a_handshake);
    ADD("/plan-bfd/packets-around-handshake", NULL, test_packets_under_way_around_a_handshake);
    ADD("/plan-bfd/keepalives-behind-packets", NULL, test_keepalives_behind_packets_under_way);
    ADD("/plan-bfd/packet-counted-at-once", NULL, test_packet_that_was_counted_hides_little);
    ADD("/plan-bfd/packet-on-its-way-in", NULL, test_packet_on_its_way_in_is_no_traffic);
    ADD("/plan-bfd/leaving", NULL, test_leaving_peer_says_so_first);
    ADD("/plan-bfd/unproven-leaves-at-once", NULL, test_unproven_peer_leaves_at_once);
    ADD("/plan-bfd/change-of-mind", NULL, test_change_of_mind_starts_afresh);
    ADD("/plan-bfd/address", NULL, test_address_comes_and_goes_with_the_peers);
    ADD("/plan-bfd/foreign-address", NULL, test_address_that_was_there_stays);
    ADD("/plan-bfd/address-follows-the-key", NULL, test_address_follows_the_key);
    ADD("/plan-bfd/lost-address", NULL, test_lost_address_is_added_again);
    ADD("/plan-bfd/mute-keeps-address", NULL, test_mute_tunnel_keeps_its_address);
    return g_test_run();
}
