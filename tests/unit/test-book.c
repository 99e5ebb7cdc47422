/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/book.h"

#define SEC AP_USEC_PER_SEC
#define IFINDEX 7

static ApInstant
at(gint64 sec)
{
    return (ApInstant){.boot_usec = (1000 + sec) * SEC};
}

static ApKey
key(guint8 n)
{
    return (ApKey){{n}};
}

static ApEndpoint
endpoint(const char *text)
{
    ApEndpoint out = {0};

    g_assert_true(ap_endpoint_parse(&out, text, NULL));
    return out;
}

/* @plain: (nullable): the plain address and port */
static void
add_peer(ApOffer *offer, guint8 n, const char *plain)
{
    ApOfferPeer peer = {.key = key(n), .n_addresses = 1};

    peer.addresses[0] = (ApAddr){.family = AF_INET, .bytes = {10, 9, 0, n}};
    if (plain != NULL)
        peer.endpoint = endpoint(plain);
    g_array_append_val(offer->peers, peer);
}

static ApOfferPeer *
last_peer(ApOffer *offer)
{
    return &g_array_index(offer->peers, ApOfferPeer, offer->peers->len - 1);
}

static void
add_ranked(ApOffer *offer, const char *text, guint32 prio)
{
    ApOfferPeer *peer = last_peer(offer);

    peer->candidates[peer->n_candidates].endpoint = endpoint(text);
    peer->candidates[peer->n_candidates++].prio = prio;
}

static ApOffer *
offer_v2(const char *etag)
{
    ApOffer *offer = ap_offer_new();

    offer->version = 2;
    (void) g_strlcpy(offer->etag, etag, sizeof(offer->etag));
    return offer;
}

static GArray *
list(const ApBook *book, gint64 sec)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(ApCandidate));

    ap_book_list(book, out, at(sec));
    return out;
}

/* The endpoints of the only candidate, joined by spaces. */
static char *
endpoints(const ApBook *book)
{
    g_autoptr(GArray) all = list(book, 0);
    GString *out = g_string_new(NULL);

    g_assert_cmpuint(all->len, ==, 1);
    const ApCandidate *candidate = &g_array_index(all, ApCandidate, 0);
    for (guint i = 0; i < candidate->n_endpoints; i++) {
        char text[AP_ENDPOINT_TEXT_LEN];

        ap_endpoint_to_text(&candidate->endpoints[i], text);
        g_string_append_printf(out, "%s%s", i == 0 ? "" : " ", text);
    }
    return g_string_free(out, FALSE);
}

/* "+": offered, "-": withdrawn, " ": not listed */
static char
state_of(const ApBook *book, guint8 n, gint64 sec)
{
    g_autoptr(GArray) all = list(book, sec);
    const ApKey wanted = key(n);

    for (guint i = 0; i < all->len; i++) {
        const ApCandidate *candidate = &g_array_index(all, ApCandidate, i);

        if (ap_key_equal(&candidate->key, &wanted))
            return candidate->withdrawn ? '-' : '+';
    }
    return ' ';
}

static ApReason
why(const ApBook *book, gint64 sec)
{
    g_autoptr(GArray) all = list(book, sec);

    g_assert_cmpuint(all->len, ==, 1);
    return g_array_index(all, ApCandidate, 0).why;
}

static void
test_candidates_are_listed_by_key(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) offer = ap_offer_new();
    static const guint8 order[] = {9, 2, 5, 250, 1};

    for (gsize i = 0; i < G_N_ELEMENTS(order); i++)
        add_peer(offer, order[i], "192.168.77.11:40001");
    last_peer(offer)->bfd = TRUE;
    g_assert_true(ap_book_add_offer(book, offer, NULL, at(0)));
    g_assert_false(ap_book_add_offer(book, offer, NULL, at(1)));

    g_autoptr(GArray) all = list(book, 1);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(order));
    for (guint i = 0; i < all->len; i++) {
        const ApCandidate *candidate = &g_array_index(all, ApCandidate, i);

        g_assert_cmpuint(candidate->ifindex, ==, IFINDEX);
        g_assert_cmpuint(candidate->sources, ==, AP_SOURCE_SERVER);
        g_assert_cmpuint(candidate->n_addresses, ==, 1);
        g_assert_cmpint(candidate->speaks_bfd, ==, i == 0);
        g_assert_true(
            i == 0
            || ap_key_compare(&g_array_index(all, ApCandidate, i - 1).key, &candidate->key) < 0);
    }
}

