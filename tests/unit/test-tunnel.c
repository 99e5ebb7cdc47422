/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/tunnel.h"
#include "helper/core/world.h"

#include <string.h>

/* What distinguishes the peers of a case; the number is the first byte of the key. */
#define HUB 1
#define OTHER 2
#define OURS 9 /* in the ledger */

/* A peer in short. */
typedef struct {
    guint8 key; /* 0: no more peers */
    gboolean psk;
    const char *allowed[4];
} PeerSpec;

static ApAddr
addr(const char *text)
{
    ApAddr out = {0};

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

static ApDevicePeer *
make_peer(const PeerSpec *spec)
{
    const ApKey key = {{spec->key}};
    ApDevicePeer *peer = ap_device_peer_new(&key);

    peer->has_psk = spec->psk;
    for (guint i = 0; i < G_N_ELEMENTS(spec->allowed) && spec->allowed[i] != NULL; i++) {
        ApCidr cidr;

        g_assert_true(ap_cidr_parse(&cidr, spec->allowed[i], NULL));
        g_array_append_val(peer->allowed, cidr);
    }
    return peer;
}

static ApDevice *
make_device(const PeerSpec *peers, guint n_peers)
{
    const ApDeviceId id = {.ifindex = 7, .name = "wg0"};
    ApDevice *device = ap_device_new(&id);

    device->has_key = TRUE;
    for (guint i = 0; i < n_peers && peers[i].key != 0; i++)
        g_ptr_array_add(device->peers, make_peer(&peers[i]));
    ap_device_sort(device);
    return device;
}

/* A link that runs, with addresses like "10.9.0.2/24". */
static ApLink *
make_link(const char *const *addresses, guint n)
{
    ApLink *link = ap_link_new(7);

    link->kind = AP_LINK_KIND_TUNNEL;
    link->running = TRUE;
    for (guint i = 0; i < n && addresses[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(addresses[i], "/", 2);
        const ApLinkAddress address = {
            .addr = addr(parts[0]),
            .prefix_len = (guint8) g_ascii_strtoull(parts[1], NULL, 10),
        };

        g_array_append_val(link->addresses, address);
    }
    ap_link_sort(link);
    return link;
}

/* The ledger: the peer OURS on this device, and HUB on another one, which says nothing here. */
static GArray *
make_owned(void)
{
    GArray *owned = g_array_new(FALSE, TRUE, sizeof(ApOwned));
    const ApOwned elsewhere = {.ifindex = 6, .key = {{HUB}}};
    const ApOwned ours = {.ifindex = 7, .key = {{OURS}}};

    g_array_append_val(owned, elsewhere);
    g_array_append_val(owned, ours);
    return owned;
}

static ApPolicy *
make_policy(ApManage manage, const char *server)
{
    ApPolicy *policy = ap_policy_new();
    ApTunnelPolicy *entry = ap_policy_add_tunnel(policy, "wg0");

    policy->enabled = TRUE;
    policy->coord_port = 80;
    entry->manage = manage;
    if (server != NULL)
        g_assert_true(ap_endpoint_parse(&entry->server, server, NULL));
    return policy;
}

static const struct {
    const char *what;
    ApManage manage;
    const char *configured; /* server */
    const char *own[3];
    PeerSpec peers[3];
    ApReason reason;
    guint8 hub;
    const char *server;
    const char *local;
} cases[] = {
    {
        .what = "the usual tunnel",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "a /32 on the interface: the hub's network tells",
        .own = {"10.9.0.2/32"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "IPv6 alone",
        .own = {"fd09:9::2/64", "fe80::5/64"},
        .peers = {{HUB, FALSE, {"fd09:9::/64"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "[fd09:9::1]:80",
        .local = "fd09:9::2",
    },
    {
        .what = "both families: IPv4 first",
        .own = {"fd09:9::2/64", "10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24", "fd09:9::/64"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "IPv4 cannot be asked, IPv6 can",
        .own = {"fd09:9::2/64", "10.9.0.1/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24", "fd09:9::/64"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "[fd09:9::1]:80",
        .local = "fd09:9::2",
    },
    {
        .what = "the longest prefix is the hub's",
        .own = {"10.9.0.2/24"},
        .peers = {{OTHER, FALSE, {"10.0.0.0/8"}}, {HUB, FALSE, {"10.9.0.0/16"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "the hub's network goes before the interface's own",
        .own = {"10.9.5.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/16"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.5.2",
    },
    {
        .what = "the first host of the hub's network is ours: the interface's own is next",
        .own = {"10.9.0.1/32", "10.9.4.7/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/16"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.4.1:80",
        .local = "10.9.4.7",
    },
    {
        .what = "full tunnel: not by default",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"0.0.0.0/0", "::/0"}}},
        .reason = AP_REASON_NOT_PRIVATE,
    },
    {
        .what = "full tunnel, managed by configuration: the interface's network tells",
        .manage = AP_MANAGE_YES,
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"0.0.0.0/0", "::/0"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "full tunnel and a /32: nobody to ask",
        .manage = AP_MANAGE_YES,
        .own = {"10.9.0.2/32"},
        .peers = {{HUB, FALSE, {"0.0.0.0/0", "::/0"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
    },
    {
        .what = "full tunnel and a /32 with a configured server",
        .manage = AP_MANAGE_YES,
        .configured = "10.9.0.1:8080",
        .own = {"10.9.0.2/32"},
        .peers = {{HUB, FALSE, {"0.0.0.0/0", "::/0"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:8080",
        .local = "10.9.0.2",
    },
    {
        .what = "full tunnel in halves beside the network",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"0.0.0.0/1", "128.0.0.0/1", "10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "a /7 is no network to ask in, a /8 is",
        .own = {"11.9.0.2/24"},
        .manage = AP_MANAGE_YES,
        .peers = {{OTHER, FALSE, {"10.0.0.0/7"}}, {HUB, FALSE, {"11.0.0.0/8"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "11.0.0.1:80",
        .local = "11.9.0.2",
    },
    {
        .what = "IPv6: a /31 is no network to ask in",
        .own = {"fd09:9::2/64"},
        .peers = {{HUB, FALSE, {"fd09:8::/31"}}},
        .reason = AP_REASON_NOT_PRIVATE,
    },
    {
        .what = "a public tunnel: not by default",
        .own = {"198.51.100.2/24"},
        .peers = {{HUB, FALSE, {"198.51.100.0/24"}}},
        .reason = AP_REASON_NOT_PRIVATE,
    },
    {
        .what = "a public tunnel, managed by configuration",
        .manage = AP_MANAGE_YES,
        .own = {"198.51.100.2/24"},
        .peers = {{HUB, FALSE, {"198.51.100.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "198.51.100.1:80",
        .local = "198.51.100.2",
    },
    {
        .what = "a private address in a prefix that is only partly private",
        .own = {"192.168.0.2/24"},
        .peers = {{HUB, FALSE, {"192.168.0.0/15"}}},
        .reason = AP_REASON_NOT_PRIVATE,
    },
    {
        .what = "CGNAT addresses are private",
        .own = {"100.64.0.2/24"},
        .peers = {{HUB, FALSE, {"100.64.0.0/10"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "100.64.0.1:80",
        .local = "100.64.0.2",
    },
    {
        .what = "one private family is enough",
        .own = {"198.51.100.2/24", "fd09:9::2/64"},
        .peers = {{HUB, FALSE, {"198.51.100.0/24", "fd09:9::/64"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "198.51.100.1:80",
        .local = "198.51.100.2",
    },
    {
        .what = "excluded",
        .manage = AP_MANAGE_NO,
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_EXCLUDED,
    },
    {
        .what = "peers that are hosts only: we are a hub ourselves, or end to end",
        .own = {"10.9.0.1/24"},
        .peers = {{HUB, FALSE, {"10.9.0.2/32"}}, {OTHER, FALSE, {"10.9.0.1/32"}}},
        .reason = AP_REASON_NO_HUB,
    },
    {
        .what = "no peers",
        .own = {"10.9.0.2/24"},
        .reason = AP_REASON_NO_HUB,
    },
    {
        .what = "a peer that we added is nobody's hub",
        .own = {"10.9.0.2/24"},
        .peers = {{OURS, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_NO_HUB,
    },
    {
        .what = "nor does it shadow the hub",
        .own = {"10.9.0.2/24"},
        .peers = {{OURS, TRUE, {"10.9.0.1/32", "10.9.0.0/25"}}, {HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "another configured peer holds the server's address: it is not asked",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}, {OTHER, FALSE, {"10.9.0.1/32"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
    },
    {
        .what = "no address",
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_NO_ADDRESS,
    },
    {
        .what = "a link-local address alone is none",
        .own = {"fe80::1/64"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_NO_ADDRESS,
    },
    {
        .what = "a configured server",
        .configured = "10.9.0.53:8080",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.0.53:8080",
        .local = "10.9.0.2",
    },
    {
        .what = "a configured server is asked from the address in its network",
        .configured = "10.9.4.1:80",
        .own = {"10.9.0.2/24", "10.9.4.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/16"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.9.4.1:80",
        .local = "10.9.4.2",
    },
    {
        .what = "a configured server that nobody routes is not asked, nor anybody else",
        .configured = "192.0.2.1:80",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
    },
    {
        .what = "a configured server that is ourselves",
        .configured = "10.9.0.2:80",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
    },
    {
        .what = "a configured server in a family that we lack",
        .configured = "[fd09:9::1]:80",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.9.0.0/24", "fd09:9::/64"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
    },
    {
        .what = "whoever routes the configured server is the hub",
        .configured = "10.8.0.1:80",
        .own = {"10.9.0.2/24"},
        .peers = {{OTHER, FALSE, {"10.9.0.0/24"}}, {HUB, FALSE, {"10.8.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.8.0.1:80",
        .local = "10.9.0.2",
    },
    {
        .what = "also where nobody routes our own address, if so configured",
        .manage = AP_MANAGE_YES,
        .configured = "10.8.0.1:80",
        .own = {"10.9.0.2/24"},
        .peers = {{HUB, FALSE, {"10.8.0.0/24"}}},
        .reason = AP_REASON_MANAGED,
        .hub = HUB,
        .server = "10.8.0.1:80",
        .local = "10.9.0.2",
    },
};

static void
assert_tunnel(const ApTunnel *tunnel, guint8 hub, const char *server, const char *local)
{
    const ApKey hub_key = {{hub}};
    char server_text[AP_ENDPOINT_TEXT_LEN], local_text[AP_ADDR_TEXT_LEN];

    ap_endpoint_to_text(&tunnel->server, server_text);
    ap_addr_to_text(&tunnel->local, local_text);
    g_assert_cmpint(tunnel->managed, ==, tunnel->reason == AP_REASON_MANAGED);
    g_assert_true(ap_key_equal(&tunnel->hub, &hub_key));
    g_assert_cmpstr(ap_endpoint_is_set(&tunnel->server) ? server_text : NULL, ==, server);
    g_assert_cmpstr(tunnel->local.family != 0 ? local_text : NULL, ==, local);
}

static void
test_judge(void)
{
    g_autoptr(GArray) owned = make_owned();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApDevice) device = make_device(cases[i].peers, G_N_ELEMENTS(cases[i].peers));
        g_autoptr(ApLink) link = make_link(cases[i].own, G_N_ELEMENTS(cases[i].own));
        g_autoptr(ApPolicy) policy = make_policy(cases[i].manage, cases[i].configured);
        const ApTunnel tunnel = ap_tunnel_judge(device, link, owned, policy);

        g_test_message("case '%s'", cases[i].what);
        g_assert_cmpuint(tunnel.ifindex, ==, 7);
        g_assert_cmpint(tunnel.reason, ==, cases[i].reason);
        assert_tunnel(&tunnel, cases[i].hub, cases[i].server, cases[i].local);
    }
}

/* The usual tunnel, to be spoilt in one way each. */
typedef struct {
    ApDevice *device;
    ApLink *link;
    ApPolicy *policy;
    GArray *owned;
} Fixture;

static void
set_up(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    static const PeerSpec peers[] = {{HUB, FALSE, {"10.9.0.0/24"}}, {OURS, TRUE, {"10.9.0.7/32"}}};
    static const char *const own[] = {"10.9.0.2/24"};

    self->device = make_device(peers, G_N_ELEMENTS(peers));
    self->link = make_link(own, G_N_ELEMENTS(own));
    self->policy = make_policy(AP_MANAGE_AUTO, NULL);
    self->owned = make_owned();
}

static void
tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ap_device_free(self->device);
    ap_link_free(self->link);
    ap_policy_free(self->policy);
    g_array_unref(self->owned);
}

static ApReason
judge(const Fixture *self)
{
    return ap_tunnel_judge(self->device, self->link, self->owned, self->policy).reason;
}

static void
test_device_state(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_assert_cmpint(judge(self), ==, AP_REASON_MANAGED);

    self->device->has_key = FALSE;
    g_assert_cmpint(judge(self), ==, AP_REASON_NO_KEY);
    self->link->running = FALSE;
    g_assert_cmpint(judge(self), ==, AP_REASON_DOWN);
    g_clear_pointer(&self->link, ap_link_free);
    g_assert_cmpint(judge(self), ==, AP_REASON_DOWN);
    self->policy->enabled = FALSE;
    g_assert_cmpint(judge(self), ==, AP_REASON_DISABLED);
}

static void
test_tentative_address_is_none(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_array_index(self->link->addresses, ApLinkAddress, 0).flags = AP_LINK_ADDRESS_TENTATIVE;
    g_assert_cmpint(judge(self), ==, AP_REASON_NO_ADDRESS);
}

static void
test_preshared_keys_keep_the_tunnel(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApDevicePeer *hub = g_ptr_array_index(self->device->peers, 0);

    self->policy->require_psk = TRUE;
    g_assert_cmpint(judge(self), ==, AP_REASON_MANAGED); /* only a peer of ours has one */
    hub->has_psk = TRUE;
    g_assert_cmpint(judge(self), ==, AP_REASON_PSK_REQUIRED);
    self->policy->require_psk = FALSE;
    g_assert_cmpint(judge(self), ==, AP_REASON_MANAGED);
}

static void
test_what_is_configured_for_all(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    self->policy->manage = AP_MANAGE_NO;
    g_assert_cmpint(judge(self), ==, AP_REASON_EXCLUDED);

    g_ptr_array_set_size(self->policy->tunnels, 0);
    g_assert_cmpint(judge(self), ==, AP_REASON_EXCLUDED);

    ap_policy_add_tunnel(self->policy, "wg0")->manage = AP_MANAGE_YES;
    g_assert_cmpint(judge(self), ==, AP_REASON_MANAGED);
}

static const struct {
    const char *addr;
    guint8 peer; /* 0: none */
    const char *prefix;
} route_cases[] = {
    {"10.9.0.5", HUB, "10.9.0.0/24"},
    {"10.9.0.7", HUB, "10.9.0.0/24"}, /* by a peer of ours now, but by the hub without us */
    {"10.9.0.8", OTHER, "10.9.0.8/32"},
    {"10.8.0.1", OTHER, "0.0.0.0/0"},
    {"fd09:9::1", HUB, "fd09:9::/64"},
    {"fd09:8::1", 0, NULL},
};

static void
test_route_is_the_longest_configured_prefix(void)
{
    static const PeerSpec peers[] = {
        {HUB, FALSE, {"10.9.0.0/24", "10.9.0.0/16", "fd09:9::/64"}},
        {OTHER, FALSE, {"0.0.0.0/0", "10.9.0.8/32"}},
        {OURS, FALSE, {"10.9.0.7/32", "::/0"}},
    };
    g_autoptr(ApDevice) device = make_device(peers, G_N_ELEMENTS(peers));
    g_autoptr(GArray) owned = make_owned();

    for (gsize i = 0; i < G_N_ELEMENTS(route_cases); i++) {
        const ApAddr to = addr(route_cases[i].addr);
        ApCidr prefix = {.prefix_len = 77};
        const ApDevicePeer *peer = ap_tunnel_route(device, owned, &to, &prefix);
        char text[AP_CIDR_TEXT_LEN];

        g_test_message("case '%s'", route_cases[i].addr);
        g_assert_cmpint(peer != NULL ? peer->key.bytes[0] : 0, ==, route_cases[i].peer);
        g_assert_true(ap_tunnel_route(device, owned, &to, NULL) == peer);
        if (peer == NULL) {
            g_assert_cmpuint(prefix.prefix_len, ==, 77); /* a failure leaves @prefix alone */
            continue;
        }
        ap_cidr_to_text(&prefix, text);
        g_assert_cmpstr(text, ==, route_cases[i].prefix);
    }
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tunnel/judge", test_judge);
    ADD("/tunnel/device-state", test_device_state);
    ADD("/tunnel/tentative-address-is-none", test_tentative_address_is_none);
    ADD("/tunnel/preshared-keys-keep-the-tunnel", test_preshared_keys_keep_the_tunnel);
    ADD("/tunnel/what-is-configured-for-all", test_what_is_configured_for_all);
    g_test_add_func("/tunnel/route-is-the-longest-configured-prefix",
                    test_route_is_the_longest_configured_prefix);
    return g_test_run();
}
