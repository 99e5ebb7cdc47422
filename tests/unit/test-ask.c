/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/ask.h"

/** A @random that makes no jitter: the middle of ±20 %. */
#define NO_JITTER 200

#define SEC AP_USEC_PER_SEC
#define MSEC AP_USEC_PER_MSEC

/** The clock of every case starts here. */
#define START (1000 * SEC)

static ApInstant
at(gint64 boot_usec)
{
    return (ApInstant){.boot_usec = boot_usec};
}

/* Ends an exchange @took after it was due; returns the delay until the next one, in microseconds. */
static gint64
done(ApAsk *ask, ApAskOutcome outcome, const ApOffer *offer, gboolean changed, gint64 took)
{
    const gint64 now = ask->next_boot_usec + took;

    ap_ask_done(ask, outcome, offer, changed, NO_JITTER, at(now));
    return ask->next_boot_usec == AP_NEVER ? AP_NEVER : ask->next_boot_usec - now;
}

static ApAsk
asked_never(void)
{
    ApAsk ask;

    ap_ask_reset(&ask, at(START));
    return ask;
}

static ApOffer *
offer_of(guint version, const char *etag, guint poll_sec)
{
    ApOffer *offer = ap_offer_new();

    offer->version = version;
    offer->poll_sec = poll_sec;
    (void) g_strlcpy(offer->etag, etag, sizeof(offer->etag));
    return offer;
}

static const struct {
    guint status;
    gboolean too_old;
    ApAskOutcome outcome;
} status_cases[] = {
    {200, FALSE, AP_ASK_OK},
    {400, FALSE, AP_ASK_BAD},
    {400, TRUE, AP_ASK_TOO_OLD},
    {500, FALSE, AP_ASK_TOO_OLD},
    {401, FALSE, AP_ASK_REFUSED},
    {404, FALSE, AP_ASK_REFUSED},
    {405, FALSE, AP_ASK_REFUSED},
    {301, FALSE, AP_ASK_BAD},
    {502, FALSE, AP_ASK_BAD},
};

static void
test_outcome_of_a_status(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(status_cases); i++) {
        g_test_message("case %u", status_cases[i].status);
        g_assert_cmpint(ap_ask_outcome(status_cases[i].status, status_cases[i].too_old),
                        ==,
                        status_cases[i].outcome);
    }
}

static void
test_first_ask_at_once(void)
{
    const ApAsk ask = asked_never();

    g_assert_cmpint(ask.next_boot_usec, ==, START);
    g_assert_cmpuint(ap_ask_wait_sec(&ask), ==, 0);
}

/* Delays in seconds after each failure of a kind, without jitter. */
static const struct {
    ApAskOutcome outcome;
    guint n;
    guint delays[9];
} failure_cases[] = {
    {AP_ASK_TOO_OLD, 5, {5, 10, 20, 60, 60}},
    {AP_ASK_REFUSED, 3, {300, 300, 300}},
    {AP_ASK_BAD, 9, {1, 2, 4, 8, 16, 32, 60, 60, 60}},
};

static void
test_retries(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(failure_cases); i++) {
        ApAsk ask = asked_never();

        for (guint k = 0; k < failure_cases[i].n; k++) {
            g_test_message("outcome %d, failure %u", failure_cases[i].outcome, k + 1);
            g_assert_cmpint(done(&ask, failure_cases[i].outcome, NULL, FALSE, 0),
                            ==,
                            failure_cases[i].delays[k] * SEC);
        }
    }
}

static void
test_jitter_is_a_fifth(void)
{
    for (guint32 random = 0; random < 5000; random += 7) {
        ApAsk ask = asked_never();

        ap_ask_done(&ask, AP_ASK_BAD, NULL, FALSE, random, at(START));
        g_assert_cmpint(ask.next_boot_usec, >=, START + 800 * MSEC);
        g_assert_cmpint(ask.next_boot_usec, <=, START + 1200 * MSEC);
    }
}

static void
test_nobody_there_is_left_alone(void)
{
    ApAsk ask = asked_never();

    g_assert_cmpint(done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, 3 * SEC), ==, 1 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, 3 * SEC), ==, 2 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, 3 * SEC), ==, AP_NEVER);

    ap_ask_reset(&ask, at(2 * START));
    g_assert_cmpint(ask.next_boot_usec, ==, 2 * START);
    g_assert_cmpint(done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, 0), ==, 1 * SEC);
}

