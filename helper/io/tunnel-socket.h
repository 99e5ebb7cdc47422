/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the UDP sockets of BFD and gossip share: IPv6 inside one tunnel, and what the kernel says
 * of a datagram beside its bytes.
 */

#pragma once

#include "common/endpoint.h"

#include <netinet/in.h>

G_BEGIN_DECLS

/**
 * Datagrams taken before the main loop gets its turn: 64. A flood must not starve timers, and
 * what is left stays in the socket.
 */
#define AP_TUNNEL_SOCKET_AT_ONCE 64

/** Where a received datagram came from, and where the kernel says that it was sent to. */
typedef struct {
    gsize n_bytes;
    gboolean truncated; /* it was longer than the room for it */
    struct sockaddr_in6 from;
    struct in6_pktinfo to; /* ifindex 0: not told */
    int hop_limit;         /* -1: not told */
} ApTunnelDatagram;

int ap_tunnel_socket_open(const char *device);
gboolean ap_tunnel_socket_set(int fd, int option, int value);
gboolean ap_tunnel_socket_bind(int fd, const ApEndpoint *local);
gboolean ap_tunnel_socket_receive(int fd, guint8 *payload, gsize n_room, ApTunnelDatagram *out);
gboolean ap_tunnel_datagram_is_to(const ApTunnelDatagram *self,
                                  guint32 ifindex,
                                  const ApAddr *local) G_GNUC_PURE;
gboolean ap_tunnel_socket_send(int fd,
                               const ApEndpoint *to,
                               const guint8 *payload,
                               gsize n_bytes,
                               const char *what,
                               GError **error);
gboolean ap_tunnel_socket_set_error(GError **error, int code, const char *what, const char *object);

G_END_DECLS
