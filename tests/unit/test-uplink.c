/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/uplink.h"

#define TENTATIVE AP_LINK_ADDRESS_TENTATIVE
#define DEPRECATED AP_LINK_ADDRESS_DEPRECATED
#define TEMPORARY AP_LINK_ADDRESS_TEMPORARY

/* A link in short; it runs unless @down is set. */
typedef struct {
    ApLinkKind kind;
    gboolean down;
    const char *gateway4;
    const char *gateway6;
    guint32 metric4;
    guint32 metric6;
    struct {
        const char *text;
        guint8 flags;
    } addresses[10];
} LinkSpec;

static ApAddr
addr(const char *text)
{
    ApAddr out = {0};

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

/* Reads "192.0.2.7/24" with its host bits. */
static ApLinkAddress
link_address(const char *text, guint8 flags)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);

    return (ApLinkAddress){
        .addr = addr(parts[0]),
        .prefix_len = (guint8) g_ascii_strtoull(parts[1], NULL, 10),
        .flags = flags,
    };
}

static ApLink *
make_link(const LinkSpec *spec, guint32 ifindex)
{
    ApLink *link = ap_link_new(ifindex);

    link->kind = spec->kind;
    link->running = !spec->down;
    link->mtu = 1500;
    link->route4.metric = spec->metric4;
    link->route6.metric = spec->metric6;
    if (spec->gateway4 != NULL)
        link->route4.gateway = addr(spec->gateway4);
    if (spec->gateway6 != NULL)
        link->route6.gateway = addr(spec->gateway6);

    for (guint i = 0; i < G_N_ELEMENTS(spec->addresses) && spec->addresses[i].text != NULL; i++) {
        const ApLinkAddress address =
            link_address(spec->addresses[i].text, spec->addresses[i].flags);

        g_array_append_val(link->addresses, address);
    }
    ap_link_sort(link);
    return link;
}

static GPtrArray *
make_links(const LinkSpec *specs, guint n)
{
    GPtrArray *links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);

    for (guint i = 0; i < n; i++)
        g_ptr_array_add(links, make_link(&specs[i], i + 1));
    return links;
}

/* All kinds but dummy; 192.168.99.0/24 and fd99::/16 are hidden. */
static ApPolicy *
make_policy(void)
{
    ApPolicy *policy = ap_policy_new();
    ApCidr hidden;

    policy->link_kinds = G_MAXUINT & ~(1U << AP_LINK_KIND_DUMMY);
    g_assert_true(ap_cidr_parse(&hidden, "192.168.99.0/24", NULL));
    g_array_append_val(policy->hidden, hidden);
    g_assert_true(ap_cidr_parse(&hidden, "fd99::/16", NULL));
    g_array_append_val(policy->hidden, hidden);
    return policy;
}

static char *
attachments_text(const GPtrArray *links, const ApPolicy *policy)
{
    ApAttachment list[AP_COORD_MAX_ATTACHMENTS];
    const guint n = ap_uplink_attachments(links, policy, list);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        char ip[AP_ADDR_TEXT_LEN], gateway[AP_ADDR_TEXT_LEN];

        ap_addr_to_text(&list[i].ip, ip);
        ap_addr_to_text(&list[i].gateway, gateway);
        g_string_append_printf(text,
                               "%s%s/%u by %s",
                               i == 0 ? "" : ", ",
                               ip,
                               list[i].prefix_len,
                               gateway);
    }
    return g_string_free(text, FALSE);
}

static char *
candidates_text(const GPtrArray *links, const ApPolicy *policy)
{
    ApRankedEndpoint list[AP_COORD_MAX_CANDIDATES];
    const guint n = ap_uplink_candidates(links, policy, 40001, list);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        char ip[AP_ADDR_TEXT_LEN];

        ap_addr_to_text(&list[i].endpoint.addr, ip);
        g_string_append_printf(text, "%s%s", i == 0 ? "" : " ", ip);
        g_assert_cmpuint(list[i].endpoint.port, ==, 40001);
        g_assert_cmpuint(list[i].endpoint.scope_id, ==, 0);
        g_assert_cmpuint(list[i].prio, >, 0);
        g_assert_true(i == 0 || list[i].prio < list[i - 1].prio);
    }
    return g_string_free(text, FALSE);
}

