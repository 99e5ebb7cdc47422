/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/gossip-socket.h"

#include "common/endpoint.h"
#include "common/error.h"
#include "common/fd.h"

#include <glib-unix.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/**
 * Room for a datagram, in bytes: one more than any that is looked at (security rule G3), so that
 * a longer one shows by its length.
 */
#define ROOM 1473

/**
 * Datagrams taken before the main loop gets its turn: 64. A flood must not starve timers, and
 * what is left stays in the socket.
 */
#define N_AT_ONCE 64

struct _ApGossipSocket {
    int fd;       /* (owned) */
    guint source; /* (owned) */
    ApAddr local;
    guint32 ifindex;
    guint16 port;
    ApGossipSocketFunc received;
    gpointer user_data; /* (not owned) */
    guint64 n_dropped;
};

/** A received datagram, and where the kernel says that it was sent to. */
typedef struct {
    guint8 payload[ROOM];
    gsize n_bytes;
    struct sockaddr_in6 from;
    struct in6_pktinfo to; /* ifindex 0: not told */
} Datagram;

static gboolean
set_errno(GError **error, int code, const char *what, const char *object)
{
    ApError translated = AP_ERROR_FAILED;

    if (code == EPERM || code == EACCES)
        translated = AP_ERROR_DENIED;
    if (code == ENODEV || code == ENXIO || code == ENOKEY || code == EDESTADDRREQ)
        translated = AP_ERROR_GONE;
    g_set_error(error, AP_ERROR, translated, "%s %s: %s", what, object, g_strerror(code));
    return FALSE;
}

static gboolean
set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/*
 * Bound to the device, so that nobody on a LAN is taken for a peer, and to our own address on it.
 * No capability is needed for the former, once per socket (Linux 5.7).
 */
static int
open_on(const char *device, const ApEndpoint *local)
{
    ap_autofd int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(local, &sockaddr);

    if (fd < 0 || !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
        || !set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t) strlen(device) + 1) != 0
        || bind(fd, (const struct sockaddr *) &sockaddr, n) != 0)
        return -1;
    return ap_fd_steal(&fd);
}

static void
read_control(Datagram *datagram, struct msghdr *message)
{
    datagram->to.ipi6_ifindex = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO)
            memcpy(&datagram->to, CMSG_DATA(part), sizeof(datagram->to));
    }
}

static gboolean
read_datagram(int fd, Datagram *out)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    struct iovec vector = {.iov_base = out->payload, .iov_len = sizeof(out->payload)};
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
    read_control(out, &message);
    return TRUE;
}

/* Security rule G1: to our own address, by this device. */
static gboolean
is_for_us(const ApGossipSocket *self, const Datagram *datagram)
{
    return datagram->to.ipi6_ifindex == self->ifindex
           && memcmp(&datagram->to.ipi6_addr, self->local.bytes, sizeof(self->local.bytes)) == 0;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApGossipSocket *self = user_data;
    Datagram datagram;
    ApAddr from;

    (void) condition;
    /* An error belongs to an earlier packet, and to read it clears it. */
    for (guint i = 0; i < N_AT_ONCE && read_datagram(fd, &datagram); i++) {
        if (is_for_us(self, &datagram)
            && ap_addr_from_sockaddr(&from, (const struct sockaddr *) &datagram.from))
            self->received(&from, datagram.payload, datagram.n_bytes, self->user_data);
        else
            self->n_dropped++;
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
        set_errno(error, errno, "could not gossip on", device);
        return NULL;
    }

    ApGossipSocket *self = g_new0(ApGossipSocket, 1);
    self->fd = ap_fd_steal(&fd);
    self->local = *local;
    self->ifindex = source.scope_id;
    self->port = port;
    self->received = received;
    self->user_data = user_data;
    self->source = g_unix_fd_add(self->fd, G_IO_IN, on_readable, self);
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
    char text[AP_ADDR_TEXT_LEN];
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(&target, &sockaddr);

    if (sendto(self->fd, payload, n_bytes, 0, (const struct sockaddr *) &sockaddr, n) >= 0)
        return TRUE;

    ap_addr_to_text(to, text);
    return set_errno(error, errno, "could not gossip with", text);
}

/** Returns: datagrams that were not for our address on this device */
guint64
ap_gossip_socket_n_dropped(const ApGossipSocket *self)
{
    return self->n_dropped;
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
