/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/route-message.h"
#include "helper/io/route-tables.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* The number of the request in tests/data/route/capture.py. */
#define SEQ 1

/* Answers of the kernel, by ApRouteDump. */
typedef struct {
    char *bytes[AP_N_ROUTE_DUMPS];
    gsize n[AP_N_ROUTE_DUMPS];
} Capture;

static void
capture_clear(Capture *self)
{
    for (guint i = 0; i < AP_N_ROUTE_DUMPS; i++)
        g_free(self->bytes[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Capture, capture_clear)

static Capture
capture_load(const char *kernel)
{
    static const char *const names[AP_N_ROUTE_DUMPS] = {"links", "addresses", "routes"};
    Capture out = {.n = {0}};

    for (guint i = 0; i < AP_N_ROUTE_DUMPS; i++) {
        g_autofree char *name = g_strdup_printf("%s-%s.bin", kernel, names[i]);
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "route", name, NULL);
        g_autoptr(GError) error = NULL;

        g_file_get_contents(path, &out.bytes[i], &out.n[i], &error);
        g_assert_no_error(error);
    }
    return out;
}

static ApRouteFeed
feed(ApRouteTables *tables, const void *bytes, gsize n)
{
    int code = 0;

    return ap_route_tables_feed(tables, bytes, n, SEQ, &code);
}

static GPtrArray *
read_capture(const Capture *capture)
{
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();

    for (guint i = 0; i < AP_N_ROUTE_DUMPS; i++) {
        ap_route_tables_begin(tables, (ApRouteDump) i);
        g_assert_cmpint(feed(tables, capture->bytes[i], capture->n[i]), ==, AP_ROUTE_FEED_DONE);
    }
    return ap_route_tables_list(tables);
}

static void
describe_route(GString *text, const ApDefaultRoute *route)
{
    char gateway[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(&route->gateway, gateway);
    if (gateway[0] != '\0' || route->metric != 0)
        g_string_append_printf(text, " by %s at %u", gateway, route->metric);
}

/* "eth0 veth 1500 up 192.0.2.7/24 by 192.0.2.1 at 100"; flags are letters after an address. */
static char *
describe(const ApLink *link)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text,
                           "%s %s %u%s",
                           link->name,
                           ap_link_kind_name(link->kind),
                           link->mtu,
                           link->running ? " up" : "");
    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);
        char addr[AP_ADDR_TEXT_LEN];

        if (ap_addr_is_link_local(&address->addr))
            continue; /* it is another one in each capture */
        ap_addr_to_text(&address->addr, addr);
        g_string_append_printf(text,
                               " %s/%u%s%s%s",
                               addr,
                               address->prefix_len,
                               address->flags & AP_LINK_ADDRESS_TENTATIVE ? "?" : "",
                               address->flags & AP_LINK_ADDRESS_DEPRECATED ? "-" : "",
                               address->flags & AP_LINK_ADDRESS_TEMPORARY ? "~" : "");
    }
    describe_route(text, &link->route4);
    describe_route(text, &link->route6);
    return g_string_free(text, FALSE);
}

/*
 * What capture.py made, without what must not count: blackholes, other tables, the expired route
 * by fe80::4. The default route over two next hops counts for the first.
 */
