/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What every WireGuard backend must do, run against each: test-wireguard-contract BACKEND,
 * which is fake, userspace or kernel.
 */

#include "common/error.h"
#include "tests/contract/bed.h"
#include "tests/contract/secret.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 51820

/** Peers of a big device, and prefixes of each. */
#define MANY_PEERS 1000
#define MANY_PREFIXES 3

/** Prefixes of a peer that does not fit into one message of the kernel. */
#define LONG_PREFIXES 2000

/** Longest pause between two changes by somebody else: several readings under emulation. */
#define MAX_PAUSE_USEC 100000

static Bed bed;

static ApKey
key(guint number)
{
    ApKey out = {{0}};

    out.bytes[0] = (guint8) (number >> 8);
    out.bytes[1] = (guint8) number;
    out.bytes[AP_KEY_LEN - 1] = 0x11;
    return out;
}

static ApCidr
cidr(const char *text)
{
    ApCidr out = {0};

    g_assert_true(ap_cidr_parse(&out, text, NULL));
    return out;
}

static ApDevice *
must_read(const ApDeviceId *id)
{
    g_autoptr(GError) error = NULL;
    ApDevice *device = ap_wireguard_read(bed.wireguard, id, &error);

    g_assert_no_error(error);
    g_assert_true(device != NULL);
    return device;
}

static void
must_apply_once(const ApDeviceId *id, const ApPeerChange *changes, guint n_changes)
{
    g_autoptr(GError) error = NULL;
    const gboolean ok = ap_wireguard_apply(bed.wireguard, id, changes, n_changes, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
}

static void
must_apply(const ApDeviceId *id, const ApPeerChange *changes, guint n_changes)
{
    guint n_done = 0;

    while (n_done < n_changes) {
        const guint n = MIN(n_changes - n_done, bed.max_changes);

        must_apply_once(id, changes + n_done, n);
        n_done += n;
    }
}

/* Gives prefixes to a peer; @texts is a list with spaces between. */
static void
give(const ApDeviceId *id, guint number, guint flags, const char *texts)
{
    ApPeerChange change = {.key = key(number), .flags = flags};
    g_auto(GStrv) parts = g_strsplit(texts, " ", -1);

    while (texts[0] != '\0' && parts[change.n_allowed] != NULL) {
        change.allowed[change.n_allowed] = cidr(parts[change.n_allowed]);
        change.n_allowed++;
    }
    must_apply(id, &change, 1);
}

static char *
allowed_text(const ApDevicePeer *peer)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < peer->allowed->len; i++) {
        char text[AP_CIDR_TEXT_LEN];

        ap_cidr_to_text(&g_array_index(peer->allowed, ApCidr, i), text);
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", text);
    }
    return g_string_free(out, FALSE);
}

/* @texts: in order; NULL: the peer is not there. */
static void
assert_allowed(const ApDeviceId *id, guint number, const char *texts)
{
    g_autoptr(ApDevice) device = must_read(id);
    const ApKey wanted = key(number);
    const ApDevicePeer *peer = ap_device_find(device, &wanted);
    g_autofree char *text = peer != NULL ? allowed_text(peer) : NULL;

    g_assert_cmpstr(text, ==, texts);
}

static void
assert_fails(const ApDeviceId *id, ApError code)
{
    const ApPeerChange change = {.key = key(1), .flags = AP_PEER_UPDATE_ONLY};
    g_autoptr(GError) read_error = NULL;
    g_autoptr(GError) apply_error = NULL;

    g_assert_null(ap_wireguard_read(bed.wireguard, id, &read_error));
    g_assert_error(read_error, AP_ERROR, (int) code);
    g_assert_false(ap_wireguard_apply(bed.wireguard, id, &change, 1, &apply_error));
    g_assert_error(apply_error, AP_ERROR, (int) code);
}

/* --- listing and reading ---------------------------------------------------------------------- */

