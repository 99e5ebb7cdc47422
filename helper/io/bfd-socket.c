/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/bfd-socket.h"

#include "common/endpoint.h"
#include "common/error.h"
#include "common/fd.h"

#include <glib-unix.h>

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

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

/**
 * Datagrams taken before the main loop gets its turn: 64. A flood must not starve timers, and
 * what is left stays in the socket.
 */
#define N_AT_ONCE 64

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

/** A received datagram, and what the kernel says of it beside its bytes. */
typedef struct {
    guint8 payload[AP_BFD_PAYLOAD_MAX];
    gsize n_bytes;
    gboolean truncated;
    struct sockaddr_in6 from;
    struct in6_pktinfo to; /* ifindex 0: not told */
    int hop_limit;         /* -1: not told */
} Datagram;

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

static gboolean
set_errno(GError **error, int code, const char *what, const char *object)
{
    ApError translated = AP_ERROR_FAILED;

    if (code == EPERM || code == EACCES)
        translated = AP_ERROR_DENIED;
    if (code == ENODEV || code == ENXIO || code == ENOKEY)
        translated = AP_ERROR_GONE;
    if (code == EMSGSIZE)
        translated = AP_ERROR_LIMIT;
    g_set_error(error, AP_ERROR, translated, "%s %s: %s", what, object, g_strerror(code));
    return FALSE;
}

static gboolean
set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* No capability is needed to bind to a device, once per socket (Linux 5.7). */
static int
open_on(const char *device)
{
    ap_autofd int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

    if (fd < 0 || !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
        || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t) strlen(device) + 1) != 0)
        return -1;
    return ap_fd_steal(&fd);
}

/* Without SO_REUSEADDR: no other program shall be able to take the port over. */
static int
open_receiver(const char *device)
{
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(CONTROL_PORT)};
    ap_autofd int fd = open_on(device);

    if (fd < 0 || !set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        || !set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
        || bind(fd, (const struct sockaddr *) &any, sizeof(any)) != 0)
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
        struct sockaddr_storage sockaddr;
        const socklen_t n = ap_endpoint_to_sockaddr(&source, &sockaddr);

        if (bind(fd, (const struct sockaddr *) &sockaddr, n) == 0)
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
    ap_autofd int fd = open_on(device);

    if (fd < 0 || !set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT)
        || !set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1)
        || !set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, TRAFFIC_CLASS)
        || !bind_to_random_port(fd, local, ifindex))
        return -1;
    return ap_fd_steal(&fd);
}

static void
read_control(Datagram *datagram, struct msghdr *message)
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

static gboolean
read_datagram(int fd, Datagram *out)
{
    union {
        struct cmsghdr alignment;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
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
    out->truncated = (message.msg_flags & MSG_TRUNC) != 0;
    read_control(out, &message);
    return TRUE;
}

/* Returns: AP_N_BFD_DROPS when the datagram may be looked into */
static ApBfdDrop
judge(const ApBfdSocket *self, const Datagram *datagram, const ApAddr *from)
{
    if (datagram->truncated)
        return AP_BFD_DROP_TRUNCATED;
    if (datagram->hop_limit != HOP_LIMIT)
        return AP_BFD_DROP_HOP_LIMIT;
    if (datagram->to.ipi6_ifindex != self->ifindex
        || memcmp(&datagram->to.ipi6_addr, self->local.bytes, sizeof(self->local.bytes)) != 0)
        return AP_BFD_DROP_DESTINATION;
    if (!ap_addr_is_link_local(from))
        return AP_BFD_DROP_SOURCE;
    return AP_N_BFD_DROPS;
}

static void
take_datagram(ApBfdSocket *self, const Datagram *datagram)
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

    refusal = ap_bfd_packet_decode(&packet, datagram->payload, datagram->n_bytes);
    if (refusal != AP_BFD_REFUSAL_NONE) {
        self->n_refused[refusal]++;
        return;
    }

    self->received(&from, &packet, self->user_data);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApBfdSocket *self = user_data;
    Datagram datagram;

    (void) condition;
    /* An error belongs to an earlier packet, and to read it clears it. */
    for (guint i = 0; i < N_AT_ONCE && read_datagram(fd, &datagram); i++)
        take_datagram(self, &datagram);
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
        set_errno(error, errno, "could not speak BFD on", device);
        return NULL;
    }

    receiver = open_receiver(device);
    if (receiver >= 0)
        sender = open_sender(device, local, ifindex);
    if (receiver < 0 || sender < 0) {
        set_errno(error, errno, "could not speak BFD on", device);
        return NULL;
    }

    ApBfdSocket *self = g_new0(ApBfdSocket, 1);
    self->receiver = ap_fd_steal(&receiver);
    self->sender = ap_fd_steal(&sender);
    self->local = *local;
    self->ifindex = ifindex;
    self->received = received;
    self->user_data = user_data;
    self->source = g_unix_fd_add(self->receiver, G_IO_IN, on_readable, self);
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

    return receiver >= 0 || set_errno(error, errno, "could not speak BFD on", device);
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
    char text[AP_ADDR_TEXT_LEN];
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(&target, &sockaddr);

    if (sendto(self->sender, payload, n_bytes, 0, (const struct sockaddr *) &sockaddr, n) >= 0)
        return TRUE;

    ap_addr_to_text(to, text);
    return set_errno(error, errno, "could not send BFD to", text);
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
