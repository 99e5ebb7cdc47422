/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/bfd/session.h"

#define OWN 0x11111111
#define THEIRS 0x22222222
#define MTU 1420
#define PADDED (MTU - AP_BFD_HEADERS_BYTES)

static const ApInstant start = {.boot_usec = 1000 * AP_USEC_PER_SEC};

static ApInstant
after(gint64 usec)
{
    return (ApInstant){.boot_usec = start.boot_usec + usec};
}

static ApBfdSession
make(ApBfdRole role, guint32 mtu)
{
    ApBfdConfig config;
    ApBfdSession session;

    ap_bfd_config_init(&config, role, mtu);
    ap_bfd_session_init(&session, &config, OWN);
    return session;
}

static ApBfdPacket
heard(ApBfdState state)
{
    return (ApBfdPacket){.state = state,
                         .detect_mult = 3,
                         .my_discriminator = THEIRS,
                         .your_discriminator = OWN,
                         .desired_min_tx_usec = AP_BFD_FAST_USEC,
                         .required_min_rx_usec = AP_BFD_FAST_USEC,
                         .n_bytes = PADDED};
}

static void
receive(ApBfdSession *session, ApBfdPacket packet, ApInstant now)
{
    g_assert_cmpint(ap_bfd_session_receive(session, &packet, now), ==, AP_BFD_REFUSAL_NONE);
}

/* What the session sends next, which must be something. */
static ApBfdPacket
take(ApBfdSession *session, ApInstant now)
{
    guint8 wire[AP_BFD_PAYLOAD_MAX];
    const gsize n = ap_bfd_session_take_packet(session, now, 0, wire, sizeof(wire));
    ApBfdPacket packet;

    g_assert_cmpuint(n, >, 0);
    g_assert_cmpint(ap_bfd_packet_decode(&packet, wire, n), ==, AP_BFD_REFUSAL_NONE);
    return packet;
}

static guint
take_all(ApBfdSession *session, ApInstant now)
{
    guint8 wire[AP_BFD_PAYLOAD_MAX];
    guint n = 0;

    while (ap_bfd_session_take_packet(session, now, 0, wire, sizeof(wire)) > 0)
        n++;
    g_assert_cmpint(ap_bfd_session_deadline(session), >, now.boot_usec);
    return n;
}

/* Up, with all that was said about it confirmed. */
static ApBfdSession
make_up(guint32 mtu)
{
    ApBfdSession session = make(AP_BFD_ROLE_ACTIVE, mtu);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    receive(&session, heard(AP_BFD_STATE_INIT), start);
    (void) take_all(&session, start);
    packet.final = TRUE;
    receive(&session, packet, start);
    (void) take_all(&session, start);
    g_assert_cmpint(session.state, ==, AP_BFD_STATE_UP);
    g_assert_true(ap_bfd_poll_is_idle(&session.poll));
    return session;
}

/* RFC 5880 section 6.8.6, and the diagram in 6.2. */
static const struct {
    ApBfdState own;
    ApBfdState received;
    ApBfdState then;
    ApBfdCause cause;
} transitions[] = {
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_ADMIN_DOWN, AP_BFD_STATE_DOWN, AP_BFD_CAUSE_REMOTE_ADMIN},
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_DOWN, AP_BFD_STATE_INIT, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_INIT, AP_BFD_STATE_UP, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_DOWN, AP_BFD_STATE_UP, AP_BFD_STATE_DOWN, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_INIT, AP_BFD_STATE_ADMIN_DOWN, AP_BFD_STATE_DOWN, AP_BFD_CAUSE_REMOTE_ADMIN},
    {AP_BFD_STATE_INIT, AP_BFD_STATE_DOWN, AP_BFD_STATE_INIT, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_INIT, AP_BFD_STATE_INIT, AP_BFD_STATE_UP, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_INIT, AP_BFD_STATE_UP, AP_BFD_STATE_UP, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_UP, AP_BFD_STATE_ADMIN_DOWN, AP_BFD_STATE_DOWN, AP_BFD_CAUSE_REMOTE_ADMIN},
    {AP_BFD_STATE_UP, AP_BFD_STATE_DOWN, AP_BFD_STATE_DOWN, AP_BFD_CAUSE_REMOTE_DOWN},
    {AP_BFD_STATE_UP, AP_BFD_STATE_INIT, AP_BFD_STATE_UP, AP_BFD_CAUSE_NONE},
    {AP_BFD_STATE_UP, AP_BFD_STATE_UP, AP_BFD_STATE_UP, AP_BFD_CAUSE_NONE},
};

/* A session in @state by the way that leads there. */
static ApBfdSession
make_in(ApBfdState state, guint32 mtu)
{
    ApBfdSession session = make(AP_BFD_ROLE_ACTIVE, mtu);

    if (state == AP_BFD_STATE_INIT)
        receive(&session, heard(AP_BFD_STATE_DOWN), start);
    if (state == AP_BFD_STATE_UP)
        receive(&session, heard(AP_BFD_STATE_INIT), start);
    g_assert_cmpint(session.state, ==, state);
    (void) take_all(&session, start);
    return session;
}

