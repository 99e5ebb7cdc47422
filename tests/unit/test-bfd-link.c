/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Two sessions, a link between them that can be cut, lossy or narrow in either direction, and a
 * clock that jumps from event to event. */

#include "helper/bfd/session.h"

#include <string.h>

#define MTU 1420
#define MSEC AP_USEC_PER_MSEC
#define SEC AP_USEC_PER_SEC

typedef struct {
    gint64 due_usec;
    guint to;
    gsize n_bytes;
    guint8 bytes[MTU];
} Datagram;

typedef struct {
    gint64 usec;
    guint end;
    ApBfdState state;
} Change;

/* Index 0 and 1 are the ends; what is said of a direction is at the index of its sender. */
typedef struct {
    ApBfdSession session[2];
    gboolean running[2];
    gint64 delay_usec[2];
    gboolean cut[2];
    gsize largest[2]; /* payload that still passes; 0: any */
    guint loss_permille;

    gint64 now_usec;
    guint next_discriminator;
    guint n_sent[2];
    guint n_padded[2];
    GArray *in_flight; /* (owned) (element-type Datagram) */
    GArray *changes;   /* (owned) (element-type Change) */
} Net;

static void
net_clear(Net *net)
{
    g_clear_pointer(&net->in_flight, g_array_unref);
    g_clear_pointer(&net->changes, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Net, net_clear)

static ApInstant
instant(const Net *net)
{
    return (ApInstant){.boot_usec = net->now_usec};
}

static void
start_end(Net *net, guint end, ApBfdRole role, guint32 mtu)
{
    ApBfdConfig config;

    ap_bfd_config_init(&config, role, mtu);
    ap_bfd_session_init(&net->session[end], &config, ++net->next_discriminator);
    net->running[end] = TRUE;
}

static void
net_init(Net *net, gint64 rtt_usec)
{
    *net = (Net){
        .delay_usec = {rtt_usec / 2, rtt_usec / 2},
        .now_usec = 1000 * SEC,
        .next_discriminator = 100,
        .in_flight = g_array_new(FALSE, FALSE, sizeof(Datagram)),
        .changes = g_array_new(FALSE, FALSE, sizeof(Change)),
    };
}

static void
send_all(Net *net, guint end)
{
    guint8 wire[AP_BFD_PAYLOAD_MAX];
    guint n_packets = 0;
    gsize n;

    while ((n = ap_bfd_session_take_packet(&net->session[end],
                                           instant(net),
                                           g_test_rand_int(),
                                           wire,
                                           sizeof(wire)))
           > 0) {
        Datagram datagram = {.due_usec = net->now_usec + net->delay_usec[end],
                             .to = !end,
                             .n_bytes = n};

        g_assert_cmpuint(++n_packets, <=, 5);
        net->n_sent[end]++;
        net->n_padded[end] += n > AP_BFD_PACKET_BYTES;
        if (net->cut[end] || (net->largest[end] && n > net->largest[end])
            || g_test_rand_int_range(0, 1000) < (gint) net->loss_permille)
            continue;
        memcpy(datagram.bytes, wire, n);
        g_array_append_val(net->in_flight, datagram);
    }
}

static void
note_change(Net *net, guint end, ApBfdState before)
{
    const Change change = {net->now_usec, end, ap_bfd_session_state(&net->session[end])};

    if (change.state != before)
        g_array_append_val(net->changes, change);
}

static void
run_end(Net *net, guint end)
{
    const ApBfdState before = ap_bfd_session_state(&net->session[end]);

    if (!net->running[end])
        return;
    ap_bfd_session_advance(&net->session[end], instant(net));
    note_change(net, end, before);
    send_all(net, end);
    /* A deadline that has come must have led to something. */
    g_assert_cmpint(ap_bfd_session_deadline(&net->session[end]), >, net->now_usec);
}

static void
deliver(Net *net)
{
    for (guint i = 0; i < net->in_flight->len;) {
        const Datagram datagram = g_array_index(net->in_flight, Datagram, i);
        ApBfdSession *session = &net->session[datagram.to];
        const ApBfdState before = ap_bfd_session_state(session);
        ApBfdPacket packet;

        if (datagram.due_usec > net->now_usec) {
            i++;
            continue;
        }
        g_array_remove_index(net->in_flight, i);
        if (!net->running[datagram.to])
            continue;
        g_assert_cmpint(ap_bfd_packet_decode(&packet, datagram.bytes, datagram.n_bytes),
                        ==,
                        AP_BFD_REFUSAL_NONE);
        (void) ap_bfd_session_receive(session, &packet, instant(net));
        note_change(net, datagram.to, before);
        run_end(net, datagram.to);
    }
}

static gint64
next_event(const Net *net)
{
    gint64 next = AP_NEVER;

    for (guint end = 0; end < 2; end++)
        if (net->running[end])
            next = MIN(next, ap_bfd_session_deadline(&net->session[end]));
    for (guint i = 0; i < net->in_flight->len; i++)
        next = MIN(next, g_array_index(net->in_flight, Datagram, i).due_usec);
    return next;
}

static void
run_for(Net *net, gint64 usec)
{
    const gint64 end = net->now_usec + usec;

    for (;;) {
        deliver(net);
        run_end(net, 0);
        run_end(net, 1);
        if (next_event(net) > end)
            break;
        net->now_usec = MAX(net->now_usec, next_event(net));
    }
    net->now_usec = end;
}

static gboolean
is_up(const Net *net, guint end)
{
    return ap_bfd_session_state(&net->session[end]) == AP_BFD_STATE_UP;
}

/* When @end first entered @state after @since_usec, counted from there; -1: it did not. */
static gint64
entered_after(const Net *net, guint end, ApBfdState state, gint64 since_usec)
{
    for (guint i = 0; i < net->changes->len; i++) {
        const Change *change = &g_array_index(net->changes, Change, i);

        if (change->end == end && change->state == state && change->usec >= since_usec)
            return change->usec - since_usec;
    }
    return -1;
}

static void
assert_cause(const Net *net, guint end, ApBfdCause cause)
{
    g_assert_cmpstr(ap_bfd_cause_name(ap_bfd_session_cause(&net->session[end])),
                    ==,
                    ap_bfd_cause_name(cause));
}

static void
net_init_up(Net *net, gint64 rtt_usec, guint32 mtu)
{
    net_init(net, rtt_usec);
    start_end(net, 0, AP_BFD_ROLE_ACTIVE, mtu);
    start_end(net, 1, AP_BFD_ROLE_PASSIVE, mtu);
    run_for(net, 3 * SEC);
    g_assert_true(is_up(net, 0) && is_up(net, 1));
}

/* Who starts in which role, how much later than the first, and when both are Up at the latest,
 * in round trips after the second has started. */
static const struct {
    const char *what;
    ApBfdRole role[2];
    gint64 second_after_usec;
    guint32 mtu;
    double round_trips;
} starts[] = {
    {"active and passive", {AP_BFD_ROLE_ACTIVE, AP_BFD_ROLE_PASSIVE}, 0, MTU, 1.5},
    {"both active at once", {AP_BFD_ROLE_ACTIVE, AP_BFD_ROLE_ACTIVE}, 0, MTU, 1.5},
    {"both active, 5 ms apart", {AP_BFD_ROLE_ACTIVE, AP_BFD_ROLE_ACTIVE}, 5 * MSEC, MTU, 1.5},
    {"second comes later", {AP_BFD_ROLE_ACTIVE, AP_BFD_ROLE_ACTIVE}, 300 * MSEC, MTU, 1.5},
    {"without padding", {AP_BFD_ROLE_ACTIVE, AP_BFD_ROLE_PASSIVE}, 0, 0, 1.5},
};

static void
test_up_in_round_trips(void)
{
    const gint64 rtts[] = {2 * MSEC, 40 * MSEC, 200 * MSEC};

    for (gsize i = 0; i < G_N_ELEMENTS(starts) * G_N_ELEMENTS(rtts); i++) {
        const gsize s = i / G_N_ELEMENTS(rtts);
        const gint64 rtt = rtts[i % G_N_ELEMENTS(rtts)];
        g_auto(Net) net = {0};
        gint64 second, up;

        net_init(&net, rtt);
        start_end(&net, 0, starts[s].role[0], starts[s].mtu);
        if (starts[s].second_after_usec > 0)
            run_for(&net, starts[s].second_after_usec);
        second = net.now_usec;
        start_end(&net, 1, starts[s].role[1], starts[s].mtu);
        run_for(&net, 2 * SEC);
        g_assert_true(is_up(&net, 0) && is_up(&net, 1));
        up = MAX(entered_after(&net, 0, AP_BFD_STATE_UP, second),
                 entered_after(&net, 1, AP_BFD_STATE_UP, second));
        g_test_message("%s, RTT %d ms: up after %.1f ms, %.2f round trips",
                       starts[s].what,
                       (int) (rtt / MSEC),
                       (double) up / MSEC,
                       (double) up / (double) rtt);
        g_assert_cmpfloat((double) up, <=, starts[s].round_trips * (double) rtt);
    }
}

static void
test_padding_is_for_the_way_up(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 20 * MSEC, MTU);
    memset(net.n_sent, 0, sizeof(net.n_sent));
    memset(net.n_padded, 0, sizeof(net.n_padded));
    run_for(&net, 120 * SEC);
    /* In two minutes one of the two asks twice, or each once: every packet is asked or answered. When
     * both ask in the same round trip, neither knows that the other's question would do. */
    g_assert_cmpuint(net.n_padded[0], ==, net.n_padded[1]);
    for (guint end = 0; end < 2; end++) {
        g_test_message("%u packets, %u padded", net.n_sent[end], net.n_padded[end]);
        g_assert_cmpuint(net.n_padded[end], >=, 2);
        g_assert_cmpuint(net.n_padded[end], <=, 4);
        g_assert_cmpuint(net.n_sent[end], <=, 120 * 6);
        g_assert_cmpuint(net.n_sent[end], >=, 120 * 3);
    }
}

