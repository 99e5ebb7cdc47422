/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Two hosts, each with the sessions of one tunnel, and between them a wire in memory. */

#include "common/clock.h"
#include "common/error.h"
#include "helper/engine/sessions.h"

#define MTU 1420
#define IFINDEX 7

static const ApKey keys[2] = {{{1}}, {{2}}};

/** One end's socket. */
typedef struct {
    guint end;
    ApBfdSocketFunc received;
    gpointer user_data;
} Socket;

typedef struct {
    guint to;
    ApAddr from;
    ApBfdPacket packet;
} Datagram;

typedef struct {
    ApSessions *sessions[2];
    ApPlan *plan[2];
    Socket *socket[2]; /* (owned by the sessions) NULL: closed */
    guint n_opened[2];
    gboolean refuses;  /* sockets cannot be had */
    gboolean is_taken; /* somebody else has the port */
    gboolean has_no_ipv6;
    GPtrArray *devices; /* (owned) (element-type ApDevice) the one that both ends have */
    guint n_decide[2];
    GArray *wire; /* (owned) (element-type Datagram) */
} Net;

static Net net;

static ApAddr
address(guint end)
{
    return ap_key_link_local(&keys[end]);
}

static gboolean
is_possible_fake(guint32 ifindex, GError **error)
{
    g_assert_cmpuint(ifindex, ==, IFINDEX);
    if (net.has_no_ipv6)
        g_set_error_literal(error, AP_ERROR, AP_ERROR_UNSUPPORTED, "no IPv6");
    return !net.has_no_ipv6;
}

static gboolean
is_free_fake(guint32 ifindex, GError **error)
{
    g_assert_cmpuint(ifindex, ==, IFINDEX);
    if (net.is_taken)
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "port taken");
    return !net.is_taken;
}

static gpointer
open_fake(guint32 ifindex,
          const ApAddr *local,
          ApBfdSocketFunc received,
          gpointer user_data,
          GError **error)
{
    const ApAddr second = address(1);
    const guint end = ap_addr_equal(local, &second);

    g_assert_cmpuint(ifindex, ==, IFINDEX);
    if (net.refuses) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "no socket");
        return NULL;
    }

    g_assert_null(net.socket[end]);
    net.socket[end] = g_new0(Socket, 1);
    *net.socket[end] = (Socket){.end = end, .received = received, .user_data = user_data};
    net.n_opened[end]++;
    return net.socket[end];
}

static gboolean
send_fake(gpointer data, const ApAddr *to, const guint8 *payload, gsize n_bytes, GError **error)
{
    const Socket *socket = data;
    const ApAddr other = address(!socket->end);
    Datagram datagram = {.to = !socket->end, .from = address(socket->end)};

    (void) error;
    g_assert_true(ap_addr_equal(to, &other));
    g_assert_cmpint(ap_bfd_packet_decode(&datagram.packet, payload, n_bytes),
                    ==,
                    AP_BFD_REFUSAL_NONE);
    g_array_append_val(net.wire, datagram);
    return TRUE;
}

/* What is on the wire for this end; what that makes it send comes behind. */
static void
drain_fake(gpointer data)
{
    const Socket *socket = data;

    for (guint i = 0; i < net.wire->len;) {
        const Datagram datagram = g_array_index(net.wire, Datagram, i);

        if (datagram.to != socket->end) {
            i++;
            continue;
        }
        g_array_remove_index(net.wire, i);
        socket->received(&datagram.from, &datagram.packet, socket->user_data);
    }
}

static guint64
count_drops(gpointer socket, ApBfdDrop drop)
{
    (void) socket;
    return drop == AP_BFD_DROP_SOURCE;
}

static guint64
count_refusals(gpointer socket, ApBfdRefusal refusal)
{
    (void) socket;
    return refusal == AP_BFD_REFUSAL_SHORT;
}

static void
close_fake(gpointer data)
{
    const Socket *socket = data;

    net.socket[socket->end] = NULL;
    g_free(data);
}

static const ApVoiceOps ops = {
    is_possible_fake,
    is_free_fake,
    open_fake,
    send_fake,
    drain_fake,
    count_drops,
    count_refusals,
    close_fake,
};

static void
on_heard(gboolean decide, gpointer user_data)
{
    net.n_decide[GPOINTER_TO_UINT(user_data)] += decide;
}