static void
test_transitions(void)
{
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(transitions); i++) {
        const guint32 mtu = i % 2 ? MTU : 0;
        const gsize t = i / 2;
        ApBfdSession session = make_in(transitions[t].own, mtu);

        g_test_message("in %s, hears %s, tunnel of %u",
                       ap_bfd_state_name(transitions[t].own),
                       ap_bfd_state_name(transitions[t].received),
                       mtu);
        receive(&session, heard(transitions[t].received), start);
        g_assert_cmpstr(ap_bfd_state_name(ap_bfd_session_state(&session)),
                        ==,
                        ap_bfd_state_name(transitions[t].then));
        g_assert_cmpstr(ap_bfd_cause_name(ap_bfd_session_cause(&session)),
                        ==,
                        ap_bfd_cause_name(transitions[t].cause));
        /* A change is announced at once, and nothing else is. */
        g_assert_cmpint(take_all(&session, start) > 0,
                        ==,
                        transitions[t].own != transitions[t].then);
    }
}

static void
test_small_packets_do_not_raise(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(transitions); i++) {
        ApBfdSession session = make_in(transitions[i].own, MTU);
        ApBfdPacket small = heard(transitions[i].received);
        const gboolean rises = transitions[i].then > transitions[i].own;

        g_test_message("in %s, hears %s",
                       ap_bfd_state_name(transitions[i].own),
                       ap_bfd_state_name(transitions[i].received));
        small.n_bytes = AP_BFD_PACKET_BYTES;
        receive(&session, small, start);
        g_assert_cmpint(ap_bfd_session_state(&session),
                        ==,
                        rises ? transitions[i].own : transitions[i].then);
    }
}

static void
test_admin_down_hears_nothing(void)
{
    for (guint state = 0; state < AP_N_BFD_STATES; state++) {
        ApBfdSession session = make_up(MTU);
        ApBfdPacket packet = heard(state), sent;

        ap_bfd_session_admin_down(&session);
        sent = take(&session, start);
        g_assert_cmpint(sent.state, ==, AP_BFD_STATE_ADMIN_DOWN);
        g_assert_cmpint(sent.diag, ==, AP_BFD_DIAG_ADMIN_DOWN);
        g_assert_cmpuint(sent.n_bytes, ==, AP_BFD_PACKET_BYTES);
        g_assert_cmpint(ap_bfd_session_receive(&session, &packet, start), ==, AP_BFD_REFUSAL_ADMIN);
        g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_ADMIN_DOWN);
        g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_LOCAL_ADMIN);
    }
}

static void
test_admin_down_is_no_sign_of_a_narrow_path(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_ADMIN_DOWN);

    packet.n_bytes = AP_BFD_PACKET_BYTES;
    for (guint i = 0; i < 5; i++)
        receive(&session, packet, start);
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_REMOTE_ADMIN);
}

static void
test_other_sessions_packets_are_refused(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_DOWN);

    packet.your_discriminator = OWN + 1;
    g_assert_cmpint(ap_bfd_session_receive(&session, &packet, start), ==, AP_BFD_REFUSAL_SESSION);
    g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_UP);

    packet.your_discriminator = 0; /* the peer started anew */
    receive(&session, packet, start);
    g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_DOWN);
}

static void
test_active_speaks_first_and_padded(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_ACTIVE, MTU);
    ApBfdPacket packet = take(&session, start);

    g_assert_cmpint(packet.state, ==, AP_BFD_STATE_DOWN);
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
    g_assert_cmpuint(packet.my_discriminator, ==, OWN);
    g_assert_cmpuint(packet.your_discriminator, ==, 0);
    g_assert_cmpuint(packet.desired_min_tx_usec, ==, AP_USEC_PER_SEC);
    g_assert_cmpuint(packet.required_min_rx_usec, ==, AP_BFD_FAST_USEC);
    g_assert_cmpint(ap_bfd_session_deadline(&session), ==, start.boot_usec + AP_USEC_PER_SEC);

    packet = take(&session, after(AP_USEC_PER_SEC));
    g_assert_cmpuint(packet.n_bytes, ==, AP_BFD_PACKET_BYTES);
    packet = take(&session, after(2 * AP_USEC_PER_SEC));
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
}

static void
test_passive_is_silent_until_it_hears(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_PASSIVE, MTU);
    guint8 wire[AP_BFD_PAYLOAD_MAX];
    ApBfdPacket packet;

    g_assert_cmpint(ap_bfd_session_deadline(&session), ==, AP_NEVER);
    ap_bfd_session_advance(&session, after(3600 * AP_USEC_PER_SEC));
    g_assert_cmpuint(
        ap_bfd_session_take_packet(&session, after(3600 * AP_USEC_PER_SEC), 0, wire, sizeof(wire)),
        ==,
        0);

    receive(&session, heard(AP_BFD_STATE_DOWN), start);
    packet = take(&session, start);
    g_assert_cmpint(packet.state, ==, AP_BFD_STATE_INIT);
    g_assert_cmpuint(packet.your_discriminator, ==, THEIRS);
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
}

