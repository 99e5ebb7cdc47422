/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/speaker.h"

#define MTU 1420
#define PADDED (MTU - AP_BFD_HEADERS_BYTES)
#define OURS 0x11111111
#define THEIRS 0x22222222

static const ApInstant start = {.boot_usec = 1000 * AP_USEC_PER_SEC};

static ApInstant
after(gint64 usec)
{
    return (ApInstant){.boot_usec = start.boot_usec + usec};
}

static ApSessionWish
make_wish(void)
{
    const ApKey own = {{1}}, peer = {{2}};

    return (ApSessionWish){
        .ifindex = 7,
        .key = peer,
        .local = ap_key_link_local(&own),
        .remote = ap_key_link_local(&peer),
        .mtu = MTU,
        .active = TRUE,
        .fast = TRUE,
        .usable = TRUE,
    };
}

static ApBfdPacket
heard(ApBfdState state)
{
    return (ApBfdPacket){
        .state = state,
        .detect_mult = 3,
        .my_discriminator = THEIRS,
        .your_discriminator = OURS,
        .desired_min_tx_usec = AP_BFD_FAST_USEC,
        .required_min_rx_usec = AP_BFD_FAST_USEC,
        .n_bytes = PADDED,
    };
}

static gboolean
hear(ApSpeaker *speaker, ApBfdPacket packet, ApInstant now)
{
    g_assert_cmpint(ap_speaker_hear(speaker, &packet, now), ==, AP_BFD_REFUSAL_NONE);
    return ap_speaker_judge(speaker, now);
}

/* Sends what is due; the latest packet is in @last. */
static guint
send_all(ApSpeaker *speaker, ApInstant now, ApBfdPacket *last)
{
    guint8 wire[AP_BFD_PAYLOAD_MAX];
    guint n_packets = 0;
    gsize n;

    while ((n = ap_speaker_take_packet(speaker, now, 0, wire, sizeof(wire))) > 0) {
        g_assert_cmpint(ap_bfd_packet_decode(last, wire, n), ==, AP_BFD_REFUSAL_NONE);
        ap_speaker_note_sent(speaker, n, now);
        n_packets++;
    }
    return n_packets;
}

static ApSpeaker
make(const ApSessionWish *wish)
{
    ApSpeaker speaker;

    ap_speaker_init(&speaker, wish, OURS, start);
    return speaker;
}

static ApSpeaker
make_proven(const ApSessionWish *wish)
{
    ApSpeaker speaker = make(wish);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP), last;

    (void) hear(&speaker, heard(AP_BFD_STATE_INIT), start);
    (void) send_all(&speaker, start, &last);
    packet.final = TRUE;
    (void) hear(&speaker, packet, start);
    (void) send_all(&speaker, start, &last);
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_PROVEN);
    return speaker;
}

static const struct {
    ApBfdState own; /* what the session has come to */
    ApBfdState remote;
    guint8 diag;
    ApProofState proof;
    gboolean usable;
    ApReason why;
} proofs[] = {
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_DOWN, 0, AP_PROOF_HEARD, FALSE, AP_REASON_NONE},
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_INIT, 0, AP_PROOF_HEARD, FALSE, AP_REASON_NONE},
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_ADMIN_DOWN, 7, AP_PROOF_NONE, FALSE, AP_REASON_FAR_END_LEFT},
    {AP_BFD_STATE_UP, AP_BFD_STATE_UP, 0, AP_PROOF_PROVEN, TRUE, AP_REASON_NONE},
    {AP_BFD_STATE_UP, AP_BFD_STATE_UP, 6, AP_PROOF_PROVEN, FALSE, AP_REASON_NONE},
    {AP_BFD_STATE_UP, AP_BFD_STATE_UP, 8, AP_PROOF_PROVEN, FALSE, AP_REASON_NONE},
    {AP_BFD_STATE_UP, AP_BFD_STATE_DOWN, 1, AP_PROOF_HEARD, FALSE, AP_REASON_FAR_END_DOWN},
    {AP_BFD_STATE_UP, AP_BFD_STATE_ADMIN_DOWN, 7, AP_PROOF_NONE, FALSE, AP_REASON_FAR_END_LEFT},
};

static void
test_proof_of_what_is_heard(void)
{
    const ApSessionWish wish = make_wish();

    for (gsize i = 0; i < G_N_ELEMENTS(proofs); i++) {
        ApSpeaker speaker = proofs[i].own == AP_BFD_STATE_UP ? make_proven(&wish) : make(&wish);
        ApBfdPacket packet = heard(proofs[i].remote);

        g_test_message("case %zu: in %s, hears %s with diagnostic %u",
                       i,
                       ap_bfd_state_name(proofs[i].own),
                       ap_bfd_state_name(packet.state),
                       proofs[i].diag);
        packet.diag = proofs[i].diag;
        (void) hear(&speaker, packet, after(1));
        g_assert_cmpint(speaker.proof.state, ==, proofs[i].proof);
        g_assert_cmpint(speaker.proof.remote_usable, ==, proofs[i].usable);
        g_assert_cmpint(speaker.proof.why, ==, proofs[i].why);
        g_assert_cmpint(speaker.proof.heard_boot_usec, ==, after(1).boot_usec);
    }
}

