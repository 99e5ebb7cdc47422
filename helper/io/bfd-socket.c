/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/bfd-socket.h"

#include "common/fd.h"
#include "helper/io/fd-watch.h"
#include "helper/io/tunnel-socket.h"

#include <net/if.h>

/** Where control packets of one hop are sent to. RFC 5881 section 4. */
#define CONTROL_PORT 3784

/** Where they come from, at random: the dynamic ports. RFC 5881 section 4. */
#define SOURCE_PORT_FIRST 49152
#define SOURCE_PORT_LAST 65535

/** Random ports that are tried before we give up: 32. With half of them taken, 1 in 4 × 10⁹. */
#define N_PORT_TRIES 32

/** The hop limit that only a neighbour can send. RFC 5881 section 5. */
#define HOP_LIMIT 255

/** Traffic class CS6, network control: queues on the way keep it last. RFC 4594 section 3.2. */
#define TRAFFIC_CLASS 0xc0

struct _ApBfdSocket {
    int receiver; /* (owned) */
    int sender;   /* (owned) */
    guint source; /* (owned) */
    ApAddr local;
    guint32 ifindex;
    ApBfdSocketFunc received;
    gpointer user_data; /* (not owned) */
    guint64 n_dropped[AP_N_BFD_DROPS];
    guint64 n_refused[AP_N_BFD_REFUSALS];
};

static const char *const drop_names[AP_N_BFD_DROPS] = {
    [AP_BFD_DROP_TRUNCATED] = "truncated",
    [AP_BFD_DROP_HOP_LIMIT] = "hop-limit",
    [AP_BFD_DROP_DESTINATION] = "destination",
    [AP_BFD_DROP_SOURCE] = "source",
};

/** Returns: the word for @drop, as in a counter's name; static */
const char *
ap_bfd_drop_name(ApBfdDrop drop)
{
    g_return_val_if_fail((guint) drop < AP_N_BFD_DROPS, NULL);

    return drop_names[drop];
}

/* Without SO_REUSEADDR: no other program shall be able to take the port over. */
static int
open_receiver(const char *device)
{
    const ApEndpoint any = {.addr.family = AF_INET6, .port = CONTROL_PORT};
    ap_autofd int fd = ap_tunnel_socket_open(device);

    if (fd < 0 || !ap_tunnel_socket_set(fd, IPV6_RECVPKTINFO, 1)
        || !ap_tunnel_socket_set(fd, IPV6_RECVHOPLIMIT, 1) || !ap_tunnel_socket_bind(fd, &any))
        return -1;
    return ap_fd_steal(&fd);
}

static gboolean
bind_to_random_port(int fd, const ApAddr *local, guint32 ifindex)
{
    for (guint i = 0; i < N_PORT_TRIES; i++) {
        const ApEndpoint source = {
            .addr = *local,
            .port = (guint16) g_random_int_range(SOURCE_PORT_FIRST, SOURCE_PORT_LAST + 1),
            .scope_id = ifindex,
        };

        if (ap_tunnel_socket_bind(fd, &source))
            return TRUE;
        if (errno != EADDRINUSE)
            return FALSE;
    }
    return FALSE;
}

/* A padded packet that the device cannot carry whole must fail, not arrive in pieces. */
static int
open_sender(const char *device, const ApAddr *local, guint32 ifindex)
{
    ap_autofd int fd = ap_tunnel_socket_open(device);

    if (fd < 0 || !ap_tunnel_socket_set(fd, IPV6_UNICAST_HOPS, HOP_LIMIT)
        || !ap_tunnel_socket_set(fd, IPV6_DONTFRAG, 1)
        || !ap_tunnel_socket_set(fd, IPV6_TCLASS, TRAFFIC_CLASS)
        || !bind_to_random_port(fd, local, ifindex))
        return -1;
    return ap_fd_steal(&fd);
}

/* Returns: AP_N_BFD_DROPS when the datagram may be looked into */
static ApBfdDrop
judge(const ApBfdSocket *self, const ApTunnelDatagram *datagram, const ApAddr *from)
{
    if (datagram->truncated)
        return AP_BFD_DROP_TRUNCATED;
    if (datagram->hop_limit != HOP_LIMIT)
        return AP_BFD_DROP_HOP_LIMIT;
    if (!ap_tunnel_datagram_is_to(datagram, self->ifindex, &self->local))
        return AP_BFD_DROP_DESTINATION;
    if (!ap_addr_is_link_local(from))
        return AP_BFD_DROP_SOURCE;
    return AP_N_BFD_DROPS;
}

static void
take_datagram(ApBfdSocket *self, const guint8 *payload, const ApTunnelDatagram *datagram)
{
    ApBfdPacket packet;
    ApBfdRefusal refusal;
    ApBfdDrop drop;
    ApAddr from;

    if (!ap_addr_from_sockaddr(&from, (const struct sockaddr *) &datagram->from))
        return;

    drop = judge(self, datagram, &from);
    if (drop != AP_N_BFD_DROPS) {
        self->n_dropped[drop]++;
        return;
    }

    refusal = ap_bfd_packet_decode(&packet, payload, datagram->n_bytes);
    if (refusal != AP_BFD_REFUSAL_NONE) {
        self->n_refused[refusal]++;
        return;
    }

    self->received(&from, &packet, self->user_data);
}