static void
test_passive_answers_a_small_packet(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_PASSIVE, MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_DOWN);

    packet.n_bytes = AP_BFD_PACKET_BYTES;
    receive(&session, packet, start);
    packet = take(&session, start);
    g_assert_cmpint(packet.state, ==, AP_BFD_STATE_DOWN);
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
}

static void
test_passive_turns_active(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_PASSIVE, MTU);

    ap_bfd_session_set_active(&session);
    g_assert_cmpint(ap_bfd_session_deadline(&session), <=, start.boot_usec);
    g_assert_cmpint(take(&session, start).state, ==, AP_BFD_STATE_DOWN);
}

static void
test_passive_unheard_leaves_in_silence(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_PASSIVE, MTU);

    ap_bfd_session_admin_down(&session);
    g_assert_cmpuint(take_all(&session, start), ==, 0);
    g_assert_cmpint(ap_bfd_session_deadline(&session), ==, AP_NEVER);
}

static void
test_admin_down_is_said_three_times(void)
{
    const guint32 mtus[] = {0, MTU};

    for (gsize i = 0; i < G_N_ELEMENTS(mtus); i++) {
        ApBfdSession session = make_up(mtus[i]);
        gint64 usec = 0;

        ap_bfd_session_admin_down(&session);
        for (guint n = 0; n < AP_BFD_N_GOODBYES; n++) {
            const ApInstant now = after(usec);

            g_test_message("tunnel of %u, goodbye %u", mtus[i], n + 1);
            g_assert_cmpint(ap_bfd_session_deadline(&session), <=, now.boot_usec);
            g_assert_cmpuint(take(&session, now).n_bytes, ==, AP_BFD_PACKET_BYTES);
            if (n + 1 < AP_BFD_N_GOODBYES)
                g_assert_cmpuint(take_all(&session, now), ==, 0);
            usec += AP_BFD_GOODBYE_USEC;
        }
        g_assert_cmpint(ap_bfd_session_deadline(&session), ==, AP_NEVER);
    }
}

/* One wake-up serves both directions. */
static void
test_quiet_path_answers_with_the_periodic_packet(void)
{
    const struct {
        gint64 usec; /* after our latest packet */
        gboolean sends;
    } cases[] = {
        {AP_BFD_IDLE_USEC * 74 / 100, FALSE},
        {AP_BFD_IDLE_USEC * 75 / 100, TRUE},
        {AP_BFD_IDLE_USEC * 99 / 100, TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ApBfdSession session = make_up(0);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);

        g_test_message("%" G_GINT64_FORMAT " us after our packet", cases[i].usec);
        packet.required_min_rx_usec = AP_BFD_IDLE_USEC;
        packet.desired_min_tx_usec = AP_BFD_IDLE_USEC;
        receive(&session, packet, after(cases[i].usec));
        g_assert_cmpint(ap_bfd_session_deadline(&session) <= after(cases[i].usec).boot_usec,
                        ==,
                        cases[i].sends);
    }
}

/* Nor does anything else that wakes us make it necessary to wake again soon. */
static void
test_quiet_path_joins_a_wakeup(void)
{
    const struct {
        guint32 remote_min_rx_usec;
        gint64 usec; /* after our latest packet */
        gboolean sends;
    } cases[] = {
        {AP_BFD_IDLE_USEC, AP_BFD_IDLE_USEC * 74 / 100, FALSE},
        {AP_BFD_IDLE_USEC, AP_BFD_IDLE_USEC * 75 / 100, TRUE},
        {AP_BFD_FAST_USEC, AP_BFD_FAST_USEC * 75 / 100, FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ApBfdSession session = make_up(0);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);

        g_test_message("%" G_GINT64_FORMAT " us after our packet", cases[i].usec);
        packet.required_min_rx_usec = cases[i].remote_min_rx_usec;
        packet.desired_min_tx_usec = AP_BFD_IDLE_USEC;
        receive(&session, packet, start);
        g_assert_cmpint(ap_bfd_session_join(&session, after(cases[i].usec)), ==, cases[i].sends);
        g_assert_cmpint(ap_bfd_session_deadline(&session) <= after(cases[i].usec).boot_usec,
                        ==,
                        cases[i].sends);
    }
}

