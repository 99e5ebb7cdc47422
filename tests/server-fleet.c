/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/server-fleet.h"

#include "common/clock.h"
#include "common/fd.h"
#include "common/json/offer-json.h"
#include "common/wireguard/fake.h"
#include "server/edge.h"
#include "server/feed.h"
#include "server/pipe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static ApKey
make_key(guint number)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(number + 1);
    ApKey key;

    for (guint i = 0; i < AP_KEY_LEN; i++)
        key.bytes[i] = (guint8) g_rand_int_range(random, 0, 256);
    return key;
}

static ApRosterPeer
make_peer(const Fleet *fleet, guint number, ApInstant now)
{
    const guint lan = fleet->is_one_lan ? 0 : number / SMALL_LAN;
    ApRosterPeer peer = {.key = make_key(number), .n_addresses = 1};

    peer.handshake_real_usec = now.real_usec - number % HANDSHAKE_SEC * AP_USEC_PER_SEC;
    peer.addresses[0] = (ApAddr){AF_INET, {127, 1, (guint8) (number >> 8), (guint8) number}};
    peer.endpoint.addr = (ApAddr){AF_INET, {203, 0, (guint8) (lan >> 8), (guint8) lan}};
    peer.endpoint.port = (guint16) (1024 + number);
    return peer;
}

static char *
make_body(const Fleet *fleet, guint number, guint16 port)
{
    const ApAddr ip = {AF_INET, {10, 77, (guint8) (1 + number / 250), (guint8) (2 + number % 250)}};
    ApRequest request = {
        .key = fleet->peers[number].key,
        .attachments = {{ip, 16, {AF_INET, {10, 77, 0, 1}}}},
        .n_attachments = 1,
        .version = 2,
        .listen_port = port,
        .ttl_sec = AP_REGISTRY_TTL_SEC,
        .candidates = {{{ip, port, 0}, 100}},
        .n_candidates = 1,
        .hub_rtt_ms = 40,
        .bfd = TRUE,
    };

    (void) g_strlcpy(request.boot, "5c0f19e2", sizeof(request.boot));
    return ap_request_to_json(&request);
}

void
fleet_init(Fleet *self, guint n, gboolean is_one_lan)
{
    const ApInstant now = ap_clock_now();

    *self = (Fleet){.n = n, .is_one_lan = is_one_lan};
    self->peers = g_new0(ApRosterPeer, n);
    self->bodies = g_new0(char *, 2 * n + 1);
    for (guint i = 0; i < n; i++) {
        self->peers[i] = make_peer(self, i, now);
        self->bodies[2 * i] = make_body(self, i, 51820);
        self->bodies[2 * i + 1] = make_body(self, i, 51821);
    }
}

void
fleet_clear(Fleet *self)
{
    g_clear_pointer(&self->peers, g_free);
    g_clear_pointer(&self->bodies, g_strfreev);
}

/* The two texts of a client take turns, so that news are news again. */
const char *
fleet_next_body(const Fleet *self, guint number, guint64 n_done)
{
    const gboolean is_news = n_done / self->n % 2 == 1 && number % (NEWS_EVERY / 2) == 0;

    return self->bodies[2 * number + is_news];
}

double
cpu_usec(clockid_t clock)
{
    struct timespec now = {0};

    (void) clock_gettime(clock, &now);
    return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

clockid_t
clock_of(pid_t pid)
{
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0)
        g_error("no clock of process %d", (int) pid);
    return clock;
}

static void
on_place(gpointer data, const ApPlace *place, const int *fds)
{
    (void) data;
    (void) place;
    (void) fds;
}

static void
on_metrics(gpointer data, int fd)
{
    (void) data;
    (void) fd;
}

static void
on_lost(gpointer data, int status, const char *why)
{
    (void) data;
    g_error("lost the reader: %s (%d)", why, status);
}

static void
on_look(gpointer data)
{
    ap_feed_ask(*(ApFeed **) data, AP_ASK_DEVICE);
}

static void
run_edge(const Listen *listen, int feed_fd)
{
    static const ApFeedOps ops = {on_place, on_metrics, on_lost};
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    ApFeed *feed = NULL;
    g_autoptr(ApEdge) edge = ap_edge_new(on_look, &feed, FALSE, NULL);

    if (edge == NULL)
        return;
    const ApOwnAddress own = {listen->at.addr, 32};
    ap_edge_set_own(edge, &own, 1);
    ap_edge_add_listener(edge, AP_VISITOR_CLIENT, listen->fd, &listen->at);
    feed = ap_feed_new(feed_fd, ap_edge_desk(edge), &ops, NULL);
    ap_edge_start(edge);
    g_main_loop_run(loop);
}

