/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/json/offer-json.h"
#include "server/desk.h"
#include "server/looks.h"

#include <string.h>

/** Most polls that the desk of the tests holds. */
#define MAX_HELD 192

/** Client number N has the key {N % 256, N / 256} and an address made of the same numbers. */
typedef struct {
    ApTicket ticket;
    guint status; /* 0: not answered yet */
    char etag[AP_COORD_TOKEN_LEN];
} Visitor;

typedef struct {
    ApApi *api;
    ApDesk *desk;
    ApInstant now;
    guint n_looks;
    Visitor visitors[3]; /* here, as they have to outlive the test itself */
} Office;

static void
on_look(gpointer data)
{
    ((Office *) data)->n_looks++;
}

static void
on_answer(gpointer data, ApTicket *ticket, ApReply *reply)
{
    Visitor *visitor = (Visitor *) (void *) ((char *) ticket - offsetof(Visitor, ticket));

    (void) data;
    visitor->status = reply->status;
    (void) g_strlcpy(visitor->etag, reply->etag, sizeof(visitor->etag));
}

static ApRosterPeer
peer_of(const Office *office, guint number)
{
    const guint8 low = (guint8) number, high = (guint8) (number >> 8);
    ApRosterPeer peer = {.key = {{low, high}}, .handshake_real_usec = office->now.real_usec};

    peer.addresses[peer.n_addresses++] = (ApAddr){AF_INET, {10, 9, high, low}};
    g_assert_true(ap_endpoint_parse(&peer.endpoint, "203.0.113.21:40001", NULL));
    return peer;
}

static void
set_up(Office *office, gconstpointer data)
{
    static const ApDeskOps ops = {.look = on_look, .answer = on_answer};
    static const guint8 seed[AP_ANSWER_SEED_LEN] = {1};

    (void) data;
    *office = (Office){.now = {3600 * AP_USEC_PER_SEC, 1795305600 * AP_USEC_PER_SEC}};
    office->api = ap_api_new(seed);
    office->desk = ap_desk_new(office->api, MAX_HELD, &ops, office);
}

static void
tear_down(Office *office, gconstpointer data)
{
    (void) data;
    ap_desk_close(office->desk, office->now);
    g_clear_pointer(&office->desk, ap_desk_free);
    g_clear_pointer(&office->api, ap_api_free);
}

static void
pass(Office *office, gint64 usec)
{
    office->now.boot_usec += usec;
    office->now.real_usec += usec;
}

/* The device is read and shows the clients 1 to @n. */
static void
look(Office *office, guint n)
{
    for (guint i = 1; i <= n; i++) {
        const ApRosterPeer peer = peer_of(office, i);

        ap_desk_put_peer(office->desk, &peer, office->now);
    }
    ap_desk_looked(office->desk, office->now);
}

static void
submit(Office *office, Visitor *visitor, guint number, guint wait_sec)
{
    const ApRosterPeer peer = peer_of(office, number);
    ApRequest request = {.key = peer.key, .version = 2, .wait_sec = wait_sec, .n_attachments = 1};
    g_autofree char *body = NULL;

    request.attachments[0] = (ApAttachment){
        {AF_INET, {192, 168, peer.key.bytes[1], (guint8) (peer.key.bytes[0] | 2)}},
        16,
        {AF_INET, {192, 168, 0, 1}},
    };
    (void) g_strlcpy(request.etag, visitor->etag, sizeof(request.etag));
    visitor->status = 0;
    visitor->ticket.source = peer.addresses[0];
    body = ap_request_to_json(&request);
    ap_desk_submit(office->desk, &visitor->ticket, body, strlen(body), office->now);
}

static void
test_requests_wait_for_a_look(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];
    Visitor *b = &office->visitors[1];
    Visitor *c = &office->visitors[2];

    (void) data;
    submit(office, a, 1, 0);
    submit(office, b, 2, 0);
    g_assert_cmpuint(a->status + b->status, ==, 0);
    g_assert_cmpuint(office->n_looks, ==, 1); /* one for all */
    look(office, 2);
    g_assert_cmpuint(a->status, ==, 200);
    g_assert_cmpuint(b->status, ==, 200);

    pass(office, AP_LOOKS_FRESH_USEC);
    submit(office, c, 1, 0);
    g_assert_cmpuint(c->status, ==, 200);
    pass(office, 1);
    submit(office, c, 1, 0);
    g_assert_cmpuint(c->status, ==, 0);
    g_assert_cmpuint(office->n_looks, ==, 2);
}