static const struct {
    const char *kernel;
    const char *links[16];
} captures[] = {
    {
        .kernel = "linux-6.18",
        .links = {"lo loopback 65536 up 127.0.0.1/8 ::1/128",
                  "tun0 tunnel 1500",
                  "eth0 veth 1500 up 10.5.0.1/32 192.168.77.11/24 192.168.77.12/24 "
                  "2001:db8:77::11/64 2001:db8:77::dead/64- 2001:db8:99::11/64 "
                  "2001:db8:99:0:bf7e:25e1:1ad0:74c8/64~ by 192.168.77.2 at 50 by fe80::2 at 1024",
                  "eth1 veth 1500 up 192.168.88.11/24 2001:db8:88::11/64? by 192.168.88.1 at 300",
                  "br0 bridge 1400",
                  "mv0 macvlan 1500",
                  "vxlan0 tunnel 1450",
                  "eth0p veth 1500 up",
                  "eth1p veth 1500 up"},
    },
    {
        .kernel = "linux-6.1",
        .links = {"lo loopback 65536 up 127.0.0.1/8 ::1/128",
                  "tun0 tunnel 1500",
                  "eth0 veth 1500 up 10.5.0.1/32 192.168.77.11/24 192.168.77.12/24 "
                  "2001:db8:77::11/64 2001:db8:77::dead/64- 2001:db8:99::11/64 "
                  "2001:db8:99:0:2d8f:3665:9f25:31a6/64~ by 192.168.77.2 at 50 by fe80::2 at 1024",
                  "eth1 veth 1500 up 192.168.88.11/24 2001:db8:88::11/64? by 192.168.88.1 at 300",
                  "br0 bridge 1400",
                  "mv0 macvlan 1500",
                  "vlan0 vlan 1500",
                  "vxlan0 tunnel 1450",
                  "dummy0 dummy 1500",
                  "bond0 bond 1500",
                  "wg0 wireguard 1420",
                  "eth0p veth 1500 up",
                  "eth1p veth 1500 up"},
    },
};

static void
test_captures(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(captures); i++) {
        g_auto(Capture) capture = capture_load(captures[i].kernel);
        g_autoptr(GPtrArray) links = read_capture(&capture);

        for (guint k = 0; k < links->len; k++) {
            g_autofree char *text = describe(g_ptr_array_index(links, k));

            g_test_message("case '%s', link %u: %s", captures[i].kernel, k, text);
            g_assert_cmpstr(text, ==, captures[i].links[k]);
        }
        g_assert_null(captures[i].links[links->len]);
    }
}

/* Feeds a copy that ends where the memory ends, so that a sanitizer sees any step beyond it. */
static ApRouteFeed
feed_exactly(ApRouteTables *tables, const char *bytes, gsize n)
{
    g_autofree char *copy = g_memdup2(bytes, n);

    return feed(tables, copy, n);
}

static void
test_a_cut_dump_is_not_done(void)
{
    g_auto(Capture) capture = capture_load("linux-6.1");

    for (guint i = 0; i < AP_N_ROUTE_DUMPS; i++) {
        for (gsize n = 0; n < capture.n[i]; n++) {
            g_autoptr(ApRouteTables) tables = ap_route_tables_new();

            ap_route_tables_begin(tables, (ApRouteDump) i);
            if (feed_exactly(tables, capture.bytes[i], n) != AP_ROUTE_FEED_MORE)
                g_error("dump %u cut at %zu was taken for a whole one", i, n);
        }
    }
}

static void
test_damage_is_survived(void)
{
    g_auto(Capture) capture = capture_load("linux-6.1");

    for (guint round = 0; round < 3000; round++) {
        g_autoptr(ApRouteTables) tables = ap_route_tables_new();
        g_autoptr(GPtrArray) links = NULL;

        for (guint i = 0; i < AP_N_ROUTE_DUMPS; i++) {
            g_autofree char *copy = g_memdup2(capture.bytes[i], capture.n[i]);

            for (guint k = 0; k < 8; k++)
                copy[g_test_rand_int_range(0, (int) capture.n[i])] = (char) g_test_rand_int();
            (void) feed(tables, copy, capture.n[i]);
        }
        links = ap_route_tables_list(tables);
        g_assert_nonnull(links);
    }
}