static void
test_endpoints_by_rank_then_the_plain_one(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) offer = offer_v2("e");
    g_autofree char *text = NULL;

    add_peer(offer, 1, "192.168.77.11:40001");
    add_ranked(offer, "10.0.0.1:1", 5);
    add_ranked(offer, "10.0.0.2:2", 100);
    add_ranked(offer, "10.0.0.3:3", 5);
    add_ranked(offer, "10.0.0.2:2", 1);
    (void) ap_book_add_offer(book, offer, NULL, at(0));
    text = endpoints(book);
    g_assert_cmpstr(text, ==, "10.0.0.2:2 10.0.0.1:1 10.0.0.3:3 192.168.77.11:40001");
}

static void
test_plain_endpoint_is_not_listed_twice(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) offer = offer_v2("e");
    g_autofree char *text = NULL;

    add_peer(offer, 1, "192.168.77.11:40001");
    add_ranked(offer, "10.0.0.1:1", 1);
    add_ranked(offer, "192.168.77.11:40001", 2);
    (void) ap_book_add_offer(book, offer, NULL, at(0));
    text = endpoints(book);
    g_assert_cmpstr(text, ==, "192.168.77.11:40001 10.0.0.1:1");
}

/* Mistake 7 of the existing client: a peer without a port is used nevertheless. */
static void
test_no_port_means_no_endpoint(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) offer = ap_offer_new();
    g_autofree char *text = NULL;

    add_peer(offer, 1, "192.168.77.11:40001");
    last_peer(offer)->endpoint.port = 0;
    (void) ap_book_add_offer(book, offer, NULL, at(0));
    text = endpoints(book);
    g_assert_cmpstr(text, ==, "");
}

static void
test_last_known_port_is_kept(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) offer = ap_offer_new();
    g_autofree char *moved = NULL, *absent = NULL;

    add_peer(offer, 1, "192.168.77.11:40001");
    (void) ap_book_add_offer(book, offer, NULL, at(0));

    last_peer(offer)->endpoint = endpoint("192.168.77.99:1");
    last_peer(offer)->endpoint.port = 0;
    (void) ap_book_add_offer(book, offer, NULL, at(0));
    moved = endpoints(book);
    g_assert_cmpstr(moved, ==, "192.168.77.99:40001");

    last_peer(offer)->endpoint = (ApEndpoint){0};
    (void) ap_book_add_offer(book, offer, NULL, at(0));
    absent = endpoints(book);
    g_assert_cmpstr(absent, ==, "192.168.77.99:40001");
}

/* Mistake 3 of the existing client: two workers disagree about the port. */
static void
test_flapping_port_keeps_the_peer(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);

    for (guint i = 0; i < 10; i++) {
        g_autoptr(ApOffer) offer = ap_offer_new();

        add_peer(offer, 1, i % 2 == 0 ? "192.168.77.11:40001" : "192.168.77.11:40002");
        g_assert_true(ap_book_add_offer(book, offer, NULL, at(i)));
        g_assert_cmpint(state_of(book, 1, i), ==, '+');
    }
}

/* After how many answers without it a peer is withdrawn. */
static const struct {
    guint version;
    gboolean direct;
    guint n;
} missed_cases[] = {{0, FALSE, 3}, {0, TRUE, 10}, {2, FALSE, 1}, {2, TRUE, 3}};