/* As after sleep: the server that answered before is down for a while. */
static void
test_asking_again_keeps_that_there_is_a_server(void)
{
    g_autoptr(ApOffer) offer = offer_of(2, "x", 0);
    ApAsk ask = asked_never();

    (void) done(&ask, AP_ASK_OK, offer, FALSE, 0);
    ap_ask_again(&ask, at(2 * START));
    g_assert_cmpint(ask.next_boot_usec, ==, 2 * START);
    g_assert_cmpuint(ap_ask_wait_sec(&ask), ==, 0);
    g_assert_cmpstr(ask.etag, ==, "");
    for (guint i = 0; i < 5; i++)
        g_assert_cmpint(done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, 3 * SEC), <, AP_NEVER);
}

/* A server that restarts is found within 5 s for a minute, and within 60 s for ever. */
static void
test_server_down_and_back(void)
{
    g_autoptr(ApOffer) offer = offer_of(0, "", 0);
    ApAsk ask = asked_never();

    (void) done(&ask, AP_ASK_OK, offer, FALSE, 0);
    const gint64 down_since = ask.next_boot_usec;
    for (guint i = 0; i < 100; i++) {
        const gint64 due = ask.next_boot_usec;

        ap_ask_done(&ask, AP_ASK_UNREACHABLE, NULL, FALSE, g_test_rand_int() | 1, at(due));
        g_assert_cmpint(ask.next_boot_usec - due, <=, 60 * SEC);
        if (due - down_since < 45 * SEC)
            g_assert_cmpint(ask.next_boot_usec - due, <=, 5 * SEC);
    }
    g_assert_cmpint(ask.next_boot_usec - down_since, >, 60 * 60 * SEC);
}

static void
test_plain_server_is_polled(void)
{
    g_autoptr(ApOffer) offer = offer_of(0, "", 0);
    ApAsk ask = asked_never();

    /* after a network change, as after any other */
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 2 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 5 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 10 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 30 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 30 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, TRUE, 0), ==, 2 * SEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, 5 * SEC);
    g_assert_cmpuint(ap_ask_wait_sec(&ask), ==, 0);
}

/* Two workers with different views change the port in each answer. */
static void
test_flapping_answers_do_not_cause_a_flood(void)
{
    g_autoptr(ApOffer) offer = offer_of(0, "", 0);
    ApAsk ask = asked_never();
    guint n = 0;

    while (ask.next_boot_usec < START + 60 * SEC) {
        (void) done(&ask, AP_ASK_OK, offer, TRUE, 0);
        n++;
    }
    g_assert_cmpuint(n, <=, 12);
}

static const struct {
    guint poll_sec;
    guint taken_sec;
} poll_cases[] = {{0, 30}, {1, 10}, {9, 10}, {45, 45}, {600, 600}, {601, 600}, {86400, 600}};

static void
test_wished_interval_is_clamped(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(poll_cases); i++) {
        g_autoptr(ApOffer) offer = offer_of(0, "", poll_cases[i].poll_sec);
        ApAsk ask = asked_never();

        g_test_message("poll %u", poll_cases[i].poll_sec);
        for (guint k = 0; k < 3; k++)
            (void) done(&ask, AP_ASK_OK, offer, FALSE, 0);
        g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 0), ==, poll_cases[i].taken_sec * SEC);
    }
}

static void
test_version_2_is_asked_again_at_once(void)
{
    g_autoptr(ApOffer) offer = offer_of(2, "e1", 30);
    ApAsk ask = asked_never();

    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 10 * MSEC), ==, 0);
    g_assert_cmpuint(ap_ask_wait_sec(&ask), ==, AP_COORD_MAX_WAIT_SEC);
    g_assert_cmpstr(ask.etag, ==, "e1");
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 25 * SEC), ==, 0);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, TRUE, 7 * SEC), ==, 0);
}

static void
test_version_2_that_does_not_hold_is_asked_slowly(void)
{
    g_autoptr(ApOffer) offer = offer_of(2, "e1", 30);
    ApAsk ask = asked_never();

    (void) done(&ask, AP_ASK_OK, offer, FALSE, 0);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 100 * MSEC), ==, 400 * MSEC);
    for (guint i = 0; i < 20; i++)
        g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 100 * MSEC), >=, 400 * MSEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, FALSE, 100 * MSEC), ==, 30 * SEC);

    /* changes come soon again, but never more often than twice a second */
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, TRUE, 100 * MSEC), ==, 400 * MSEC);
    g_assert_cmpint(done(&ask, AP_ASK_OK, offer, TRUE, 100 * MSEC), ==, 400 * MSEC);
}