/* A Poll that is sent together with the periodic packet wakes nobody. */
static void
test_size_is_asked_with_the_periodic_packet(void)
{
    const gint64 usec = AP_BFD_SIZE_PERIOD_USEC - AP_BFD_IDLE_USEC;
    ApBfdSession session = make_up(MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    packet.required_min_rx_usec = AP_BFD_IDLE_USEC;
    receive(&session, packet, after(usec));
    ap_bfd_session_advance(&session, after(usec));
    packet = take(&session, after(usec));
    g_assert_true(packet.poll);
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
    packet = take(&session, after(usec));
    g_assert_false(packet.poll);
    g_assert_cmpuint(packet.n_bytes, ==, AP_BFD_PACKET_BYTES);
}

/* Whoever asks proves both directions, so that one of the two is enough. */
static void
test_size_is_not_asked_when_the_far_end_just_did(void)
{
    static const struct {
        guint n_bytes;
        gboolean asks;
    } cases[] = {{AP_BFD_PACKET_BYTES, TRUE}, {PADDED, FALSE}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const ApInstant due = after(AP_BFD_SIZE_PERIOD_USEC);
        ApBfdSession session = make_up(MTU);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);

        g_test_message("a Poll of %u bytes", cases[i].n_bytes);
        packet.poll = TRUE;
        packet.n_bytes = (guint16) cases[i].n_bytes;
        receive(&session, packet, after(AP_BFD_SIZE_PERIOD_USEC - AP_BFD_FAST_USEC));
        ap_bfd_session_advance(&session, due);
        g_assert_cmpint(ap_bfd_poll_is_idle(&session.poll), ==, !cases[i].asks);
    }
}

static void
test_usable_is_said_with_up(void)
{
    ApBfdSession session = make_up(MTU);

    ap_bfd_session_set_usable(&session, FALSE);
    g_assert_cmpint(take(&session, start).diag, ==, AP_BFD_DIAG_CONCATENATED_PATH_DOWN);
    (void) take_all(&session, start);
    g_assert_cmpint(take(&session, after(AP_BFD_FAST_USEC)).diag,
                    ==,
                    AP_BFD_DIAG_CONCATENATED_PATH_DOWN);

    ap_bfd_session_set_usable(&session, TRUE);
    g_assert_cmpint(take(&session, after(AP_BFD_FAST_USEC)).diag, ==, AP_BFD_DIAG_NONE);
}

/* A lost announcement would otherwise cost up to a quiet interval, 15 s. */
static void
test_usable_is_repeated_until_confirmed(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    ap_bfd_session_set_usable(&session, FALSE);
    g_assert_true(take(&session, start).poll);
    (void) take_all(&session, start);
    g_assert_true(take(&session, after(AP_BFD_FAST_USEC)).poll);

    packet.final = TRUE;
    receive(&session, packet, after(AP_BFD_FAST_USEC));
    g_assert_true(ap_bfd_poll_is_idle(&session.poll));
}

static void
test_down_keeps_its_own_diagnostic(void)
{
    ApBfdSession session = make_up(MTU);

    ap_bfd_session_set_usable(&session, FALSE);
    receive(&session, heard(AP_BFD_STATE_DOWN), start);
    g_assert_cmpint(take(&session, start).diag, ==, AP_BFD_DIAG_NEIGHBOUR_DOWN);
}

static const struct {
    ApBfdState state;
    guint8 diag;
    gboolean usable;
} remote_words[] = {
    {AP_BFD_STATE_UP, AP_BFD_DIAG_NONE, TRUE},
    {AP_BFD_STATE_UP, AP_BFD_DIAG_DETECTION_EXPIRED, TRUE},
    {AP_BFD_STATE_UP, AP_BFD_DIAG_CONCATENATED_PATH_DOWN, FALSE},
    {AP_BFD_STATE_UP, AP_BFD_DIAG_REVERSE_CONCATENATED_PATH_DOWN, FALSE},
    {AP_BFD_STATE_INIT, AP_BFD_DIAG_NONE, FALSE},
    {AP_BFD_STATE_DOWN, AP_BFD_DIAG_NONE, FALSE},
    {AP_BFD_STATE_ADMIN_DOWN, AP_BFD_DIAG_ADMIN_DOWN, FALSE},
};

static void
test_remote_usable(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(remote_words); i++) {
        ApBfdSession session = make_up(MTU);
        ApBfdPacket packet = heard(remote_words[i].state);

        g_test_message("state %s, diagnostic %u",
                       ap_bfd_state_name(packet.state),
                       remote_words[i].diag);
        packet.diag = remote_words[i].diag;
        receive(&session, packet, start);
        g_assert_cmpint(ap_bfd_session_remote_usable(&session), ==, remote_words[i].usable);
    }
}

static void
test_who_left_and_speaks_again_has_not_left(void)
{
    ApBfdSession session = make_up(MTU);

    receive(&session, heard(AP_BFD_STATE_ADMIN_DOWN), start);
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_REMOTE_ADMIN);
    receive(&session, heard(AP_BFD_STATE_DOWN), start);
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_NONE);
}

static void
test_another_mtu_is_proven(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket poll;

    ap_bfd_session_set_mtu(&session, MTU - 20);
    poll = take(&session, start);
    g_assert_true(poll.poll);
    g_assert_cmpuint(poll.n_bytes, ==, PADDED - 20);
}

/* Down goes out small, because padded packets may be what no longer passes, and then padded,
 * because the far end rises on nothing less. */
