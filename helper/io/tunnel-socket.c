/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/tunnel-socket.h"

#include "common/error.h"
#include "common/fd.h"

#include <string.h>
#include <sys/socket.h>

/**
 * Opens a non-blocking UDP socket that hears and sends by @device alone, so that nobody on a LAN
 * is taken for a peer. No capability is needed for it, once per socket (Linux 5.7).
 *
 * Returns: (transfer full): not bound to an address; -1 with errno
 */
int
ap_tunnel_socket_open(const char *device)
{
    ap_autofd int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

    if (fd < 0 || !ap_tunnel_socket_set(fd, IPV6_V6ONLY, 1)
        || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t) strlen(device) + 1) != 0)
        return -1;
    return ap_fd_steal(&fd);
}

/**
 * Sets an option of IPv6.
 *
 * Returns: FALSE with errno
 */
gboolean
ap_tunnel_socket_set(int fd, int option, int value)
{
    return setsockopt(fd, IPPROTO_IPV6, option, &value, sizeof(value)) == 0;
}

/**
 * Gives a socket its own address.
 *
 * @local: on the device; a link-local address with its scope
 *
 * Returns: FALSE with errno
 */
gboolean
ap_tunnel_socket_bind(int fd, const ApEndpoint *local)
{
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(local, &sockaddr);

    return bind(fd, (const struct sockaddr *) &sockaddr, n) == 0;
}

static void
read_control(ApTunnelDatagram *datagram, struct msghdr *message)
{
    datagram->to.ipi6_ifindex = 0;
    datagram->hop_limit = -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != IPPROTO_IPV6)
            continue;
        if (part->cmsg_type == IPV6_PKTINFO)
            memcpy(&datagram->to, CMSG_DATA(part), sizeof(datagram->to));
        if (part->cmsg_type == IPV6_HOPLIMIT)
            memcpy(&datagram->hop_limit, CMSG_DATA(part), sizeof(datagram->hop_limit));
    }
}

/**
 * Takes one datagram that waits.
 *
 * @payload: (out): @n_room bytes of room
 * @out: (out): what is told of it is what IPV6_RECVPKTINFO and IPV6_RECVHOPLIMIT asked for
 *
 * Returns: FALSE when none waits, or an error did. It belonged to an earlier packet, and to read
 *     it clears it
 */
gboolean
ap_tunnel_socket_receive(int fd, guint8 *payload, gsize n_room, ApTunnelDatagram *out)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {.iov_base = payload, .iov_len = n_room};
    struct msghdr message = {
        .msg_name = &out->from,
        .msg_namelen = sizeof(out->from),
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    const ssize_t n = recvmsg(fd, &message, 0);

    if (n < 0)
        return FALSE;

    out->n_bytes = (gsize) n;
    out->truncated = (message.msg_flags & MSG_TRUNC) != 0;
    read_control(out, &message);
    return TRUE;
}

/** Tells whether a datagram was sent to @local and came by that interface. */
gboolean
ap_tunnel_datagram_is_to(const ApTunnelDatagram *self, guint32 ifindex, const ApAddr *local)
{
    return self->to.ipi6_ifindex == ifindex
           && memcmp(&self->to.ipi6_addr, local->bytes, sizeof(local->bytes)) == 0;
}

/**
 * Sends one datagram to a peer, or loses it: nothing waits.
 *
 * @what: reads as the beginning of an error: "could not …"
 * @error: as ap_tunnel_socket_set_error()
 */
gboolean
ap_tunnel_socket_send(int fd,
                      const ApEndpoint *to,
                      const guint8 *payload,
                      gsize n_bytes,
                      const char *what,
                      GError **error)
{
    char text[AP_ADDR_TEXT_LEN];
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(to, &sockaddr);

    if (sendto(fd, payload, n_bytes, 0, (const struct sockaddr *) &sockaddr, n) >= 0)
        return TRUE;

    const int code = errno;
    ap_addr_to_text(&to->addr, text);
    return ap_tunnel_socket_set_error(error, code, what, text);
}

/**
 * Translates what the kernel said of a tunnel's socket.
 *
 * @code: WireGuard answers ENOKEY without a peer that has the address, and EDESTADDRREQ when
 *     nobody knows where that peer is (wg_xmit(), drivers/net/wireguard/device.c, Linux 6.1);
 *     EMSGSIZE, to a datagram that must not be cut in pieces, means that it is longer than the
 *     tunnel's MTU
 * @error: AP_ERROR_DENIED, AP_ERROR_GONE without such a device, peer or endpoint, AP_ERROR_LIMIT
 *     for a datagram that is too long, otherwise AP_ERROR_FAILED
 *
 * Returns: FALSE
 */
gboolean
ap_tunnel_socket_set_error(GError **error, int code, const char *what, const char *object)
{
    ApError translated = AP_ERROR_FAILED;

    if (code == EPERM || code == EACCES)
        translated = AP_ERROR_DENIED;
    if (code == ENODEV || code == ENXIO || code == ENOKEY || code == EDESTADDRREQ)
        translated = AP_ERROR_GONE;
    if (code == EMSGSIZE)
        translated = AP_ERROR_LIMIT;
    g_set_error(error, AP_ERROR, translated, "%s %s: %s", what, object, g_strerror(code));
    return FALSE;
}