static ApPlan *
new_plan(void)
{
    ApPlan *plan = g_new0(ApPlan, 1);

    plan->changes = g_array_new(FALSE, TRUE, sizeof(ApChange));
    plan->sessions = g_array_new(FALSE, TRUE, sizeof(ApSessionWish));
    return plan;
}

static void
look(guint end)
{
    ap_sessions_look(net.sessions[end], net.devices, ap_clock_now());
}

static void
set_up(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    net = (Net){
        .wire = g_array_new(FALSE, TRUE, sizeof(Datagram)),
        .devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free),
    };
    g_ptr_array_add(net.devices, ap_device_new(&(ApDeviceId){.ifindex = IFINDEX}));
    for (guint end = 0; end < 2; end++) {
        net.sessions[end] = ap_sessions_new(&ops, on_heard, GUINT_TO_POINTER(end));
        look(end);
        net.plan[end] = new_plan();
    }
}

static void
tear_down(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    for (guint end = 0; end < 2; end++) {
        ap_sessions_free(net.sessions[end]);
        ap_plan_free(net.plan[end]);
        g_assert_null(net.socket[end]);
    }
    g_array_unref(net.wire);
    g_ptr_array_unref(net.devices);
}

static ApSessionWish
make_wish(guint end, gboolean active)
{
    return (ApSessionWish){
        .ifindex = IFINDEX,
        .key = keys[!end],
        .local = address(end),
        .remote = address(!end),
        .mtu = MTU,
        .active = active,
        .fast = TRUE,
        .usable = TRUE,
    };
}

static void
wish(guint end, gboolean active)
{
    const ApSessionWish one = make_wish(end, active);

    g_array_set_size(net.plan[end]->sessions, 0);
    g_array_append_val(net.plan[end]->sessions, one);
}

static gboolean
match(guint end)
{
    return ap_sessions_match(net.sessions[end], net.plan[end], ap_clock_now());
}

/* Delivers what is on the wire, and what that makes the ends send. */
static void
deliver(void)
{
    for (guint n = 0; net.wire->len > 0; n++) {
        const Datagram datagram = g_array_index(net.wire, Datagram, 0);
        const Socket *socket = net.socket[datagram.to];

        g_assert_cmpuint(n, <, 100);
        g_array_remove_index(net.wire, 0);
        if (socket != NULL)
            socket->received(&datagram.from, &datagram.packet, socket->user_data);
    }
}

static ApProofState
state(guint end)
{
    g_autoptr(GArray) proofs = ap_sessions_list_proofs(net.sessions[end]);

    g_assert_cmpuint(proofs->len, ==, 1);
    return g_array_index(proofs, ApProof, 0).state;
}

static void
prove(void)
{
    wish(0, TRUE);
    wish(1, FALSE);
    (void) match(1);
    (void) match(0);
    deliver();
    g_assert_cmpint(state(0), ==, AP_PROOF_PROVEN);
    g_assert_cmpint(state(1), ==, AP_PROOF_PROVEN);
}

/* No timer is needed for that: every step answers the one before. */
static void
test_both_ends_are_proven_by_packets_alone(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    prove();
    g_assert_cmpuint(net.n_decide[0], >, 0);
    g_assert_cmpuint(net.n_decide[1], >, 0);
}

static void
test_matching_again_changes_nothing(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    prove();
    g_assert_false(match(0));
    g_assert_cmpuint(net.wire->len, ==, 0);
    g_assert_cmpuint(net.n_opened[0], ==, 1);
}

static void
test_unwished_sessions_end_and_their_socket_closes(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    prove();
    g_array_set_size(net.plan[0]->sessions, 0);
    (void) match(0);
    g_assert_null(net.socket[0]);
    g_assert_cmpuint(net.wire->len, ==, 0);
    g_assert_cmpint(ap_sessions_deadline(net.sessions[0]), ==, AP_NEVER);
}

static void
test_peer_added_anew_begins_anew(Net *unused, gconstpointer data)
{
    const ApChange change = {.kind = AP_CHANGE_ADD_PEER, .ifindex = IFINDEX, .peer.key = keys[1]};

    (void) unused;
    (void) data;
    prove();
    g_array_append_val(net.plan[0]->changes, change);
    (void) match(0);
    g_assert_cmpint(state(0), ==, AP_PROOF_NONE);
    g_assert_cmpuint(net.wire->len, >, 0);
}