static void
test_leaving_up_is_announced_small_first(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket first, second;

    receive(&session, heard(AP_BFD_STATE_DOWN), start);
    first = take(&session, start);
    second = take(&session, start);
    g_assert_cmpint(first.state, ==, AP_BFD_STATE_DOWN);
    g_assert_cmpint(first.diag, ==, AP_BFD_DIAG_NEIGHBOUR_DOWN);
    g_assert_cmpuint(first.n_bytes, ==, AP_BFD_PACKET_BYTES);
    g_assert_cmpint(second.state, ==, AP_BFD_STATE_DOWN);
    g_assert_cmpuint(second.n_bytes, ==, PADDED);
    g_assert_cmpuint(take_all(&session, start), ==, 0);
}

static void
test_up_opens_a_padded_poll(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_ACTIVE, MTU);
    ApBfdPacket packet;

    receive(&session, heard(AP_BFD_STATE_INIT), start);
    packet = take(&session, start);
    g_assert_cmpint(packet.state, ==, AP_BFD_STATE_UP);
    g_assert_true(packet.poll);
    g_assert_cmpuint(packet.n_bytes, ==, PADDED);
    g_assert_cmpuint(packet.desired_min_tx_usec, ==, AP_BFD_FAST_USEC);
}

static void
test_poll_is_answered_in_its_size(void)
{
    const gsize sizes[] = {AP_BFD_PACKET_BYTES, PADDED};

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        ApBfdSession session = make_up(MTU);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);

        packet.poll = TRUE;
        packet.n_bytes = sizes[i];
        receive(&session, packet, start);
        packet = take(&session, start);
        g_assert_true(packet.final);
        g_assert_false(packet.poll);
        g_assert_cmpuint(packet.n_bytes, ==, sizes[i]);
        g_assert_cmpuint(take_all(&session, start), ==, 0);
    }
}

static void
test_small_final_does_not_prove_size(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_ACTIVE, MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    receive(&session, heard(AP_BFD_STATE_INIT), start);
    (void) take_all(&session, start);
    packet.final = TRUE;
    packet.n_bytes = AP_BFD_PACKET_BYTES;
    receive(&session, packet, start);
    g_assert_false(ap_bfd_poll_is_idle(&session.poll));
    packet.n_bytes = PADDED;
    receive(&session, packet, start);
    g_assert_true(ap_bfd_poll_is_idle(&session.poll));
}

static const struct {
    const char *what;
    guint8 detect_mult;
    guint32 min_tx_usec;
    gint64 detection_usec;
} detections[] = {
    {"like ours", 3, 300000, 900000},
    {"faster than we want", 3, 10000, 900000},
    {"slower than we want", 3, 1000000, 3000000},
    {"one packet", 1, 300000, 300000},
    {"a second of 50 ms", 20, 50000, 6000000},
    {"an hour and more", 255, G_MAXUINT32, 180 * AP_USEC_PER_SEC},
};

static void
test_detection_time(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(detections); i++) {
        ApBfdSession session = make_up(0);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);
        ApInstant end = after(detections[i].detection_usec);

        g_test_message("case '%s'", detections[i].what);
        packet.detect_mult = detections[i].detect_mult;
        packet.desired_min_tx_usec = detections[i].min_tx_usec;
        receive(&session, packet, start);
        g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, detections[i].detection_usec);

        end.boot_usec--;
        ap_bfd_session_advance(&session, end);
        g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_UP);
        end.boot_usec++;
        ap_bfd_session_advance(&session, end);
        g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_DOWN);
        g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_SILENT);
        g_assert_cmpuint(take(&session, end).your_discriminator, ==, 0);
    }
}

static const struct {
    const char *what;
    guint32 min_rx_usec;
    gint64 interval_usec; /* AP_NEVER: nothing periodic */
} intervals[] = {
    {"like ours", 300000, 300000},
    {"faster than we like", 1000, 300000},
    {"slower", 15000000, 15000000},
    {"never", 0, AP_NEVER},
};

static void
test_interval(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(intervals); i++) {
        ApBfdSession session = make_up(0);
        ApBfdPacket packet = heard(AP_BFD_STATE_UP);
        gint64 expected = start.boot_usec + intervals[i].interval_usec;

        g_test_message("case '%s'", intervals[i].what);
        packet.required_min_rx_usec = intervals[i].min_rx_usec;
        packet.desired_min_tx_usec = 60 * AP_USEC_PER_SEC; /* keeps the detection time out */
        receive(&session, packet, start);
        if (intervals[i].interval_usec == AP_NEVER)
            expected = start.boot_usec + 180 * AP_USEC_PER_SEC; /* of silence */
        g_assert_cmpint(ap_bfd_session_deadline(&session), ==, expected);
    }
}

static void
test_demand_stops_the_periodic_packet(void)
{
    ApBfdSession session = make_up(0);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    packet.demand = TRUE;
    receive(&session, packet, start);
    g_assert_cmpuint(take_all(&session, after(500 * AP_USEC_PER_MSEC)), ==, 0);
    packet.poll = TRUE;
    receive(&session, packet, start);
    g_assert_true(take(&session, start).final);
}

