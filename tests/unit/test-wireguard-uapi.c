/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/clock.h"
#include "common/error.h"
#include "common/wireguard/uapi-message.h"
#include "common/wireguard/uapi.h"

#include <glib/gstdio.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY_HEX "0101010101010101010101010101010101010101010101010101010101010111"
#define PEER "public_key=" KEY_HEX "\n"
#define END "errno=0\n\n"

static unsigned int
scope_of(const char *name)
{
    return g_str_equal(name, "eth7") ? 7 : 0;
}

/* Reads @text in pieces of @n_piece bytes. */
static ApDevice *
read_text(const char *text, gsize n, gsize n_piece, GError **error)
{
    g_autoptr(ApUapiReader) reader = ap_uapi_reader_new(&(ApDeviceId){.name = "wg0"}, scope_of);

    for (gsize at = 0; at < n; at += n_piece) {
        if (!ap_uapi_reader_feed(reader, text + at, MIN(n_piece, n - at), error))
            return NULL;
    }
    return ap_uapi_reader_finish(reader, error);
}

static char *
load(const char *name, gsize *n)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "wireguard", name, NULL);
    g_autoptr(GError) error = NULL;
    char *text;

    g_file_get_contents(path, &text, n, &error);
    g_assert_no_error(error);
    return text;
}

static void
assert_peer(const ApDevice *device, guint8 number, const char *endpoint, guint n_allowed)
{
    char text[AP_ENDPOINT_TEXT_LEN];
    const ApDevicePeer *peer;
    ApKey key;

    memset(key.bytes, number, sizeof(key.bytes));
    key.bytes[AP_KEY_LEN - 1] = 0x11;
    peer = ap_device_find(device, &key);
    g_assert_nonnull(peer);
    ap_endpoint_to_text(&peer->endpoint, text);
    g_assert_cmpstr(text, ==, endpoint);
    g_assert_cmpuint(peer->allowed->len, ==, n_allowed);
    g_assert_cmpint(peer->has_psk, ==, number == 2);
    g_assert_cmpuint(peer->keepalive_sec, ==, number == 1 ? 25 : 0);
}

static void
test_capture(void)
{
    gsize n;
    g_autofree char *text = load("uapi-peers.txt", &n);

    for (gsize n_piece = 1; n_piece <= n; n_piece = n_piece * 3 + 1) {
        g_autoptr(ApDevice) device = read_text(text, n, n_piece, NULL);
        guint n_with_handshake = 0;

        g_test_message("pieces of %" G_GSIZE_FORMAT " bytes", n_piece);
        g_assert_nonnull(device);
        ap_device_sort(device);
        g_assert_true(device->has_key);
        g_assert_cmpuint(device->listen_port, ==, 51820);
        g_assert_cmpuint(device->fwmark, ==, 0x1234);
        g_assert_cmpuint(device->peers->len, ==, 5);
        assert_peer(device, 1, "192.0.2.7:51821", 3);
        assert_peer(device, 2, "[2001:db8::7]:51822", 2);
        assert_peer(device, 3, "[fe80::7]:51823", 0);
        assert_peer(device, 4, "", 1);
        for (guint i = 0; i < device->peers->len; i++) {
            const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

            if (peer->handshake_real_usec > 1700000000 * AP_USEC_PER_SEC && peer->rx_bytes > 0
                && peer->tx_bytes > 0)
                n_with_handshake++;
        }
        g_assert_cmpuint(n_with_handshake, ==, 1);
    }
}

static void
test_capture_empty(void)
{
    gsize n;
    g_autofree char *text = load("uapi-empty.txt", &n);
    g_autoptr(ApDevice) device = read_text(text, n, n, NULL);

    g_assert_nonnull(device);
    g_assert_false(device->has_key);
    g_assert_cmpuint(device->peers->len, ==, 0);
}