/* Each direction alone, and both. */
static void
test_cut_is_noticed(void)
{
    for (guint cut = 1; cut <= 3; cut++) {
        gint64 latest = 0, earliest = AP_NEVER;

        for (guint round = 0; round < 200; round++) {
            const gint64 rtt = 20 * MSEC;
            g_auto(Net) net = {0};
            gint64 since, first, last;

            net_init_up(&net, rtt, MTU);
            run_for(&net, g_test_rand_int_range(0, 2 * SEC));
            since = net.now_usec;
            net.cut[0] = (cut & 1) != 0;
            net.cut[1] = (cut & 2) != 0;
            run_for(&net, 3 * SEC);
            first = entered_after(&net, 0, AP_BFD_STATE_DOWN, since);
            last = entered_after(&net, 1, AP_BFD_STATE_DOWN, since);
            g_assert_true(first >= 0 && last >= 0);
            g_assert_false(is_up(&net, 0) || is_up(&net, 1));
            earliest = MIN(earliest, MIN(first, last));
            latest = MAX(latest, MAX(first, last));
        }
        g_test_message("cut %s: down after %.0f to %.0f ms",
                       cut == 1 ? "forward" : (cut == 2 ? "back" : "both ways"),
                       (double) earliest / MSEC,
                       (double) latest / MSEC);
        /* The last packet before the cut is up to 300 ms old. */
        g_assert_cmpint(earliest, >=, 600 * MSEC);
        g_assert_cmpint(latest, <=, (900 + 20) * MSEC);
    }
}