static void
test_freshness_counts_from_the_question(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];
    Visitor *b = &office->visitors[1];

    (void) data;
    submit(office, a, 1, 0);
    pass(office, AP_LOOKS_FRESH_USEC + 1); /* the device took its time */
    look(office, 1);
    g_assert_cmpuint(a->status, ==, 200);
    submit(office, b, 1, 0);
    g_assert_cmpuint(b->status, ==, 0);
}

static void
test_unreadable_device(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    submit(office, a, 1, 0);
    ap_desk_could_not_look(office->desk);
    g_assert_cmpuint(a->status, ==, 503);
    submit(office, a, 1, 0);
    g_assert_cmpuint(office->n_looks, ==, 2); /* what failed is not fresh */
}

static void
test_malformed_requests_need_no_look(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    ap_desk_submit(office->desk, &a->ticket, "[]", 2, office->now);
    g_assert_cmpuint(a->status, ==, 400);
    ap_desk_submit(office->desk, &a->ticket, "[{}]", 4, office->now);
    g_assert_cmpuint(a->status, ==, 401);
    g_assert_cmpuint(office->n_looks, ==, 0);
}

static void
test_poll_is_held_until_its_end(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 1);
    g_assert_cmpint(ap_desk_deadline(office->desk), ==, AP_NEVER);
    submit(office, a, 1, 3);
    g_assert_cmpuint(a->status, ==, 200); /* it did not know the etag */
    submit(office, a, 1, 3);
    g_assert_cmpuint(a->status, ==, 0);
    g_assert_cmpint(ap_desk_deadline(office->desk),
                    ==,
                    office->now.boot_usec + 3 * AP_USEC_PER_SEC);
    pass(office, 3 * AP_USEC_PER_SEC - 1);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(a->status, ==, 0);
    pass(office, 1);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(a->status, ==, 200);
    g_assert_cmpint(ap_desk_deadline(office->desk), ==, AP_NEVER);
}

static void
test_news_end_a_poll(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];
    Visitor *b = &office->visitors[1];

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 2);
    submit(office, a, 1, 25);
    submit(office, a, 1, 25);
    submit(office, b, 2, 0);
    g_assert_cmpuint(a->status, ==, 0);
    g_assert_cmpint(ap_desk_deadline(office->desk), <=, office->now.boot_usec);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(a->status, ==, 200);
}

static void
test_newer_request_takes_over(Office *office, gconstpointer data)
{
    Visitor *older = &office->visitors[0];
    Visitor *newer = &office->visitors[1];

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 1);
    submit(office, older, 1, 0);
    submit(office, older, 1, 25);
    (void) g_strlcpy(newer->etag, older->etag, sizeof(newer->etag));
    submit(office, newer, 1, 25);
    g_assert_cmpuint(older->status, ==, 200);
    g_assert_cmpuint(newer->status, ==, 0);
    g_assert_cmpuint(ap_desk_n_held(office->desk), ==, 1);
}

static void
test_withdrawn_tickets_are_forgotten(Office *office, gconstpointer data)
{
    Visitor *waiting = &office->visitors[0];
    Visitor *held = &office->visitors[1];

    (void) data;
    submit(office, waiting, 1, 0);
    ap_desk_withdraw(office->desk, &waiting->ticket);
    look(office, 1);
    g_assert_cmpuint(waiting->status, ==, 0);
    submit(office, held, 1, 0);
    submit(office, held, 1, 25);
    ap_desk_withdraw(office->desk, &held->ticket);
    ap_desk_withdraw(office->desk, &held->ticket);
    pass(office, 30 * AP_USEC_PER_SEC);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(held->status, ==, 0);
}