static void
test_absent_peers_are_withdrawn(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(missed_cases); i++) {
        g_autoptr(ApBook) book = ap_book_new(IFINDEX);
        g_autoptr(ApOffer) full = ap_offer_new();
        g_autoptr(GArray) direct = g_array_new(FALSE, FALSE, sizeof(ApKey));
        const ApKey one = key(1);

        g_test_message("version %u, direct %d", missed_cases[i].version, missed_cases[i].direct);
        if (missed_cases[i].direct)
            g_array_append_val(direct, one);
        add_peer(full, 1, NULL);
        (void) ap_book_add_offer(book, full, direct, at(0));

        for (guint k = 1; k <= missed_cases[i].n; k++) {
            g_autofree char *etag = g_strdup_printf("e%u", k);
            g_autoptr(ApOffer) empty = offer_v2(etag);

            g_assert_cmpint(state_of(book, 1, k), ==, '+');
            empty->version = missed_cases[i].version;
            (void) ap_book_add_offer(book, empty, direct, at(k));
        }
        g_assert_cmpint(state_of(book, 1, 10), ==, '-');
        g_assert_cmpint(why(book, 10), ==, AP_REASON_NOT_OFFERED);
    }
}

static void
test_one_answer_that_names_it_starts_the_count_anew(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = ap_offer_new();
    g_autoptr(ApOffer) empty = ap_offer_new();

    add_peer(full, 1, NULL);
    for (guint i = 0; i < 9; i++) {
        (void) ap_book_add_offer(book, i % 3 == 0 ? full : empty, NULL, at(i));
        g_assert_cmpint(state_of(book, 1, i), ==, '+');
    }
}

/* An answer that only ends a long poll says nothing new about who is missing. */
static void
test_unchanged_answers_do_not_count(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = offer_v2("e1");
    g_autoptr(ApOffer) empty = offer_v2("e2");
    g_autoptr(GArray) direct = g_array_new(FALSE, FALSE, sizeof(ApKey));
    const ApKey one = key(1);

    g_array_append_val(direct, one);
    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, direct, at(0));
    for (guint i = 1; i < 20; i++)
        (void) ap_book_add_offer(book, empty, direct, at(i));
    g_assert_cmpint(state_of(book, 1, 20), ==, '+');

    /* but the path that kept it there has died by now */
    (void) ap_book_add_offer(book, empty, NULL, at(21));
    g_assert_cmpint(state_of(book, 1, 21), ==, '-');
}

static void
test_gone_acts_at_once(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = ap_offer_new();
    g_autoptr(ApOffer) bye = offer_v2("e");
    g_autoptr(GArray) direct = g_array_new(FALSE, FALSE, sizeof(ApKey));
    const ApOfferGone gone = {.key = key(1)}, stranger = {.key = key(2)};

    g_array_append_val(direct, gone.key);
    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, direct, at(0));
    g_array_append_val(bye->gone, gone);
    g_array_append_val(bye->gone, stranger);
    g_assert_true(ap_book_add_offer(book, bye, direct, at(1)));
    g_assert_cmpint(state_of(book, 1, 1), ==, '-');
    g_assert_cmpint(why(book, 1), ==, AP_REASON_GONE);
}

static void
test_gone_says_why(void)
{
    static const struct {
        ApGoneWhy why;
        ApReason reason;
    } cases[] = {
        {AP_GONE_BYE, AP_REASON_GONE},
        {AP_GONE_POLICY, AP_REASON_POLICY},
        {AP_GONE_REVOKED, AP_REASON_REVOKED},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApBook) book = ap_book_new(IFINDEX);
        g_autoptr(ApOffer) full = ap_offer_new();
        g_autoptr(ApOffer) without = offer_v2("e");
        const ApOfferGone gone = {.key = key(1), .why = cases[i].why};

        g_test_message("case %zu", i);
        add_peer(full, 1, NULL);
        (void) ap_book_add_offer(book, full, NULL, at(0));
        g_array_append_val(without->gone, gone);
        (void) ap_book_add_offer(book, without, NULL, at(1));
        g_assert_cmpint(why(book, 1), ==, cases[i].reason);
    }
}