static void
test_up_again_after_a_cut(void)
{
    gint64 latest = 0;

    for (guint round = 0; round < 100; round++) {
        g_auto(Net) net = {0};
        gint64 since;

        net_init_up(&net, 20 * MSEC, MTU);
        net.cut[0] = net.cut[1] = TRUE;
        run_for(&net, 10 * SEC + g_test_rand_int_range(0, 5 * SEC));
        net.cut[0] = net.cut[1] = FALSE;
        since = net.now_usec;
        run_for(&net, 4 * SEC);
        g_assert_true(is_up(&net, 0) && is_up(&net, 1));
        latest = MAX(latest, entered_after(&net, 0, AP_BFD_STATE_UP, since));
        latest = MAX(latest, entered_after(&net, 1, AP_BFD_STATE_UP, since));
    }
    g_test_message("up again within %.0f ms", (double) latest / MSEC);
    g_assert_cmpint(latest, <=, 2 * SEC + 40 * MSEC);
}

/* A tunnel of 1,420 over an underlay of less: neither end may ever be Up, and both know why. */
static void
test_narrow_path_is_never_up(void)
{
    for (guint narrow = 1; narrow <= 3; narrow++) {
        g_auto(Net) net = {0};

        g_test_message("narrow %u", narrow);
        net_init(&net, 20 * MSEC);
        net.largest[0] = narrow & 1 ? 1300 : 0;
        net.largest[1] = narrow & 2 ? 1300 : 0;
        start_end(&net, 0, AP_BFD_ROLE_ACTIVE, MTU);
        start_end(&net, 1, AP_BFD_ROLE_ACTIVE, MTU);
        run_for(&net, 6 * SEC);
        assert_cause(&net, 0, AP_BFD_CAUSE_MTU);
        assert_cause(&net, 1, AP_BFD_CAUSE_MTU);
        run_for(&net, 600 * SEC);
        assert_cause(&net, 0, AP_BFD_CAUSE_MTU);
        assert_cause(&net, 1, AP_BFD_CAUSE_MTU);
        for (guint end = 0; end < 2; end++)
            g_assert_cmpint(entered_after(&net, end, AP_BFD_STATE_UP, 0), ==, -1);

        net.largest[0] = net.largest[1] = 0;
        run_for(&net, 5 * SEC);
        g_assert_true(is_up(&net, 0) && is_up(&net, 1));
    }
}

