/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/gossip-socket.h"

#include "common/fd.h"
#include "helper/io/fd-watch.h"
#include "helper/io/tunnel-socket.h"

#include <net/if.h>

/**
 * Room for a datagram, in bytes: one more than any that is looked at (security rule G3), so that
 * a longer one shows by its length.
 */
#define ROOM 1473

struct _ApGossipSocket {
    int fd;       /* (owned) */
    guint source; /* (owned) */
    ApAddr local;
    guint32 ifindex;
    guint16 port;
    ApGossipSocketFunc received;
    gpointer user_data; /* (not owned) */
};

static int
open_on(const char *device, const ApEndpoint *local)
{
    ap_autofd int fd = ap_tunnel_socket_open(device);

    if (fd < 0 || !ap_tunnel_socket_set(fd, IPV6_RECVPKTINFO, 1)
        || !ap_tunnel_socket_bind(fd, local))
        return -1;
    return ap_fd_steal(&fd);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApGossipSocket *self = user_data;
    guint8 payload[ROOM];
    ApTunnelDatagram datagram;
    ApAddr from;

    (void) condition;
    for (guint i = 0; i < AP_TUNNEL_SOCKET_AT_ONCE
                      && ap_tunnel_socket_receive(fd, payload, sizeof(payload), &datagram);
         i++) {
        /* Security rule G1: to our own address, by this device. */
        if (ap_tunnel_datagram_is_to(&datagram, self->ifindex, &self->local)
            && ap_addr_from_sockaddr(&from, (const struct sockaddr *) &datagram.from))
            self->received(&from, payload, datagram.n_bytes, self->user_data);
    }
    return G_SOURCE_CONTINUE;
}

/**
 * Opens gossip on a tunnel, on the thread-default main context.
 *
 * @device: the tunnel's interface; when it is deleted, also to be made anew under its name, the
 *     socket hears nothing more and has to be replaced
 * @local: our link-local address on it, which is there already and not tentative
 * @port: ours, and that of all peers
 * @received: called from the main loop for each datagram
 * @error: AP_ERROR_GONE without such a device, AP_ERROR_DENIED, AP_ERROR_FAILED: another program
 *     has the port, or @local is not on the device
 *
 * Returns: (transfer full): NULL on error
 */
ApGossipSocket *
ap_gossip_socket_new(const char *device,
                     const ApAddr *local,
                     guint16 port,
                     ApGossipSocketFunc received,
                     gpointer user_data,
                     GError **error)
{
    const ApEndpoint source = {
        .addr = *local,
        .port = port,
        .scope_id = if_nametoindex(device),
    };
    ap_autofd int fd = -1;

    g_return_val_if_fail(local->family == AF_INET6, NULL);

    if (source.scope_id != 0)
        fd = open_on(device, &source);
    if (fd < 0) {
        (void) ap_tunnel_socket_set_error(error, errno, "could not gossip on", device);
        return NULL;
    }

    ApGossipSocket *self = g_new0(ApGossipSocket, 1);
    self->fd = ap_fd_steal(&fd);
    self->local = *local;
    self->ifindex = source.scope_id;
    self->port = port;
    self->received = received;
    self->user_data = user_data;
    self->source = ap_fd_watch(self->fd, on_readable, self);
    return self;
}

/**
 * Sends one datagram to a peer, or loses it: nothing waits.
 *
 * @to: the peer's link-local address
 * @error: AP_ERROR_GONE when device or WireGuard peer is not there, or nobody knows where the peer
 *     is; otherwise AP_ERROR_FAILED
 */
gboolean
ap_gossip_socket_send(ApGossipSocket *self,
                      const ApAddr *to,
                      const guint8 *payload,
                      gsize n_bytes,
                      GError **error)
{
    const ApEndpoint target = {.addr = *to, .port = self->port, .scope_id = self->ifindex};

    return ap_tunnel_socket_send(self->fd,
                                 &target,
                                 payload,
                                 n_bytes,
                                 "could not gossip with",
                                 error);
}

/** @self may be NULL. */
void
ap_gossip_socket_free(ApGossipSocket *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    ap_fd_clear(&self->fd);
    g_free(self);
}
