/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/link.h"
#include "helper/engine/configuration.h"

#include <glib/gstdio.h>

#include <string.h>

static GPtrArray *
new_warnings(void)
{
    return g_ptr_array_new_with_free_func(g_free);
}

static void
test_defaults(void)
{
    g_autoptr(ApPolicy) policy = ap_config_defaults();

    g_assert_true(policy->enabled);
    g_assert_cmpint(policy->manage, ==, AP_MANAGE_AUTO);
    g_assert_cmpint(policy->scope, ==, AP_SCOPE_LAN);
    g_assert_cmpuint(policy->max_peers, ==, 256);
    g_assert_cmpuint(policy->keepalive_sec, ==, 25);
    g_assert_cmpuint(policy->coord_port, ==, 80);
    g_assert_true(policy->link_kinds & 1U << AP_LINK_KIND_ETHERNET);
    g_assert_false(policy->link_kinds & 1U << AP_LINK_KIND_VETH);
    g_assert_cmpuint(policy->tunnels->len, ==, 0);
}

#define KEY "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY="

static const struct {
    const char *text;
    const char *warning; /* NULL: taken as it is */
} value_cases[] = {
    {"[General]\nEnabled=no\n", NULL},
    {"[General]\nEnabled=off\n", NULL},
    {"[General]\nEnabled=maybe\n", "not yes or no"},
    {"[General]\nManage=some\n", "not one of auto, yes, no"},
    {"[General]\nColour=blue\n", "is not known"},
    {"[Colour]\nEnabled=no\n", "is not known"},
    {"[Peers]\nMaxPeers=0\n", "not a number from 1 to 1024"},
    {"[Peers]\nMaxPeers=1025\n", "not a number from 1 to 1024"},
    {"[Peers]\nMaxPeers=-1\n", "not a number from 1 to 1024"},
    {"[Peers]\nMaxPeers=7x\n", "not a number from 1 to 1024"},
    {"[Server]\nPort=65536\n", "not a number from 1 to 65535"},
    {"[Network]\nLinkKinds=ethernet;veth;\n", NULL},
    {"[Network]\nLinkKinds=ethernet;warp\n", "'warp' is not a kind"},
    {"[Network]\nHiddenNetworks=192.168.7.0/24; fd00:7::/64\n", NULL},
    {"[Network]\nHiddenNetworks=192.168.7.1/24\n", "host bits"},
    {"[Peers]\nBlockedKeys=short\n", "not a WireGuard key"},
    {"[Tunnel wg0]\nServer=10.9.0.1\n", NULL},
    {"[Tunnel wg0]\nServer=[fd09:9::1]:8080\n", NULL},
    {"[Tunnel wg0]\nServer=hub.example\n", "not ADDRESS:PORT"},
    {"[Tunnel wg0]\nMaxPeers=3\n", "is not known"},
    {"[Tunnel ]\nManage=yes\n", "is not known"},
    {"[Tunnel a/b]\nManage=yes\n", "is not known"},
    {"[Tunnel sixteen-letters-]\nManage=yes\n", "is not known"},
    {"[Tunnel]\nManage=yes\n", "is not known"},
    {"[Tunnel wg0 wg1]\nManage=yes\n", "is not known"},
    {"[Gossip]\nEnabled=yes\nPort=51900\nTellEndpoints=yes\n", NULL},
    {"[Tunnel wg0]\nGossip=yes\n", NULL},
    {"[Peer wg0 " KEY "]\nTrust=membership\n", NULL},
    {"[Peer wg0 " KEY "]\nTrust=Membership\n", "not one of auto, nothing"},
    {"[Peer wg0 " KEY "]\nEndpoints=192.168.7.12:51820; [fd00:7::12]:51820\n", NULL},
    {"[Peer wg0 " KEY "]\nEndpoints=hub.example:51820\n", "not ADDRESS:PORT"},
    {"[Peer wg0 " KEY "]\nAllowedIPs=10.9.0.12/32;fd09:9::12/128\n", NULL},
    {"[Peer wg0 " KEY "]\nAllowedIPs=10.9.0.12/24\n", "host bits"},
    {"[Peer wg0 " KEY "]\nName=Jo\xc3\xa3o's laptop\n", NULL},
    {"[Peer wg0 " KEY "]\nName=a\xe2\x80\xae"
     "bc\n",
     "not a name"},
    {"[Peer wg0 " KEY "]\nBasic=yes\n", NULL},
    {"[Peer wg0 " KEY "]\nFactExchanger=2\n", "not yes or no"},
    {"[Peer wg0 " KEY "]\nManage=yes\n", "is not known"},
    {"[Peer wg0 short]\nBasic=yes\n", "is not known"},
    {"[Peer wg0]\nBasic=yes\n", "is not known"},
    {"[Peer " KEY "]\nBasic=yes\n", "is not known"},
    {"[Peer]\nBasic=yes\n", "is not known"},
    {"Enabled=no\n", "does not start with a group"},
    {"", NULL},
};

