/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Files of wirelink become text that our own reader takes without a complaint.
 */

#include "cli/import.h"
#include "common/error.h"
#include "helper/engine/configuration.h"

#include <string.h>

#define KEY_A "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY="
#define KEY_B "fHuPNEGIvwdB8zTdO6+kU9o7nQfre700wCXRFgjB2lc="

static char *
import(const char *text, GPtrArray **warnings, GError **error)
{
    *warnings = g_ptr_array_new_with_free_func(g_free);
    return ap_import_wirelink("wg0", text, strlen(text), *warnings, error);
}

/* Reads what was imported as the helper does. */
static ApPolicy *
read_back(const char *text)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    ApPolicy *policy = ap_config_defaults();

    ap_config_apply_text(policy, "wirelink.conf", text, warnings);
    for (guint i = 0; i < warnings->len; i++)
        g_test_message("%s", (char *) warnings->pdata[i]);
    g_assert_cmpuint(warnings->len, ==, 0);
    return policy;
}

/* Every key that wirelink has, each way in which it may be written. */
static void
test_a_whole_file(void)
{
    const char *text = "{\"peers\":[{\"PublicKey\":\"" KEY_A "\",\"Name\":\"hub\","
                       "\"Trust\":\"Membership\",\"FactExchanger\":true,"
                       "\"Endpoints\":[\"192.0.2.1:51820\",\"[2001:db8::1]:7\"],"
                       "\"allowedips\":[\"10.77.0.9/24\",\"FD77::/64\"],\"Basic\":false},"
                       "{\"PublicKey\":\"" KEY_B "\",\"Basic\":true}],\"Debug\":true}";
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *imported = import(text, &warnings, &error);
    g_autoptr(ApPolicy) policy = NULL;
    const ApPeerPolicy *peer;
    ApKey key;

    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_assert_nonnull(strstr(imported, "AllowedIPs=10.77.0.0/24;fd77::/64\n"));
    policy = read_back(imported);
    g_assert_cmpuint(ap_policy_find_tunnel(policy, "wg0")->peers->len, ==, 2);

    peer = g_ptr_array_index(ap_policy_find_tunnel(policy, "wg0")->peers, 0);
    g_assert_true(ap_key_parse(&key, KEY_A, NULL) && ap_key_equal(&key, &peer->key));
    g_assert_cmpstr(peer->name, ==, "hub");
    g_assert_cmpint(peer->trust, ==, AP_TRUST_MEMBERSHIP);
    g_assert_true(peer->is_exchanger);
    g_assert_false(peer->is_basic);
    g_assert_cmpuint(peer->endpoints->len, ==, 2);
    g_assert_cmpuint(peer->allowed->len, ==, 2);

    peer = g_ptr_array_index(ap_policy_find_tunnel(policy, "wg0")->peers, 1);
    g_assert_cmpint(peer->trust, ==, AP_TRUST_AUTO);
    g_assert_true(peer->is_basic);
}

static const struct {
    const char *theirs;
    ApTrustLevel ours;
} trust_cases[] = {
    {"Untrusted", AP_TRUST_NOTHING},
    {"Endpoint", AP_TRUST_ENDPOINTS},
    {"AllowedIPs", AP_TRUST_ALLOWED_IPS},
    {"Membership", AP_TRUST_MEMBERSHIP},
    {"DelegateTrust", AP_TRUST_MEMBERSHIP},
};

static void
test_trust_in_our_words(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(trust_cases); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",\"Trust\":\"%s\"}]}",
                            trust_cases[i].theirs);
        g_autoptr(GPtrArray) warnings = NULL;
        g_autofree char *imported = import(text, &warnings, NULL);
        g_autoptr(ApPolicy) policy = read_back(imported);
        const ApTunnelPolicy *tunnel = ap_policy_find_tunnel(policy, "wg0");

        g_test_message("case %s", trust_cases[i].theirs);
        g_assert_cmpuint(warnings->len, ==, 0);
        g_assert_cmpint(((ApPeerPolicy *) tunnel->peers->pdata[0])->trust, ==, trust_cases[i].ours);
    }
}

/* What is left out, with a word about it; the rest of the file is taken. */
static const struct {
    const char *members;
    const char *warning;
} left_out_cases[] = {
    {"\"Endpoints\":[\"hub.example:51820\"]", "hub.example:51820"},
    {"\"Endpoints\":[\"192.0.2.1\"]", "192.0.2.1"},
    {"\"Endpoints\":[7]", "no text"},
    {"\"Endpoints\":\"192.0.2.1:7\"", "not a list"},
    {"\"AllowedIPs\":[\"10.77.0.9\"]", "10.77.0.9"},
    {"\"AllowedIPs\":[\"10.77.0.9/33\"]", "10.77.0.9/33"},
    {"\"AllowedIPs\":[\"10.77.0.9/-1\"]", "10.77.0.9/-1"},
    {"\"Basic\":\"yes\"", "neither true nor false"},
    {"\"Name\":\"a\\u202eb\"", "name"},
    {"\"Name\":\"a\\nTrust=membership\"", "name"},
    {"\"Name\":\"0123456789012345678901234567890123456789012345678901234567890123X\"", "name"},
    {"\"Endpoints\":[\"\\u001b[31m:1\"]", "\\u{1B}[31m:1"},
};

