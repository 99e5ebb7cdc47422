/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/link-merge.h"

static ApAddr
addr(const char *text)
{
    ApAddr out = {0};

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

static void
add_address(ApLink *link, const char *text)
{
    const ApLinkAddress address = {.addr = addr(text), .prefix_len = 24};

    g_array_append_val(link->addresses, address);
    ap_link_sort(link);
}

/* eth0 with the index 7. */
static ApLink *
make_link(ApLinkKind kind, const char *ip, const char *gateway)
{
    ApLink *link = ap_link_new(7);

    (void) g_strlcpy(link->name, "eth0", sizeof(link->name));
    link->kind = kind;
    link->running = TRUE;
    if (ip != NULL)
        add_address(link, ip);
    if (gateway != NULL)
        link->route4 = (ApDefaultRoute){.gateway = addr(gateway), .metric = 100};
    return link;
}

static GPtrArray *
list_of(ApLink *link)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);

    g_ptr_array_add(list, link);
    return list;
}

static GPtrArray *
device_list(ApLinkKind kind, gboolean activating, const char *dns)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) ap_nm_device_free);
    ApNmDevice *device = ap_nm_device_new("eth0");

    device->kind = kind;
    device->activating = activating;
    if (dns != NULL) {
        const ApAddr server = addr(dns);

        g_array_append_val(device->dns, server);
    }
    g_ptr_array_add(list, device);
    return list;
}

static const ApLink *
only(const GPtrArray *list)
{
    return g_ptr_array_index(list, 0);
}

static const struct {
    ApLinkKind kernel;
    ApLinkKind hint;
    ApLinkKind merged;
} kind_cases[] = {
    {AP_LINK_KIND_ETHERNET, AP_LINK_KIND_WIFI, AP_LINK_KIND_WIFI},
    {AP_LINK_KIND_ETHERNET, AP_LINK_KIND_MOBILE, AP_LINK_KIND_MOBILE},
    {AP_LINK_KIND_ETHERNET, AP_LINK_KIND_OTHER, AP_LINK_KIND_ETHERNET},
    {AP_LINK_KIND_OTHER, AP_LINK_KIND_MOBILE, AP_LINK_KIND_MOBILE},
    {AP_LINK_KIND_OTHER, AP_LINK_KIND_WIFI, AP_LINK_KIND_OTHER},
    {AP_LINK_KIND_TUNNEL, AP_LINK_KIND_WIFI, AP_LINK_KIND_TUNNEL},
    {AP_LINK_KIND_TUNNEL, AP_LINK_KIND_MOBILE, AP_LINK_KIND_TUNNEL},
    {AP_LINK_KIND_WIREGUARD, AP_LINK_KIND_MOBILE, AP_LINK_KIND_WIREGUARD},
    {AP_LINK_KIND_LOOPBACK, AP_LINK_KIND_WIFI, AP_LINK_KIND_LOOPBACK},
    {AP_LINK_KIND_VETH, AP_LINK_KIND_WIFI, AP_LINK_KIND_VETH},
};

static void
test_only_what_the_kernel_cannot_tell_is_believed(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kind_cases); i++) {
        g_autoptr(GPtrArray) links = list_of(make_link(kind_cases[i].kernel, NULL, NULL));
        g_autoptr(GPtrArray) devices = device_list(kind_cases[i].hint, FALSE, NULL);

        g_test_message("case '%s', told '%s'",
                       ap_link_kind_name(kind_cases[i].kernel),
                       ap_link_kind_name(kind_cases[i].hint));
        g_assert_false(ap_link_merge(links, devices, NULL, TRUE));
        g_assert_cmpint(only(links)->kind, ==, kind_cases[i].merged);
    }
}

static void
test_without_networkmanager_nothing_changes(void)
{
    g_autoptr(GPtrArray) links =
        list_of(make_link(AP_LINK_KIND_ETHERNET, "192.168.7.2", "192.168.7.1"));
    g_autoptr(ApLink) expected = ap_link_copy(only(links));

    g_assert_false(ap_link_merge(links, NULL, NULL, TRUE));
    g_assert_true(ap_link_equal(only(links), expected));
}