static void
test_values(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(value_cases); i++) {
        g_autoptr(ApPolicy) policy = ap_config_defaults();
        g_autoptr(GPtrArray) warnings = new_warnings();

        g_test_message("case '%s'", value_cases[i].text);
        ap_config_apply_text(policy, "test.conf", value_cases[i].text, warnings);
        g_assert_cmpuint(warnings->len, ==, value_cases[i].warning != NULL);
        if (value_cases[i].warning != NULL) {
            g_test_message("says '%s'", (char *) g_ptr_array_index(warnings, 0));
            g_assert_nonnull(strstr(g_ptr_array_index(warnings, 0), value_cases[i].warning));
        }
    }
}

static void
test_bad_value_keeps_the_old_one(void)
{
    g_autoptr(ApPolicy) policy = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();

    ap_config_apply_text(policy, "a", "[Network]\nHiddenNetworks=10.0.0.0/8\n", warnings);
    ap_config_apply_text(policy, "b", "[Network]\nHiddenNetworks=fd00::/8;junk\n", warnings);
    g_assert_cmpuint(warnings->len, ==, 1);
    g_assert_cmpuint(policy->hidden->len, ==, 1);
    g_assert_cmpint(g_array_index(policy->hidden, ApCidr, 0).prefix_len, ==, 8);
}

static void
test_later_file_wins(void)
{
    g_autoptr(ApPolicy) policy = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();

    ap_config_apply_text(policy, "a", "[Tunnel wg0]\nManage=no\nServer=10.9.0.1\n", warnings);
    ap_config_apply_text(policy, "b", "[Tunnel wg0]\nManage=yes\n", warnings);

    const ApTunnelPolicy *tunnel = ap_policy_find_tunnel(policy, "wg0");
    g_assert_nonnull(tunnel);
    g_assert_cmpint(tunnel->manage, ==, AP_MANAGE_YES);
    g_assert_true(ap_endpoint_is_set(&tunnel->server));
    g_assert_null(ap_policy_find_tunnel(policy, "wg1"));
}

static void
test_peers_of_a_tunnel(void)
{
    g_autoptr(ApPolicy) policy = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();
    const ApTunnelPolicy *tunnel;
    const ApPeerPolicy *peer;

    ap_config_apply_text(policy, "a", "[Peer wg0 " KEY "]\nTrust=endpoints\nName=a\n", warnings);
    ap_config_apply_text(policy, "b", "[Peer wg0 " KEY "]\nName=b\n", warnings);
    tunnel = ap_policy_find_tunnel(policy, "wg0");
    g_assert_nonnull(tunnel);
    g_assert_cmpint(tunnel->manage, ==, AP_MANAGE_AUTO); /* the tunnel itself is as by default */
    g_assert_cmpuint(tunnel->peers->len, ==, 1);
    peer = g_ptr_array_index(tunnel->peers, 0);
    g_assert_cmpint(peer->trust, ==, AP_TRUST_ENDPOINTS);
    g_assert_cmpstr(peer->name, ==, "b");
    g_assert_cmpuint(peer->endpoints->len, ==, 0);
}

static void
test_server_gets_the_common_port(void)
{
    g_autofree char *path = NULL;
    const int fd = g_file_open_tmp("test-config-XXXXXX", &path, NULL);
    g_autoptr(GPtrArray) warnings = new_warnings();

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path,
                                      "[Tunnel wg0]\nServer=10.9.0.1\n[Server]\nPort=8080\n",
                                      -1,
                                      NULL));

    g_autoptr(ApPolicy) policy = ap_config_load(path, NULL, warnings);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_cmpuint(ap_policy_find_tunnel(policy, "wg0")->server.port, ==, 8080);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void