static const struct {
    const char *what;
    LinkSpec links[3];
    guint n_links;
    const char *attachments;
    const char *candidates;
} cases[] = {
    {
        .what = "an ordinary LAN",
        .links = {{.gateway4 = "192.168.7.1", .addresses = {{"192.168.7.12/24", 0}}}},
        .n_links = 1,
        .attachments = "192.168.7.12/24 by 192.168.7.1",
        .candidates = "192.168.7.12",
    },
    {
        .what = "two families: IPv4 is reported first, IPv6 tried first",
        .links =
            {{.gateway4 = "192.168.7.1",
              .gateway6 = "fe80::1",
              .addresses = {{"192.168.7.12/24", 0}, {"2001:db8::12/64", 0}, {"fe80::12/64", 0}}}},
        .n_links = 1,
        .attachments = "192.168.7.12/24 by 192.168.7.1, 2001:db8::12/64 by fe80::1",
        .candidates = "2001:db8::12 192.168.7.12",
    },
    {
        .what = "the best metric goes first, in whichever family it is",
        .links =
            {{.gateway4 = "192.168.7.1", .metric4 = 600, .addresses = {{"192.168.7.12/24", 0}}},
             {.gateway4 = "192.168.8.1",
              .metric4 = 700,
              .gateway6 = "fe80::1",
              .metric6 = 50,
              .addresses = {{"192.168.8.12/24", 0}, {"2001:db8::12/64", 0}}},
             {.gateway4 = "192.168.9.1", .metric4 = 100, .addresses = {{"192.168.9.12/24", 0}}}},
        .n_links = 3,
        .attachments = "192.168.8.12/24 by 192.168.8.1, 2001:db8::12/64 by fe80::1, "
                       "192.168.9.12/24 by 192.168.9.1, 192.168.7.12/24 by 192.168.7.1",
        .candidates = "2001:db8::12 192.168.8.12 192.168.9.12 192.168.7.12",
    },
    {
        .what = "equal metrics: the lower index first",
        .links = {{.gateway4 = "192.168.8.1", .addresses = {{"192.168.8.12/24", 0}}},
                  {.gateway4 = "192.168.7.1", .addresses = {{"192.168.7.12/24", 0}}}},
        .n_links = 2,
        .attachments = "192.168.8.12/24 by 192.168.8.1, 192.168.7.12/24 by 192.168.7.1",
        .candidates = "192.168.8.12 192.168.7.12",
    },
    {
        .what = "down",
        .links = {{.down = TRUE, .gateway4 = "192.168.7.1", .addresses = {{"192.168.7.12/24", 0}}}},
        .n_links = 1,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "no default route",
        .links = {{.addresses = {{"192.168.7.12/24", 0}, {"2001:db8::12/64", 0}}}},
        .n_links = 1,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "a default route without a gateway",
        .links = {{.metric4 = 50, .addresses = {{"192.168.7.12/24", 0}}}},
        .n_links = 1,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "a gateway in a family without an address",
        .links = {{.gateway6 = "fe80::1", .addresses = {{"192.168.7.12/24", 0}}}},
        .n_links = 1,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "an IPv6 address without an IPv6 gateway may still be reached",
        .links = {{.gateway4 = "192.168.7.1",
                   .addresses = {{"192.168.7.12/24", 0}, {"fd00::12/64", 0}}}},
        .n_links = 1,
        .attachments = "192.168.7.12/24 by 192.168.7.1",
        .candidates = "fd00::12 192.168.7.12",
    },
    {
        .what = "tunnels, WireGuard, loopback and kinds that the policy leaves out",
        .links = {{.kind = AP_LINK_KIND_WIREGUARD,
                   .gateway4 = "10.9.0.1",
                   .addresses = {{"10.9.0.12/24", 0}}},
                  {.kind = AP_LINK_KIND_TUNNEL,
                   .gateway4 = "10.8.0.1",
                   .addresses = {{"10.8.0.12/24", 0}}},
                  {.kind = AP_LINK_KIND_DUMMY,
                   .gateway4 = "10.7.0.1",
                   .addresses = {{"10.7.0.12/24", 0}}}},
        .n_links = 3,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "tentative and link-local addresses are no addresses yet",
        .links = {{.gateway4 = "169.254.0.1",
                   .gateway6 = "fe80::1",
                   .addresses = {{"169.254.3.4/16", 0},
                                 {"2001:db8::12/64", TENTATIVE},
                                 {"fe80::12/64", 0}}}},
        .n_links = 1,
        .attachments = "",
        .candidates = "",
    },
    {
        .what = "hidden networks",
        .links = {{.gateway4 = "192.168.99.1", .addresses = {{"192.168.99.12/24", 0}}},
                  {.gateway4 = "192.168.7.1",
                   .gateway6 = "fe80::1",
                   .addresses = {{"192.168.7.12/24", 0}, {"fd99::12/64", 0}}}},
        .n_links = 2,
        .attachments = "192.168.7.12/24 by 192.168.7.1",
        .candidates = "192.168.7.12",
    },
    {
        .what = "a lasting address goes before a temporary one, and alone",
        .links = {{.gateway6 = "fe80::1",
                   .addresses = {{"2001:db8::1/64", TEMPORARY}, {"2001:db8::12/64", 0}}}},
        .n_links = 1,
        .attachments = "2001:db8::12/64 by fe80::1",
        .candidates = "2001:db8::12",
    },
    {
        .what = "a temporary address is better than none",
        .links = {{.gateway6 = "fe80::1",
                   .addresses = {{"2001:db8::1/64", TEMPORARY}, {"2001:db8::12/64", DEPRECATED}}}},
        .n_links = 1,
        .attachments = "2001:db8::1/64 by fe80::1",
        .candidates = "2001:db8::1",
    },
    {
        .what = "a deprecated address still tells the network, but is no candidate",
        .links = {{.gateway6 = "fe80::1", .addresses = {{"2001:db8::12/64", DEPRECATED}}}},
        .n_links = 1,
        .attachments = "2001:db8::12/64 by fe80::1",
        .candidates = "",
    },
    {
        .what = "the address next to the gateway stands for the link",
        .links = {{.gateway4 = "192.168.7.1",
                   .addresses = {{"10.1.1.1/24", 0}, {"192.168.7.12/24", 0}}}},
        .n_links = 1,
        .attachments = "192.168.7.12/24 by 192.168.7.1",
        .candidates = "10.1.1.1 192.168.7.12",
    },
    {
        .what = "a network goes before a bare DHCPv6 address",
        .links = {{.gateway6 = "fe80::1",
                   .addresses = {{"2001:db8::5/128", 0}, {"2001:db8::12/64", 0}}}},
        .n_links = 1,
        .attachments = "2001:db8::12/64 by fe80::1",
        .candidates = "2001:db8::5 2001:db8::12",
    },
    {
        .what = "at most eight candidates",
        .links = {{.gateway4 = "192.168.7.1",
                   .addresses = {{"192.168.7.1/24", 0},
                                 {"192.168.7.2/24", 0},
                                 {"192.168.7.3/24", 0},
                                 {"192.168.7.4/24", 0},
                                 {"192.168.7.5/24", 0},
                                 {"192.168.7.6/24", 0},
                                 {"192.168.7.7/24", 0},
                                 {"192.168.7.8/24", 0},
                                 {"192.168.7.9/24", 0}}}},
        .n_links = 1,
        .attachments = "192.168.7.1/24 by 192.168.7.1",
        .candidates = "192.168.7.1 192.168.7.2 192.168.7.3 192.168.7.4 "
                      "192.168.7.5 192.168.7.6 192.168.7.7 192.168.7.8",
    },
};