static void
test_device_is_looked_at_for_held_polls(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 1);
    submit(office, a, 1, 0);
    submit(office, a, 1, 25);
    pass(office, AP_LOOKS_PERIOD_USEC);
    g_assert_cmpint(ap_desk_deadline(office->desk), <=, office->now.boot_usec);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(office->n_looks, ==, 2);
    g_assert_cmpint(ap_desk_deadline(office->desk), >, office->now.boot_usec);
    const ApKey removed = peer_of(office, 1).key;
    ap_desk_remove_peer(office->desk, &removed, office->now);
    ap_desk_looked(office->desk, office->now);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(a->status, ==, 401);
}

static void
test_failing_device_does_not_spin(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 1);
    submit(office, a, 1, 0);
    submit(office, a, 1, 25);
    pass(office, AP_LOOKS_PERIOD_USEC);
    ap_desk_turn(office->desk, office->now);
    ap_desk_could_not_look(office->desk);
    g_assert_cmpint(ap_desk_deadline(office->desk), >, office->now.boot_usec);
}

static void
test_checks_are_answered_by_a_look(Office *office, gconstpointer data)
{
    Visitor *good = &office->visitors[0];
    Visitor *fresh = &office->visitors[1];
    Visitor *bad = &office->visitors[2];

    (void) data;
    ap_desk_check(office->desk, &good->ticket, office->now);
    g_assert_cmpuint(good->status, ==, 0);
    look(office, 1);
    g_assert_cmpuint(good->status, ==, 200);
    ap_desk_check(office->desk, &fresh->ticket, office->now);
    g_assert_cmpuint(fresh->status, ==, 200);
    g_assert_cmpuint(office->n_looks, ==, 1);

    pass(office, AP_LOOKS_FRESH_USEC + 1);
    ap_desk_check(office->desk, &bad->ticket, office->now);
    ap_desk_could_not_look(office->desk);
    g_assert_cmpuint(bad->status, ==, 503);
}

static void
test_what_happens_is_counted(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];
    Visitor *b = &office->visitors[1];
    ApMetrics metrics = {0};

    (void) data;
    ap_desk_look(office->desk, office->now);
    pass(office, 7);
    look(office, 2);
    submit(office, a, 1, 0);
    submit(office, a, 1, 25);
    ap_desk_measure(office->desk, &metrics);
    g_assert_cmpuint(metrics.is_held, ==, 1);
    g_assert_cmpuint(metrics.is_max_held, ==, MAX_HELD);
    g_assert_cmpuint(metrics.look_usec, ==, 7);

    submit(office, b, 2, 0);
    ap_desk_turn(office->desk, office->now);
    ap_desk_could_not_look(office->desk);
    ap_desk_measure(office->desk, &metrics);
    g_assert_cmpuint(metrics.is_held, ==, 0);
    g_assert_cmpuint(metrics.held, ==, 1);
    g_assert_cmpuint(metrics.news, ==, 1);
    g_assert_cmpuint(metrics.looks, ==, 2);
    g_assert_cmpuint(metrics.failed_looks, ==, 1);
}

static void
test_hanging_look_is_given_up(Office *office, gconstpointer data)
{
    Visitor *a = &office->visitors[0];

    (void) data;
    submit(office, a, 1, 0);
    g_assert_cmpint(ap_desk_deadline(office->desk),
                    ==,
                    office->now.boot_usec + AP_LOOKS_LIMIT_USEC);
    pass(office, AP_LOOKS_LIMIT_USEC);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(a->status, ==, 503);

    /* what comes in the end is no longer fresh, but there is somebody to ask again */
    look(office, 1);
    submit(office, a, 1, 0);
    g_assert_cmpuint(a->status, ==, 0);
    g_assert_cmpuint(office->n_looks, ==, 2);
    look(office, 1);
    g_assert_cmpuint(a->status, ==, 200);
}