/* Each end pads to its own tunnel, and takes the other's word for the other tunnel. */
static void
test_tunnels_of_different_mtu(void)
{
    g_auto(Net) net = {0};

    net_init(&net, 20 * MSEC);
    start_end(&net, 0, AP_BFD_ROLE_ACTIVE, 1420);
    start_end(&net, 1, AP_BFD_ROLE_PASSIVE, 1280);
    run_for(&net, 90 * SEC);
    g_assert_true(is_up(&net, 0) && is_up(&net, 1));
    g_assert_cmpint(entered_after(&net, 0, AP_BFD_STATE_DOWN, 0), ==, -1);
}

/* The other end is plain RFC 5880, and we were not told. */
static void
test_peer_that_does_not_pad(void)
{
    g_auto(Net) net = {0};

    net_init(&net, 20 * MSEC);
    start_end(&net, 0, AP_BFD_ROLE_ACTIVE, MTU);
    start_end(&net, 1, AP_BFD_ROLE_ACTIVE, 0);
    run_for(&net, 60 * SEC);
    g_assert_cmpint(entered_after(&net, 0, AP_BFD_STATE_UP, 0), ==, -1);
    g_assert_cmpint(entered_after(&net, 1, AP_BFD_STATE_UP, 0), ==, -1);
    assert_cause(&net, 0, AP_BFD_CAUSE_MTU);
}

static void
test_path_that_becomes_narrow_goes_down(void)
{
    for (guint narrow = 1; narrow <= 3; narrow++) {
        for (guint fast = 0; fast < 2; fast++) {
            g_auto(Net) net = {0};
            gint64 since, down[2];

            net_init_up(&net, 20 * MSEC, MTU);
            for (guint end = 0; end < 2; end++)
                ap_bfd_session_set_fast(&net.session[end], fast);
            run_for(&net, 10 * SEC);
            net.largest[0] = narrow & 1 ? 1300 : 0;
            net.largest[1] = narrow & 2 ? 1300 : 0;
            since = net.now_usec;
            run_for(&net, 70 * SEC);
            for (guint end = 0; end < 2; end++) {
                down[end] = entered_after(&net, end, AP_BFD_STATE_DOWN, since);
                g_assert_cmpint(down[end], >=, 0);
                g_assert_false(is_up(&net, end));
            }
            g_test_message("narrow %u, fast %u: down after %.1f and %.1f s",
                           narrow,
                           fast,
                           (double) down[0] / SEC,
                           (double) down[1] / SEC);
            g_assert_cmpint(ABS(down[0] - down[1]), <=, 10 * MSEC);
            run_for(&net, 10 * SEC);
            assert_cause(&net, 0, AP_BFD_CAUSE_MTU);
            assert_cause(&net, 1, AP_BFD_CAUSE_MTU);
        }
    }
}