static void
test_other_own_address_takes_another_socket(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    prove();
    g_array_index(net.plan[0]->sessions, ApSessionWish, 0).local = address(1);
    g_array_index(net.plan[0]->sessions, ApSessionWish, 0).remote = address(0);
    ap_sessions_free(g_steal_pointer(&net.sessions[1]));
    net.n_opened[1] = 0;
    (void) match(0);
    g_assert_null(net.socket[0]);
    g_assert_cmpuint(net.n_opened[1], ==, 1);
}

static void
test_unknown_source_is_counted(Net *unused, gconstpointer data)
{
    const ApKey stranger = {{9}};
    const ApAddr from = ap_key_link_local(&stranger);
    ApBfdStats stats;

    (void) unused;
    (void) data;
    wish(0, TRUE);
    (void) match(0);
    net.socket[0]->received(&from,
                            &g_array_index(net.wire, Datagram, 0).packet,
                            net.socket[0]->user_data);
    ap_sessions_count(net.sessions[0], &stats);
    g_assert_cmpuint(stats.n_unknown, ==, 1);
    g_assert_cmpuint(stats.n_heard, ==, 0);
}

/* Counters only rise, also when their socket closes. */
static void
test_counters_outlive_sockets(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    wish(0, TRUE);
    (void) match(0);
    for (guint i = 0; i < 2; i++) {
        ApBfdStats stats;

        ap_sessions_count(net.sessions[0], &stats);
        g_assert_cmpuint(stats.n_sent, >, 0);
        g_assert_cmpuint(stats.dropped[AP_BFD_DROP_SOURCE], ==, 1);
        g_assert_cmpuint(stats.refused[AP_BFD_REFUSAL_SHORT], ==, 1);
        g_array_set_size(net.plan[0]->sessions, 0);
        (void) match(0);
    }
}

static guint
count_mute(guint end)
{
    g_autoptr(GArray) mute = ap_sessions_list_mute(net.sessions[end]);

    return mute->len;
}

/* A plan that knows wishes nothing; one that does not must not make turns without end. */
static void
test_socket_that_cannot_be_had_is_news_once(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    net.refuses = TRUE;
    wish(0, TRUE);
    g_assert_true(match(0));
    g_assert_cmpuint(count_mute(0), ==, 1);
    g_assert_false(match(0));
    g_array_set_size(net.plan[0]->sessions, 0);
    g_assert_false(match(0));
    g_assert_cmpuint(count_mute(0), ==, 1);
}

static const struct {
    gboolean is_taken;
    gboolean has_no_ipv6;
} obstacles[] = {{TRUE, FALSE}, {FALSE, TRUE}, {TRUE, TRUE}};

static void
obstruct(gsize i)
{
    net.is_taken = i < G_N_ELEMENTS(obstacles) && obstacles[i].is_taken;
    net.has_no_ipv6 = i < G_N_ELEMENTS(obstacles) && obstacles[i].has_no_ipv6;
}

static void
test_obstacles_are_seen_before_anything_is_tried(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    for (gsize i = 0; i < G_N_ELEMENTS(obstacles); i++) {
        g_test_message("taken %d, no IPv6 %d", obstacles[i].is_taken, obstacles[i].has_no_ipv6);
        obstruct(i);
        ap_sessions_forget_looks(net.sessions[0]);
        look(0);
        g_assert_cmpuint(count_mute(0), ==, 1);
        g_assert_cmpuint(net.n_opened[0], ==, 0);

        obstruct(G_N_ELEMENTS(obstacles));
        look(0);
        g_assert_cmpuint(count_mute(0), ==, 1);
        ap_sessions_forget_looks(net.sessions[0]);
        look(0);
        g_assert_cmpuint(count_mute(0), ==, 0);
    }
}

static void
test_mute_is_looked_at_again_after_a_while(Net *unused, gconstpointer data)
{
    ApInstant now = ap_clock_now();

    (void) unused;
    (void) data;
    net.is_taken = TRUE;
    ap_sessions_forget_looks(net.sessions[0]);
    look(0);
    g_assert_false(ap_sessions_run(net.sessions[0], now));

    /* Nothing to decide while it is as it was. */
    now.boot_usec = ap_sessions_deadline(net.sessions[0]);
    g_assert_false(ap_sessions_run(net.sessions[0], now));

    net.is_taken = FALSE;
    now.boot_usec = ap_sessions_deadline(net.sessions[0]);
    g_assert_true(ap_sessions_run(net.sessions[0], now));
    g_assert_cmpuint(count_mute(0), ==, 0);
    g_assert_cmpint(ap_sessions_deadline(net.sessions[0]), ==, AP_NEVER);
}

