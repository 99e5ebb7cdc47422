/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a mask leaves of a text, and what it takes away. */

#include "common/cidr.h"
#include "common/key.h"
#include "helper/record/mask-address.h"
#include "helper/record/mask.h"

#include <string.h>

static const guint8 secret[AP_MASK_KEY_LEN] = {1, 2, 3};
static const guint8 other_secret[AP_MASK_KEY_LEN] = {1, 2, 4};

static void
test_texts(void)
{
    static const struct {
        const char *text;
        const char *masked;
    } cases[] = {
        /* keys, in whatever they stand */
        {"jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPhY=",
         "jNQlKT8NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"public_key=jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPhY=,",
         "public_key=jNQlKT8NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,"},
        {"/jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPhY=",
         "/jNQlKT8NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPhZ=",
         "jNQlKT8NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"8cd425293f0dd11321d439d22af81410df6750e53111c5e949b4712f7b103e16",
         "8cd425293f0d0000000000000000000000000000000000000000000000000000"},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        /* one that no device takes stays such a one */
        {"jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPpY=",
         "jNQlKT8NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA="},

        /* addresses that are nobody's, or only known where they are used */
        {"10.85.0.34/24", "10.85.0.34/24"},
        {"[fd85::34]:51820", "[fd85::34]:51820"},
        {"100.64.1.2 169.254.3.4 127.0.0.1", "100.64.1.2 169.254.3.4 127.0.0.1"},
        {"192.0.2.7:51820, 198.51.100.1 and 203.0.113.255.",
         "192.0.2.7:51820, 198.51.100.1 and 203.0.113.255."},
        {"2001:db8::7, fe80::1%3, ff02::1, ::, ::1", "2001:db8::7, fe80::1%3, ff02::1, ::, ::1"},
        {"0.0.0.0/0,::/0", "0.0.0.0/0,::/0"},

        /* no addresses at all */
        {"12:34:56.789 1.42.4 #12 cafe.c:17 1700000000123456", NULL},
        {"route4.metric=100 name=wg0 n=18446744073709551615", NULL},
        {"", ""},
        {"#0000000000000000", "#0000000000000000"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *masked = ap_mask_text(cases[i].text, secret);

        g_test_message("%s", cases[i].text);
        g_assert_cmpstr(masked, ==, cases[i].masked != NULL ? cases[i].masked : cases[i].text);
    }
}

/* Each loses something, keeps its beginning and its end, and depends on the secret. */
static void
test_hides(void)
{
    static const struct {
        const char *text;
        const char *begin;
        const char *end;
    } cases[] = {
        {"endpoint=84.113.77.91:51820 x", "endpoint=84.113.", ":51820 x"},
        {"84.113.77.64/26", "84.113.", "/26"},
        {"[2a02:8388:1a2:3b00:1234:5678:9abc:def0]:51820", "[2a02:8388:", "]:51820"},
        {"2a02:8388:1a2:3b00::/64", "2a02:8388:", "::/64"},
        {"::ffff:84.113.77.91", "::ffff:84.113.", ""},
        {"fe80::ba27:ebff:fe12:3456%2", "fe80::", "%2"},
        {"fd77::ba27:ebff:fe12:3456", "fd77::", ""},
        {"b8:27:eb:12:34:56", "02:00:", ""},
        {"network=#0123456789abcdef ", "network=#", " "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *masked = ap_mask_text(cases[i].text, secret);
        g_autofree char *again = ap_mask_text(cases[i].text, secret);
        g_autofree char *other = ap_mask_text(cases[i].text, other_secret);

        g_test_message("%s: %s, %s", cases[i].text, masked, other);
        g_assert_cmpstr(masked, !=, cases[i].text);
        g_assert_cmpstr(masked, ==, again);
        g_assert_true(g_str_has_prefix(masked, cases[i].begin));
        g_assert_true(g_str_has_suffix(masked, cases[i].end));
        /* Few bits change; that two secrets change the same ones may happen, but not to many. */
        if (strlen(cases[i].text) > 20)
            g_assert_cmpstr(masked, !=, other);
    }
}

/* The address that follows from a key follows from the masked key. */
static void
test_link_local(void)
{
    static const char key_text[] = "jNQlKT8N0RMh1DnSKvgUEN9nUOUxEcXpSbRxL3sQPhY=";
    ApKey key, masked_key;
    ApAddr addr, masked_addr;
    char addr_text[AP_ADDR_TEXT_LEN];
    g_autofree char *text = NULL;
    g_autofree char *masked = NULL;
    g_auto(GStrv) words = NULL;

    g_assert_true(ap_key_parse(&key, key_text, NULL));
    addr = ap_key_link_local(&key);
    ap_addr_to_text(&addr, addr_text);
    text = g_strdup_printf("%s/128 %s", addr_text, key_text);
    masked = ap_mask_text(text, secret);

    words = g_strsplit_set(masked, "/ ", 3);
    g_assert_true(ap_addr_parse(&addr, words[0], NULL));
    g_assert_true(ap_key_parse(&masked_key, words[2], NULL));
    masked_addr = ap_key_link_local(&masked_key);
    g_assert_true(ap_addr_equal(&addr, &masked_addr));
}

static ApAddr
random_public(GRand *rand, guint16 family)
{
    ApAddr addr = {.family = family};

    do {
        for (guint i = 0; i < ap_addr_n_bits(family) / 8; i++)
            addr.bytes[i] = (guint8) g_rand_int_range(rand, 0, 256);
    } while (!ap_addr_is_host(&addr) || ap_addr_is_private(&addr));
    return addr;
}

static guint
common_bits(const ApAddr *a, const ApAddr *b)
{
    guint n = 0;

    while (n < ap_addr_n_bits(a->family)
           && ((a->bytes[n / 8] ^ b->bytes[n / 8]) & (0x80 >> n % 8)) == 0)
        n++;
    return n;
}

/* Two addresses share as many bits before as after, and edges of networks stay edges. */
static void
test_networks(void)
{
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GArray) networks = g_array_new(FALSE, FALSE, sizeof(ApCidr));
    const ApAddressMask mask = {.key = secret, .networks = networks};

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 300; round++) {
        const guint16 family = round % 2 == 0 ? AF_INET : AF_INET6;
        const ApAddr a = random_public(rand, family);
        const guint8 len = (guint8) g_rand_int_range(rand, 12, (int) ap_addr_n_bits(family));
        const ApCidr network = ap_cidr_network(&a, len);
        const ApAddr first = network.addr, last = ap_cidr_last(&network);
        ApAddr b = a, masked_a, masked_b, masked_first, masked_last;
        ApCidr masked_network;

        b.bytes[len / 8] ^= (guint8) (0x80 >> len % 8);
        g_array_set_size(networks, 0);
        if (g_rand_boolean(rand))
            g_array_append_val(networks, network);
        masked_a = ap_mask_address(&mask, &a);
        masked_b = ap_mask_address(&mask, &b);
        g_assert_cmpuint(common_bits(&masked_a, &masked_b), ==, len);
        if (networks->len == 0)
            continue;

        masked_first = ap_mask_address(&mask, &first);
        masked_last = ap_mask_address(&mask, &last);
        masked_network = ap_cidr_network(&masked_a, len);
        g_assert_true(ap_addr_equal(&masked_first, &masked_network.addr));
        masked_first = ap_cidr_last(&masked_network);
        g_assert_true(ap_addr_equal(&masked_last, &masked_first));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/mask/texts", test_texts);
    g_test_add_func("/record/mask/hides", test_hides);
    g_test_add_func("/record/mask/link-local-follows-from-key", test_link_local);
    g_test_add_func("/record/mask/networks-stay-networks", test_networks);
    return g_test_run();
}
