/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/cidr.h"
#include "common/device.h"
#include "common/endpoint.h"
#include "common/error.h"
#include "common/key.h"
#include "common/reader.h"
#include "common/writer.h"

static const struct {
    const char *text;
    gboolean ok;
    gboolean strict;
} addr_cases[] = {
    {"10.0.0.1", TRUE, TRUE},
    {"2001:db8::1", TRUE, TRUE},
    {"FD00::1", TRUE, FALSE},
    {"fd00:0:0::1", TRUE, FALSE},
    {"::ffff:10.85.0.34", TRUE, TRUE},
    {"10.1", FALSE, FALSE},
    {"010.85.0.34", FALSE, FALSE},
    {" 10.0.0.1", FALSE, FALSE},
    {"fe80::1%eth0", FALSE, FALSE},
    {"10.0.0.1/32", FALSE, FALSE},
    {"example.org", FALSE, FALSE},
    {"", FALSE, FALSE},
};

static void
test_addr_parse(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(addr_cases); i++) {
        ApAddr addr = {.family = 77};

        g_test_message("case '%s'", addr_cases[i].text);
        g_assert_cmpint(ap_addr_parse(&addr, addr_cases[i].text, NULL), ==, addr_cases[i].ok);
        g_assert_true(addr_cases[i].ok || addr.family == 77);
        g_assert_cmpint(ap_addr_parse_strict(&addr, addr_cases[i].text, NULL),
                        ==,
                        addr_cases[i].strict);
    }
}

static const struct {
    const char *text;
    gboolean host;
    gboolean private;
} class_cases[] = {
    {"10.1.2.3", TRUE, TRUE},
    {"172.31.255.255", TRUE, TRUE},
    {"172.32.0.0", TRUE, FALSE},
    {"192.168.0.1", TRUE, TRUE},
    {"100.64.0.1", TRUE, TRUE},
    {"100.128.0.1", TRUE, FALSE},
    {"8.8.8.8", TRUE, FALSE},
    {"0.0.0.0", FALSE, FALSE},
    {"0.1.2.3", FALSE, FALSE},
    {"127.0.0.1", FALSE, FALSE},
    {"169.254.1.1", FALSE, FALSE},
    {"224.0.0.1", FALSE, FALSE},
    {"240.0.0.1", FALSE, FALSE},
    {"255.255.255.255", FALSE, FALSE},
    {"fd00::1", TRUE, TRUE},
    {"2001:db8::1", TRUE, FALSE},
    {"::", FALSE, FALSE},
    {"::1", FALSE, FALSE},
    {"fe80::1", FALSE, FALSE},
    {"ff02::1", FALSE, FALSE},
    {"::ffff:1.2.3.4", FALSE, FALSE},
    {"::1.2.3.4", FALSE, FALSE},
    {"64:ff9b::1", FALSE, FALSE},
};

static void
test_addr_classes(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(class_cases); i++) {
        ApAddr addr;

        g_test_message("case '%s'", class_cases[i].text);
        g_assert_true(ap_addr_parse(&addr, class_cases[i].text, NULL));
        g_assert_cmpint(ap_addr_is_host(&addr), ==, class_cases[i].host);
        g_assert_cmpint(ap_addr_is_private(&addr), ==, class_cases[i].private);
    }
}

static const struct {
    const char *text;
    gboolean ok;
} cidr_cases[] = {
    {"10.0.0.0/8", TRUE},
    {"10.0.0.1", TRUE},
    {"2001:db8::/32", TRUE},
    {"0.0.0.0/0", TRUE},
    {"::/0", TRUE},
    {"10.0.0.5/24", FALSE}, /* host bits */
    {"10.0.0.0/33", FALSE}, /* too long for IPv4 */
    {"10.0.0.0/-1", FALSE},
    {"10.0.0.0/+8", FALSE},
    {"10.0.0.0/", FALSE},
    {"10.0.0", FALSE},
    {"", FALSE},
};

static void
test_cidr_parse(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cidr_cases); i++) {
        g_autoptr(GError) error = NULL;
        ApCidr cidr = {.prefix_len = 77};

        g_test_message("case '%s'", cidr_cases[i].text);
        g_assert_cmpint(ap_cidr_parse(&cidr, cidr_cases[i].text, &error), ==, cidr_cases[i].ok);
        if (cidr_cases[i].ok) {
            g_assert_no_error(error);
        } else {
            g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
            g_assert_cmpuint(cidr.prefix_len, ==, 77); /* a failure leaves @out alone */
        }
    }
}

static ApCidr
cidr(const char *text)
{
    ApCidr out = {0};

    g_assert_true(ap_cidr_parse(&out, text, NULL));
    return out;
}

static void
test_cidr_contains(void)
{
    const ApCidr lan = cidr("192.0.2.64/26"), last = cidr("192.0.2.127"),
                 next = cidr("192.0.2.128");
    const ApCidr all = cidr("0.0.0.0/0"), v6 = cidr("::/0");
    const ApAddr broadcast = ap_cidr_last(&lan);

    g_assert_true(ap_cidr_contains(&lan, &last));
    g_assert_false(ap_cidr_contains(&lan, &next));
    g_assert_true(ap_cidr_contains(&all, &lan));
    g_assert_false(ap_cidr_contains(&lan, &all));
    g_assert_true(ap_cidr_overlaps(&lan, &all));
    g_assert_false(ap_cidr_overlaps(&v6, &lan));
    g_assert_true(ap_addr_equal(&broadcast, &last.addr));
    g_assert_true(ap_cidr_is_host(&last));
    g_assert_false(ap_cidr_is_host(&lan));
}