static void
test_silence_ends_the_proof(void)
{
    const ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    const ApInstant late = after(AP_BFD_DETECT_MULT * AP_BFD_FAST_USEC);

    g_assert_cmpint(ap_speaker_deadline(&speaker), <, late.boot_usec);
    g_assert_false(ap_speaker_judge(&speaker, after(AP_BFD_FAST_USEC)));
    g_assert_true(ap_speaker_judge(&speaker, late));
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_NONE);
    g_assert_cmpint(speaker.proof.why, ==, AP_REASON_SILENT);
    g_assert_cmpint(speaker.proof.since_boot_usec, ==, late.boot_usec);
}

static void
test_only_what_matters_asks_for_a_decision(void)
{
    const ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    g_assert_false(hear(&speaker, packet, after(1)));
    packet.diag = AP_BFD_DIAG_CONCATENATED_PATH_DOWN;
    g_assert_true(hear(&speaker, packet, after(2)));
    g_assert_false(hear(&speaker, packet, after(3)));
}

/* What `wg show` counts: 32 bytes more than the packet, which is filled up to 16, but not beyond
 * the MTU. */
static const struct {
    guint32 mtu;
    gsize payload;
    guint64 counted;
} costs[] = {
    {MTU, 24, 32 + 80},
    {MTU, PADDED, 32 + MTU},
    {1424, 1424 - AP_BFD_HEADERS_BYTES, 32 + 1424},
    {1280, 1280 - AP_BFD_HEADERS_BYTES, 32 + 1280},
    {0, 24, 32 + 72},
};

static void
test_bytes_are_those_of_the_device(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(costs); i++) {
        ApSessionWish wish = make_wish();
        ApSpeaker speaker;
        ApBfdPacket packet = heard(AP_BFD_STATE_DOWN);

        g_test_message("MTU %u, payload %zu", costs[i].mtu, costs[i].payload);
        wish.mtu = costs[i].mtu;
        speaker = make(&wish);
        ap_speaker_note_sent(&speaker, costs[i].payload, start);
        g_assert_cmpuint(speaker.proof.tx_bytes, ==, costs[i].counted);
        packet.n_bytes = costs[i].payload;
        (void) hear(&speaker, packet, start);
        g_assert_cmpuint(speaker.proof.rx_bytes, ==, costs[i].counted);
    }
}

static void
test_active_speaks_first(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker;
    ApBfdPacket last;

    wish.active = FALSE;
    speaker = make(&wish);
    g_assert_cmpuint(send_all(&speaker, start, &last), ==, 0);
    g_assert_cmpint(ap_speaker_deadline(&speaker), ==, AP_NEVER);

    wish.active = TRUE;
    ap_speaker_follow(&speaker, &wish, THEIRS, start);
    g_assert_cmpuint(send_all(&speaker, start, &last), >, 0);
}

static void
test_passive_again_falls_silent_and_understands(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make(&wish);
    ApBfdPacket last;

    (void) send_all(&speaker, start, &last);
    wish.active = FALSE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    g_assert_cmpuint(send_all(&speaker, after(AP_USEC_PER_SEC), &last), ==, 0);
    g_assert_true(hear(&speaker, heard(AP_BFD_STATE_DOWN), after(AP_USEC_PER_SEC)));
}

static void
test_up_stays_up_when_passive_is_wished(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);

    wish.active = FALSE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    (void) ap_speaker_judge(&speaker, after(1));
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_PROVEN);
}

static void
test_waiting_is_said(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    ApBfdPacket last;

    wish.usable = FALSE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    g_assert_cmpuint(send_all(&speaker, after(1), &last), >, 0);
    g_assert_cmpint(last.diag, ==, AP_BFD_DIAG_CONCATENATED_PATH_DOWN);
}

static void
test_busy_again_asks_at_once(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP), last;

    wish.fast = FALSE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    (void) send_all(&speaker, after(1), &last);
    packet.final = TRUE;
    (void) hear(&speaker, packet, after(2));

    wish.fast = TRUE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(3));
    g_assert_cmpuint(send_all(&speaker, after(3), &last), >, 0);
    g_assert_true(last.poll);
    (void) ap_speaker_judge(&speaker, after(3 + AP_BFD_DETECT_MULT * AP_BFD_FAST_USEC));
    g_assert_cmpint(speaker.proof.state, !=, AP_PROOF_PROVEN);
}

/* A quiet session that has said all that there is to say. */
static ApSpeaker
make_quiet(ApSessionWish *wish)
{
    ApSpeaker speaker = make_proven(wish);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP), last;

    wish->fast = FALSE;
    ap_speaker_follow(&speaker, wish, THEIRS, after(1));
    (void) send_all(&speaker, after(1), &last);
    packet.final = TRUE;
    (void) hear(&speaker, packet, after(2));
    return speaker;
}