static void
test_version_is_forgotten(void)
{
    g_autoptr(ApOffer) v2 = offer_of(2, "e1", 30);
    g_autoptr(ApOffer) plain = offer_of(0, "", 0);

    for (guint outcome = AP_ASK_OK; outcome <= AP_ASK_UNREACHABLE; outcome++) {
        ApAsk ask = asked_never();

        g_test_message("outcome %u", outcome);
        (void) done(&ask, AP_ASK_OK, v2, FALSE, 0);
        (void) done(&ask, outcome, plain, FALSE, 0);
        g_assert_cmpuint(ap_ask_wait_sec(&ask), ==, 0);
        g_assert_cmpstr(ask.etag, ==, "");
    }
}

static GArray *
keys_of(guint8 a, guint8 b)
{
    GArray *keys = g_array_new(FALSE, TRUE, sizeof(ApKey));
    const ApKey both[] = {{{a}}, {{b}}};

    g_array_append_vals(keys, both, (a != 0) + (b != 0));
    return keys;
}

static const struct {
    guint version;
    guint8 told[2], direct[2]; /* 0: none */
    gint64 after;              /* the request was due so long ago */
    gint64 delay;              /* until the next; -1: there is no news */
} news_cases[] = {
    {2, {1, 2}, {1, 0}, 20 * SEC, 0},
    {2, {1, 0}, {0, 0}, 20 * SEC, 0},
    {2, {1, 0}, {2, 0}, 20 * SEC, 0},
    {2, {1, 0}, {0, 0}, 100 * MSEC, 400 * MSEC}, /* at most twice a second */
    {2, {1, 0}, {2, 1}, 20 * SEC, -1},           /* another path came about */
    {2, {0, 0}, {1, 0}, 20 * SEC, -1},
    {2, {1, 2}, {2, 1}, 20 * SEC, -1},
    {0, {1, 0}, {0, 0}, 20 * SEC, -1}, /* holds nothing, and would not listen */
};

static void
test_a_lost_path_is_told_at_once(void)
{
    g_autoptr(ApOffer) v2 = offer_of(2, "e1", 30);

    for (gsize i = 0; i < G_N_ELEMENTS(news_cases); i++) {
        g_autoptr(GArray) told = keys_of(news_cases[i].told[0], news_cases[i].told[1]);
        g_autoptr(GArray) direct = keys_of(news_cases[i].direct[0], news_cases[i].direct[1]);
        ApAsk ask = asked_never();
        gint64 due;

        g_test_message("case %zu", i);
        if (news_cases[i].version != 0)
            (void) done(&ask, AP_ASK_OK, v2, FALSE, 0);
        due = ask.next_boot_usec;
        g_assert_cmpint(ap_ask_has_news(&ask, told, direct, at(due + news_cases[i].after)),
                        ==,
                        news_cases[i].delay >= 0);
        if (news_cases[i].delay >= 0)
            due += news_cases[i].after + news_cases[i].delay;
        g_assert_cmpint(ask.next_boot_usec, ==, due);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ask/outcome-of-a-status", test_outcome_of_a_status);
    g_test_add_func("/ask/first-at-once", test_first_ask_at_once);
    g_test_add_func("/ask/retries", test_retries);
    g_test_add_func("/ask/jitter-is-a-fifth", test_jitter_is_a_fifth);
    g_test_add_func("/ask/nobody-there-is-left-alone", test_nobody_there_is_left_alone);
    g_test_add_func("/ask/again-keeps-that-there-is-a-server",
                    test_asking_again_keeps_that_there_is_a_server);
    g_test_add_func("/ask/server-down-and-back", test_server_down_and_back);
    g_test_add_func("/ask/plain-server-is-polled", test_plain_server_is_polled);
    g_test_add_func("/ask/flapping-answers-do-not-cause-a-flood",
                    test_flapping_answers_do_not_cause_a_flood);
    g_test_add_func("/ask/wished-interval-is-clamped", test_wished_interval_is_clamped);
    g_test_add_func("/ask/version-2-is-asked-again-at-once", test_version_2_is_asked_again_at_once);
    g_test_add_func("/ask/version-2-that-does-not-hold-is-asked-slowly",
                    test_version_2_that_does_not_hold_is_asked_slowly);
    g_test_add_func("/ask/a-lost-path-is-told-at-once", test_a_lost_path_is_told_at_once);
    g_test_add_func("/ask/version-is-forgotten", test_version_is_forgotten);
    return g_test_run();
}