/* The port is ours, so that it is taken says nothing. */
static void
test_ipv6_that_goes_takes_the_sessions_along(Net *unused, gconstpointer data)
{
    g_autoptr(GArray) proofs = NULL;

    (void) unused;
    (void) data;
    prove();
    net.is_taken = TRUE;
    ap_sessions_forget_looks(net.sessions[0]);
    look(0);
    g_assert_cmpint(state(0), ==, AP_PROOF_PROVEN);

    net.has_no_ipv6 = TRUE;
    ap_sessions_forget_looks(net.sessions[0]);
    look(0);
    g_assert_cmpuint(count_mute(0), ==, 1);
    g_assert_null(net.socket[0]);
    proofs = ap_sessions_list_proofs(net.sessions[0]);
    g_assert_cmpuint(proofs->len, ==, 0);
}

static void
test_device_that_is_gone_is_forgotten(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    prove();
    g_ptr_array_set_size(net.devices, 0);
    look(0);
    g_assert_null(net.socket[0]);
}

static void
test_leaving_without_a_session_is_silent(Net *unused, gconstpointer data)
{
    (void) unused;
    (void) data;
    wish(0, TRUE);
    g_array_index(net.plan[0]->sessions, ApSessionWish, 0).leaving = TRUE;
    (void) match(0);
    g_assert_cmpuint(net.wire->len, ==, 0);
}

static void
test_leaving_ends_the_proof_at_the_far_end(Net *unused, gconstpointer data)
{
    g_autoptr(GArray) proofs = NULL;

    (void) unused;
    (void) data;
    prove();
    g_array_index(net.plan[0]->sessions, ApSessionWish, 0).leaving = TRUE;
    (void) match(0);
    deliver();
    proofs = ap_sessions_list_proofs(net.sessions[1]);
    g_assert_cmpint(g_array_index(proofs, ApProof, 0).state, ==, AP_PROOF_NONE);
    g_assert_cmpint(g_array_index(proofs, ApProof, 0).why, ==, AP_REASON_FAR_END_LEFT);
}

#define ADD(name, function) g_test_add("/sessions/" name, Net, NULL, set_up, function, tear_down)

/* The device has counted it, so that we must have, too. */
static void
test_what_waits_is_heard_before_it_is_compared(G_GNUC_UNUSED Net *unused,
                                               G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(GArray) before = NULL, after = NULL;

    wish(1, FALSE);
    (void) match(1);
    wish(0, TRUE);
    (void) match(0);
    g_assert_cmpuint(net.wire->len, >, 0);
    before = ap_sessions_list_proofs(net.sessions[1]);
    g_assert_cmpuint(g_array_index(before, ApProof, 0).rx_bytes, ==, 0);

    ap_sessions_drain(net.sessions[1]);
    after = ap_sessions_list_proofs(net.sessions[1]);
    g_assert_cmpuint(g_array_index(after, ApProof, 0).rx_bytes, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("both-ends-are-proven-by-packets-alone", test_both_ends_are_proven_by_packets_alone);
    ADD("matching-again-changes-nothing", test_matching_again_changes_nothing);
    ADD("unwished-sessions-end-and-their-socket-closes",
        test_unwished_sessions_end_and_their_socket_closes);
    ADD("peer-added-anew-begins-anew", test_peer_added_anew_begins_anew);
    ADD("other-own-address-takes-another-socket", test_other_own_address_takes_another_socket);
    ADD("unknown-source-is-counted", test_unknown_source_is_counted);
    ADD("counters-outlive-sockets", test_counters_outlive_sockets);
    ADD("socket-that-cannot-be-had-is-news-once", test_socket_that_cannot_be_had_is_news_once);
    ADD("obstacles-are-seen-before-anything-is-tried",
        test_obstacles_are_seen_before_anything_is_tried);
    ADD("mute-is-looked-at-again-after-a-while", test_mute_is_looked_at_again_after_a_while);
    ADD("ipv6-that-goes-takes-the-sessions-along", test_ipv6_that_goes_takes_the_sessions_along);
    ADD("device-that-is-gone-is-forgotten", test_device_that_is_gone_is_forgotten);
    ADD("what-waits-is-heard-before-it-is-compared",
        test_what_waits_is_heard_before_it_is_compared);
    ADD("leaving-without-a-session-is-silent", test_leaving_without_a_session_is_silent);
    ADD("leaving-ends-the-proof-at-the-far-end", test_leaving_ends_the_proof_at_the_far_end);
    return g_test_run();
}