/**
 * Reads what has come, as the main loop does when its turn is: what the device has counted is then in
 * our own account.
 */
void
ap_bfd_socket_drain(ApBfdSocket *self)
{
    guint8 payload[AP_BFD_PAYLOAD_MAX];
    ApTunnelDatagram datagram;

    for (guint i = 0;
         i < AP_TUNNEL_SOCKET_AT_ONCE
         && ap_tunnel_socket_receive(self->receiver, payload, sizeof(payload), &datagram);
         i++)
        take_datagram(self, payload, &datagram);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    (void) fd;
    (void) condition;
    ap_bfd_socket_drain(user_data);
    return G_SOURCE_CONTINUE;
}

/**
 * Opens BFD on a tunnel, on the thread-default main context.
 *
 * @device: the tunnel's interface, which is up; when it is deleted, also to be made anew under
 *     its name, the socket hears nothing more and has to be replaced
 * @local: our link-local address on it, which is there already
 * @received: called from the main loop for each well-formed packet
 * @error: AP_ERROR_GONE without such a device, AP_ERROR_DENIED, AP_ERROR_FAILED: another
 *     program has the port, or @local is not on the device
 *
 * Returns: (transfer full): NULL on error
 */
ApBfdSocket *
ap_bfd_socket_new(const char *device,
                  const ApAddr *local,
                  ApBfdSocketFunc received,
                  gpointer user_data,
                  GError **error)
{
    const guint32 ifindex = if_nametoindex(device);
    ap_autofd int receiver = -1, sender = -1;

    g_return_val_if_fail(local->family == AF_INET6, NULL);

    if (ifindex == 0) {
        (void) ap_tunnel_socket_set_error(error, errno, "could not speak BFD on", device);
        return NULL;
    }

    receiver = open_receiver(device);
    if (receiver >= 0)
        sender = open_sender(device, local, ifindex);
    if (receiver < 0 || sender < 0) {
        (void) ap_tunnel_socket_set_error(error, errno, "could not speak BFD on", device);
        return NULL;
    }

    ApBfdSocket *self = g_new0(ApBfdSocket, 1);
    self->receiver = ap_fd_steal(&receiver);
    self->sender = ap_fd_steal(&sender);
    self->local = *local;
    self->ifindex = ifindex;
    self->received = received;
    self->user_data = user_data;
    self->source = ap_fd_watch(self->receiver, on_readable, self);
    return self;
}

/**
 * Tells whether nobody, not even we, listens for BFD on a tunnel.
 *
 * @error: why BFD cannot be spoken there; as of ap_bfd_socket_new()
 */
gboolean
ap_bfd_socket_is_free(const char *device, GError **error)
{
    ap_autofd int receiver = open_receiver(device);

    return receiver >= 0
           || ap_tunnel_socket_set_error(error, errno, "could not speak BFD on", device);
}

/**
 * Sends one packet to a peer, or loses it: nothing waits.
 *
 * @to: the peer's link-local address
 * @payload: as ap_bfd_session_take_packet() wrote it
 * @error: AP_ERROR_LIMIT when it is too long for the device, AP_ERROR_GONE when device or
 *     WireGuard peer is not there, otherwise AP_ERROR_FAILED
 *
 * An error is worth a counter, no more: a session notices by itself what does not pass.
 */
gboolean
ap_bfd_socket_send(ApBfdSocket *self,
                   const ApAddr *to,
                   const guint8 *payload,
                   gsize n_bytes,
                   GError **error)
{
    const ApEndpoint target = {.addr = *to, .port = CONTROL_PORT, .scope_id = self->ifindex};

    return ap_tunnel_socket_send(self->sender,
                                 &target,
                                 payload,
                                 n_bytes,
                                 "could not send BFD to",
                                 error);
}

/** Returns: datagrams dropped for @drop so far */
guint64
ap_bfd_socket_n_dropped(const ApBfdSocket *self, ApBfdDrop drop)
{
    g_return_val_if_fail((guint) drop < AP_N_BFD_DROPS, 0);

    return self->n_dropped[drop];
}

/** Returns: packets refused for @refusal so far, of the reasons that concern the bytes */
guint64
ap_bfd_socket_n_refused(const ApBfdSocket *self, ApBfdRefusal refusal)
{
    g_return_val_if_fail((guint) refusal < AP_N_BFD_REFUSALS, 0);

    return self->n_refused[refusal];
}

/** Closes both sockets; @self may be NULL. */
void
ap_bfd_socket_free(ApBfdSocket *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    ap_fd_clear(&self->receiver);
    ap_fd_clear(&self->sender);
    g_free(self);
}
