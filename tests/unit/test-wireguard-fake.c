/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What only the fake has; that it behaves as real devices do is tested in tests/contract. */

#include "common/wireguard/fake.h"

#include <string.h>

static ApKey
key(guint number)
{
    ApKey out = {{0}};

    memcpy(out.bytes, &number, sizeof(number));
    return out;
}

static ApPeerChange
addition(guint number)
{
    const ApAddr addr = {AF_INET,
                         {10, (guint8) (number >> 16), (guint8) (number >> 8), (guint8) number}};

    return (ApPeerChange){.key = key(number), .allowed = {ap_cidr_host(&addr)}, .n_allowed = 1};
}

static void
test_fails_at_the_kth_change(void)
{
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    const ApPeerChange changes[] = {addition(1), addition(2), addition(3)};
    g_autoptr(GError) error = NULL;
    g_autoptr(ApDevice) device = NULL;

    ap_wireguard_fake_fail_apply(fake, 1, AP_ERROR_FAILED);
    g_assert_false(ap_wireguard_apply(fake, &id, changes, G_N_ELEMENTS(changes), &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    device = ap_wireguard_read(fake, &id, NULL);
    g_assert_true(device != NULL && device->peers->len == 1);
    g_assert_cmpuint(ap_wireguard_fake_changes(fake)->len, ==, 1);

    /* A failure happens once. */
    g_assert_true(ap_wireguard_apply(fake, &id, changes, G_N_ELEMENTS(changes), NULL));
    g_assert_cmpuint(ap_wireguard_fake_changes(fake)->len, ==, 4);
}

static void
test_fails_on_order(void)
{
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    g_autoptr(GError) list_error = NULL;
    g_autoptr(GError) read_error = NULL;

    ap_wireguard_fake_fail_list(fake, AP_ERROR_DENIED);
    ap_wireguard_fake_fail_read(fake, AP_ERROR_TIMED_OUT);
    g_assert_null(ap_wireguard_list(fake, &list_error));
    g_assert_error(list_error, AP_ERROR, AP_ERROR_DENIED);
    g_assert_null(ap_wireguard_read(fake, &id, &read_error));
    g_assert_error(read_error, AP_ERROR, AP_ERROR_TIMED_OUT);
}

static void
test_counts_calls(void)
{
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    const ApPeerChange change = addition(1);
    g_autoptr(ApDevice) device = ap_wireguard_read(fake, &id, NULL);
    g_autoptr(GArray) ids = ap_wireguard_list(fake, NULL);

    g_assert_true(ap_wireguard_apply(fake, &id, &change, 1, NULL));
    g_assert_true(ap_wireguard_apply(fake, &id, &change, 0, NULL));
    g_assert_cmpuint(ap_wireguard_fake_calls(fake)->n_list, ==, 1);
    g_assert_cmpuint(ap_wireguard_fake_calls(fake)->n_read, ==, 1);
    g_assert_cmpuint(ap_wireguard_fake_calls(fake)->n_apply, ==, 1);
    ap_wireguard_fake_forget(fake);
    g_assert_cmpuint(ap_wireguard_fake_calls(fake)->n_apply, ==, 0);
    g_assert_cmpuint(ap_wireguard_fake_changes(fake)->len, ==, 0);
}

static void
test_sets_what_the_network_would(void)
{
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    const ApPeerChange change = addition(1);
    g_autoptr(ApDevice) device = NULL;
    const ApDevicePeer *peer;

    g_assert_null(ap_wireguard_fake_peer(fake, 5, &change.key));
    g_assert_true(ap_wireguard_apply(fake, &id, &change, 1, NULL));
    ap_wireguard_fake_peer(fake, 5, &change.key)->handshake_real_usec = 77;
    ap_wireguard_fake_peer(fake, 5, &change.key)->rx_bytes = 78;

    device = ap_wireguard_read(fake, &id, NULL);
    g_assert_true(device != NULL);
    peer = ap_device_find(device, &change.key);
    g_assert_true(peer != NULL);
    g_assert_cmpint(peer->handshake_real_usec, ==, 77);
    g_assert_cmpuint(peer->rx_bytes, ==, 78);
}

/* A new key of the device that is a peer's: the peer goes, as in the kernel. */
static void
test_new_key_removes_that_peer(void)
{
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    const ApPeerChange changes[] = {addition(1), addition(2)};
    g_autoptr(ApDevice) device = NULL;

    g_assert_true(ap_wireguard_apply(fake, &id, changes, G_N_ELEMENTS(changes), NULL));
    ap_wireguard_fake_set_key(fake, 5, &changes[0].key);
    device = ap_wireguard_read(fake, &id, NULL);
    g_assert_true(device != NULL && device->has_key);
    g_assert_cmpuint(device->peers->len, ==, 1);
}

/* Load tests put 10,000 peers here: what takes time with their square would be minutes. */
static void
test_ten_thousand_peers(void)
{
    const guint n = 10000;
    g_autofree ApPeerChange *changes = g_new(ApPeerChange, n);
    g_autoptr(ApWireguard) fake = ap_wireguard_fake_new();
    const ApDeviceId id = ap_wireguard_fake_add_device(fake, 5, "wg0", NULL, 0);
    g_autoptr(GTimer) timer = g_timer_new();

    for (guint i = 0; i < n; i++)
        changes[i] = addition(i);
    for (guint round = 0; round < 10; round++) {
        g_autoptr(ApDevice) device = NULL;

        g_assert_true(ap_wireguard_apply(fake, &id, changes, n, NULL));
        device = ap_wireguard_read(fake, &id, NULL);
        g_assert_true(device != NULL && device->peers->len == n);
    }
    g_assert_cmpfloat(g_timer_elapsed(timer, NULL), <, 20);
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/fake/fails-at-the-kth-change", test_fails_at_the_kth_change);
    g_test_add_func("/fake/fails-on-order", test_fails_on_order);
    g_test_add_func("/fake/counts-calls", test_counts_calls);
    g_test_add_func("/fake/sets-what-the-network-would", test_sets_what_the_network_would);
    g_test_add_func("/fake/new-key-removes-that-peer", test_new_key_removes_that_peer);
    g_test_add_func("/fake/ten-thousand-peers", test_ten_thousand_peers);

    return g_test_run();
}