/* As ap_reader_run() does, with a device that exists in memory alone. */
static int
run_reader(int fd, ApWireguard *wireguard, const ApDeviceId *id)
{
    g_autoptr(GArray) known = g_array_new(FALSE, TRUE, sizeof(ApRosterPeer));
    guint8 question;

    while (recv(fd, &question, sizeof(question), 0) == 1) {
        g_autoptr(ApDevice) device = ap_wireguard_read(wireguard, id, NULL);
        g_autoptr(GArray) now = ap_snapshot_peers(device);
        g_autoptr(GPtrArray) messages = ap_snapshot_diff(known, now);

        for (guint i = 0; i < messages->len; i++) {
            const GByteArray *message = g_ptr_array_index(messages, i);

            (void) ap_pipe_send(fd, message->data, message->len, NULL, 0);
        }
        g_array_unref(known);
        known = g_steal_pointer(&now);
    }
    return EXIT_SUCCESS;
}

static ApDeviceId
fill_device(ApWireguard *wireguard, const Fleet *fleet)
{
    const ApKey hub = {{9}};
    const ApDeviceId id = ap_wireguard_fake_add_device(wireguard, 7, "wg0", &hub, 51820);

    for (guint i = 0; i < fleet->n; i++) {
        g_autoptr(ApDevicePeer) peer = ap_device_peer_new(&fleet->peers[i].key);
        const ApCidr host = ap_cidr_host(&fleet->peers[i].addresses[0]);

        peer->endpoint = fleet->peers[i].endpoint;
        peer->handshake_real_usec = ap_clock_now().real_usec;
        g_array_append_val(peer->allowed, host);
        ap_wireguard_fake_add_peer(wireguard, id.ifindex, peer);
    }
    return id;
}

static void
listen_on_loopback(Listen *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t n_bytes = sizeof(address);

    *self = (Listen){.at = {.addr = {AF_INET, {127, 0, 0, 1}}}};
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(self->fd, (struct sockaddr *) &address, n_bytes) != 0 || listen(self->fd, 1024) != 0
        || getsockname(self->fd, (struct sockaddr *) &address, &n_bytes) != 0)
        g_error("could not listen on loopback: %s", g_strerror(errno));
    self->at.port = ntohs(address.sin_port);
}

/**
 * Starts a server whose device has the fleet as its peers.
 */
void
server_start(Server *self, const Fleet *fleet)
{
    int fds[2];

    listen_on_loopback(&self->listen);
    if (!ap_pipe_open(fds, NULL))
        g_error("no sockets");

    self->reader = fork();
    if (self->reader == 0) {
        g_autoptr(ApWireguard) wireguard = ap_wireguard_fake_new();
        const ApDeviceId id = fill_device(wireguard, fleet);

        ap_fd_clear(&fds[1]);
        _exit(run_reader(fds[0], wireguard, &id));
    }

    self->http = fork();
    if (self->http == 0) {
        ap_fd_clear(&fds[0]);
        run_edge(&self->listen, fds[1]);
        _exit(EXIT_SUCCESS);
    }
    ap_fd_clear(&fds[0]);
    ap_fd_clear(&fds[1]);
}

void
server_stop(Server *self)
{
    (void) kill(self->http, SIGKILL);
    (void) kill(self->reader, SIGKILL);
    (void) waitpid(self->http, NULL, 0);
    (void) waitpid(self->reader, NULL, 0);
    ap_fd_clear(&self->listen.fd);
}

/**
 * Begins to connect as client @number.
 *
 * Returns: (transfer full): non-blocking
 */
int
server_connect(const Server *self, const Fleet *fleet, guint number)
{
    const ApEndpoint from = {.addr = fleet->peers[number].addresses[0]};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage address;
    socklen_t n_bytes = ap_endpoint_to_sockaddr(&from, &address);
    const int one = 1;

    (void) setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *) &address, n_bytes) != 0)
        g_error("could not bind: %s", g_strerror(errno));
    n_bytes = ap_endpoint_to_sockaddr(&self->listen.at, &address);
    if (connect(fd, (struct sockaddr *) &address, n_bytes) != 0 && errno != EINPROGRESS)
        g_error("could not connect: %s", g_strerror(errno));
    return fd;
}

/**
 * Returns: (transfer full): a whole request
 */
char *
server_request(const Server *self, const char *body)
{
    return g_strdup_printf("POST /peering-request HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                           self->listen.at.port,
                           strlen(body),
                           body);
}
