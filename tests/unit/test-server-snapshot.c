/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "server/snapshot.h"

#include <string.h>

/** A roster kept by messages, as the HTTP process keeps it. */
typedef struct {
    ApRoster *roster;
    guint n_messages;
    guint n_put;
    guint n_removed;
} Mirror;

static ApRosterPeer
make_peer(guint number)
{
    ApRosterPeer peer = {.n_addresses = 2, .handshake_real_usec = G_GINT64_CONSTANT(1) << 50};

    peer.key.bytes[0] = (guint8) (number >> 16);
    peer.key.bytes[1] = (guint8) (number >> 8);
    peer.key.bytes[2] = (guint8) number;
    g_assert_true(ap_endpoint_parse(&peer.endpoint, "[2001:db8::1]:40001", NULL));
    peer.addresses[0] = (ApAddr){AF_INET, {10, 9, (guint8) (number >> 8), (guint8) number}};
    peer.addresses[1] = (ApAddr){AF_INET6, {0xfd, [14] = (guint8) (number >> 8), (guint8) number}};
    return peer;
}

static GArray *
make_peers(guint n)
{
    GArray *out = g_array_new(FALSE, TRUE, sizeof(ApRosterPeer));

    for (guint i = 0; i < n; i++) {
        const ApRosterPeer peer = make_peer(i);

        g_array_append_val(out, peer);
    }
    return out;
}

static void
follow(Mirror *self, const GArray *before, const GArray *after)
{
    g_autoptr(GPtrArray) messages = ap_snapshot_diff(before, after);

    *self = (Mirror){.roster = self->roster, .n_messages = messages->len};
    for (guint i = 0; i < messages->len; i++) {
        const GByteArray *bytes = g_ptr_array_index(messages, i);
        g_autoptr(GError) error = NULL;
        g_auto(ApSnapshotMessage) message = {0};

        g_assert_cmpuint(bytes->len, <=, AP_SNAPSHOT_MAX_MESSAGE);
        g_assert_true(ap_snapshot_read(&message, bytes->data, bytes->len, &error));
        g_assert_no_error(error);
        g_assert_cmpint(message.kind == AP_SNAPSHOT_END, ==, i == messages->len - 1);
        for (guint j = 0; j < message.peers->len; j++)
            ap_roster_put(self->roster, &g_array_index(message.peers, ApRosterPeer, j));
        for (guint j = 0; j < message.removed->len; j++)
            ap_roster_remove(self->roster, &g_array_index(message.removed, ApKey, j));
        self->n_put += message.peers->len;
        self->n_removed += message.removed->len;
    }
}

static void
assert_same(const Mirror *self, const GArray *peers)
{
    g_assert_cmpuint(ap_roster_n_peers(self->roster), ==, peers->len);
    for (guint i = 0; i < peers->len; i++) {
        const ApRosterPeer *peer = &g_array_index(peers, ApRosterPeer, i);
        const ApRosterPeer *found = ap_roster_find(self->roster, &peer->key);

        g_assert_nonnull(found);
        g_assert_true(ap_endpoint_equal(&found->endpoint, &peer->endpoint));
        g_assert_cmpint(found->handshake_real_usec, ==, peer->handshake_real_usec);
        g_assert_cmpuint(found->n_addresses, ==, peer->n_addresses);
        g_assert_true(ap_addr_equal(&found->addresses[1], &peer->addresses[1]));
    }
}

static void
test_only_differences_are_sent(void)
{
    g_autoptr(ApRoster) roster = ap_roster_new();
    g_autoptr(GArray) empty = make_peers(0);
    g_autoptr(GArray) before = make_peers(1000);
    g_autoptr(GArray) after = make_peers(1001);
    Mirror mirror = {.roster = roster};

    follow(&mirror, empty, before);
    g_assert_cmpuint(mirror.n_put, ==, 1000);
    assert_same(&mirror, before);

    follow(&mirror, before, before);
    g_assert_cmpuint(mirror.n_messages, ==, 1);

    g_array_index(after, ApRosterPeer, 7).handshake_real_usec++;
    g_array_index(after, ApRosterPeer, 8).endpoint = (ApEndpoint){0};
    g_array_remove_index(after, 500);
    g_array_remove_index(after, 0);
    follow(&mirror, before, after);
    g_assert_cmpuint(mirror.n_put, ==, 3);
    g_assert_cmpuint(mirror.n_removed, ==, 2);
    assert_same(&mirror, after);

    follow(&mirror, after, empty);
    g_assert_cmpuint(mirror.n_removed, ==, 999);
}

static void
test_ten_thousand_peers(void)
{
    g_autoptr(ApRoster) roster = ap_roster_new();
    g_autoptr(GArray) empty = make_peers(0);
    g_autoptr(GArray) many = make_peers(10000);
    Mirror mirror = {.roster = roster};

    follow(&mirror, empty, many);
    g_assert_cmpuint(mirror.n_messages, >, 10);
    assert_same(&mirror, many);
}