/* A plain server has no ages, and one of version 2 that tells none means that it is new. */
static void
test_ages_are_of_version_2(void)
{
    for (guint v2 = 0; v2 < 2; v2++) {
        g_autoptr(ApBook) book = ap_book_new(IFINDEX);
        g_autoptr(ApOffer) offer = v2 ? offer_v2("e") : ap_offer_new();
        g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(ApCandidate));
        const ApCandidate *found;

        add_peer(offer, 1, NULL);
        g_array_index(offer->peers, ApOfferPeer, 0).age_sec = 7;
        g_array_index(offer->peers, ApOfferPeer, 0).hub_rtt_ms = 41;
        (void) ap_book_add_offer(book, offer, NULL, at(100));
        ap_book_list(book, list, at(100));
        found = &g_array_index(list, ApCandidate, 0);
        g_assert_cmpint(found->seen_boot_usec, ==, v2 ? at(93).boot_usec : 0);
        g_assert_cmpint(found->hub_rtt_usec, ==, 41 * AP_USEC_PER_MSEC);
    }
}

static void
test_withdrawn_peers_are_listed_for_a_minute(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = offer_v2("e1");
    g_autoptr(ApOffer) empty = offer_v2("e2");

    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, NULL, at(0));
    (void) ap_book_add_offer(book, empty, NULL, at(10));
    g_assert_cmpint(state_of(book, 1, 69), ==, '-');
    g_assert_cmpint(state_of(book, 1, 70), ==, ' ');
    g_assert_false(ap_book_add_offer(book, empty, NULL, at(70)));
    g_assert_cmpint(state_of(book, 1, 0), ==, ' ');
}

static void
test_peer_comes_back(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = offer_v2("e1");
    g_autoptr(ApOffer) empty = offer_v2("e2");

    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, NULL, at(0));
    (void) ap_book_add_offer(book, empty, NULL, at(1));
    g_assert_true(ap_book_add_offer(book, full, NULL, at(2)));
    g_assert_cmpint(state_of(book, 1, 200), ==, '+');
}

static void
test_key_named_twice_is_not_believed(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) twice = ap_offer_new();
    g_autoptr(ApOffer) once = ap_offer_new();

    add_peer(twice, 1, "192.168.77.11:40001");
    add_peer(twice, 1, "192.168.77.12:40001");
    add_peer(once, 1, "192.168.77.11:40001");
    (void) ap_book_add_offer(book, once, NULL, at(0));
    (void) ap_book_add_offer(book, twice, NULL, at(1));
    g_assert_cmpint(state_of(book, 1, 1), ==, '-');
    g_assert_cmpint(why(book, 1), ==, AP_REASON_KEY_TWICE);
    (void) ap_book_add_offer(book, once, NULL, at(2));
    g_assert_cmpint(state_of(book, 1, 2), ==, '+');
}

static void
test_network_change_forgets_all(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = offer_v2("e1");

    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, NULL, at(0));
    ap_book_forget_all(book);
    g_assert_cmpint(state_of(book, 1, 0), ==, ' ');
}

/* A server that names other keys in each answer. */
static void
test_size_is_bounded(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);

    for (guint i = 0; i < 20; i++) {
        g_autoptr(ApOffer) offer = ap_offer_new();
        g_autoptr(GArray) all = NULL;

        for (guint k = 0; k < AP_COORD_MAX_PEERS; k++) {
            ApOfferPeer peer = {.key = {{(guint8) i, (guint8) k}}, .n_addresses = 1};

            g_array_append_val(offer->peers, peer);
        }
        (void) ap_book_add_offer(book, offer, NULL, at(i));
        all = list(book, i);
        g_assert_cmpuint(all->len, <=, 2 * AP_COORD_MAX_PEERS);
    }
}

/* The seconds at which the peer was doubted, after answers that come each second. */
static const struct {
    const char *answers; /* up, lost, '?' untold, '-' the peer is not named */
    gint64 doubted[5];   /* -1: never */
} doubts[] = {
    {"?ull", {-1, -1, 2, 2}},
    {"?ulul", {-1, -1, 2, 2, 4}},
    {"?l", {-1, 1}}, /* that it was up has been told while nobody asked */
    {"ul?l", {-1, 1, 1, 3}},
    {"?u-u", {-1, -1, 2, 2}}, /* it may be elsewhere */
    {"u--", {-1, 1, 1}},
    {"uuu", {-1, -1, -1}},
};