static void
test_list(void)
{
    g_autoptr(GArray) none = ap_wireguard_list(bed.wireguard, NULL);
    const ApDeviceId first = bed.ops->add_device("wg0");
    const ApDeviceId second = bed.ops->add_device("wg1");
    g_autoptr(GArray) both = ap_wireguard_list(bed.wireguard, NULL);

    bed.ops->remove_device(&first);
    bed.ops->remove_device(&second);
    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(both->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const ApDeviceId *id = &g_array_index(both, ApDeviceId, i);

        g_assert_cmpuint(id->ifindex, ==, i == 0 ? first.ifindex : second.ifindex);
        g_assert_cmpstr(id->name, ==, i == 0 ? "wg0" : "wg1");
        g_assert_cmpint(id->backend, ==, bed.backend);
    }
}

static void
test_read_empty(const ApDeviceId *id)
{
    g_autoptr(ApDevice) device = must_read(id);

    g_assert_cmpuint(device->id.ifindex, ==, id->ifindex);
    g_assert_cmpstr(device->id.name, ==, id->name);
    g_assert_cmpint(device->id.backend, ==, bed.backend);
    g_assert_false(device->has_key);
    g_assert_cmpuint(device->fwmark, ==, 0);
    g_assert_cmpuint(device->peers->len, ==, 0);
}

static void
test_read_key_and_port(const ApDeviceId *id)
{
    g_auto(ApSecretKey) secret = {0};
    ApKey wanted;

    for (guint i = 0; i < AP_KEY_LEN; i++)
        secret.bytes[i] = secret_byte(i);
    ap_secret_key_public(&secret, &wanted);
    bed.ops->set_key(id, SECRET_BASE64, PORT);

    g_autoptr(ApDevice) device = must_read(id);

    g_assert_true(device->has_key);
    g_assert_true(ap_key_equal(&device->public_key, &wanted));
    g_assert_cmpuint(device->listen_port, ==, PORT);
}

static void
test_read_foreign_peer(const ApDeviceId *id)
{
    const ApKey one = key(1);
    const ApKey two = key(2);

    bed.ops->add_peer(id, &one, "192.0.2.1:5000", TRUE, "10.0.0.0/24");
    bed.ops->add_peer(id, &two, NULL, FALSE, "0.0.0.0/0");

    g_autoptr(ApDevice) device = must_read(id);
    const ApDevicePeer *with_psk = ap_device_find(device, &one);
    const ApDevicePeer *without = ap_device_find(device, &two);

    g_assert_true(with_psk != NULL && without != NULL);
    g_assert_true(with_psk->has_psk);
    g_assert_cmpuint(with_psk->endpoint.port, ==, 5000);
    g_assert_false(without->has_psk);
    g_assert_false(ap_endpoint_is_set(&without->endpoint));
    g_assert_cmpint(without->handshake_real_usec, ==, 0);
    g_assert_cmpuint(without->rx_bytes, ==, 0);
    assert_allowed(id, 1, "10.0.0.0/24");
    assert_allowed(id, 2, "0.0.0.0/0");
}

/* Neither in what is returned nor anywhere else: sockets' buffers, the stack, freed memory. */
static void
test_private_key_stays_away(const ApDeviceId *id)
{
    guint8 *plain = g_malloc(AP_KEY_LEN);

    for (guint i = 0; i < AP_KEY_LEN; i++)
        plain[i] = secret_byte(i);
    g_assert_cmpuint(secret_count_in_memory(), >, 0);
    memset(plain, 0, AP_KEY_LEN);
    g_free(plain);
    g_assert_cmpuint(secret_count_in_memory(), ==, 0);

    bed.ops->set_key(id, SECRET_BASE64, PORT);
    for (guint i = 0; i < 3; i++) {
        g_autoptr(ApDevice) device = must_read(id);

        g_assert_true(device->has_key);
        g_assert_cmpuint(secret_count_in_memory(), ==, 0);
    }
}