/* Read from a capture; the public key is what `wg pubkey` says of the private one in it. */
static void
test_own_key(void)
{
    gsize n;
    g_autofree char *text = load("uapi-peers.txt", &n);
    g_autoptr(ApDevice) device = read_text(text, n, n, NULL);
    char key[AP_KEY_TEXT_LEN] = "";

    if (device != NULL)
        ap_key_to_text(&device->public_key, key);
    g_assert_cmpstr(key, ==, "sWUiXUksNGxPDbVMISQv/UtKnolEd6VJRQv2GQB3LVU=");
}

static void
test_no_own_key(void)
{
    const char text[] =
        "private_key=0000000000000000000000000000000000000000000000000000000000000000"
        "\n" END;
    g_autoptr(ApDevice) device = read_text(text, sizeof(text) - 1, 99, NULL);

    g_assert_true(device != NULL && !device->has_key);
}

/* Shorter by any number of bytes: an error, never a shorter list. */
static void
test_cut_short(void)
{
    gsize n;
    g_autofree char *text = load("uapi-peers.txt", &n);

    for (gsize n_left = 0; n_left < n; n_left++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ApDevice) device = read_text(text, n_left, n, &error);

        g_assert_null(device);
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }
}

static const struct {
    const char *text;
    int code; /* ApError; -1: none */
} text_cases[] = {
    {END, -1},
    {"listen_port=1\n" END, -1},
    {"some_new_key=anything at all\n" END, -1},
    {PEER "some_new_key=\n" END, -1},
    {PEER "protocol_version=1\n" END, -1},
    {PEER "endpoint=[fe80::1%eth7]:5\n" END, -1},
    {PEER "endpoint=192.0.2.1:0\n" END, -1},
    {PEER "endpoint=https://example.org/\n" END, -1},
    {PEER PEER END, -1}, /* the door refuses it, for every backend */

    {"errno=-22\n\n", AP_ERROR_FAILED},
    {"errno=22\n\n", AP_ERROR_FAILED},
    {"errno=1\n\n", AP_ERROR_DENIED},
    {PEER "errno=-19\n\n", AP_ERROR_GONE},

    {"", AP_ERROR_INVALID},
    {"\n", AP_ERROR_INVALID},
    {PEER "\n", AP_ERROR_INVALID},
    {"errno=0\n", AP_ERROR_INVALID},
    {"errno=\n\n", AP_ERROR_INVALID},
    {"errno=0x0\n\n", AP_ERROR_INVALID},
    {"errno=99999999999\n\n", AP_ERROR_INVALID},
    {"errno=0\nerrno=0\n\n", AP_ERROR_INVALID},
    {END "x", AP_ERROR_INVALID},
    {END "\n", AP_ERROR_INVALID},
    {"no equals sign\n" END, AP_ERROR_INVALID},
    {"listen_port=65536\n" END, AP_ERROR_INVALID},
    {"listen_port=-1\n" END, AP_ERROR_INVALID},
    {"listen_port= 1\n" END, AP_ERROR_INVALID},
    {"fwmark=4294967296\n" END, AP_ERROR_INVALID},
    {"private_key=00\n" END, AP_ERROR_INVALID},
    {"allowed_ip=10.0.0.1/32\n" END, AP_ERROR_INVALID},
    {"public_key=zz01010101010101010101010101010101010101010101010101010101010101\n" END,
     AP_ERROR_INVALID},
    {"public_key=" KEY_HEX "00\n" END, AP_ERROR_INVALID},
    {PEER "preshared_key=0\n" END, AP_ERROR_INVALID},
    {PEER "allowed_ip=10.0.0.0/33\n" END, AP_ERROR_INVALID},
    {PEER "allowed_ip=10.0.0.1/8\n" END, AP_ERROR_INVALID},
    {PEER "persistent_keepalive_interval=65536\n" END, AP_ERROR_INVALID},
    {PEER "last_handshake_time_sec=9223372036854775807\n" END, AP_ERROR_INVALID},
    {PEER "last_handshake_time_nsec=1000000000\n" END, AP_ERROR_INVALID},
    {PEER "rx_bytes=18446744073709551616\n" END, AP_ERROR_INVALID},
};

