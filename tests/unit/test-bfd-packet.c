/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/bfd/packet.h"

#include <string.h>

/* Down, Poll, multiplier 3, discriminators 0x01020304 and 0, 1 s and 300 ms; by hand from the
 * drawing in RFC 5880 section 4.1. */
static const guint8 example[AP_BFD_PACKET_BYTES] = {
    0x21, 0x60, 3,    24,                     /* version 1, diag 1; Down, P */
    0x01, 0x02, 0x03, 0x04, 0, 0,    0,    0, /* discriminators */
    0x00, 0x0f, 0x42, 0x40, 0, 0x04, 0x93, 0xe0, 0, 0, 0, 0,
};

static void
test_decode_example(void)
{
    ApBfdPacket packet;

    g_assert_cmpint(ap_bfd_packet_decode(&packet, example, sizeof(example)),
                    ==,
                    AP_BFD_REFUSAL_NONE);
    g_assert_cmpint(packet.diag, ==, AP_BFD_DIAG_DETECTION_EXPIRED);
    g_assert_cmpint(packet.state, ==, AP_BFD_STATE_DOWN);
    g_assert_true(packet.poll);
    g_assert_false(packet.final);
    g_assert_false(packet.demand);
    g_assert_cmpuint(packet.detect_mult, ==, 3);
    g_assert_cmphex(packet.my_discriminator, ==, 0x01020304);
    g_assert_cmphex(packet.your_discriminator, ==, 0);
    g_assert_cmpuint(packet.desired_min_tx_usec, ==, 1000000);
    g_assert_cmpuint(packet.required_min_rx_usec, ==, 300000);
    g_assert_cmpuint(packet.n_bytes, ==, sizeof(example));
}

static void
test_encode_example(void)
{
    guint8 wire[AP_BFD_PACKET_BYTES];
    ApBfdPacket packet;

    g_assert_cmpint(ap_bfd_packet_decode(&packet, example, sizeof(example)),
                    ==,
                    AP_BFD_REFUSAL_NONE);
    g_assert_cmpuint(ap_bfd_packet_encode(&packet, wire, sizeof(wire)), ==, sizeof(wire));
    g_assert_cmpmem(wire, sizeof(wire), example, sizeof(example));
}

/* Byte @at becomes @value, and @n_bytes of the packet arrive. */
static const struct {
    const char *what;
    gsize at;
    guint8 value;
    gsize n_bytes;
    ApBfdRefusal refusal;
} refusal_cases[] = {
    {"nothing", 0, 0x21, 0, AP_BFD_REFUSAL_SHORT},
    {"one byte less", 0, 0x21, 23, AP_BFD_REFUSAL_SHORT},
    {"version 0", 0, 0x01, 24, AP_BFD_REFUSAL_VERSION},
    {"version 2", 0, 0x41, 24, AP_BFD_REFUSAL_VERSION},
    {"version 7", 0, 0xe1, 24, AP_BFD_REFUSAL_VERSION},
    {"length 0", 3, 0, 24, AP_BFD_REFUSAL_LENGTH},
    {"length 23", 3, 23, 24, AP_BFD_REFUSAL_LENGTH},
    {"length above the payload", 3, 25, 24, AP_BFD_REFUSAL_LENGTH},
    {"length below the payload", 3, 24, 40, AP_BFD_REFUSAL_NONE},
    {"length above 24 and all there", 3, 26, 40, AP_BFD_REFUSAL_NONE},
    {"multiplier 0", 2, 0, 24, AP_BFD_REFUSAL_DETECT_MULT},
    {"multiplier 255", 2, 255, 24, AP_BFD_REFUSAL_NONE},
    {"multipoint", 1, 0x41, 24, AP_BFD_REFUSAL_MULTIPOINT},
    {"your discriminator 0 in AdminDown", 1, 0x00, 24, AP_BFD_REFUSAL_NONE},
    {"your discriminator 0 in Down", 1, 0x40, 24, AP_BFD_REFUSAL_NONE},
    {"your discriminator 0 in Init", 1, 0x80, 24, AP_BFD_REFUSAL_YOUR_DISCRIMINATOR},
    {"your discriminator 0 in Up", 1, 0xc0, 24, AP_BFD_REFUSAL_YOUR_DISCRIMINATOR},
    {"authentication", 1, 0x44, 24, AP_BFD_REFUSAL_AUTHENTICATION},
    {"poll and final", 1, 0x70, 24, AP_BFD_REFUSAL_POLL_AND_FINAL},
    {"demand and control plane", 1, 0x4a, 24, AP_BFD_REFUSAL_NONE},
    {"unknown diag", 0, 0x3f, 24, AP_BFD_REFUSAL_NONE},
};