static void
test_an_interrupted_dump_is_read_again(void)
{
    g_auto(Capture) capture = capture_load("linux-6.1");
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();
    g_autoptr(GPtrArray) links = NULL;
    struct nlmsghdr *first = (struct nlmsghdr *) (void *) capture.bytes[0];

    first->nlmsg_flags |= NLM_F_DUMP_INTR;
    g_assert_cmpint(feed(tables, capture.bytes[0], capture.n[0]), ==, AP_ROUTE_FEED_INTERRUPTED);

    first->nlmsg_flags &= (guint16) ~NLM_F_DUMP_INTR;
    ap_route_tables_begin(tables, AP_ROUTE_DUMP_LINKS);
    g_assert_cmpint(feed(tables, capture.bytes[0], capture.n[0]), ==, AP_ROUTE_FEED_DONE);
    links = ap_route_tables_list(tables);
    g_assert_cmpuint(links->len, >, 3);
    for (guint i = 1; i < links->len; i++) {
        const ApLink *a = g_ptr_array_index(links, i - 1);
        const ApLink *b = g_ptr_array_index(links, i);

        g_assert_cmpuint(a->ifindex, <, b->ifindex);
    }
}

static void
test_a_link_that_is_told_twice_is_one(void)
{
    g_auto(Capture) capture = capture_load("linux-6.1");
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();
    g_autoptr(GPtrArray) once = read_capture(&capture);
    g_autoptr(GPtrArray) twice = NULL;

    for (guint i = 0; i < 2 * AP_N_ROUTE_DUMPS; i++)
        (void) feed(tables, capture.bytes[i / 2], capture.n[i / 2]);
    twice = ap_route_tables_list(tables);
    g_assert_cmpuint(twice->len, ==, once->len);
}

static void
test_an_answer_to_another_request_is_left_out(void)
{
    g_auto(Capture) capture = capture_load("linux-6.1");
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();
    g_autoptr(GPtrArray) links = NULL;
    int code = 0;

    g_assert_cmpint(ap_route_tables_feed(tables, capture.bytes[0], capture.n[0], SEQ + 1, &code),
                    ==,
                    AP_ROUTE_FEED_MORE);
    links = ap_route_tables_list(tables);
    g_assert_cmpuint(links->len, ==, 0);
}

static void
test_a_refusal_says_why(void)
{
    const struct {
        struct nlmsghdr head;
        int code;
    } refusal = {
        .head = {.nlmsg_len = sizeof(refusal), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = SEQ},
        .code = -EPERM,
    };
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();
    int code = 0;

    g_assert_cmpint(ap_route_tables_feed(tables, &refusal, sizeof(refusal), SEQ, &code),
                    ==,
                    AP_ROUTE_FEED_FAILED);
    g_assert_cmpint(code, ==, EPERM);
}

static void
test_other_messages_are_not_taken(void)
{
    const struct {
        struct nlmsghdr head;
        struct rtmsg route;
    } message = {
        .head = {.nlmsg_len = sizeof(message), .nlmsg_type = RTM_DELROUTE},
        .route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST},
    };
    ApRouteDefault route = {.ifindex = 77};
    ApRouteAddress address = {.ifindex = 77};

    g_assert_null(ap_route_message_read_link(&message.head));
    g_assert_false(ap_route_message_read_address(&address, &message.head));
    g_assert_false(ap_route_message_read_default(&route, &message.head));
    g_assert_cmpuint(route.ifindex, ==, 77); /* a failure leaves @out alone */
    g_assert_cmpuint(address.ifindex, ==, 77);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/route-message/captures", test_captures);
    g_test_add_func("/route-message/a-cut-dump-is-not-done", test_a_cut_dump_is_not_done);
    g_test_add_func("/route-message/damage-is-survived", test_damage_is_survived);
    g_test_add_func("/route-message/an-interrupted-dump-is-read-again",
                    test_an_interrupted_dump_is_read_again);
    g_test_add_func("/route-message/a-link-that-is-told-twice-is-one",
                    test_a_link_that_is_told_twice_is_one);
    g_test_add_func("/route-message/an-answer-to-another-request-is-left-out",
                    test_an_answer_to_another_request_is_left_out);
    g_test_add_func("/route-message/a-refusal-says-why", test_a_refusal_says_why);
    g_test_add_func("/route-message/other-messages-are-not-taken",
                    test_other_messages_are_not_taken);
    return g_test_run();
}