static void
test_texts(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(text_cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ApDevice) device = NULL;

        g_test_message("text '%s'", text_cases[i].text);
        device = read_text(text_cases[i].text, strlen(text_cases[i].text), 7, &error);
        if (text_cases[i].code < 0)
            g_assert_no_error(error);
        else
            g_assert_error(error, AP_ERROR, text_cases[i].code);
        g_assert_cmpint(device != NULL, ==, text_cases[i].code < 0);
    }
}

static void
test_nul(void)
{
    const char text[] = "fwmark=1\0002\n" END;
    g_autoptr(GError) error = NULL;

    g_assert_null(read_text(text, sizeof(text) - 1, 99, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
}

static void
test_scope(void)
{
    static const struct {
        const char *endpoint;
        guint32 scope_id;
    } cases[] = {
        {"[fe80::1%eth7]:5", 7},
        {"[fe80::1%9]:5", 9},
        {"[fe80::1]:5", 0},
        {"[fe80::1%gone]:5", 0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(PEER "endpoint=%s\n" END, cases[i].endpoint);
        g_autoptr(ApDevice) device = read_text(text, strlen(text), 99, NULL);
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, 0);

        g_test_message("endpoint %s", cases[i].endpoint);
        g_assert_cmpuint(peer->endpoint.port, ==, 5);
        g_assert_cmpuint(peer->endpoint.scope_id, ==, cases[i].scope_id);
    }
}

static void
test_limits(void)
{
    g_autoptr(ApUapiReader) reader = ap_uapi_reader_new(&(ApDeviceId){0}, scope_of);
    g_autofree char *line = g_malloc(AP_UAPI_MAX_LINE);
    g_autoptr(GError) error = NULL;

    memset(line, 'a', AP_UAPI_MAX_LINE);
    line[1] = '=';
    line[AP_UAPI_MAX_LINE - 1] = '\n';
    g_assert_true(ap_uapi_reader_feed(reader, line, AP_UAPI_MAX_LINE, NULL));

    line[AP_UAPI_MAX_LINE - 1] = 'a';
    g_assert_false(ap_uapi_reader_feed(reader, line, AP_UAPI_MAX_LINE, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_LIMIT);
}

static void
test_write(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    ApPeerChange changes[] = {
        {
            .flags = AP_PEER_SET_ENDPOINT | AP_PEER_SET_KEEPALIVE | AP_PEER_REPLACE_ALLOWED,
            .keepalive_sec = 25,
            .n_allowed = 2,
        },
        {.flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY},
        {.flags = AP_PEER_UPDATE_ONLY, .n_allowed = 1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        memset(changes[i].key.bytes, 1, AP_KEY_LEN);
        changes[i].key.bytes[AP_KEY_LEN - 1] = 0x11;
    }
    g_assert_true(ap_endpoint_parse(&changes[0].endpoint, "[fe80::1%3]:51820", NULL));
    g_assert_true(ap_cidr_parse(&changes[0].allowed[0], "10.0.0.2/32", NULL));
    g_assert_true(ap_cidr_parse(&changes[0].allowed[1], "fd00::2/128", NULL));
    g_assert_true(ap_cidr_parse(&changes[2].allowed[0], "10.0.0.3/32", NULL));

    ap_uapi_write_set(out, changes, G_N_ELEMENTS(changes));
    g_assert_cmpstr(out->str,
                    ==,
                    "set=1\n" PEER "endpoint=[fe80::1%3]:51820\n"
                    "persistent_keepalive_interval=25\n"
                    "replace_allowed_ips=true\n"
                    "allowed_ip=10.0.0.2/32\n"
                    "allowed_ip=fd00::2/128\n" PEER "remove=true\n"
                    "update_only=true\n" PEER "update_only=true\n"
                    "allowed_ip=10.0.0.3/32\n"
                    "\n");
}

static void
test_mutations(void)
{
    gsize n;
    g_autofree char *text = load("uapi-peers.txt", &n);
    const guint32 seed = g_random_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *copy = g_memdup2(text, n);
        g_autoptr(ApDevice) device = NULL;

        for (gint k = g_rand_int_range(rand, 1, 4); k > 0; k--)
            copy[g_rand_int_range(rand, 0, (gint) n)] = (char) g_rand_int_range(rand, 0, 256);
        device = read_text(copy, n, n, NULL);
    }
}

/* --- daemons that misbehave. The interface "lo" is always there; no daemon of it is. ---------- */

static const ApDeviceId lo = {.ifindex = 1, .name = "lo", .backend = AP_BACKEND_USERSPACE};

/** A daemon: a socket in a directory of its own, and a thread that answers one call. */
typedef struct {
    char *dir;
    char *path;
    int fd;
    const char *answer; /* NULL: none, and the connection stays open */
    GThread *thread;
} Daemon;

static void
daemon_start(Daemon *self, int backlog)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    self->dir = g_dir_make_tmp("ap-uapi-XXXXXX", NULL);
    g_assert_nonnull(self->dir);
    self->path = g_build_filename(self->dir, "lo.sock", NULL);
    g_strlcpy(addr.sun_path, self->path, sizeof(addr.sun_path));
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(self->fd, (struct sockaddr *) (void *) &addr, sizeof(addr)), ==, 0);
    if (backlog >= 0)
        g_assert_cmpint(listen(self->fd, backlog), ==, 0);
}

static gpointer
answer_one(gpointer data)
{
    const Daemon *self = data;
    const int fd = accept(self->fd, NULL, NULL);
    char request[64];

    (void) recv(fd, request, sizeof(request), 0);
    (void) send(fd, self->answer, strlen(self->answer), MSG_NOSIGNAL);
    (void) close(fd);
    return NULL;
}

static void
daemon_stop(Daemon *self)
{
    g_clear_pointer(&self->thread, g_thread_join);
    if (self->fd >= 0)
        (void) close(self->fd);
    (void) g_unlink(self->path);
    (void) g_rmdir(self->dir);
    g_free(self->path);
    g_free(self->dir);
}

static void
assert_read_fails(const char *dir, const ApDeviceId *id, ApError code)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_uapi_new(dir);
    g_autoptr(GError) error = NULL;
    const gint64 before = ap_clock_now().boot_usec;

    g_assert_null(ap_wireguard_read(wireguard, id, &error));
    g_assert_error(error, AP_ERROR, (int) code);
    g_assert_cmpint(ap_clock_now().boot_usec - before, <, 3 * AP_WIREGUARD_UAPI_TIMEOUT_USEC);
}