/* --- changing --------------------------------------------------------------------------------- */

static void
test_add_peer(const ApDeviceId *id)
{
    ApPeerChange change = {
        .key = key(1),
        .flags = AP_PEER_SET_ENDPOINT | AP_PEER_SET_KEEPALIVE,
        .keepalive_sec = 25,
        .allowed = {cidr("10.0.0.2/32"), cidr("fd00::2/128")},
        .n_allowed = 2,
    };

    g_assert_true(ap_endpoint_parse(&change.endpoint, "192.0.2.7:51820", NULL));
    must_apply(id, &change, 1);

    g_autoptr(ApDevice) device = must_read(id);
    const ApDevicePeer *peer = ap_device_find(device, &change.key);

    g_assert_true(peer != NULL);
    g_assert_true(ap_endpoint_equal(&peer->endpoint, &change.endpoint));
    g_assert_cmpuint(peer->keepalive_sec, ==, 25);
    g_assert_false(peer->has_psk);
    assert_allowed(id, 1, "10.0.0.2/32 fd00::2/128");
}

static void
test_add_bare_peer(const ApDeviceId *id)
{
    give(id, 1, 0, "");
    assert_allowed(id, 1, "");
}

static void
test_update_only(const ApDeviceId *id)
{
    give(id, 1, AP_PEER_UPDATE_ONLY, "10.0.0.2/32");
    assert_allowed(id, 1, NULL);
    give(id, 1, 0, "");
    give(id, 1, AP_PEER_UPDATE_ONLY, "10.0.0.2/32");
    assert_allowed(id, 1, "10.0.0.2/32");
}

static void
test_endpoints(const ApDeviceId *id)
{
    static const char *const endpoints[] = {
        "192.0.2.7:1",
        "[2001:db8::7]:65535",
        "192.0.2.8:51820",
        "[fe80::7%1]:51820", /* lo has index 1 in every namespace */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(endpoints); i++) {
        ApPeerChange change = {.key = key(1), .flags = AP_PEER_SET_ENDPOINT};

        g_test_message("endpoint %s", endpoints[i]);
        g_assert_true(ap_endpoint_parse(&change.endpoint, endpoints[i], NULL));
        must_apply(id, &change, 1);

        g_autoptr(ApDevice) device = must_read(id);
        const ApDevicePeer *peer = ap_device_find(device, &change.key);

        g_assert_true(peer != NULL);
        if (!bed.keeps_scope)
            change.endpoint.scope_id = 0;
        g_assert_true(ap_endpoint_equal(&peer->endpoint, &change.endpoint));
    }
}

static void
test_keepalive(const ApDeviceId *id)
{
    static const guint16 intervals[] = {25, 0, 65535, 1};

    for (gsize i = 0; i < G_N_ELEMENTS(intervals); i++) {
        const ApPeerChange change = {
            .key = key(1),
            .flags = AP_PEER_SET_KEEPALIVE,
            .keepalive_sec = intervals[i],
        };

        must_apply(id, &change, 1);
        give(id, 1, AP_PEER_UPDATE_ONLY, "10.0.0.1/32");

        g_autoptr(ApDevice) device = must_read(id);
        const ApDevicePeer *peer = ap_device_find(device, &change.key);

        g_assert_true(peer != NULL);
        g_assert_cmpuint(peer->keepalive_sec, ==, intervals[i]);
    }
}

static void
test_allowed_added(const ApDeviceId *id)
{
    give(id, 1, 0, "10.0.0.2/32");
    give(id, 1, AP_PEER_UPDATE_ONLY, "fd00::2/128 10.0.0.2/32");
    give(id, 1, AP_PEER_UPDATE_ONLY, "");
    assert_allowed(id, 1, "10.0.0.2/32 fd00::2/128");
}

