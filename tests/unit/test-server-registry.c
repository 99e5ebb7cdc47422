/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/registry.h"
#include "server/screen.h"

#include <string.h>

/** An arbitrary moment: 2026-11-22, an hour after the start of the machine. */
static const ApInstant start = {3600 * AP_USEC_PER_SEC, 1795305600 * AP_USEC_PER_SEC};

static ApInstant
after(gint64 usec)
{
    return (ApInstant){start.boot_usec + usec, start.real_usec + usec};
}

static ApAddr
addr(const char *text)
{
    ApAddr out;

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

static ApRosterPeer
peer_of(guint8 number, const char *address, const char *endpoint)
{
    ApRosterPeer peer = {.key = {{number}}, .handshake_real_usec = start.real_usec};

    peer.addresses[peer.n_addresses++] = addr(address);
    g_assert_true(ap_endpoint_parse(&peer.endpoint, endpoint, NULL));
    return peer;
}

static ApRequest
request_of(guint8 number, const char *ip, guint8 prefix_len, const char *gateway)
{
    ApRequest request = {.key = {{number}}, .n_attachments = 1};

    request.attachments[0] = (ApAttachment){addr(ip), prefix_len, addr(gateway)};
    return request;
}

static void
test_roster_knows_hosts_only(void)
{
    g_autoptr(ApRoster) roster = ap_roster_new();
    const ApRosterPeer a = peer_of(1, "10.9.0.11", "203.0.113.21:40001");
    const ApRosterPeer b = peer_of(2, "10.9.0.12", "203.0.113.21:40002");
    const ApRosterPeer a_with_b = peer_of(1, "10.9.0.12", "203.0.113.21:40001");
    const ApAddr of_a = addr("10.9.0.11"), of_b = addr("10.9.0.12"), other = addr("10.9.0.13");

    ap_roster_put(roster, &a);
    ap_roster_put(roster, &b);
    g_assert_true(ap_key_equal(&ap_roster_holder(roster, &of_a)->key, &a.key));
    g_assert_null(ap_roster_holder(roster, &other));

    /* an address moves to another peer, and the old holder is entered afterwards */
    ap_roster_put(roster, &a_with_b);
    g_assert_null(ap_roster_holder(roster, &of_a));
    g_assert_true(ap_roster_remove(roster, &b.key));
    g_assert_true(ap_key_equal(&ap_roster_holder(roster, &of_b)->key, &a.key));
    g_assert_false(ap_roster_remove(roster, &b.key));
    g_assert_cmpuint(ap_roster_n_peers(roster), ==, 1);
}

static const struct {
    const char *ip;
    guint8 prefix_len;
    const char *gateway;
    gboolean ok;
} attachment_cases[] = {
    {"192.168.77.11", 24, "192.168.77.1", TRUE},
    {"192.168.77.11", 24, "192.168.77.254", TRUE},
    {"2001:db8:77::11", 64, "fe80::1", TRUE},
    {"2001:db8:77::11", 64, "2001:db8:77::1", TRUE},
    {"198.51.100.6", 31, "198.51.100.7", TRUE},
    {"192.168.77.11", 0, "192.168.77.1", FALSE},
    {"192.168.77.11", 33, "192.168.77.1", FALSE},
    {"192.168.77.11", 99, "192.168.77.1", FALSE},
    {"2001:db8:77::11", 129, "fe80::1", FALSE},
    {"192.168.77.11", 24, "192.168.78.1", FALSE}, /* the gateway is somewhere else */
    {"172.16.5.5", 24, "192.168.77.1", FALSE},
    {"192.168.77.0", 24, "192.168.77.1", FALSE},   /* the network */
    {"192.168.77.255", 24, "192.168.77.1", FALSE}, /* everybody */
    {"192.168.77.1", 24, "192.168.77.1", FALSE},   /* its own gateway */
    {"192.168.77.11", 24, "fe80::1", FALSE},
    {"127.0.0.1", 8, "127.0.0.2", FALSE},
    {"224.0.0.1", 24, "224.0.0.2", FALSE},
    {"169.254.3.4", 16, "169.254.0.1", FALSE},
    {"0.0.0.0", 0, "0.0.0.0", FALSE},
    {"fe80::11", 64, "fe80::1", FALSE},
    {"::ffff:192.168.77.11", 120, "fe80::1", FALSE},
    {"10.9.0.12", 24, "10.9.0.1", FALSE}, /* the tunnel */
    {"10.9.0.1", 24, "10.9.0.2", FALSE},  /* the hub */
    {"10.8.3.4", 24, "10.8.3.1", FALSE},  /* another peer's tunnel address */
};

static void
test_screen_attachments(void)
{
    const ApOwnAddress own = {addr("10.9.0.1"), 24};
    g_autoptr(ApRoster) roster = ap_roster_new();
    const ApRosterPeer other = peer_of(9, "10.8.3.4", "203.0.113.21:40001");

    ap_roster_set_own(roster, &own, 1);
    ap_roster_put(roster, &other);
    for (gsize i = 0; i < G_N_ELEMENTS(attachment_cases); i++) {
        ApRequest request = request_of(1,
                                       attachment_cases[i].ip,
                                       attachment_cases[i].prefix_len,
                                       attachment_cases[i].gateway);

        g_test_message("case %s/%u %s",
                       attachment_cases[i].ip,
                       attachment_cases[i].prefix_len,
                       attachment_cases[i].gateway);
        g_assert_cmpuint(ap_screen_request(&request, roster), ==, !attachment_cases[i].ok);
        g_assert_cmpuint(request.n_attachments, ==, attachment_cases[i].ok);
    }
}

static void
test_screen_keeps_the_good_ones(void)
{
    g_autoptr(ApRoster) roster = ap_roster_new();
    ApRequest request = request_of(1, "127.0.0.1", 8, "127.0.0.2");

    request.attachments[1] = (ApAttachment){addr("192.168.77.11"), 24, addr("192.168.77.1")};
    request.n_attachments = 2;
    g_assert_true(ap_endpoint_parse(&request.candidates[0].endpoint, "224.0.0.1:1", NULL));
    g_assert_true(ap_endpoint_parse(&request.candidates[1].endpoint, "192.168.77.11:1", NULL));
    request.candidates[2].endpoint.addr = addr("192.168.77.11");
    request.n_candidates = 3;

    g_assert_cmpuint(ap_screen_request(&request, roster), ==, 3);
    g_assert_cmpuint(request.n_attachments, ==, 1);
    g_assert_cmpuint(request.attachments[0].prefix_len, ==, 24);
    g_assert_cmpuint(request.n_candidates, ==, 1);
    g_assert_cmpuint(request.candidates[0].endpoint.port, ==, 1);
}

static const struct {
    const char *boot;
    guint64 seq;
    ApRegister expected;
} order_cases[] = {
    {"aaaa", 5, AP_REGISTER_SAME}, /* the first again */
    {"aaaa", 6, AP_REGISTER_SAME},
    {"aaaa", 5, AP_REGISTER_STALE},  /* overtaken by 6 */
    {"bbbb", 1, AP_REGISTER_SAME},   /* a new start */
    {"aaaa", 99, AP_REGISTER_STALE}, /* from before that start */
    {"bbbb", 2, AP_REGISTER_SAME},
    {"", 0, AP_REGISTER_SAME}, /* a sender that does not count */
    {"bbbb", 0, AP_REGISTER_SAME},
    {"bbbb", 3, AP_REGISTER_SAME},
    {"bbbb", 2, AP_REGISTER_STALE},
    {"cccc", 1, AP_REGISTER_SAME},
    {"bbbb", 9, AP_REGISTER_STALE},
};

static void
test_registry_order(void)
{
    g_autoptr(ApRegistry) registry = ap_registry_new();
    const ApRosterPeer peer = peer_of(1, "10.9.0.11", "203.0.113.21:40001");
    ApRequest request = request_of(1, "192.168.77.11", 24, "192.168.77.1");

    request.version = 2;
    (void) g_strlcpy(request.boot, "aaaa", sizeof(request.boot));
    request.seq = 5;
    g_assert_cmpint(ap_registry_judge(NULL, &request, &peer), ==, AP_REGISTER_CHANGED);
    ApClient *client = ap_registry_store(registry, &request, &peer, start);
    client->is_listed = TRUE;

    for (gsize i = 0; i < G_N_ELEMENTS(order_cases); i++) {
        (void) g_strlcpy(request.boot, order_cases[i].boot, sizeof(request.boot));
        request.seq = order_cases[i].seq;
        g_test_message("case %zu: boot '%s', seq %" G_GUINT64_FORMAT, i, request.boot, request.seq);
        const ApRegister verdict = ap_registry_judge(client, &request, &peer);
        g_assert_cmpint(verdict, ==, order_cases[i].expected);
        if (verdict == AP_REGISTER_SAME)
            ap_client_touch(client, &request, start);
    }
}

static void
test_registry_late_request_after_leaving(void)
{
    g_autoptr(ApRegistry) registry = ap_registry_new();
    const ApRosterPeer peer = peer_of(1, "10.9.0.11", "203.0.113.21:40001");
    ApRequest request = request_of(1, "192.168.77.11", 24, "192.168.77.1");

    request.version = 2;
    (void) g_strlcpy(request.boot, "aaaa", sizeof(request.boot));
    request.seq = 7;
    request.bye = TRUE;
    ApClient *client = ap_registry_store(registry, &request, &peer, start);

    request.bye = FALSE;
    request.seq = 6;
    g_assert_cmpint(ap_registry_judge(client, &request, &peer), ==, AP_REGISTER_STALE);
    request.seq = 8;
    g_assert_cmpint(ap_registry_judge(client, &request, &peer), ==, AP_REGISTER_CHANGED);
}

static const struct {
    guint ttl_sec;
    gint64 handshake_before_sec; /* before the request */
    gint64 alive_for_sec;
} expiry_cases[] = {
    {0, 0, 90},
    {90, 0, 90},
    {1, 0, 30},
    {30, 0, 30},
    {120, 0, 120},
    {600, 0, 180},
    {600, 100, 80},
    {86400, -500, 600},
    {0, 100, 80},
    {0, 170, 10},
    {600, -400, 580},
};

static void
test_registry_expiry(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(expiry_cases); i++) {
        g_autoptr(ApRegistry) registry = ap_registry_new();
        g_autoptr(GPtrArray) expired = g_ptr_array_new();
        const gint64 alive_usec = expiry_cases[i].alive_for_sec * AP_USEC_PER_SEC;
        ApRosterPeer peer = peer_of(1, "10.9.0.11", "203.0.113.21:40001");
        ApRequest request = request_of(1, "192.168.77.11", 24, "192.168.77.1");

        g_test_message("case %zu: ttl %u", i, expiry_cases[i].ttl_sec);
        request.ttl_sec = expiry_cases[i].ttl_sec;
        peer.handshake_real_usec -= expiry_cases[i].handshake_before_sec * AP_USEC_PER_SEC;
        ApClient *client = ap_registry_store(registry, &request, &peer, start);
        client->is_listed = TRUE;

        g_assert_true(ap_client_is_alive(client, after(alive_usec - 1)));
        g_assert_false(ap_client_is_alive(client, after(alive_usec)));
        ap_registry_collect_expired(registry, after(alive_usec - 1), expired);
        g_assert_cmpuint(expired->len, ==, 0);
        ap_registry_collect_expired(registry, after(alive_usec), expired);
        g_assert_cmpuint(expired->len, ==, 1);
    }
}

static void
test_registry_never_shaken_hands(void)
{
    g_autoptr(ApRegistry) registry = ap_registry_new();
    ApRosterPeer peer = peer_of(1, "10.9.0.11", "203.0.113.21:40001");
    const ApRequest request = request_of(1, "192.168.77.11", 24, "192.168.77.1");

    peer.handshake_real_usec = 0;
    g_assert_false(ap_client_is_alive(ap_registry_store(registry, &request, &peer, start), start));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/roster/knows-hosts-only", test_roster_knows_hosts_only);
    g_test_add_func("/screen/attachments", test_screen_attachments);
    g_test_add_func("/screen/keeps-the-good-ones", test_screen_keeps_the_good_ones);
    g_test_add_func("/registry/order", test_registry_order);
    g_test_add_func("/registry/late-request-after-leaving",
                    test_registry_late_request_after_leaving);
    g_test_add_func("/registry/expiry", test_registry_expiry);
    g_test_add_func("/registry/never-shaken-hands", test_registry_never_shaken_hands);
    return g_test_run();
}
