/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/rules.h"
#include "tests/unit/gossip-scene.h"
#include "tests/unit/gossip-text.h"

/* Everybody in these tests, by the letter that the tables use. */
enum {
    OWN,  /* o: ourselves */
    HUB,  /* h: routes 10.77.0.0/24 */
    SITE, /* s: has 192.168.5.0/24 behind it */
    FULL, /* f: routes everything */
    LEAF, /* l: a single host on the device */
    PEER, /* p: another one */
    NEW,  /* n: not on the device */
    CONF, /* c: not on the device, but in the configuration */
    N_NODES,
};

static const char letters[] = "ohsflpnc";
static GossipNode nodes[N_NODES];

static const ApKey *
key_of(char letter)
{
    return &nodes[strchr(letters, letter) - letters].key;
}

static ApDevice *
device_new(void)
{
    ApDevice *device = gossip_device_new(&nodes[OWN]);

    gossip_device_add(device, &nodes[HUB].key, "10.77.0.0/24 fd77::/64 fe80::1/128");
    gossip_device_add(device, &nodes[SITE].key, "10.77.0.5/32 192.168.5.0/24");
    gossip_device_add(device, &nodes[FULL].key, "0.0.0.0/0 ::/0");
    gossip_device_add(device, &nodes[LEAF].key, "10.77.0.11/32 fe80::/64");
    gossip_device_add(device, &nodes[PEER].key, "10.77.0.12/32");
    return device;
}

static void
add_policy(GPtrArray *policies, char letter, ApTrustLevel trust)
{
    ApPeerPolicy *policy = ap_peer_policy_new(key_of(letter));

    policy->trust = trust;
    g_ptr_array_add(policies, policy);
}

static ApFact
make_fact(char kind, const ApKey *subject, const char *value)
{
    switch (kind) {
    case 'e':
        return gossip_endpoint(subject, value);
    case 'a':
        return gossip_allowed(subject, value);
    case '!':
        return gossip_alive(subject, 1);
    default:
        return gossip_member(subject, value);
    }
}

#define LAN "192.0.2.7:51820"
#define IN_HUB "10.77.0.99/32"
#define IN_SITE "192.168.5.9/32"
#define ELSEWHERE "198.51.100.9/32"
#define NONE AP_GOSSIP_REFUSAL_NONE
#define TRUST AP_GOSSIP_REFUSAL_TRUST

