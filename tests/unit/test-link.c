/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/link.h"

static ApAddr
addr(const char *text)
{
    ApAddr out = {0};

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

static void
add_address(ApLink *link, const char *text, guint8 prefix_len, guint8 flags)
{
    const ApLinkAddress address = {.addr = addr(text), .prefix_len = prefix_len, .flags = flags};

    g_array_append_val(link->addresses, address);
}

static void
add_dns(ApLink *link, const char *text)
{
    const ApAddr dns = addr(text);

    g_array_append_val(link->dns, dns);
}

static ApLink *
sample(void)
{
    ApLink *link = ap_link_new(7);

    (void) g_strlcpy(link->name, "eth0", sizeof(link->name));
    link->kind = AP_LINK_KIND_ETHERNET;
    link->running = TRUE;
    link->mtu = 1500;
    link->route4 = (ApDefaultRoute){.gateway = addr("192.168.7.1"), .metric = 100};
    add_address(link, "192.168.7.12", 24, 0);
    add_address(link, "2001:db8::12", 64, 0);
    add_dns(link, "192.168.7.1");
    return link;
}

static void
test_order_of_input_is_irrelevant(void)
{
    g_autoptr(ApLink) a = ap_link_new(7);
    g_autoptr(ApLink) b = ap_link_new(7);

    add_address(a, "192.168.7.12", 24, 0);
    add_address(a, "192.168.7.12", 32, 0);
    add_address(a, "10.0.0.1", 8, 0);
    add_dns(a, "10.0.0.2");
    add_dns(a, "10.0.0.1");
    add_address(b, "10.0.0.1", 8, 0);
    add_address(b, "192.168.7.12", 32, 0);
    add_address(b, "192.168.7.12", 24, 0);
    add_dns(b, "10.0.0.1");
    add_dns(b, "10.0.0.2");

    g_assert_false(ap_link_equal(a, b));
    ap_link_sort(a);
    ap_link_sort(b);
    g_assert_true(ap_link_equal(a, b));
}

static void
test_copy_shares_nothing(void)
{
    g_autoptr(ApLink) link = sample();
    g_autoptr(ApLink) copy = ap_link_copy(link);

    g_assert_true(ap_link_equal(link, copy));
    add_address(copy, "10.0.0.1", 8, 0);
    add_dns(copy, "10.0.0.1");
    g_assert_cmpuint(link->addresses->len, ==, 2);
    g_assert_cmpuint(link->dns->len, ==, 1);
}

static void
set_index(ApLink *link)
{
    link->ifindex++;
}

static void
set_name(ApLink *link)
{
    link->name[0] = 'x';
}

static void
set_kind(ApLink *link)
{
    link->kind = AP_LINK_KIND_WIFI;
}

static void
set_running(ApLink *link)
{
    link->running = FALSE;
}

static void
set_mtu(ApLink *link)
{
    link->mtu--;
}

static void
set_metric(ApLink *link)
{
    link->route4.metric++;
}

static void
set_gateway6(ApLink *link)
{
    link->route6.gateway = addr("fe80::1");
}

static void
set_address(ApLink *link)
{
    g_array_index(link->addresses, ApLinkAddress, 0).addr.bytes[3]++;
}

static void
set_prefix_len(ApLink *link)
{
    g_array_index(link->addresses, ApLinkAddress, 0).prefix_len--;
}

static void
set_flags(ApLink *link)
{
    g_array_index(link->addresses, ApLinkAddress, 1).flags = AP_LINK_ADDRESS_DEPRECATED;
}

static void
drop_address(ApLink *link)
{
    g_array_set_size(link->addresses, 1);
}

static void
set_dns(ApLink *link)
{
    g_array_index(link->dns, ApAddr, 0).bytes[3]++;
}

static const struct {
    const char *what;
    void (*edit)(ApLink *link);
} edits[] = {
    {"index", set_index},
    {"name", set_name},
    {"kind", set_kind},
    {"running", set_running},
    {"MTU", set_mtu},
    {"metric", set_metric},
    {"IPv6 gateway", set_gateway6},
    {"address", set_address},
    {"prefix length", set_prefix_len},
    {"flags", set_flags},
    {"one address less", drop_address},
    {"name server", set_dns},
};

static void
test_equal_sees_every_member(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(ApLink) a = sample();
        g_autoptr(ApLink) b = sample();

        g_test_message("case '%s'", edits[i].what);
        g_assert_true(ap_link_equal(a, b));
        edits[i].edit(b);
        g_assert_false(ap_link_equal(a, b));
        g_assert_false(ap_link_equal(b, a));
    }
}

static void
test_every_kind_has_a_name(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint kind = 0; kind < AP_N_LINK_KINDS; kind++) {
        const char *name = ap_link_kind_name((ApLinkKind) kind);

        g_test_message("kind %u", kind);
        g_assert_nonnull(name);
        g_assert_true(g_hash_table_add(names, (gpointer) name));
    }
    g_assert_cmpstr(ap_link_kind_name(AP_N_LINK_KINDS), ==, "other");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/order-of-input-is-irrelevant", test_order_of_input_is_irrelevant);
    g_test_add_func("/link/copy-shares-nothing", test_copy_shares_nothing);
    g_test_add_func("/link/equal-sees-every-member", test_equal_sees_every_member);
    g_test_add_func("/link/every-kind-has-a-name", test_every_kind_has_a_name);
    return g_test_run();
}