static void
test_allowed_replaced(const ApDeviceId *id)
{
    const guint flags = AP_PEER_UPDATE_ONLY | AP_PEER_REPLACE_ALLOWED;

    give(id, 1, 0, "10.0.0.2/32 10.0.0.3/32");
    give(id, 2, 0, "10.0.0.4/32");
    give(id, 1, flags, "10.0.0.3/32 fd00::3/128");
    assert_allowed(id, 1, "10.0.0.3/32 fd00::3/128");
    give(id, 1, flags, "");
    assert_allowed(id, 1, "");
    assert_allowed(id, 2, "10.0.0.4/32");
}

static void
test_allowed_moved(const ApDeviceId *id)
{
    give(id, 1, 0, "10.0.0.0/24 10.0.0.2/32 10.0.0.3/32");
    give(id, 2, 0, "10.0.0.2/32");
    assert_allowed(id, 1, "10.0.0.0/24 10.0.0.3/32");
    assert_allowed(id, 2, "10.0.0.2/32");
    give(id, 1, AP_PEER_UPDATE_ONLY, "10.0.0.2/32");
    assert_allowed(id, 1, "10.0.0.0/24 10.0.0.2/32 10.0.0.3/32");
    assert_allowed(id, 2, "");
}

/* decisions.md 3: how one prefix is taken off a peer whose other ones must stay. */
static void
test_allowed_given_away(const ApDeviceId *id)
{
    const ApPeerChange changes[] = {
        {.key = key(9), .allowed = {cidr("10.0.0.3/32")}, .n_allowed = 1},
        {.key = key(9), .flags = AP_PEER_REMOVE},
    };

    give(id, 1, 0, "10.0.0.2/32 10.0.0.3/32");
    must_apply(id, changes, G_N_ELEMENTS(changes));
    assert_allowed(id, 1, "10.0.0.2/32");
    assert_allowed(id, 9, NULL);
}

static void
test_remove(const ApDeviceId *id)
{
    give(id, 1, 0, "10.0.0.2/32");
    give(id, 2, 0, "10.0.0.3/32");
    give(id, 1, AP_PEER_REMOVE, "");
    assert_allowed(id, 1, NULL);
    assert_allowed(id, 2, "10.0.0.3/32");
    give(id, 2, AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY, "");
    assert_allowed(id, 2, NULL);
}

static void
test_remove_absent(const ApDeviceId *id)
{
    give(id, 1, AP_PEER_REMOVE, "");
    give(id, 1, AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY, "");
    assert_allowed(id, 1, NULL);
}

/* Both in one call, so that nobody sees the peer in between. */
static void
test_taken_from_nobody(const ApDeviceId *id)
{
    const ApPeerChange changes[] = {
        {.key = key(2), .allowed = {cidr("fe80::1/128")}, .n_allowed = 1},
        {.key = key(2), .flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY},
    };

    give(id, 1, 0, "10.0.0.2/32");
    give(id, 1, AP_PEER_UPDATE_ONLY, "fe80::1/128");
    assert_allowed(id, 1, "10.0.0.2/32 fe80::1/128");
    must_apply(id, changes, G_N_ELEMENTS(changes));
    assert_allowed(id, 1, "10.0.0.2/32");
    assert_allowed(id, 2, NULL);
}