/* The path narrows while the session rises: whoever is Up then finds out by itself. */
static void
test_half_up_does_not_last(void)
{
    for (gint64 usec = 0; usec < 60 * MSEC; usec += MSEC) {
        for (guint narrow = 0; narrow < 2; narrow++) {
            g_auto(Net) net = {0};

            net_init(&net, 20 * MSEC);
            start_end(&net, 0, AP_BFD_ROLE_ACTIVE, MTU);
            start_end(&net, 1, AP_BFD_ROLE_PASSIVE, MTU);
            run_for(&net, usec);
            net.largest[narrow] = 1300;
            run_for(&net, 3 * SEC);
            if (is_up(&net, 0) == is_up(&net, 1))
                continue;
            g_test_message("narrow %u after %d ms", narrow, (int) (usec / MSEC));
            g_assert_not_reached();
        }
    }
}

static void
test_admin_down_is_noticed_at_once(void)
{
    for (guint end = 0; end < 2; end++) {
        g_auto(Net) net = {0};
        gint64 since;

        net_init_up(&net, 20 * MSEC, MTU);
        since = net.now_usec;
        ap_bfd_session_admin_down(&net.session[end]);
        run_for(&net, 100 * MSEC);
        g_assert_cmpint(entered_after(&net, !end, AP_BFD_STATE_DOWN, since), ==, 10 * MSEC);
        assert_cause(&net, !end, AP_BFD_CAUSE_REMOTE_ADMIN);
        run_for(&net, 60 * SEC);
        g_assert_cmpint(ap_bfd_session_state(&net.session[!end]), ==, AP_BFD_STATE_DOWN);
    }
}

static void
test_idle_is_quiet(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 20 * MSEC, MTU);
    ap_bfd_session_set_fast(&net.session[0], FALSE);
    ap_bfd_session_set_fast(&net.session[1], FALSE);
    run_for(&net, 30 * SEC);
    memset(net.n_sent, 0, sizeof(net.n_sent));
    run_for(&net, 600 * SEC);
    g_assert_true(is_up(&net, 0) && is_up(&net, 1));
    for (guint end = 0; end < 2; end++) {
        g_test_message("%.1f packets a minute", net.n_sent[end] / 10.0);
        g_assert_cmpuint(net.n_sent[end], <=, 80);
    }
}

/* One end in use, the other quiet: each asks the other for what it needs. */
static void
test_idle_and_fast_again(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 20 * MSEC, MTU);
    ap_bfd_session_set_fast(&net.session[0], FALSE);
    run_for(&net, SEC);
    g_assert_cmpint(ap_bfd_session_interval_usec(&net.session[1]), ==, AP_BFD_IDLE_USEC);
    g_assert_cmpint(ap_bfd_session_interval_usec(&net.session[0]), ==, AP_BFD_FAST_USEC);
    g_assert_cmpint(ap_bfd_session_detection_usec(&net.session[0]), ==, 3 * AP_BFD_IDLE_USEC);
    g_assert_cmpint(ap_bfd_session_detection_usec(&net.session[1]), ==, 3 * AP_BFD_FAST_USEC);

    run_for(&net, 100 * SEC);
    ap_bfd_session_set_fast(&net.session[0], TRUE);
    run_for(&net, 21 * MSEC);
    g_assert_cmpint(ap_bfd_session_interval_usec(&net.session[1]), ==, AP_BFD_FAST_USEC);
    g_assert_cmpint(ap_bfd_session_detection_usec(&net.session[0]), ==, 3 * AP_BFD_FAST_USEC);
    run_for(&net, 60 * SEC);
    g_assert_cmpint(entered_after(&net, 0, AP_BFD_STATE_DOWN, 0), ==, -1);
}