static void
test_what_a_server_is_told(void)
{
    g_autoptr(ApPolicy) policy = make_policy();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) links = make_links(cases[i].links, cases[i].n_links);
        g_autofree char *attachments = attachments_text(links, policy);
        g_autofree char *candidates = candidates_text(links, policy);

        g_test_message("case '%s'", cases[i].what);
        g_assert_cmpstr(attachments, ==, cases[i].attachments);
        g_assert_cmpstr(candidates, ==, cases[i].candidates);
        g_assert_cmpint(ap_uplink_fingerprint(links, policy) == 0, ==, attachments[0] == '\0');
    }
}

static void
test_kind_is_allowed_by_its_bit(void)
{
    for (guint kind = 0; kind < AP_N_LINK_KINDS; kind++) {
        const LinkSpec spec = {.kind = (ApLinkKind) kind,
                               .gateway4 = "192.168.7.1",
                               .addresses = {{"192.168.7.12/24", 0}}};
        const gboolean never = kind == AP_LINK_KIND_WIREGUARD || kind == AP_LINK_KIND_TUNNEL
                               || kind == AP_LINK_KIND_LOOPBACK;
        g_autoptr(ApPolicy) policy = ap_policy_new();
        g_autoptr(ApLink) link = make_link(&spec, 1);

        g_test_message("kind '%s'", ap_link_kind_name((ApLinkKind) kind));
        g_assert_false(ap_uplink_is_usable(link, policy));
        policy->link_kinds = 1U << kind;
        g_assert_cmpint(ap_uplink_is_usable(link, policy), ==, !never);
    }
}