static void
test_what_is_left_out_is_told(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(left_out_cases); i++) {
        g_autofree char *text = g_strdup_printf("{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",%s}]}",
                                                left_out_cases[i].members);
        g_autoptr(GPtrArray) warnings = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *imported = import(text, &warnings, &error);
        g_autoptr(ApPolicy) policy = NULL;

        g_test_message("case %s", left_out_cases[i].members);
        g_assert_no_error(error);
        g_assert_cmpuint(warnings->len, ==, 1);
        g_test_message("says %s", (char *) warnings->pdata[0]);
        g_assert_nonnull(strstr(warnings->pdata[0], left_out_cases[i].warning));
        g_assert_true(g_str_has_prefix(warnings->pdata[0], KEY_A ": "));
        policy = read_back(imported);
        g_assert_cmpuint(ap_policy_find_tunnel(policy, "wg0")->peers->len, ==, 1);
    }
}

static void
test_keys_of_wirelink_itself(void)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autofree char *imported =
        import("{\"Router\":false,\"Port\":7,\"Chatty\":true,\"Debug\":false,"
               "\"ReportIfaces\":[\"eth*\"],\"HideIfaces\":[\"docker*\"]}",
               &warnings,
               NULL);
    g_autoptr(ApPolicy) policy = NULL;

    g_assert_nonnull(imported);
    g_assert_cmpuint(warnings->len, ==, 4); /* all but Port and Debug */
    policy = read_back(imported);
    g_assert_cmpuint(policy->gossip_port, ==, 7);
    g_assert_cmpint(ap_policy_find_tunnel(policy, "wg0")->gossip, ==, AP_MANAGE_YES);
}

/* What wirelink itself would not start with. */
static const char *const refused_cases[] = {
    "",
    "[]",
    "{\"Peers\":{}}",
    "{\"Peers\":[7]}",
    "{\"Peers\":[{}]}",
    "{\"Peers\":[{\"PublicKey\":\"short\"}]}",
    "{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",\"Colour\":\"blue\"}]}",
    "{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",\"publickey\":\"" KEY_B "\"}]}",
    "{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",\"Trust\":\"untrusted\"}]}",
    "{\"Peers\":[{\"PublicKey\":\"" KEY_A "\",\"Trust\":0}]}",
    "{\"Port\":65536}",
    "{\"Port\":\"7\"}",
    "{\"Colour\":\"blue\"}",
    "{\"Peers\":[]} trailing",
};

static void
test_files_that_are_refused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refused_cases); i++) {
        g_autoptr(GPtrArray) warnings = NULL;
        g_autoptr(GError) error = NULL;

        g_test_message("case '%s'", refused_cases[i]);
        g_assert_null(import(refused_cases[i], &warnings, &error));
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
        g_test_message("says %s", error->message);
    }
}

static const struct {
    const char *path;
    const char *tunnel; /* NULL: it does not say */
} name_cases[] = {
    {"/etc/wireguard/wirelink.wg0.json", "wg0"},
    {"wirelink.wg0.json", "wg0"},
    {"wl.office.7.json", "office.7"},
    {"wirelink.json", NULL},
    {"wirelink.wg0.yaml", NULL},
    {"wirelink..json", NULL},
    {"wirelink.sixteen-letters-.json", NULL},
    {"wirelink.a b.json", NULL},
    {"/", NULL},
};

static void
test_tunnel_by_the_name_of_the_file(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(name_cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *tunnel = ap_import_tunnel(name_cases[i].path, &error);

        g_test_message("case '%s'", name_cases[i].path);
        g_assert_cmpstr(tunnel, ==, name_cases[i].tunnel);
        g_assert_true((error != NULL) == (name_cases[i].tunnel == NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/import/a-whole-file", test_a_whole_file);
    g_test_add_func("/cli/import/trust-in-our-words", test_trust_in_our_words);
    g_test_add_func("/cli/import/what-is-left-out-is-told", test_what_is_left_out_is_told);
    g_test_add_func("/cli/import/keys-of-wirelink-itself", test_keys_of_wirelink_itself);
    g_test_add_func("/cli/import/files-that-are-refused", test_files_that_are_refused);
    g_test_add_func("/cli/import/tunnel-by-the-name-of-the-file",
                    test_tunnel_by_the_name_of_the_file);
    return g_test_run();
}