static void
test_a_doubted_path_is_asked_once(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_quiet(&wish);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP), last;

    wish.doubted_boot_usec = after(3).boot_usec;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(4));
    g_assert_cmpuint(send_all(&speaker, after(4), &last), ==, 1);
    g_assert_true(last.poll);
    packet.final = TRUE;
    (void) hear(&speaker, packet, after(5));

    ap_speaker_follow(&speaker, &wish, THEIRS, after(6));
    g_assert_cmpuint(send_all(&speaker, after(6), &last), ==, 0);
    (void) ap_speaker_judge(&speaker, after(6 + AP_BFD_DETECT_MULT * AP_BFD_FAST_USEC));
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_PROVEN);
}

static void
test_a_doubt_that_is_right_ends_the_proof(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_quiet(&wish);
    ApBfdPacket last;

    wish.doubted_boot_usec = after(3).boot_usec;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(4));
    (void) send_all(&speaker, after(4), &last);
    (void) ap_speaker_judge(&speaker, after(4 + AP_BFD_DETECT_MULT * AP_BFD_FAST_USEC));
    g_assert_cmpint(speaker.proof.state, !=, AP_PROOF_PROVEN);
    g_assert_cmpint(speaker.proof.why, ==, AP_REASON_SILENT);
}

static void
test_leaving_is_said_three_times(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    guint n = 0;

    wish.leaving = TRUE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    for (ApInstant now = after(1); now.boot_usec < after(AP_USEC_PER_SEC).boot_usec;
         now.boot_usec += AP_USEC_PER_MSEC) {
        ApBfdPacket last;

        ap_speaker_follow(&speaker, &wish, THEIRS, now);
        if (send_all(&speaker, now, &last) > 0) {
            g_assert_cmpint(last.state, ==, AP_BFD_STATE_ADMIN_DOWN);
            n++;
        }
    }
    g_assert_cmpuint(n, ==, AP_BFD_N_GOODBYES);
}

static void
test_who_left_may_come_back(void)
{
    ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);
    ApBfdPacket last;

    wish.leaving = TRUE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(1));
    wish.leaving = FALSE;
    ap_speaker_follow(&speaker, &wish, THEIRS, after(2));
    g_assert_cmpuint(send_all(&speaker, after(2), &last), >, 0);
    g_assert_cmpint(last.state, ==, AP_BFD_STATE_DOWN);
    g_assert_cmpuint(last.my_discriminator, ==, THEIRS);
}

static void
hear_small(ApSpeaker *speaker, gint64 usec)
{
    ApBfdPacket packet = heard(AP_BFD_STATE_DOWN);

    packet.n_bytes = AP_BFD_PACKET_BYTES;
    packet.your_discriminator = 0;
    (void) hear(speaker, packet, after(usec));
}

static void
test_a_narrow_path_shows_over_several_tries(void)
{
    const ApSessionWish wish = make_wish();
    ApSpeaker speaker = make(&wish);

    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(speaker.proof.why, ==, AP_REASON_NONE);
        if (i > 0)
            ap_speaker_renew(&speaker, &wish, OURS, after(i));
        g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_NONE);
        hear_small(&speaker, i);
    }
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_HEARD);
    g_assert_cmpint(speaker.proof.why, ==, AP_REASON_MTU);
}

static void
test_a_new_try_has_nothing_of_what_was_proven(void)
{
    const ApSessionWish wish = make_wish();
    ApSpeaker speaker = make_proven(&wish);

    ap_speaker_renew(&speaker, &wish, THEIRS, after(1));
    g_assert_cmpint(speaker.proof.state, ==, AP_PROOF_NONE);
    g_assert_cmpint(speaker.proof.heard_boot_usec, ==, 0);
    g_assert_cmpuint(speaker.proof.tx_bytes, ==, 0);
    g_assert_cmpuint(speaker.proof.rx_bytes, ==, 0);
}

#define ADD(name, function) g_test_add_func("/speaker/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("proof-of-what-is-heard", test_proof_of_what_is_heard);
    ADD("silence-ends-the-proof", test_silence_ends_the_proof);
    ADD("only-what-matters-asks-for-a-decision", test_only_what_matters_asks_for_a_decision);
    ADD("bytes-are-those-of-the-device", test_bytes_are_those_of_the_device);
    ADD("active-speaks-first", test_active_speaks_first);
    ADD("passive-again-falls-silent-and-understands",
        test_passive_again_falls_silent_and_understands);
    ADD("up-stays-up-when-passive-is-wished", test_up_stays_up_when_passive_is_wished);
    ADD("waiting-is-said", test_waiting_is_said);
    ADD("busy-again-asks-at-once", test_busy_again_asks_at_once);
    ADD("a-doubted-path-is-asked-once", test_a_doubted_path_is_asked_once);
    ADD("a-doubt-that-is-right-ends-the-proof", test_a_doubt_that_is_right_ends_the_proof);
    ADD("leaving-is-said-three-times", test_leaving_is_said_three_times);
    ADD("who-left-may-come-back", test_who_left_may_come_back);
    ADD("a-narrow-path-shows-over-several-tries", test_a_narrow_path_shows_over_several_tries);
    ADD("a-new-try-has-nothing-of-what-was-proven", test_a_new_try_has_nothing_of_what_was_proven);
    return g_test_run();
}