static void
test_secret(const ApDeviceId *id)
{
    const ApKey other = key(1);
    g_autoptr(GError) error = NULL;
    g_autoptr(ApDevice) device = NULL;
    g_auto(ApSecretKey) secret = {0};

    g_assert_false(ap_wireguard_read_secret(bed.wireguard, id, &other, &secret, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_GONE);
    g_clear_error(&error);

    bed.ops->set_key(id, SECRET_BASE64, PORT);
    device = must_read(id);
    g_assert_true(
        ap_wireguard_read_secret(bed.wireguard, id, &device->public_key, &secret, &error));
    g_assert_no_error(error);
    for (guint i = 0; i < sizeof(secret.bytes); i++)
        g_assert_cmpuint(secret.bytes[i], ==, secret_byte(i));

    ap_secret_key_clear(&secret);
    g_assert_true(!bed.is_real || secret_count_in_memory() == 0);
    g_assert_false(ap_wireguard_read_secret(bed.wireguard, id, &other, &secret, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_GONE);
    for (guint i = 0; i < sizeof(secret.bytes); i++)
        g_assert_cmpuint(secret.bytes[i], ==, 0);
}

static void
test_own_key(const ApDeviceId *id)
{
    ApPeerChange change = {.allowed = {cidr("10.0.0.2/32")}, .n_allowed = 1};

    bed.ops->set_key(id, SECRET_BASE64, PORT);
    give(id, 1, 0, "10.0.0.2/32");

    g_autoptr(ApDevice) before = must_read(id);

    change.key = before->public_key;
    must_apply(id, &change, 1);

    g_autoptr(ApDevice) after = must_read(id);

    g_assert_cmpuint(after->peers->len, ==, 1);
    assert_allowed(id, 1, "10.0.0.2/32");
}

static void
test_foreign_peer_stays(const ApDeviceId *id)
{
    const ApKey hub = key(1);

    bed.ops->set_key(id, SECRET_BASE64, PORT);
    bed.ops->add_peer(id, &hub, "192.0.2.1:5000", TRUE, "10.0.0.0/24");
    give(id, 2, 0, "10.0.0.2/32");
    give(id, 2, AP_PEER_REMOVE, "");

    g_autoptr(ApDevice) device = must_read(id);
    const ApDevicePeer *peer = ap_device_find(device, &hub);

    g_assert_true(device->has_key);
    g_assert_cmpuint(device->listen_port, ==, PORT);
    g_assert_true(peer != NULL);
    g_assert_true(peer->has_psk);
    g_assert_cmpuint(peer->endpoint.port, ==, 5000);
    assert_allowed(id, 1, "10.0.0.0/24");
}

/* --- much -------------------------------------------------------------------------------------- */

static void
fill_change(ApPeerChange *change, guint number)
{
    const ApAddr v4 = {.family = AF_INET, .bytes = {10}};
    const ApAddr v6 = {.family = AF_INET6, .bytes = {0xfd}};

    *change = (ApPeerChange){.key = key(number), .flags = AP_PEER_SET_ENDPOINT};
    change->endpoint = (ApEndpoint){.addr = {AF_INET, {192, 0, 2, 1}}, .port = 1};
    change->endpoint.port = (guint16) (number + 1);
    for (guint i = 0; i < MANY_PREFIXES; i++) {
        ApAddr addr = i % 2 == 0 ? v4 : v6;

        addr.bytes[1] = (guint8) (number >> 8);
        addr.bytes[2] = (guint8) number;
        addr.bytes[3] = (guint8) i;
        change->allowed[change->n_allowed++] = ap_cidr_host(&addr);
    }
}

static void
add_many(const ApDeviceId *id)
{
    g_autofree ApPeerChange *changes = g_new(ApPeerChange, MANY_PEERS);

    for (guint i = 0; i < MANY_PEERS; i++)
        fill_change(&changes[i], i);
    must_apply(id, changes, MANY_PEERS);
}

static void
test_many_peers(const ApDeviceId *id)
{
    add_many(id);

    g_autoptr(ApDevice) device = must_read(id);

    g_assert_cmpuint(device->peers->len, ==, MANY_PEERS);
    for (guint i = 0; i < MANY_PEERS; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);
        ApPeerChange wanted;

        fill_change(&wanted, i);
        g_assert_true(ap_key_equal(&peer->key, &wanted.key));
        g_assert_true(ap_endpoint_equal(&peer->endpoint, &wanted.endpoint));
        g_assert_cmpuint(peer->allowed->len, ==, MANY_PREFIXES);
        for (guint k = 0; k < MANY_PREFIXES; k++) {
            const ApCidr *held = &g_array_index(peer->allowed, ApCidr, k);
            gboolean found = FALSE;

            for (guint j = 0; j < MANY_PREFIXES; j++)
                found = found || ap_cidr_equal(held, &wanted.allowed[j]);
            g_assert_true(found);
        }
    }
}

static void
test_many_prefixes(const ApDeviceId *id)
{
    g_autofree ApPeerChange *changes = g_new0(ApPeerChange, LONG_PREFIXES);
    const ApKey one = key(1);

    for (guint i = 0; i < LONG_PREFIXES; i++) {
        const ApAddr addr = {AF_INET, {10, 1, (guint8) (i >> 8), (guint8) i}};

        changes[i] = (ApPeerChange){.key = one, .n_allowed = 1};
        changes[i].allowed[0] = ap_cidr_host(&addr);
    }
    must_apply(id, changes, LONG_PREFIXES);
    give(id, 2, 0, "10.2.0.1/32");

    g_autoptr(ApDevice) device = must_read(id);
    const ApDevicePeer *peer = ap_device_find(device, &one);

    g_assert_cmpuint(device->peers->len, ==, 2);
    g_assert_true(peer != NULL);
    g_assert_cmpuint(peer->allowed->len, ==, LONG_PREFIXES);
    for (guint i = 0; i < LONG_PREFIXES; i++)
        g_assert_true(
            ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), &changes[i].allowed[0]));
}