/* @configured: letter and level (0 to 4) of each configured peer */
static const struct {
    const char *configured;
    gboolean is_wide;
    char teller, kind, subject;
    const char *value;
    ApGossipRefusal refusal;
} trust_cases[] = {
    /* without configuration: oneself, and hubs */
    {"", FALSE, 'l', 'e', 'l', LAN, NONE},
    {"", FALSE, 'l', 'e', 'p', LAN, TRUST},
    {"", FALSE, 'l', 'e', 'n', LAN, TRUST},
    {"", FALSE, 'h', 'e', 'l', LAN, NONE},
    {"", FALSE, 'h', 'e', 'n', LAN, NONE},
    {"", FALSE, 'n', 'e', 'n', LAN, TRUST},
    {"", FALSE, 'l', 'M', 'l', "", NONE}, /* what it is like, not that it belongs to us */
    {"", FALSE, 'l', 'M', 'n', "", TRUST},
    {"", FALSE, 'l', 'M', 'p', "", TRUST},
    {"", FALSE, 'h', 'M', 'n', "", NONE},
    {"", FALSE, 's', 'M', 'n', "", NONE},
    {"", FALSE, 'f', 'M', 'n', "", NONE},
    {"", FALSE, 'l', 'a', 'l', IN_HUB, TRUST}, /* nobody gives itself an address */
    {"", FALSE, 'h', 'a', 'n', IN_HUB, NONE},
    {"", FALSE, 'h', 'a', 'l', IN_HUB, NONE},
    {"", FALSE, 'h', 'a', 'n', IN_SITE, TRUST}, /* where another routes more narrowly */
    {"", FALSE, 's', 'a', 'n', IN_SITE, NONE},
    {"", FALSE, 's', 'a', 'n', IN_HUB, TRUST},
    {"", FALSE, 'f', 'a', 'n', ELSEWHERE, NONE}, /* the guard asks more of a default route */
    {"", FALSE, 'f', 'a', 'n', IN_HUB, TRUST},
    {"", FALSE, 'h', 'a', 'n', ELSEWHERE, TRUST},
    {"", FALSE, 'h', 'a', 'n', "fd77::9/128", NONE},
    {"", FALSE, 'l', 'a', 'n', "fe80::9/128", TRUST}, /* a link-local network makes no hub */
    {"", FALSE, 'h', 'e', 'o', LAN, AP_GOSSIP_REFUSAL_OWN_SUBJECT},
    {"", FALSE, 'h', 'M', 'o', "", AP_GOSSIP_REFUSAL_OWN_SUBJECT},
    {"", FALSE, 'l', '!', 'l', "", NONE},
    {"", FALSE, 'h', '!', 'l', "", AP_GOSSIP_REFUSAL_ALIVE_OTHER},

    /* wirelink's wider rule */
    {"", TRUE, 'l', 'e', 'p', LAN, NONE},
    {"", TRUE, 'l', 'e', 'n', LAN, TRUST},
    {"", TRUE, 'l', 'a', 'p', IN_HUB, TRUST},
    {"", TRUE, 'n', 'e', 'l', LAN, TRUST},

    /* configured without levels: known, and nothing else changes */
    {"c0", FALSE, 'h', 'e', 'c', LAN, NONE},
    {"c0", FALSE, 'l', 'e', 'c', LAN, TRUST},
    {"c0", TRUE, 'l', 'e', 'c', LAN, NONE},

    /* levels: routes mean nothing any more */
    {"l1", FALSE, 'l', 'e', 'l', LAN, TRUST},
    {"l1", FALSE, 'h', 'e', 'p', LAN, TRUST},
    {"l1", FALSE, 'h', 'M', 'n', "", TRUST},
    {"l1", FALSE, 'h', 'a', 'n', IN_HUB, TRUST},
    {"l1", FALSE, 'p', 'e', 'p', LAN, NONE},
    {"l1", TRUE, 'l', 'e', 'p', LAN, TRUST},
    {"l2", FALSE, 'l', 'e', 'p', LAN, NONE},
    {"l2", FALSE, 'l', 'e', 'n', LAN, TRUST},
    {"l2", FALSE, 'l', 'a', 'p', IN_HUB, TRUST},
    {"l2", FALSE, 'l', 'M', 'p', "", TRUST},
    {"l3", FALSE, 'l', 'e', 'p', LAN, NONE},
    {"l3", FALSE, 'l', 'a', 'p', ELSEWHERE, NONE},
    {"l3", FALSE, 'l', 'a', 'n', IN_HUB, TRUST},
    {"l3", FALSE, 'l', 'M', 'n', "", TRUST},
    {"l4", FALSE, 'l', 'M', 'n', "", NONE},
    {"l4", FALSE, 'l', 'a', 'n', ELSEWHERE, NONE},
    {"l4", FALSE, 'l', 'e', 'n', LAN, NONE},
    {"l4", FALSE, 'l', 'e', 'o', LAN, AP_GOSSIP_REFUSAL_OWN_SUBJECT},
    {"h2 c0", FALSE, 'h', 'a', 'c', IN_HUB, TRUST},
    {"h3 c0", FALSE, 'h', 'a', 'c', IN_HUB, NONE},
};

static ApTrust *
trust_new(const ApDevice *device, const char *configured, gboolean is_wide, GPtrArray *policies)
{
    g_auto(GStrv) words = g_strsplit(configured, " ", -1);
    const ApTrustPolicy policy = {.peers = policies, .is_wide = is_wide};

    for (guint i = 0; words[i] != NULL; i++) {
        if (*words[i] != '\0')
            add_policy(policies, words[i][0], (ApTrustLevel) (words[i][1] - '0'));
    }
    return ap_trust_new(device, &policy);
}