/* What a daemon that answers with @answer is taken for. One that comes to it too late, on a machine
 * that does other things, is asked again. */
static ApDevice *
ask_daemon(const char *answer, GError **error)
{
    for (guint i = 0;; i++) {
        Daemon daemon = {.answer = answer};
        g_autoptr(GError) reason = NULL;

        daemon_start(&daemon, 1);
        daemon.thread = g_thread_new("daemon", answer_one, &daemon);
        g_autoptr(ApWireguard) wireguard = ap_wireguard_uapi_new(daemon.dir);
        ApDevice *device = ap_wireguard_read(wireguard, &lo, &reason);
        daemon_stop(&daemon);

        if (i < 3 && g_error_matches(reason, AP_ERROR, AP_ERROR_TIMED_OUT))
            continue;
        if (reason != NULL)
            g_propagate_error(error, g_steal_pointer(&reason));
        return device;
    }
}

static void
test_answers(void)
{
    static const struct {
        const char *answer;
        int code; /* ApError; -1: none */
    } cases[] = {
        {"listen_port=5\n" END, -1},
        {"listen_port=5\n", AP_ERROR_INVALID},
        {"", AP_ERROR_INVALID},
        {"errno=-5\n\n", AP_ERROR_FAILED},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("answer '%s'", cases[i].answer);
        g_autoptr(ApDevice) device = ask_daemon(cases[i].answer, &error);

        if (cases[i].code < 0)
            g_assert_no_error(error);
        else
            g_assert_error(error, AP_ERROR, cases[i].code);
    }
}