/*
 * Adds and removes one peer, for ever; in a process of its own. The pauses are now shorter and
 * now longer than a reading takes, so that some are interrupted and some are not.
 */
G_GNUC_NORETURN static void
disturb(const ApDeviceId *id)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_new_system();
    ApPeerChange change = {.key = key(MANY_PEERS + 1)};

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        g_autoptr(GError) error = NULL;

        change.flags ^= AP_PEER_REMOVE;
        if (!ap_wireguard_apply(wireguard, id, &change, 1, &error))
            g_printerr("# %s\n", error->message);
        g_usleep((gulong) g_random_int_range(0, MAX_PAUSE_USEC));
    }
}

/* While somebody else changes the device: the whole, or an error; never a part. */
static void
test_read_while_changing(const ApDeviceId *id)
{
    guint n_whole = 0;
    pid_t pid;

    add_many(id);
    pid = fork();
    if (pid == 0)
        disturb(id);
    for (guint i = 0; i < 100; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ApDevice) device = ap_wireguard_read(bed.wireguard, id, &error);

        if (device == NULL) {
            g_test_message("refused: %s", error->message);
            continue;
        }
        n_whole++;
        g_assert_cmpuint(device->peers->len, >=, MANY_PEERS);
        g_assert_cmpuint(device->peers->len, <=, MANY_PEERS + 1);
    }
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
    g_test_message("%u of 100 readings were whole, the others refused", n_whole);
    g_assert_cmpuint(n_whole, >, 0);
}

/* --- devices come and go ------------------------------------------------------------------------ */

static void
test_gone(void)
{
    const ApDeviceId id = bed.ops->add_device("wg0");

    bed.ops->remove_device(&id);
    assert_fails(&id, AP_ERROR_GONE);
}

/* The same name is not the same device. */
static void
test_made_anew(void)
{
    const ApDeviceId before = bed.ops->add_device("wg0");
    ApDeviceId after;

    bed.ops->remove_device(&before);
    after = bed.ops->add_device("wg0");
    assert_fails(&before, AP_ERROR_GONE);
    give(&after, 1, 0, "10.0.0.2/32");
    assert_allowed(&after, 1, "10.0.0.2/32");
    bed.ops->remove_device(&after);
}