static void
test_no_more_than_eight_attachments(void)
{
    g_autoptr(ApPolicy) policy = make_policy();
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    ApAttachment list[AP_COORD_MAX_ATTACHMENTS];

    for (guint i = 1; i <= 9; i++) {
        const LinkSpec spec = {.gateway4 = "192.168.7.1", .addresses = {{"192.168.7.12/24", 0}}};

        g_ptr_array_add(links, make_link(&spec, i));
    }
    g_assert_cmpuint(ap_uplink_attachments(links, policy, list), ==, AP_COORD_MAX_ATTACHMENTS);
}

static void
test_without_a_port_nobody_can_come(void)
{
    const LinkSpec spec = {.gateway4 = "192.168.7.1", .addresses = {{"192.168.7.12/24", 0}}};
    g_autoptr(ApPolicy) policy = make_policy();
    g_autoptr(GPtrArray) links = make_links(&spec, 1);
    ApRankedEndpoint list[AP_COORD_MAX_CANDIDATES];

    g_assert_cmpuint(ap_uplink_candidates(links, policy, 0, list), ==, 0);
}

/* The network of which the cases below are variations. */
#define BASE_ADDRESSES                                                                             \
    {"192.168.7.12/24", 0},                                                                        \
    {                                                                                              \
        "2001:db8::12/64", 0                                                                       \
    }
static const LinkSpec base = {
    .gateway4 = "192.168.7.1",
    .gateway6 = "fe80::1",
    .metric4 = 100,
    .addresses = {BASE_ADDRESSES, {"2001:db8::aaaa/64", TEMPORARY}},
};

static const struct {
    const char *what;
    LinkSpec link;
    gboolean same;
} fingerprint_cases[] = {
    {"nothing differs", base, TRUE},
    {"the temporary address rotated",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES,
                    {"2001:db8::aaaa/64", TEMPORARY | DEPRECATED},
                    {"2001:db8::bbbb/64", TEMPORARY}}},
     TRUE},
    {"the temporary address is not there yet",
     {.gateway4 = "192.168.7.1", .gateway6 = "fe80::1", .addresses = {BASE_ADDRESSES}},
     TRUE},
    {"metric",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .metric4 = 600,
      .metric6 = 7,
      .addresses = {BASE_ADDRESSES}},
     TRUE},
    {"NetworkManager says that it is Wi-Fi",
     {.kind = AP_LINK_KIND_WIFI,
      .gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES}},
     TRUE},
    {"a hidden or link-local address came",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES, {"192.168.99.3/24", 0}, {"fe80::5/64", 0}}},
     TRUE},
    {"kind",
     {.kind = AP_LINK_KIND_MOBILE,
      .gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES}},
     FALSE},
    {"gateway",
     {.gateway4 = "192.168.7.254", .gateway6 = "fe80::1", .addresses = {BASE_ADDRESSES}},
     FALSE},
    {"IPv6 gateway",
     {.gateway4 = "192.168.7.1", .gateway6 = "fe80::2", .addresses = {BASE_ADDRESSES}},
     FALSE},
    {"no IPv6 gateway", {.gateway4 = "192.168.7.1", .addresses = {BASE_ADDRESSES}}, FALSE},
    {"prefix length",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {{"192.168.7.12/25", 0}, {"2001:db8::12/64", 0}}},
     FALSE},
    {"address",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {{"192.168.7.13/24", 0}, {"2001:db8::12/64", 0}}},
     FALSE},
    {"one address more",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES, {"10.1.1.1/24", 0}}},
     FALSE},
    {"temporary addresses on another network",
     {.gateway4 = "192.168.7.1",
      .gateway6 = "fe80::1",
      .addresses = {BASE_ADDRESSES, {"2001:db8:2::aaaa/64", TEMPORARY}}},
     FALSE},
};