static void
test_hangs(void)
{
    Daemon daemon = {0};

    daemon_start(&daemon, 1);
    assert_read_fails(daemon.dir, &lo, AP_ERROR_TIMED_OUT);
    daemon_stop(&daemon);
}

/* So many wait already that connect() itself has to wait. */
static void
test_full(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    Daemon daemon = {0};
    const int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    daemon_start(&daemon, 0);
    g_strlcpy(addr.sun_path, daemon.path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(first, (struct sockaddr *) (void *) &addr, sizeof(addr)), ==, 0);
    assert_read_fails(daemon.dir, &lo, AP_ERROR_TIMED_OUT);
    (void) close(first);
    daemon_stop(&daemon);
}

static void
test_other_index(void)
{
    const ApDeviceId other = {.ifindex = 999999, .name = "lo"};
    Daemon daemon = {0};

    daemon_start(&daemon, 1);
    assert_read_fails(daemon.dir, &other, AP_ERROR_GONE);
    daemon_stop(&daemon);
}

static guint
count_devices(const char *dir)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_uapi_new(dir);
    g_autoptr(GArray) ids = ap_wireguard_list(wireguard, NULL);

    return ids != NULL ? ids->len : G_MAXUINT;
}

/* What kill -9 leaves behind is no device, and we do not clean up after others. */
static void
test_stale(void)
{
    Daemon daemon = {0};

    daemon_start(&daemon, -1);
    g_assert_cmpuint(count_devices(daemon.dir), ==, 0);
    assert_read_fails(daemon.dir, &lo, AP_ERROR_GONE);
    g_assert_true(g_file_test(daemon.path, G_FILE_TEST_EXISTS));
    daemon_stop(&daemon);
}

static void
test_list(void)
{
    static const char *const junk[] = {
        "lo.txt",
        ".sock",
        "..sock",
        "a-name-that-is-too-long.sock",
        "no-such-dev.sock",
        "sp ace.sock",
    };
    Daemon daemon = {0};

    daemon_start(&daemon, 5);
    for (gsize i = 0; i < G_N_ELEMENTS(junk); i++) {
        g_autofree char *path = g_build_filename(daemon.dir, junk[i], NULL);

        g_assert_cmpint(symlink("lo.sock", path), ==, 0);
    }
    g_assert_cmpuint(count_devices(daemon.dir), ==, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(junk); i++) {
        g_autofree char *path = g_build_filename(daemon.dir, junk[i], NULL);

        (void) g_unlink(path);
    }
    daemon_stop(&daemon);
}

static void
test_no_directory(void)
{
    g_assert_cmpuint(count_devices("/nonexistent/wireguard"), ==, 0);
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/uapi/parse/every-sort-of-peer", test_capture);
    g_test_add_func("/uapi/parse/empty-device", test_capture_empty);
    g_test_add_func("/uapi/parse/public-key-of-the-device", test_own_key);
    g_test_add_func("/uapi/parse/no-key-of-the-device", test_no_own_key);
    g_test_add_func("/uapi/parse/cut-short-is-never-complete", test_cut_short);
    g_test_add_func("/uapi/parse/texts", test_texts);
    g_test_add_func("/uapi/parse/nul", test_nul);
    g_test_add_func("/uapi/parse/scope", test_scope);
    g_test_add_func("/uapi/parse/limits", test_limits);
    g_test_add_func("/uapi/parse/random-mutations", test_mutations);
    g_test_add_func("/uapi/write/set", test_write);
    g_test_add_func("/uapi/daemon/answers", test_answers);
    g_test_add_func("/uapi/daemon/hangs", test_hangs);
    g_test_add_func("/uapi/daemon/too-busy-to-accept", test_full);
    g_test_add_func("/uapi/daemon/of-another-device", test_other_index);
    g_test_add_func("/uapi/daemon/stale-socket-is-left-alone", test_stale);
    g_test_add_func("/uapi/list/only-sockets-of-interfaces", test_list);
    g_test_add_func("/uapi/list/no-directory", test_no_directory);

    return g_test_run();
}
