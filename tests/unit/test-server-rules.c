/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "server/rules.h"

#include <string.h>

/** Keys of the clients in the tests: number N is all bytes N. */
#define KEY_1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY_2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

/* Client @number, with the tunnel addresses 10.9.0.NUMBER and fd09:9::NUMBER. */
static ApRosterPeer
client(guint8 number)
{
    ApRosterPeer peer = {.n_addresses = 2};

    memset(peer.key.bytes, number, sizeof(peer.key.bytes));
    peer.addresses[0] = (ApAddr){AF_INET, {10, 9, 0, number}};
    peer.addresses[1] = (ApAddr){AF_INET6, {0xfd, 0x09, 0, 9, [15] = number}};
    return peer;
}

/** Who may peer: pairs of the clients 1, 2 and 3. */
static const struct {
    const char *text;
    gboolean one_two, one_three, two_three;
} pair_cases[] = {
    {"", TRUE, TRUE, TRUE},
    {"# nothing but a comment\n", TRUE, TRUE, TRUE},
    {"[Server]\nEnabled=yes\n", TRUE, TRUE, TRUE},
    {"[Server]\nEnabled=no\n", FALSE, FALSE, FALSE},
    {"[Group a]\nMembers=" KEY_1 "\n", FALSE, FALSE, TRUE},
    {"[Group a]\nMembers=" KEY_1 ";" KEY_2 ";\n", TRUE, FALSE, FALSE},
    {"[Group a]\nMembers= 10.9.0.1 ; fd09:9::2 \n", TRUE, FALSE, FALSE},
    {"[Group a]\nMembers=10.9.0.0/31\n", FALSE, FALSE, TRUE},
    {"[Group a]\nMembers=10.9.0.2/31\n", FALSE, FALSE, TRUE},
    {"[Group a]\nMembers=fd09:9::/64\n", TRUE, TRUE, TRUE},
    {"[Group a]\nMembers=0.0.0.0/0\nPeer=no\n", FALSE, FALSE, FALSE},
    {"[Group a]\nMembers=" KEY_1 "\nWith=Others\n", TRUE, TRUE, TRUE},
    {"[Group a]\nMembers=" KEY_1 "\nWith=*\n", TRUE, TRUE, TRUE},
    {"[Others]\nPeer=no\n", FALSE, FALSE, FALSE},
    {"[Others]\nPeer=no\n[Group a]\nMembers=" KEY_1 ";" KEY_2 "\n", TRUE, FALSE, FALSE},
    {"[Others]\nWith=a\n[Group a]\nMembers=" KEY_1 "\n", TRUE, TRUE, TRUE},
    {"[Group a]\nMembers=" KEY_1 "\n[Group b]\nMembers=" KEY_2 "\n", FALSE, FALSE, FALSE},
    {"[Group a]\nMembers=" KEY_1 "\nWith=b\n[Group b]\nMembers=" KEY_2 "\n", TRUE, FALSE, FALSE},
    {"[Group a]\nMembers=" KEY_1 "\n[Group b]\nMembers=" KEY_2 "\nWith=a\n", TRUE, FALSE, FALSE},
    /* a member of two groups has the reach of both */
    {"[Group a]\nMembers=10.9.0.1;10.9.0.2\n[Group b]\nMembers=10.9.0.2;10.9.0.3\n",
     TRUE,
     FALSE,
     TRUE},
    /* unless it must not peer at all */
    {"[Group a]\nMembers=10.9.0.0/24\n[Group lost]\nMembers=" KEY_2 "\nPeer=no\n",
     FALSE,
     TRUE,
     FALSE},
    /* a group for which nobody qualifies */
    {"[Group a]\nMembers=\n", TRUE, TRUE, TRUE},
};

static gboolean
may_peer(const ApRules *rules, guint8 a, guint8 b)
{
    const ApRosterPeer peer_a = client(a), peer_b = client(b);
    const ApPass pass_a = ap_rules_judge(rules, &peer_a), pass_b = ap_rules_judge(rules, &peer_b);
    const gboolean there = ap_pass_allows(&pass_a, &pass_b);

    g_assert_cmpint(there, ==, ap_pass_allows(&pass_b, &pass_a));
    return there;
}