/* Clients of the network 10.9.0.0/16 are on one LAN. */
static void
test_news_for_many_leave_time_for_others(Office *office, gconstpointer data)
{
    const guint n = AP_DESK_MAX_RECHECKS + 8;
    g_autofree Visitor *visitors = g_new0(Visitor, n + 1);
    guint n_answered = 0;

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, n + 1);
    for (guint round = 0; round < 3; round++) {
        for (guint i = 1; i <= n; i++)
            submit(office, &visitors[i], i, round == 2 ? 25 : 0);
    }
    g_assert_cmpuint(ap_desk_n_held(office->desk), ==, n);

    submit(office, &office->visitors[0], n + 1, 0);
    ap_desk_turn(office->desk, office->now);
    for (guint i = 1; i <= n; i++)
        n_answered += visitors[i].status == 200;
    g_assert_cmpuint(n_answered, ==, AP_DESK_MAX_RECHECKS);
    g_assert_cmpint(ap_desk_deadline(office->desk),
                    ==,
                    office->now.boot_usec + AP_DESK_MAX_RECHECKS * AP_DESK_RECHECK_USEC);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(ap_desk_n_held(office->desk), ==, 8);
    pass(office, AP_DESK_MAX_RECHECKS * AP_DESK_RECHECK_USEC);
    ap_desk_turn(office->desk, office->now);
    g_assert_cmpuint(ap_desk_n_held(office->desk), ==, 0);
}

static void
test_polls_of_different_length_end_in_order(Office *office, gconstpointer data)
{
    static const guint seconds[] = {25, 3, 10};

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, 3);
    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < 3; i++)
            submit(office, &office->visitors[i], i + 1, round == 2 ? seconds[i] : 0);
    }
    for (guint second = 1; second <= 25; second++) {
        pass(office, AP_USEC_PER_SEC);
        look(office, 3);
        ap_desk_turn(office->desk, office->now);
        for (guint i = 0; i < 3; i++)
            g_assert_cmpuint(office->visitors[i].status, ==, second >= seconds[i] ? 200 : 0);
    }
}

static void
test_there_is_room_for_those_who_only_ask(Office *office, gconstpointer data)
{
    const guint n = MAX_HELD + 8;
    g_autofree Visitor *visitors = g_new0(Visitor, n + 1);
    guint n_answered = 0;

    (void) data;
    ap_desk_look(office->desk, office->now);
    look(office, n);
    for (guint i = 1; i <= n; i++)
        submit(office, &visitors[i], i, 0);
    for (guint i = 1; i <= n; i++)
        submit(office, &visitors[i], i, 0);
    for (guint i = 1; i <= n; i++) {
        submit(office, &visitors[i], i, 25);
        n_answered += visitors[i].status == 200;
    }
    g_assert_cmpuint(ap_desk_n_held(office->desk), ==, MAX_HELD);
    g_assert_cmpuint(n_answered, ==, 8);
    ap_desk_close(office->desk, office->now);
    for (guint i = 1; i <= n; i++)
        g_assert_cmpuint(visitors[i].status, ==, 200);
}

#define ADD(name, func) g_test_add("/desk/" name, Office, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("requests-wait-for-a-look", test_requests_wait_for_a_look);
    ADD("freshness-counts-from-the-question", test_freshness_counts_from_the_question);
    ADD("unreadable-device", test_unreadable_device);
    ADD("malformed-requests-need-no-look", test_malformed_requests_need_no_look);
    ADD("poll-is-held-until-its-end", test_poll_is_held_until_its_end);
    ADD("news-end-a-poll", test_news_end_a_poll);
    ADD("newer-request-takes-over", test_newer_request_takes_over);
    ADD("withdrawn-tickets-are-forgotten", test_withdrawn_tickets_are_forgotten);
    ADD("device-is-looked-at-for-held-polls", test_device_is_looked_at_for_held_polls);
    ADD("failing-device-does-not-spin", test_failing_device_does_not_spin);
    ADD("checks-are-answered-by-a-look", test_checks_are_answered_by_a_look);
    ADD("what-happens-is-counted", test_what_happens_is_counted);
    ADD("hanging-look-is-given-up", test_hanging_look_is_given_up);
    ADD("news-for-many-leave-time-for-others", test_news_for_many_leave_time_for_others);
    ADD("polls-of-different-length-end-in-order", test_polls_of_different_length_end_in_order);
    ADD("there-is-room-for-those-who-only-ask", test_there_is_room_for_those_who_only_ask);
    return g_test_run();
}