static void
test_jitter(void)
{
    for (guint mult = 1; mult <= 3; mult += 2) {
        gint64 least = AP_NEVER, most = 0;

        for (guint i = 0; i < 20000; i++) {
            ApBfdSession session = make_up(0);
            guint8 wire[AP_BFD_PACKET_BYTES];
            gint64 interval;

            session.config.detect_mult = (guint8) mult;
            g_assert_cmpuint(ap_bfd_session_take_packet(&session,
                                                        after(AP_BFD_FAST_USEC),
                                                        g_test_rand_int(),
                                                        wire,
                                                        sizeof(wire)),
                             >,
                             0);
            interval = session.periodic_usec - start.boot_usec;
            g_assert_cmpint(interval, ==, AP_BFD_FAST_USEC);
            interval = ap_bfd_session_interval_usec(&session);
            interval -= interval * session.jitter_permille / 1000;
            least = MIN(least, interval);
            most = MAX(most, interval);
        }
        g_test_message("multiplier %u: from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " µs",
                       mult,
                       least,
                       most);
        g_assert_cmpint(least, ==, 225000);
        g_assert_cmpint(most, ==, mult == 1 ? 270000 : 300000);
    }
}

static void
test_slow_idle_and_fast_again(void)
{
    ApBfdSession session = make_up(0);
    ApBfdPacket packet;

    /* A longer interval holds for us at once. */
    ap_bfd_session_set_fast(&session, FALSE);
    packet = take(&session, start);
    g_assert_true(packet.poll);
    g_assert_cmpuint(packet.required_min_rx_usec, ==, AP_BFD_IDLE_USEC);
    g_assert_cmpuint(packet.desired_min_tx_usec, ==, AP_BFD_FAST_USEC);
    g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, 3 * AP_BFD_IDLE_USEC);

    packet = heard(AP_BFD_STATE_UP);
    packet.final = TRUE;
    receive(&session, packet, start);

    /* A shorter one only when the far end confirms it. */
    ap_bfd_session_set_fast(&session, TRUE);
    packet = take(&session, start);
    g_assert_true(packet.poll);
    g_assert_cmpuint(packet.required_min_rx_usec, ==, AP_BFD_FAST_USEC);
    g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, 3 * AP_BFD_IDLE_USEC);
    receive(&session, heard(AP_BFD_STATE_UP), start);
    g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, 3 * AP_BFD_IDLE_USEC);

    packet = heard(AP_BFD_STATE_UP);
    packet.final = TRUE;
    receive(&session, packet, start);
    g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, 3 * AP_BFD_FAST_USEC);
}

static void
test_going_fast_on_a_dead_path(void)
{
    ApBfdSession session = make_up(0);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);

    ap_bfd_session_set_fast(&session, FALSE);
    (void) take_all(&session, start);
    packet.final = TRUE;
    receive(&session, packet, start);

    ap_bfd_session_set_fast(&session, TRUE);
    (void) take_all(&session, start);
    ap_bfd_session_advance(&session, after(899 * AP_USEC_PER_MSEC));
    g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_UP);
    ap_bfd_session_advance(&session, after(900 * AP_USEC_PER_MSEC));
    g_assert_cmpint(ap_bfd_session_state(&session), ==, AP_BFD_STATE_DOWN);
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_NO_FINAL);
    /* The next session must not start with the long detection time of this one. */
    g_assert_cmpint(ap_bfd_session_detection_usec(&session), ==, 3 * AP_BFD_FAST_USEC);
}

static void
test_check_now_asks_three_times(void)
{
    ApBfdSession session = make_up(MTU);
    guint n_polls = 0;

    ap_bfd_session_check_now(&session);
    for (gint64 msec = 0; msec < 900; msec++) {
        guint8 wire[AP_BFD_PAYLOAD_MAX];
        gsize n;

        if (msec % 100 == 0)
            ap_bfd_session_check_now(&session); /* impatience does not start it anew */
        if (msec % 300 == 1)                    /* the peer is heard and does not answer */
            receive(&session, heard(AP_BFD_STATE_UP), after(msec * AP_USEC_PER_MSEC));
        n = ap_bfd_session_take_packet(&session,
                                       after(msec * AP_USEC_PER_MSEC),
                                       0,
                                       wire,
                                       sizeof(wire));
        if (n > 0) {
            g_assert_cmpuint(n, ==, AP_BFD_PACKET_BYTES);
            n_polls += (wire[1] & 0x20) != 0;
        }
    }
    g_assert_cmpuint(n_polls, ==, 3);
    ap_bfd_session_advance(&session, after(900 * AP_USEC_PER_MSEC));
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_NO_FINAL);
}