static void
test_renamed(void)
{
    const ApDeviceId id = bed.ops->add_device("wg0");

    bed.ops->rename_device(&id, "other0");
    if (bed.survives_renames) {
        g_autoptr(ApDevice) device = must_read(&id);

        g_assert_cmpstr(device->id.name, ==, "other0");
        give(&id, 1, 0, "10.0.0.2/32");
        assert_allowed(&id, 1, "10.0.0.2/32");
    } else {
        assert_fails(&id, AP_ERROR_GONE);
    }
    bed.ops->remove_device(&id);
}

static void
test_denied(const ApDeviceId *id)
{
    /* nobody, who has no capability */
    const uid_t nobody = 65534;

    g_assert_cmpint(seteuid(nobody), ==, 0);
    assert_fails(id, AP_ERROR_DENIED);
    g_assert_cmpint(seteuid(0), ==, 0);
    g_autoptr(ApDevice) device = must_read(id);
    g_assert_cmpuint(device->peers->len, ==, 0);
}

/* --- the program -------------------------------------------------------------------------------- */

/**
 * A case that has a device to itself.
 *
 * @real_only: asks for what a fake cannot have: a program of its own, an owner, somebody else
 *     who changes it
 */
typedef struct {
    const char *path;
    void (*test)(const ApDeviceId *id);
    gboolean real_only;
} Case;

static const Case cases[] = {
    {"/read/empty-device", test_read_empty, FALSE},
    {"/read/key-and-port", test_read_key_and_port, FALSE},
    {"/read/foreign-peer", test_read_foreign_peer, FALSE},
    {"/read/private-key-stays-away", test_private_key_stays_away, TRUE},
    {"/read/private-key-is-handed-out-to-who-knows-the-public-one", test_secret, FALSE},
    {"/apply/add-peer", test_add_peer, FALSE},
    {"/apply/add-peer-without-anything", test_add_bare_peer, FALSE},
    {"/apply/update-only-does-not-add", test_update_only, FALSE},
    {"/apply/endpoints", test_endpoints, FALSE},
    {"/apply/keepalive", test_keepalive, FALSE},
    {"/apply/allowed-are-added", test_allowed_added, FALSE},
    {"/apply/allowed-are-replaced", test_allowed_replaced, FALSE},
    {"/apply/allowed-move-to-another-peer", test_allowed_moved, FALSE},
    {"/apply/allowed-are-given-away", test_allowed_given_away, FALSE},
    {"/apply/allowed-are-taken-by-a-peer-that-goes-at-once", test_taken_from_nobody, FALSE},
    {"/apply/remove", test_remove, FALSE},
    {"/apply/remove-absent-peer", test_remove_absent, FALSE},
    {"/apply/own-key-is-ignored", test_own_key, FALSE},
    {"/apply/foreign-peer-stays", test_foreign_peer_stays, FALSE},
    {"/much/peers", test_many_peers, FALSE},
    {"/much/prefixes-of-one-peer", test_many_prefixes, FALSE},
    {"/much/read-while-changing", test_read_while_changing, TRUE},
    {"/trouble/denied", test_denied, TRUE},
};

static void
with_device(gconstpointer data)
{
    const Case *self = data;
    const ApDeviceId id = bed.ops->add_device("wg0");

    self->test(&id);
    bed.ops->remove_device(&id);
}

int
main(int argc, char *argv[])
{
    int status;

    g_test_init(&argc, &argv, NULL);
    if (argc != 2) {
        g_printerr("usage: %s fake|userspace|kernel\n", argv[0]);
        return 2;
    }
    if (!bed_open(&bed, argv[1])) {
        g_print("1..0 # SKIP no %s WireGuard, or not root\n", argv[1]);
        return 0;
    }

    g_test_add_func("/list", test_list);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (bed.is_real || !cases[i].real_only)
            g_test_add_data_func(cases[i].path, &cases[i], with_device);
    }
    g_test_add_func("/trouble/gone", test_gone);
    g_test_add_func("/trouble/made-anew-under-the-same-name", test_made_anew);
    g_test_add_func("/trouble/renamed", test_renamed);

    status = g_test_run();
    bed_close(&bed);
    return status;
}