static void
test_who_may_peer(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(pair_cases); i++) {
        const char *text = pair_cases[i].text;
        g_autoptr(GError) error = NULL;
        g_autoptr(ApRules) rules = ap_rules_parse(text, strlen(text), &error);

        g_test_message("case '%s'", text);
        g_assert_no_error(error);
        g_assert_cmpint(may_peer(rules, 1, 2), ==, pair_cases[i].one_two);
        g_assert_cmpint(may_peer(rules, 1, 3), ==, pair_cases[i].one_three);
        g_assert_cmpint(may_peer(rules, 2, 3), ==, pair_cases[i].two_three);
    }
}

static void
test_without_a_file_everybody_may(void)
{
    g_autoptr(ApRules) rules = ap_rules_new();

    g_assert_true(may_peer(rules, 1, 2));
    g_assert_true(ap_rules_is_enabled(rules));
    g_assert_cmpuint(ap_rules_n_groups(rules), ==, 0);
}

/** Files that are not taken, and what the message names. */
static const struct {
    const char *text;
    const char *named;
} bad_cases[] = {
    {"Enabled=no\n", "start with a group"},
    {"[Server\n", "[Server"},
    {"[Servers]\n", "[Servers]"},
    {"[Server]\nEnabld=no\n", "Enabld"},
    {"[Server]\nEnabled=maybe\n", "'maybe'"},
    {"[Server]\nPeer=no\n", "Peer"},
    {"[Others]\nMembers=10.9.0.1\n", "Members"},
    {"[Group ]\n", "[Group ]"},
    {"[Group Others]\n", "[Group Others]"},
    {"[Group a b]\n", "[Group a b]"},
    {"[Group aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", "[Group aaaa"},
    {"[Group a]\nMembers=10.9.0.1/24\n", "10.9.0.1/24"},
    {"[Group a]\nMembers=anna\n", "'anna'"},
    {"[Group a]\nMembers=" KEY_1 "x\n", "x'"},
    {"[Group a]\nWith=b\n", "'b'"},
    {"[Others]\nWith=b\n", "[Others]"},
    {"[Group a]\nPeer=\n", "''"},
    {"[Group a]\nnonsense\n", "nonsense"},
};

static void
test_mistakes_are_named(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("case '%s'", bad_cases[i].text);
        g_assert_null(ap_rules_parse(bad_cases[i].text, strlen(bad_cases[i].text), &error));
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, bad_cases[i].named));
    }
}

static void
test_limits(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *large = g_strnfill(AP_RULES_MAX_BYTES + 1, '\n');
    g_autoptr(GError) too_many = NULL;
    g_autoptr(GError) too_large = NULL;

    for (guint i = 1; i < AP_RULES_MAX_GROUPS; i++)
        g_string_append_printf(text, "[Group g%u]\nMembers=10.9.0.%u\n", i, i);
    g_string_append(text, "[Others]\nPeer=no\n");
    g_autoptr(ApRules) rules = ap_rules_parse(text->str, text->len, NULL);
    g_assert_nonnull(rules);
    g_assert_cmpuint(ap_rules_n_groups(rules), ==, AP_RULES_MAX_GROUPS - 1);
    g_assert_false(may_peer(rules, 62, 63));

    g_string_append(text, "[Group more]\n");
    g_assert_null(ap_rules_parse(text->str, text->len, &too_many));
    g_assert_error(too_many, AP_ERROR, AP_ERROR_INVALID);
    g_assert_null(ap_rules_parse(large, strlen(large), &too_large));
    g_assert_error(too_large, AP_ERROR, AP_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rules/who-may-peer", test_who_may_peer);
    g_test_add_func("/rules/without-a-file-everybody-may", test_without_a_file_everybody_may);
    g_test_add_func("/rules/mistakes-are-named", test_mistakes_are_named);
    g_test_add_func("/rules/limits", test_limits);
    return g_test_run();
}