static void
test_fingerprint_is_the_network(void)
{
    g_autoptr(ApPolicy) policy = make_policy();
    g_autoptr(GPtrArray) links = make_links(&base, 1);
    const guint64 expected = ap_uplink_fingerprint(links, policy);

    for (gsize i = 0; i < G_N_ELEMENTS(fingerprint_cases); i++) {
        g_autoptr(GPtrArray) other = make_links(&fingerprint_cases[i].link, 1);

        g_test_message("case '%s'", fingerprint_cases[i].what);
        g_assert_cmpint(ap_uplink_fingerprint(other, policy) == expected,
                        ==,
                        fingerprint_cases[i].same);
    }
}

static void
test_rotation_without_a_lasting_address(void)
{
    const LinkSpec before = {.gateway6 = "fe80::1", .addresses = {{"2001:db8::1/64", TEMPORARY}}};
    const LinkSpec during = {
        .gateway6 = "fe80::1",
        .addresses = {{"2001:db8::1/64", TEMPORARY | DEPRECATED}, {"2001:db8::2/64", TEMPORARY}}};
    const LinkSpec after = {.gateway6 = "fe80::1", .addresses = {{"2001:db8::2/64", TEMPORARY}}};
    g_autoptr(ApPolicy) policy = make_policy();
    g_autoptr(GPtrArray) a = make_links(&before, 1);
    g_autoptr(GPtrArray) b = make_links(&during, 1);
    g_autoptr(GPtrArray) c = make_links(&after, 1);

    g_assert_cmphex(ap_uplink_fingerprint(a, policy), ==, ap_uplink_fingerprint(b, policy));
    g_assert_cmphex(ap_uplink_fingerprint(a, policy), ==, ap_uplink_fingerprint(c, policy));
    g_assert_cmphex(ap_uplink_fingerprint(a, policy), !=, 0);
}

static void
test_fingerprint_sees_the_set_of_links(void)
{
    g_autoptr(ApPolicy) policy = make_policy();
    const LinkSpec two[] = {base, base};
    const LinkSpec with_tunnel[] = {
        base,
        {.kind = AP_LINK_KIND_TUNNEL, .addresses = {{"10.9.0.2/24", 0}}},
    };
    g_autoptr(GPtrArray) one_link = make_links(&base, 1);
    g_autoptr(GPtrArray) two_links = make_links(two, 2);
    g_autoptr(GPtrArray) tunnel_too = make_links(with_tunnel, 2);
    g_autoptr(GPtrArray) other_index =
        g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    const guint64 expected = ap_uplink_fingerprint(one_link, policy);

    g_ptr_array_add(other_index, make_link(&base, 9));
    g_assert_cmphex(ap_uplink_fingerprint(two_links, policy), !=, expected);
    g_assert_cmphex(ap_uplink_fingerprint(other_index, policy), !=, expected);
    g_assert_cmphex(ap_uplink_fingerprint(tunnel_too, policy), ==, expected);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uplink/what-a-server-is-told", test_what_a_server_is_told);
    g_test_add_func("/uplink/kind-is-allowed-by-its-bit", test_kind_is_allowed_by_its_bit);
    g_test_add_func("/uplink/no-more-than-eight-attachments", test_no_more_than_eight_attachments);
    g_test_add_func("/uplink/without-a-port-nobody-can-come", test_without_a_port_nobody_can_come);
    g_test_add_func("/uplink/fingerprint-is-the-network", test_fingerprint_is_the_network);
    g_test_add_func("/uplink/rotation-without-a-lasting-address",
                    test_rotation_without_a_lasting_address);
    g_test_add_func("/uplink/fingerprint-sees-the-set-of-links",
                    test_fingerprint_sees_the_set_of_links);
    return g_test_run();
}