static void
test_round_trip_time(void)
{
    ApBfdSession session = make_up(0);
    ApBfdPacket packet;
    gint64 msec = 0;

    g_assert_cmpint(ap_bfd_session_rtt_usec(&session), ==, 1); /* make_up() is that quick */
    session.poll.rtt_usec = 0;
    for (guint round = 0; round < 40; round++) {
        for (;;) {
            msec += 300;
            receive(&session, heard(AP_BFD_STATE_UP), after(msec * AP_USEC_PER_MSEC));
            packet = take(&session, after(msec * AP_USEC_PER_MSEC));
            if (packet.poll)
                break;
        }
        packet = heard(AP_BFD_STATE_UP);
        packet.final = TRUE;
        receive(&session, packet, after((msec + (round < 20 ? 10 : 26)) * AP_USEC_PER_MSEC));
        if (round == 19)
            g_assert_cmpint(ap_bfd_session_rtt_usec(&session), ==, 10000);
    }
    g_assert_cmpint(ap_bfd_session_rtt_usec(&session), >, 24000);
    g_assert_cmpint(ap_bfd_session_rtt_usec(&session), <=, 26000);
    g_assert_cmpint(msec, <=, 40 * 1500); /* a measurement a second, on periodic packets */
}

static void
test_flood_is_refused(void)
{
    ApBfdSession session = make_up(MTU);
    const ApBfdPacket packet = heard(AP_BFD_STATE_UP);
    guint n_taken = 0;

    for (guint msec = 0; msec < 10000; msec++) {
        if (ap_bfd_session_receive(&session, &packet, after(msec * AP_USEC_PER_MSEC))
            == AP_BFD_REFUSAL_NONE)
            n_taken++;
        ap_bfd_session_advance(&session, after(msec * AP_USEC_PER_MSEC));
        (void) take_all(&session, after(msec * AP_USEC_PER_MSEC));
    }
    g_assert_cmpuint(n_taken, >=, 240);
    g_assert_cmpuint(n_taken, <=, 251);
    g_assert_cmpint(session.remote_state, ==, AP_BFD_STATE_UP);
}

static void
test_suspend_is_a_silence(void)
{
    const gint64 resumed = 8 * 3600 * AP_USEC_PER_SEC;
    ApBfdSession session = make_up(MTU);

    ap_bfd_session_advance(&session, after(resumed));
    g_assert_cmpint(session.state, ==, AP_BFD_STATE_UP);
    g_assert_cmpint(ap_bfd_session_deadline(&session), <=, after(resumed).boot_usec);
    (void) take_all(&session, after(resumed));
    ap_bfd_session_advance(&session, after(resumed + 300 * AP_USEC_PER_MSEC - 1));
    g_assert_cmpint(session.state, ==, AP_BFD_STATE_UP);
    ap_bfd_session_advance(&session, after(resumed + 300 * AP_USEC_PER_MSEC));
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_SILENT);
}

/* Two machines on one busy computer may stand still together. */
static void
test_our_own_standstill_is_no_silence(void)
{
    ApBfdSession session = make_up(MTU);
    ApBfdPacket packet = heard(AP_BFD_STATE_UP);
    gint64 msec = 0;

    packet.final = TRUE;
    for (guint round = 0; round < 10; round++) {
        msec += 1200;
        ap_bfd_session_advance(&session, after(msec * AP_USEC_PER_MSEC));
        (void) take_all(&session, after(msec * AP_USEC_PER_MSEC));
        g_assert_cmpint(session.state, ==, AP_BFD_STATE_UP);
        receive(&session, packet, after((msec + 5) * AP_USEC_PER_MSEC));
        ap_bfd_session_advance(&session, after((msec + 300) * AP_USEC_PER_MSEC));
        g_assert_cmpint(session.state, ==, AP_BFD_STATE_UP);
    }
}

/* As late as a busy machine may be, and no later. */
static void
test_slight_lateness_is_no_excuse(void)
{
    ApBfdSession session = make_up(MTU);

    ap_bfd_session_advance(&session, after(1049 * AP_USEC_PER_MSEC));
    g_assert_cmpint(ap_bfd_session_cause(&session), ==, AP_BFD_CAUSE_SILENT);
}

/* Whatever arrives whenever: the session comes to rest after a few packets, and a deadline that
 * has come leads to something. */
static void
test_random_packets(void)
{
    ApBfdSession session = make(AP_BFD_ROLE_PASSIVE, MTU);
    gint64 usec = 0;

    for (guint i = 0; i < 100000; i++) {
        const guint bit = (guint) g_test_rand_int_range(0, 3);
        const ApBfdPacket packet = {
            .state = (ApBfdState) g_test_rand_int_range(0, AP_N_BFD_STATES),
            .poll = bit == 1,
            .final = bit == 2,
            .demand = g_test_rand_int_range(0, 10) == 0,
            .detect_mult = (guint8) g_test_rand_int_range(1, 256),
            .my_discriminator = g_test_rand_int_range(0, 20) ? THEIRS : THEIRS + 1,
            .your_discriminator = g_test_rand_int_range(0, 5) ? OWN : 0,
            .desired_min_tx_usec = (guint32) g_test_rand_int() >> g_test_rand_int_range(0, 32),
            .required_min_rx_usec = (guint32) g_test_rand_int() >> g_test_rand_int_range(0, 32),
            .n_bytes = g_test_rand_bit() ? PADDED : AP_BFD_PACKET_BYTES,
        };

        usec += g_test_rand_int_range(0, g_test_rand_int_range(0, 50) ? 200000 : 60000000);
        (void) ap_bfd_session_receive(&session, &packet, after(usec));
        ap_bfd_session_advance(&session, after(usec));
        g_assert_cmpuint(take_all(&session, after(usec)), <=, 5);
        if (g_test_rand_int_range(0, 20) == 0)
            ap_bfd_session_set_fast(&session, g_test_rand_bit());
        if (g_test_rand_int_range(0, 20) == 0)
            ap_bfd_session_check_now(&session);
        if (g_test_rand_int_range(0, 20) == 0)
            ap_bfd_session_set_usable(&session, g_test_rand_bit());
        if (g_test_rand_int_range(0, 1000) == 0) {
            ap_bfd_session_admin_down(&session);
            g_assert_cmpuint(take_all(&session, after(usec)), <=, 5);
            session = make(g_test_rand_bit() ? AP_BFD_ROLE_ACTIVE : AP_BFD_ROLE_PASSIVE, MTU);
        }
    }
}