static ApDirectWord
word_of(char letter)
{
    return letter == 'u' ? AP_DIRECT_UP : letter == 'l' ? AP_DIRECT_LOST : AP_DIRECT_UNTOLD;
}

static void
test_a_path_is_doubted_once_when_it_is_lost(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(doubts); i++) {
        g_autoptr(ApBook) book = ap_book_new(IFINDEX);
        g_autoptr(GArray) direct = g_array_new(FALSE, FALSE, sizeof(ApKey));
        const ApKey own = key(1);

        g_array_append_val(direct, own);
        for (guint k = 0; doubts[i].answers[k] != '\0'; k++) {
            g_autofree char *etag = g_strdup_printf("e%u", k);
            g_autoptr(ApOffer) offer = offer_v2(etag);
            g_autoptr(GArray) all = NULL;
            const gint64 sec = doubts[i].doubted[k];

            g_test_message("answer %u of %s", k, doubts[i].answers);
            if (doubts[i].answers[k] != '-') {
                add_peer(offer, 1, NULL);
                last_peer(offer)->direct = word_of(doubts[i].answers[k]);
            }
            (void) ap_book_add_offer(book, offer, direct, at(k));
            all = list(book, k);
            g_assert_cmpint(g_array_index(all, ApCandidate, 0).doubted_boot_usec,
                            ==,
                            sec < 0 ? 0 : at(sec).boot_usec);
        }
    }
}

/* Of a plain server the absence of a peer means nothing. */
static void
test_a_plain_server_doubts_nothing(void)
{
    g_autoptr(ApBook) book = ap_book_new(IFINDEX);
    g_autoptr(ApOffer) full = ap_offer_new();
    g_autoptr(ApOffer) empty = ap_offer_new();
    g_autoptr(GArray) all = NULL;

    add_peer(full, 1, NULL);
    (void) ap_book_add_offer(book, full, NULL, at(0));
    (void) ap_book_add_offer(book, empty, NULL, at(1));
    all = list(book, 1);
    g_assert_cmpint(g_array_index(all, ApCandidate, 0).doubted_boot_usec, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/book/listed-by-key", test_candidates_are_listed_by_key);
    g_test_add_func("/book/endpoints-by-rank-then-the-plain-one",
                    test_endpoints_by_rank_then_the_plain_one);
    g_test_add_func("/book/plain-endpoint-is-not-listed-twice",
                    test_plain_endpoint_is_not_listed_twice);
    g_test_add_func("/book/no-port-means-no-endpoint", test_no_port_means_no_endpoint);
    g_test_add_func("/book/last-known-port-is-kept", test_last_known_port_is_kept);
    g_test_add_func("/book/flapping-port-keeps-the-peer", test_flapping_port_keeps_the_peer);
    g_test_add_func("/book/absent-peers-are-withdrawn", test_absent_peers_are_withdrawn);
    g_test_add_func("/book/one-answer-starts-the-count-anew",
                    test_one_answer_that_names_it_starts_the_count_anew);
    g_test_add_func("/book/unchanged-answers-do-not-count", test_unchanged_answers_do_not_count);
    g_test_add_func("/book/gone-acts-at-once", test_gone_acts_at_once);
    g_test_add_func("/book/gone-says-why", test_gone_says_why);
    g_test_add_func("/book/ages-are-of-version-2", test_ages_are_of_version_2);
    g_test_add_func("/book/withdrawn-peers-are-listed-for-a-minute",
                    test_withdrawn_peers_are_listed_for_a_minute);
    g_test_add_func("/book/peer-comes-back", test_peer_comes_back);
    g_test_add_func("/book/key-named-twice-is-not-believed", test_key_named_twice_is_not_believed);
    g_test_add_func("/book/network-change-forgets-all", test_network_change_forgets_all);
    g_test_add_func("/book/a-path-is-doubted-once-when-it-is-lost",
                    test_a_path_is_doubted_once_when_it_is_lost);
    g_test_add_func("/book/a-plain-server-doubts-nothing", test_a_plain_server_doubts_nothing);
    g_test_add_func("/book/size-is-bounded", test_size_is_bounded);
    return g_test_run();
}