static void
test_who_may_say_what(void)
{
    g_autoptr(ApDevice) device = device_new();

    for (gsize i = 0; i < G_N_ELEMENTS(trust_cases); i++) {
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
        g_autoptr(ApTrust) trust =
            trust_new(device, trust_cases[i].configured, trust_cases[i].is_wide, policies);
        const ApFact fact =
            make_fact(trust_cases[i].kind, key_of(trust_cases[i].subject), trust_cases[i].value);
        const ApGossipRefusal refusal = ap_trust_judge(trust, key_of(trust_cases[i].teller), &fact);

        g_test_message("case %zu: [%s]%s %c says %c of %c: '%s'",
                       i,
                       trust_cases[i].configured,
                       trust_cases[i].is_wide ? " wide" : "",
                       trust_cases[i].teller,
                       trust_cases[i].kind,
                       trust_cases[i].subject,
                       trust_cases[i].value);
        g_assert_cmpstr(ap_gossip_refusal_name(refusal),
                        ==,
                        ap_gossip_refusal_name(trust_cases[i].refusal));
    }
}

static const struct {
    const char *configured;
    char who;
    gboolean names_members;
    gboolean gets_all;
} role_cases[] = {
    {"", 'h', TRUE, TRUE},
    {"", 's', TRUE, TRUE},
    {"", 'f', TRUE, TRUE},
    {"", 'l', FALSE, FALSE},
    {"", 'n', FALSE, FALSE},
    {"l4", 'l', TRUE, TRUE},
    {"l4", 'h', FALSE, TRUE},
    {"l3", 'l', FALSE, TRUE},
    {"l2", 'l', FALSE, FALSE},
};

static void
test_roles(void)
{
    g_autoptr(ApDevice) device = device_new();

    for (gsize i = 0; i < G_N_ELEMENTS(role_cases); i++) {
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
        g_autoptr(ApTrust) trust = trust_new(device, role_cases[i].configured, FALSE, policies);
        const ApKey *key = key_of(role_cases[i].who);

        g_test_message("[%s] %c", role_cases[i].configured, role_cases[i].who);
        g_assert_cmpint(ap_trust_may_name_members(trust, key), ==, role_cases[i].names_members);
        g_assert_cmpint(ap_trust_gets_all(trust, key), ==, role_cases[i].gets_all);
    }
}

static void
test_an_exchanger_gets_all(void)
{
    g_autoptr(ApDevice) device = device_new();
    g_autoptr(GPtrArray) policies =
        g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
    const ApTrustPolicy policy = {.peers = policies};

    add_policy(policies, 'l', AP_TRUST_AUTO);
    ((ApPeerPolicy *) policies->pdata[0])->is_exchanger = TRUE;
    g_autoptr(ApTrust) trust = ap_trust_new(device, &policy);

    g_assert_true(ap_trust_gets_all(trust, key_of('l')));
    g_assert_false(ap_trust_may_name_members(trust, key_of('l')));
}