static void
test_names_are_distinct(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < AP_N_BFD_CAUSES; i++)
        g_assert_true(g_hash_table_add(seen, (char *) ap_bfd_cause_name(i)));
}

static void
test_config_pads_to_the_tunnel(void)
{
    const struct {
        guint32 mtu;
        guint16 padded_bytes;
    } cases[] = {{0, 0}, {72, 0}, {1280, 1232}, {1420, 1372}, {9000, 8952}, {65535, 8952}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ApBfdConfig config;

        g_test_message("MTU %u", cases[i].mtu);
        ap_bfd_config_init(&config, AP_BFD_ROLE_ACTIVE, cases[i].mtu);
        g_assert_cmpuint(config.padded_bytes, ==, cases[i].padded_bytes);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/bfd/session/" name, function)
    ADD("transitions", test_transitions);
    ADD("small-packets-do-not-raise", test_small_packets_do_not_raise);
    ADD("admin-down-hears-nothing", test_admin_down_hears_nothing);
    ADD("admin-down-is-said-three-times", test_admin_down_is_said_three_times);
    ADD("quiet-path-answers-with-the-periodic-packet",
        test_quiet_path_answers_with_the_periodic_packet);
    ADD("quiet-path-joins-a-wakeup", test_quiet_path_joins_a_wakeup);
    ADD("size-is-asked-with-the-periodic-packet", test_size_is_asked_with_the_periodic_packet);
    ADD("size-is-not-asked-when-the-far-end-just-did",
        test_size_is_not_asked_when_the_far_end_just_did);
    ADD("usable-is-said-with-up", test_usable_is_said_with_up);
    ADD("usable-is-repeated-until-confirmed", test_usable_is_repeated_until_confirmed);
    ADD("down-keeps-its-own-diagnostic", test_down_keeps_its_own_diagnostic);
    ADD("remote-usable", test_remote_usable);
    ADD("who-left-and-speaks-again-has-not-left", test_who_left_and_speaks_again_has_not_left);
    ADD("another-mtu-is-proven", test_another_mtu_is_proven);
    ADD("admin-down-is-no-sign-of-a-narrow-path", test_admin_down_is_no_sign_of_a_narrow_path);
    ADD("other-sessions-packets-are-refused", test_other_sessions_packets_are_refused);
    ADD("active-speaks-first-and-padded", test_active_speaks_first_and_padded);
    ADD("passive-is-silent-until-it-hears", test_passive_is_silent_until_it_hears);
    ADD("passive-answers-a-small-packet", test_passive_answers_a_small_packet);
    ADD("passive-turns-active", test_passive_turns_active);
    ADD("passive-unheard-leaves-in-silence", test_passive_unheard_leaves_in_silence);
    ADD("leaving-up-is-announced-small-first", test_leaving_up_is_announced_small_first);
    ADD("up-opens-a-padded-poll", test_up_opens_a_padded_poll);
    ADD("poll-is-answered-in-its-size", test_poll_is_answered_in_its_size);
    ADD("small-final-does-not-prove-size", test_small_final_does_not_prove_size);
    ADD("detection-time", test_detection_time);
    ADD("interval", test_interval);
    ADD("demand-stops-the-periodic-packet", test_demand_stops_the_periodic_packet);
    ADD("jitter", test_jitter);
    ADD("slow-idle-and-fast-again", test_slow_idle_and_fast_again);
    ADD("going-fast-on-a-dead-path", test_going_fast_on_a_dead_path);
    ADD("check-now-asks-three-times", test_check_now_asks_three_times);
    ADD("round-trip-time", test_round_trip_time);
    ADD("flood-is-refused", test_flood_is_refused);
    ADD("suspend-is-a-silence", test_suspend_is_a_silence);
    ADD("our-own-standstill-is-no-silence", test_our_own_standstill_is_no_silence);
    ADD("slight-lateness-is-no-excuse", test_slight_lateness_is_no_excuse);
    ADD("random-packets", test_random_packets);
    ADD("names-are-distinct", test_names_are_distinct);
    ADD("config-pads-to-the-tunnel", test_config_pads_to_the_tunnel);
#undef ADD
    return g_test_run();
}