static const struct {
    const char *text;
    gboolean ok;
} endpoint_cases[] = {
    {"192.0.2.7:51820", TRUE},
    {"[2001:db8::7]:1", TRUE},
    {"[fe80::1%3]:51820", TRUE},
    {"[2001:db8::7%3]:1", FALSE}, /* a scope only on link-local */
    {"2001:db8::7:51820", FALSE},
    {"[192.0.2.7]:51820", FALSE},
    {"192.0.2.7:0", FALSE},
    {"192.0.2.7:65536", FALSE},
    {"192.0.2.7", FALSE},
    {"[fe80::1%eth0]:1", FALSE},
    {"[]:1", FALSE},
    {"]:1", FALSE},
    {":1", FALSE},
    {"", FALSE},
};

static void
test_endpoint_text(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(endpoint_cases); i++) {
        char text[AP_ENDPOINT_TEXT_LEN];
        struct sockaddr_storage sockaddr;
        ApEndpoint endpoint, again;

        g_test_message("case '%s'", endpoint_cases[i].text);
        g_assert_cmpint(ap_endpoint_parse(&endpoint, endpoint_cases[i].text, NULL),
                        ==,
                        endpoint_cases[i].ok);
        if (!endpoint_cases[i].ok)
            continue;

        ap_endpoint_to_text(&endpoint, text);
        g_assert_cmpstr(text, ==, endpoint_cases[i].text);
        g_assert_cmpuint(ap_endpoint_to_sockaddr(&endpoint, &sockaddr), >, 0);
        g_assert_true(ap_endpoint_from_sockaddr(&again, (struct sockaddr *) &sockaddr));
        g_assert_true(ap_endpoint_equal(&endpoint, &again));
    }
}

static void
test_key_text(void)
{
    static const char *const bad[] = {
        "",
        "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY",   /* 43 */
        "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY==", /* 45 */
        "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwZ=",  /* stray bits */
        "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHL-Y=",  /* URL alphabet */
        "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLw\nY=",
    };
    const char *good = "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY=";
    char text[AP_KEY_TEXT_LEN];
    ApKey key;

    g_assert_true(ap_key_parse(&key, good, NULL));
    ap_key_to_text(&key, text);
    g_assert_cmpstr(text, ==, good);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("case '%s'", bad[i]);
        g_assert_false(ap_key_parse(&key, bad[i], NULL));
    }
}

static void
test_key_safety(void)
{
    ApKey key = {{9}};

    g_assert_true(ap_key_is_safe(&key));
    key.bytes[31] = 0x80; /* alias of 9: bit 255 */
    g_assert_false(ap_key_is_safe(&key));
    memset(key.bytes, 0xff, sizeof(key.bytes));
    key.bytes[0] = 0xed;
    key.bytes[31] = 0x7f; /* p itself */
    g_assert_false(ap_key_is_safe(&key));
    key.bytes[0] = 0xf6; /* p + 9 */
    g_assert_false(ap_key_is_safe(&key));
    key.bytes[0] = 0xec; /* p - 1, of order 4 */
    g_assert_false(ap_key_is_safe(&key));
    key.bytes[0] = 0xeb; /* p - 2 */
    g_assert_true(ap_key_is_safe(&key));
    memset(key.bytes, 0, sizeof(key.bytes));
    g_assert_false(ap_key_is_safe(&key));
}

static void
test_key_pair(void)
{
    /* RFC 7748 6.1, Alice */
    static const guint8 secret_bytes[AP_KEY_LEN] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
                                                    0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
                                                    0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
                                                    0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    g_auto(ApSecretKey) secret;
    char text[AP_KEY_TEXT_LEN];
    ApKey public;

    memcpy(secret.bytes, secret_bytes, sizeof(secret_bytes));
    ap_secret_key_public(&secret, &public);
    ap_key_to_text(&public, text);
    g_assert_cmpstr(text, ==, "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
}

static void
test_device_find(void)
{
    const ApDeviceId id = {.ifindex = 7, .name = "wg0"};
    g_autoptr(ApDevice) device = ap_device_new(&id);
    const ApKey absent = {{4}};

    for (int i = 9; i > 0; i -= 2) {
        const ApKey key = {{(guint8) i}};

        g_ptr_array_add(device->peers, ap_device_peer_new(&key));
    }
    ap_device_sort(device);

    for (guint8 i = 1; i <= 9; i += 2) {
        const ApKey key = {{(guint8) i}};

        g_assert_nonnull(ap_device_find(device, &key));
    }
    g_assert_null(ap_device_find(device, &absent));
}

static void
test_reader_refuses_overrun(void)
{
    g_autoptr(GByteArray) wire = g_byte_array_new();
    guint64 big = 0;
    guint16 small;

    ap_writer_put_be64(wire, G_GUINT64_CONSTANT(0x0102030405060708));
    ap_writer_put_u8(wire, 9);

    ApReader reader = {.data = wire->data, .left = wire->len};
    g_assert_true(ap_reader_take_be64(&reader, &big));
    g_assert_cmphex(big, ==, G_GUINT64_CONSTANT(0x0102030405060708));
    g_assert_false(ap_reader_take_be16(&reader, &small));
    g_assert_cmpuint(reader.left, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/addr/parse", test_addr_parse);
    g_test_add_func("/addr/classes", test_addr_classes);
    g_test_add_func("/cidr/parse", test_cidr_parse);
    g_test_add_func("/cidr/contains", test_cidr_contains);
    g_test_add_func("/endpoint/text", test_endpoint_text);
    g_test_add_func("/key/text", test_key_text);
    g_test_add_func("/key/safety", test_key_safety);
    g_test_add_func("/key/pair", test_key_pair);
    g_test_add_func("/device/find", test_device_find);
    g_test_add_func("/reader/refuses-overrun", test_reader_refuses_overrun);
    return g_test_run();
}