test_missing_file_is_named(void)
{
    g_autoptr(GPtrArray) warnings = new_warnings();
    g_autoptr(ApPolicy) policy = ap_config_load("/nonexistent/wg-autopeer.conf", NULL, warnings);

    g_assert_true(policy->enabled);
    g_assert_cmpuint(warnings->len, ==, 1);
    g_assert_nonnull(strstr(g_ptr_array_index(warnings, 0), "/nonexistent/wg-autopeer.conf"));
}

/* What is printed is read back to the same; and so is the sample with its comments removed. */
static void
test_print_round_trip(void)
{
    const char *text = "[General]\nEnabled=no\nManage=yes\n[Peers]\nScope=any\nKeepalive=7\n"
                       "BlockedKeys=Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY=\n"
                       "[Network]\nLinkKinds=veth\nHiddenNetworks=10.0.0.0/8;fd00::/8\n"
                       "[Tunnel wg0]\nServer=[fd09:9::1]:8080\nNetworks=10.9.0.0/24\n"
                       "[Peer wg0 " KEY "]\nTrust=allowed-ips\nName=hub\nBasic=yes\n"
                       "Endpoints=192.0.2.1:7;[2001:db8::1]:7\nAllowedIPs=10.9.0.1/32\n";
    g_autoptr(ApPolicy) policy = ap_config_defaults(), again = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();

    ap_config_apply_text(policy, "a", text, warnings);
    g_autofree char *printed = ap_config_print(policy);
    ap_config_apply_text(again, "b", printed, warnings);
    g_autofree char *printed_again = ap_config_print(again);

    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_cmpstr(printed, ==, printed_again);
    g_assert_nonnull(strstr(printed, "[Tunnel wg0]\n"));
    g_assert_nonnull(strstr(printed, "[Peer wg0 " KEY "]\n"));
}

/* A copy of it as it stands makes nobody a member. */
static void
test_sample_configures_no_peer(void)
{
    g_autofree char *sample = ap_config_sample();
    g_autoptr(ApPolicy) policy = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();

    ap_config_apply_text(policy, "sample", sample, warnings);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_cmpuint(ap_policy_find_tunnel(policy, "wg0")->peers->len, ==, 0);
}

static void
test_sample_says_the_defaults(void)
{
    g_autofree char *sample = ap_config_sample();
    g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
    g_autoptr(GString) active = g_string_new(NULL);
    g_autoptr(ApPolicy) policy = ap_config_defaults(), sampled = ap_config_defaults();
    g_autoptr(GPtrArray) warnings = new_warnings();

    for (guint i = 0; lines[i] != NULL; i++) {
        const gboolean is_key = lines[i][0] == '#' && g_ascii_isupper(lines[i][1]);

        if (g_str_has_prefix(lines[i], "[Tunnel"))
            break;
        if (is_key || lines[i][0] == '[')
            g_string_append_printf(active, "%s\n", lines[i] + is_key);
    }
    ap_config_apply_text(sampled, "sample", active->str, warnings);

    g_autofree char *expected = ap_config_print(policy);
    g_autofree char *got = ap_config_print(sampled);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_cmpstr(got, ==, expected);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/defaults", test_defaults);
    g_test_add_func("/config/values", test_values);
    g_test_add_func("/config/bad-value-keeps-the-old-one", test_bad_value_keeps_the_old_one);
    g_test_add_func("/config/later-file-wins", test_later_file_wins);
    g_test_add_func("/config/peers-of-a-tunnel", test_peers_of_a_tunnel);
    g_test_add_func("/config/server-gets-the-common-port", test_server_gets_the_common_port);
    g_test_add_func("/config/missing-file-is-named", test_missing_file_is_named);
    g_test_add_func("/config/print-round-trip", test_print_round_trip);
    g_test_add_func("/config/sample-configures-no-peer", test_sample_configures_no_peer);
    g_test_add_func("/config/sample-says-the-defaults", test_sample_says_the_defaults);
    return g_test_run();
}