/* Traffic starts on a quiet path that died meanwhile. */
static void
test_dead_idle_path_is_found_when_needed(void)
{
    for (guint by_check = 0; by_check < 2; by_check++) {
        g_auto(Net) net = {0};
        gint64 since, down;

        net_init_up(&net, 20 * MSEC, MTU);
        ap_bfd_session_set_fast(&net.session[0], FALSE);
        ap_bfd_session_set_fast(&net.session[1], FALSE);
        run_for(&net, 33 * SEC);
        net.cut[0] = TRUE;
        run_for(&net, 2 * SEC);
        since = net.now_usec;
        if (by_check)
            ap_bfd_session_check_now(&net.session[0]);
        else
            ap_bfd_session_set_fast(&net.session[0], TRUE);
        run_for(&net, 2 * SEC);
        down = entered_after(&net, 0, AP_BFD_STATE_DOWN, since);
        g_assert_cmpint(down, ==, 900 * MSEC);
        /* Only this direction is cut, so the other end is told. */
        assert_cause(&net, 0, AP_BFD_CAUSE_NO_FINAL);
    }
}

static void
test_restart_of_one_end(void)
{
    for (guint role = AP_BFD_ROLE_ACTIVE; role <= AP_BFD_ROLE_PASSIVE; role++) {
        g_auto(Net) net = {0};
        gint64 since;

        net_init_up(&net, 20 * MSEC, MTU);
        start_end(&net, 1, role, MTU);
        since = net.now_usec;
        run_for(&net, 4 * SEC);
        g_assert_cmpint(entered_after(&net, 0, AP_BFD_STATE_DOWN, since), <=, 920 * MSEC);
        g_assert_true(is_up(&net, 0) && is_up(&net, 1));
        g_test_message("%s end up again after %.0f ms",
                       role == AP_BFD_ROLE_ACTIVE ? "active" : "passive",
                       (double) entered_after(&net, 1, AP_BFD_STATE_UP, since) / MSEC);
    }
}

static void
test_stops_without_a_word(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 20 * MSEC, MTU);
    net.running[1] = FALSE;
    run_for(&net, SEC);
    assert_cause(&net, 0, AP_BFD_CAUSE_SILENT);
}

static void
test_round_trip_time(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 30 * MSEC, MTU);
    g_assert_cmpint(ap_bfd_session_rtt_usec(&net.session[0]), ==, 30 * MSEC);
    net.delay_usec[1] = 35 * MSEC;
    run_for(&net, 60 * SEC);
    g_assert_cmpint(ap_bfd_session_rtt_usec(&net.session[0]), >, 49 * MSEC);
    g_assert_cmpint(ap_bfd_session_rtt_usec(&net.session[1]), >, 49 * MSEC);
    g_assert_cmpint(ap_bfd_session_rtt_usec(&net.session[0]), <=, 50 * MSEC);
}

static const struct {
    guint loss_permille;
    guint hours;
    guint least_up_percent;
    guint most_flaps_an_hour;
} losses[] = {
    {1, 10, 99, 0},
    {10, 10, 99, 1},
    {300, 1, 20, 10000},
};