/* Facts that make no sense, whoever says them. Names as hexadecimal items. */
static const struct {
    char kind;
    const char *value;
    ApGossipRefusal refusal;
} rule_cases[] = {
    {'e', "192.0.2.7:51820", NONE},
    {'e', "127.0.0.1:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "0.0.0.0:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "255.255.255.255:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "224.0.0.1:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "169.254.1.1:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "[::1]:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "[::10.0.0.1]:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'e', "[ff02::1]:1", AP_GOSSIP_REFUSAL_ENDPOINT},
    {'a', "10.77.0.9/32", NONE},
    {'a', "fd77::9/128", NONE},
    {'a', "10.77.0.9/24", AP_GOSSIP_REFUSAL_HOST_BITS},
    {'a', "10.77.0.0/24", AP_GOSSIP_REFUSAL_NETWORK},
    {'a', "0.0.0.0/0", AP_GOSSIP_REFUSAL_NETWORK},
    {'a', "::/0", AP_GOSSIP_REFUSAL_NETWORK},
    {'a', "fd77::/64", AP_GOSSIP_REFUSAL_NETWORK},
    {'a', "10.77.0.8/31", AP_GOSSIP_REFUSAL_NETWORK},
    {'a', "0.0.0.0/32", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "127.0.0.1/32", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "169.254.0.9/32", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "224.0.0.9/32", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "240.0.0.9/32", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "fe80::9/128", AP_GOSSIP_REFUSAL_ADDRESS},
    {'a', "::10.77.0.9/128", AP_GOSSIP_REFUSAL_ADDRESS},
    {'M', "", NONE},
    {'M', "6e056e6f646542620100", NONE},
    {'M', "6e0442c3bc72", NONE},
    {'M', "7a03010203", NONE},                     /* unknown items are kept */
    {'M', "6e031b5b6d", AP_GOSSIP_REFUSAL_NAME},   /* an escape sequence */
    {'M', "6e03610a62", AP_GOSSIP_REFUSAL_NAME},   /* a second line */
    {'M', "6e0100", AP_GOSSIP_REFUSAL_NAME},       /* a NUL */
    {'M', "6e0461e280ae", AP_GOSSIP_REFUSAL_NAME}, /* right-to-left override */
    {'M', "6e03e280a8", AP_GOSSIP_REFUSAL_NAME},   /* a line separator */
    {'M', "6e02c285", AP_GOSSIP_REFUSAL_NAME},     /* another control character */
    {'!', "", NONE},
};

static void
test_facts_that_make_no_sense(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rule_cases); i++) {
        const ApFact fact = make_fact(rule_cases[i].kind, &nodes[LEAF].key, rule_cases[i].value);

        g_test_message("case %c '%s'", rule_cases[i].kind, rule_cases[i].value);
        g_assert_cmpstr(ap_gossip_refusal_name(ap_rules_judge(&fact)),
                        ==,
                        ap_gossip_refusal_name(rule_cases[i].refusal));
    }
}

static void
test_limits_of_a_member(void)
{
    g_autoptr(GByteArray) buffer = g_byte_array_new();
    g_autofree char *longest = g_strnfill(AP_PEER_NAME_MAX, 'x');
    g_autofree char *longer = g_strnfill(AP_PEER_NAME_MAX + 1, 'x');
    g_autofree char *unknown = g_strnfill(2 * AP_RULES_MAX_MEMBER, '0');
    g_autofree char *items = g_strdup_printf("7a8002%s", unknown);
    ApMemberWords words = {.name = longest, .speaks_bfd = TRUE, .lost = 1};
    ApFact fact = ap_fact_member(&nodes[LEAF].key, ap_member_describe(buffer, &words));

    fact.ttl_sec = 1;
    g_assert_cmpint(ap_rules_judge(&fact), ==, NONE);
    words.name = longer;
    fact.member = ap_member_describe(buffer, &words);
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_NAME);
    fact = gossip_member(&nodes[LEAF].key, items);
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_MEMBER_SIZE);
}

static void
test_subjects_times_and_ports(void)
{
    ApKey alias = nodes[LEAF].key;
    ApFact fact = gossip_endpoint(&nodes[LEAF].key, LAN);

    fact.ttl_sec = 0;
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_EXPIRED);
    alias.bytes[31] |= 0x80;
    fact = gossip_endpoint(&alias, LAN);
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_SUBJECT_KEY);
    fact = gossip_endpoint(&(ApKey){{1}}, LAN);
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_SUBJECT_KEY);
    fact = gossip_endpoint(&nodes[LEAF].key, LAN);
    fact.endpoint.port = 0;
    g_assert_cmpint(ap_rules_judge(&fact), ==, AP_GOSSIP_REFUSAL_ENDPOINT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < N_NODES; i++)
        gossip_node_init(&nodes[i], i);
    g_test_add_func("/gossip/trust/who-may-say-what", test_who_may_say_what);
    g_test_add_func("/gossip/trust/roles", test_roles);
    g_test_add_func("/gossip/trust/an-exchanger-gets-all", test_an_exchanger_gets_all);
    g_test_add_func("/gossip/rules/facts-that-make-no-sense", test_facts_that_make_no_sense);
    g_test_add_func("/gossip/rules/limits-of-a-member", test_limits_of_a_member);
    g_test_add_func("/gossip/rules/subjects-times-and-ports", test_subjects_times_and_ports);
    return g_test_run();
}