static void
test_decode_refuses(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refusal_cases); i++) {
        guint8 wire[64] = {0};
        ApBfdPacket packet = {.detect_mult = 77};
        ApBfdRefusal refusal;

        g_test_message("case '%s'", refusal_cases[i].what);
        memcpy(wire, example, sizeof(example));
        wire[refusal_cases[i].at] = refusal_cases[i].value;
        refusal = ap_bfd_packet_decode(&packet, wire, refusal_cases[i].n_bytes);
        g_assert_cmpstr(ap_bfd_refusal_name(refusal),
                        ==,
                        ap_bfd_refusal_name(refusal_cases[i].refusal));
        if (refusal != AP_BFD_REFUSAL_NONE)
            g_assert_cmpuint(packet.detect_mult, ==, 77); /* a refusal leaves @out alone */
    }
}

static void
test_decode_refuses_own_discriminator_zero(void)
{
    guint8 wire[AP_BFD_PACKET_BYTES];
    ApBfdPacket packet;

    memcpy(wire, example, sizeof(wire));
    memset(wire + 4, 0, 4);
    g_assert_cmpint(ap_bfd_packet_decode(&packet, wire, sizeof(wire)),
                    ==,
                    AP_BFD_REFUSAL_MY_DISCRIMINATOR);
}

static void
test_padding_is_zero_and_ignored(void)
{
    g_autofree guint8 *wire = g_malloc(AP_BFD_PAYLOAD_MAX);
    ApBfdPacket packet = {.state = AP_BFD_STATE_UP,
                          .final = TRUE,
                          .detect_mult = 3,
                          .my_discriminator = 7,
                          .your_discriminator = G_MAXUINT32,
                          .n_bytes = 1372};

    memset(wire, 0xff, AP_BFD_PAYLOAD_MAX);
    g_assert_cmpuint(ap_bfd_packet_encode(&packet, wire, AP_BFD_PAYLOAD_MAX), ==, 1372);
    g_assert_cmpuint(wire[3], ==, AP_BFD_PACKET_BYTES);
    for (gsize i = AP_BFD_PACKET_BYTES; i < 1372; i++)
        g_assert_cmpuint(wire[i], ==, 0);
    g_assert_cmpuint(wire[1372], ==, 0xff);

    memset(wire + AP_BFD_PACKET_BYTES, 0x55, 1372 - AP_BFD_PACKET_BYTES);
    g_assert_cmpint(ap_bfd_packet_decode(&packet, wire, 1372), ==, AP_BFD_REFUSAL_NONE);
    g_assert_cmpuint(packet.n_bytes, ==, 1372);
    g_assert_cmpuint(packet.your_discriminator, ==, G_MAXUINT32);
    g_assert_true(packet.final);
}

/* Exactly as many bytes as are said to be there may be read; the sanitizer watches. */
static void
test_random_bytes(void)
{
    for (guint i = 0; i < 100000; i++) {
        const gsize n = (gsize) g_test_rand_int_range(0, 64);
        g_autofree guint8 *wire = g_malloc(n);
        ApBfdPacket packet;

        for (gsize k = 0; k < n; k++)
            wire[k] = (guint8) g_test_rand_int();
        if (n > 3 && i % 2 == 0) {
            wire[0] = 0x20;
            wire[3] = AP_BFD_PACKET_BYTES;
        }
        (void) ap_bfd_refusal_name(ap_bfd_packet_decode(&packet, wire, n));
    }
}

static void
test_names_are_distinct(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < AP_N_BFD_REFUSALS; i++)
        g_assert_true(g_hash_table_add(seen, (char *) ap_bfd_refusal_name(i)));
    for (guint i = 0; i < AP_N_BFD_STATES; i++)
        g_assert_true(g_hash_table_add(seen, (char *) ap_bfd_state_name(i)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bfd/packet/decode-example", test_decode_example);
    g_test_add_func("/bfd/packet/encode-example", test_encode_example);
    g_test_add_func("/bfd/packet/refuses", test_decode_refuses);
    g_test_add_func("/bfd/packet/refuses-own-discriminator-zero",
                    test_decode_refuses_own_discriminator_zero);
    g_test_add_func("/bfd/packet/padding-is-zero-and-ignored", test_padding_is_zero_and_ignored);
    g_test_add_func("/bfd/packet/random-bytes", test_random_bytes);
    g_test_add_func("/bfd/packet/names-are-distinct", test_names_are_distinct);
    return g_test_run();
}