static void
test_loss(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(losses); i++) {
        g_auto(Net) net = {0};
        guint n_up = 0, n_samples = 0, n_flaps = 0;

        net_init_up(&net, 20 * MSEC, MTU);
        net.loss_permille = losses[i].loss_permille;
        for (; n_samples < losses[i].hours * 3600; n_samples++) {
            run_for(&net, SEC);
            n_up += is_up(&net, 0) && is_up(&net, 1);
        }
        for (guint k = 0; k < net.changes->len; k++)
            n_flaps += g_array_index(net.changes, Change, k).state == AP_BFD_STATE_DOWN;
        g_test_message("loss %.1f %%: up %.2f %% of %u h, down %u times",
                       losses[i].loss_permille / 10.0,
                       100.0 * n_up / n_samples,
                       losses[i].hours,
                       n_flaps / 2);
        g_assert_cmpuint(100 * n_up, >=, losses[i].least_up_percent * n_samples);
        g_assert_cmpuint(n_flaps / 2, <=, losses[i].most_flaps_an_hour * losses[i].hours);

        net.loss_permille = 0;
        run_for(&net, 4 * SEC);
        g_assert_true(is_up(&net, 0) && is_up(&net, 1));
    }
}

/* Whatever happens to the link and the ends, once all is well both are Up within seconds. */
static void
test_no_stuck_state(void)
{
    g_auto(Net) net = {0};

    net_init_up(&net, 20 * MSEC, MTU);
    for (guint i = 0; i < 3000; i++) {
        const guint end = (guint) g_test_rand_int_range(0, 2);

        switch (g_test_rand_int_range(0, 9)) {
        case 0:
            net.cut[end] = !net.cut[end];
            break;
        case 1:
            net.largest[end] = net.largest[end] ? 0 : 1300;
            break;
        case 2:
            net.loss_permille = (guint) g_test_rand_int_range(0, 500);
            break;
        case 3:
            start_end(&net, end, g_test_rand_bit() ? AP_BFD_ROLE_ACTIVE : AP_BFD_ROLE_PASSIVE, MTU);
            break;
        case 4:
            ap_bfd_session_set_fast(&net.session[end], g_test_rand_bit());
            break;
        case 5:
            ap_bfd_session_check_now(&net.session[end]);
            break;
        case 6:
            ap_bfd_session_admin_down(&net.session[end]);
            run_for(&net, 200 * MSEC);
            start_end(&net, end, AP_BFD_ROLE_PASSIVE, MTU);
            break;
        case 7:
            net.delay_usec[end] = g_test_rand_int_range(MSEC, 200 * MSEC);
            break;
        default:
            memset(net.cut, 0, sizeof(net.cut));
            memset(net.largest, 0, sizeof(net.largest));
            net.loss_permille = 0;
            ap_bfd_session_set_active(&net.session[0]);
            ap_bfd_session_set_fast(&net.session[0], TRUE);
            ap_bfd_session_set_fast(&net.session[1], TRUE);
            run_for(&net, 10 * SEC);
            g_assert_true(is_up(&net, 0) && is_up(&net, 1));
        }
        run_for(&net, g_test_rand_int_range(0, 3 * SEC));
        g_array_set_size(net.changes, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/bfd/link/" name, function)
    ADD("up-in-round-trips", test_up_in_round_trips);
    ADD("padding-is-for-the-way-up", test_padding_is_for_the_way_up);
    ADD("cut-is-noticed", test_cut_is_noticed);
    ADD("up-again-after-a-cut", test_up_again_after_a_cut);
    ADD("narrow-path-is-never-up", test_narrow_path_is_never_up);
    ADD("tunnels-of-different-mtu", test_tunnels_of_different_mtu);
    ADD("peer-that-does-not-pad", test_peer_that_does_not_pad);
    ADD("path-that-becomes-narrow-goes-down", test_path_that_becomes_narrow_goes_down);
    ADD("half-up-does-not-last", test_half_up_does_not_last);
    ADD("admin-down-is-noticed-at-once", test_admin_down_is_noticed_at_once);
    ADD("idle-is-quiet", test_idle_is_quiet);
    ADD("idle-and-fast-again", test_idle_and_fast_again);
    ADD("dead-idle-path-is-found-when-needed", test_dead_idle_path_is_found_when_needed);
    ADD("restart-of-one-end", test_restart_of_one_end);
    ADD("stops-without-a-word", test_stops_without_a_word);
    ADD("round-trip-time", test_round_trip_time);
    ADD("loss", test_loss);
    ADD("no-stuck-state", test_no_stuck_state);
#undef ADD
    return g_test_run();
}