static void
test_device_is_reduced_to_hosts(void)
{
    static const char *const allowed[] =
        {"10.9.0.11", "10.9.0.0/28", "fe80::11", "fd09:9::11", "fd09:9::/120", "0.0.0.0/0"};
    const ApDeviceId id = {.ifindex = 7, .name = "wg0"};
    const ApKey key = {{9}};
    g_autoptr(ApDevice) device = ap_device_new(&id);
    ApDevicePeer *peer = ap_device_peer_new(&key);

    for (gsize i = 0; i < G_N_ELEMENTS(allowed); i++) {
        ApCidr cidr = {0};

        g_assert_true(ap_cidr_parse(&cidr, allowed[i], NULL));
        g_array_append_val(peer->allowed, cidr);
    }
    g_ptr_array_add(device->peers, peer);
    ap_device_sort(device);

    g_autoptr(GArray) peers = ap_snapshot_peers(device);
    g_assert_cmpuint(peers->len, ==, 1);
    g_assert_cmpuint(g_array_index(peers, ApRosterPeer, 0).n_addresses, ==, 2);
}

static ApSnapshotMessage
pass_on(GByteArray *bytes)
{
    ApSnapshotMessage message = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(ap_snapshot_read(&message, bytes->data, bytes->len, &error));
    g_assert_no_error(error);
    return message;
}

static void
test_failure(void)
{
    g_autoptr(GByteArray) bytes = ap_snapshot_failure("no such device");
    g_auto(ApSnapshotMessage) message = pass_on(bytes);

    g_assert_cmpint(message.kind, ==, AP_SNAPSHOT_FAILED);
    g_assert_cmpstr(message.text, ==, "no such device");
}

static void
test_quit(void)
{
    g_autoptr(GByteArray) bytes = ap_snapshot_quit(77, "CAP_NET_ADMIN is missing");
    g_auto(ApSnapshotMessage) message = pass_on(bytes);

    g_assert_cmpint(message.kind, ==, AP_SNAPSHOT_QUIT);
    g_assert_cmpuint(message.status, ==, 77);
    g_assert_cmpstr(message.text, ==, "CAP_NET_ADMIN is missing");
}

static ApPlace
make_place(void)
{
    return (ApPlace){
        .interface = "wg0",
        .port = 80,
        .n = 2,
        .own = {{{AF_INET, {10, 9, 0, 1}}, 24}, {{AF_INET6, {0xfd, 9, [15] = 1}}, 64}},
        .has_socket = {FALSE, TRUE},
    };
}

static void
test_place(void)
{
    const ApPlace place = make_place();
    g_autoptr(GByteArray) bytes = ap_snapshot_place(&place);
    g_auto(ApSnapshotMessage) message = pass_on(bytes);
    g_autofree char *text = ap_place_to_text(&message.place);

    g_assert_cmpint(message.kind, ==, AP_SNAPSHOT_PLACE);
    g_assert_cmpstr(message.place.interface, ==, "wg0");
    g_assert_cmpstr(text, ==, "10.9.0.1:80, [fd09::1]:80");
    g_assert_cmpuint(message.place.own[0].prefix_len, ==, 24);
    g_assert_cmpuint(ap_place_n_sockets(&message.place), ==, 1);
    g_assert_false(message.place.has_socket[0]);
    g_assert_true(ap_place_holds(&message.place, &place.own[1].addr));
}

static void
test_nonsensical_places_are_refused(void)
{
    const ApPlace good = make_place();
    ApPlace bad[] = {good, good};

    memset(bad[0].interface, 'x', sizeof(bad[0].interface));
    bad[1].own[0].prefix_len = 33;
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GByteArray) bytes = ap_snapshot_place(&bad[i]);
        ApSnapshotMessage message;

        g_assert_false(ap_snapshot_read(&message, bytes->data, bytes->len, NULL));
    }
}

static void
refuse_truncations(const GByteArray *whole, guint first)
{
    for (guint n = first; n < whole->len; n++) {
        g_autofree guint8 *exact = g_memdup2(whole->data, n);
        g_autoptr(GError) error = NULL;
        g_auto(ApSnapshotMessage) message = {0};

        g_test_message("%u of %u bytes", n, whole->len);
        g_assert_false(ap_snapshot_read(&message, exact, n, &error));
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }
}

static void
test_every_truncation_is_refused(void)
{
    const ApPlace place = make_place();
    g_autoptr(GArray) empty = make_peers(0);
    g_autoptr(GArray) one = make_peers(1);
    g_autoptr(GPtrArray) messages = ap_snapshot_diff(empty, one);
    g_autoptr(GByteArray) placed = ap_snapshot_place(&place);

    refuse_truncations(g_ptr_array_index(messages, 0), 2); /* the first byte alone names no peer */
    refuse_truncations(placed, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/snapshot/only-differences-are-sent", test_only_differences_are_sent);
    g_test_add_func("/snapshot/ten-thousand-peers", test_ten_thousand_peers);
    g_test_add_func("/snapshot/device-is-reduced-to-hosts", test_device_is_reduced_to_hosts);
    g_test_add_func("/snapshot/failure", test_failure);
    g_test_add_func("/snapshot/quit", test_quit);
    g_test_add_func("/snapshot/place", test_place);
    g_test_add_func("/snapshot/nonsensical-places-are-refused",
                    test_nonsensical_places_are_refused);
    g_test_add_func("/snapshot/every-truncation-is-refused", test_every_truncation_is_refused);
    return g_test_run();
}