static void
test_what_it_said_stays_while_it_is_away(void)
{
    g_autoptr(GPtrArray) first = list_of(make_link(AP_LINK_KIND_ETHERNET, "192.168.7.2", NULL));
    g_autoptr(GPtrArray) second = list_of(make_link(AP_LINK_KIND_ETHERNET, "192.168.7.2", NULL));
    g_autoptr(GPtrArray) devices = device_list(AP_LINK_KIND_WIFI, FALSE, "192.168.7.53");
    ApLink *another = make_link(AP_LINK_KIND_ETHERNET, "192.168.7.2", NULL);
    g_autoptr(GPtrArray) third = list_of(another);

    (void) ap_link_merge(first, devices, NULL, TRUE);
    g_assert_cmpint(only(first)->kind, ==, AP_LINK_KIND_WIFI);
    g_assert_cmpuint(only(first)->dns->len, ==, 1);

    (void) ap_link_merge(second, NULL, first, TRUE);
    g_assert_true(ap_link_equal(only(first), only(second)));

    another->ifindex = 8; /* deleted, and made anew under the same name */
    (void) ap_link_merge(third, NULL, second, TRUE);
    g_assert_cmpint(only(third)->kind, ==, AP_LINK_KIND_ETHERNET);
    g_assert_cmpuint(only(third)->dns->len, ==, 0);
}

static void
test_name_servers_are_bounded(void)
{
    g_autoptr(GPtrArray) links = list_of(make_link(AP_LINK_KIND_ETHERNET, NULL, NULL));
    g_autoptr(GPtrArray) devices = device_list(AP_LINK_KIND_OTHER, FALSE, NULL);
    ApNmDevice *device = g_ptr_array_index(devices, 0);

    g_array_set_size(device->dns, 1000);
    (void) ap_link_merge(links, devices, NULL, TRUE);
    g_assert_cmpuint(only(links)->dns->len, ==, AP_LINK_MERGE_MAX_DNS);
}

static const struct {
    const char *what;
    const char *before_ip, *before_gateway; /* both NULL: the link is new */
    const char *ip, *gateway;
    const char *merged_ip, *merged_gateway;
    gboolean held;
} hold_cases[] = {
    {"an address alone", NULL, NULL, "192.168.7.2", NULL, NULL, NULL, TRUE},
    {"an address and a gateway", NULL, NULL, "192.168.7.2", "192.168.7.1", NULL, NULL, TRUE},
    {"a gateway for an old address",
     "192.168.7.2",
     NULL,
     "192.168.7.2",
     "192.168.7.1",
     "192.168.7.2",
     NULL,
     TRUE},
    {"nothing new",
     "192.168.7.2",
     "192.168.7.1",
     "192.168.7.2",
     "192.168.7.1",
     "192.168.7.2",
     "192.168.7.1",
     FALSE},
    {"the old address is gone", "192.168.7.2", "192.168.7.1", NULL, NULL, NULL, NULL, FALSE},
    {"the old gateway is gone",
     "192.168.7.2",
     "192.168.7.1",
     "192.168.7.2",
     NULL,
     "192.168.7.2",
     NULL,
     FALSE},
    {"another network: the old one is gone, the new one not there yet",
     "192.168.7.2",
     "192.168.7.1",
     "192.168.8.2",
     "192.168.8.1",
     NULL,
     NULL,
     TRUE},
};

static void
assert_merged(const ApLink *link, const char *ip, const char *gateway)
{
    g_autoptr(ApLink) expected = make_link(link->kind, ip, gateway);

    g_assert_true(ap_link_equal(link, expected));
}

static void
test_news_is_held_back_while_activating(void)
{
    g_autoptr(GPtrArray) devices = device_list(AP_LINK_KIND_OTHER, TRUE, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(hold_cases); i++) {
        g_autoptr(GPtrArray) before = list_of(make_link(AP_LINK_KIND_ETHERNET,
                                                        hold_cases[i].before_ip,
                                                        hold_cases[i].before_gateway));
        g_autoptr(GPtrArray) links =
            list_of(make_link(AP_LINK_KIND_ETHERNET, hold_cases[i].ip, hold_cases[i].gateway));
        g_autoptr(GPtrArray) late = list_of(ap_link_copy(only(links)));

        g_test_message("case '%s'", hold_cases[i].what);
        g_assert_cmpint(ap_link_merge(links, devices, before, TRUE), ==, hold_cases[i].held);
        assert_merged(only(links), hold_cases[i].merged_ip, hold_cases[i].merged_gateway);

        g_assert_false(ap_link_merge(late, devices, before, FALSE)); /* for long enough */
        assert_merged(only(late), hold_cases[i].ip, hold_cases[i].gateway);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link-merge/only-what-the-kernel-cannot-tell-is-believed",
                    test_only_what_the_kernel_cannot_tell_is_believed);
    g_test_add_func("/link-merge/without-networkmanager-nothing-changes",
                    test_without_networkmanager_nothing_changes);
    g_test_add_func("/link-merge/what-it-said-stays-while-it-is-away",
                    test_what_it_said_stays_while_it_is_away);
    g_test_add_func("/link-merge/name-servers-are-bounded", test_name_servers_are_bounded);
    g_test_add_func("/link-merge/news-is-held-back-while-activating",
                    test_news_is_held_back_while_activating);
    return g_test_run();
}
