/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/rtnetlink.h"

#include "common/error.h"
#include "helper/io/route-tables.h"

#include <libmnl/libmnl.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/**
 * Room for one datagram of a dump, in bytes. The kernel fills at most 32 KiB at once, and no
 * more than we offer. Source: netlink_dump(), net/netlink/af_netlink.c, Linux 6.1.
 */
#define DATAGRAM_LEN (32 * 1024)

/** How often one table is read when it changes under our hands (architecture.md, security F15). */
#define MAX_TRIES 5

/**
 * How long the kernel may take for one datagram, in milliseconds. It answers within the system
 * call; the limit only keeps a fault from holding the main loop for ever.
 */
#define ANSWER_LIMIT_MSEC 1000

/** What makes the tables stale. */
#define GROUPS                                                                                     \
    (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)

struct _ApRtnetlink {
    struct mnl_socket *hints; /* (owned) */
    struct mnl_socket *dumps; /* (owned) (nullable): NULL after a failure */
    guint32 seq;
    guint8 *datagram; /* (owned) DATAGRAM_LEN bytes */
};

static struct mnl_socket *
open_socket(int flags, unsigned int groups, GError **error)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

    if (socket != NULL && mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) == 0)
        return socket;

    g_set_error(error,
                AP_ERROR,
                errno == EPERM || errno == EACCES ? AP_ERROR_DENIED : AP_ERROR_FAILED,
                "no rtnetlink socket: %s",
                g_strerror(errno));
    if (socket != NULL)
        (void) mnl_socket_close(socket);
    return NULL;
}

/*
 * Strict checking makes the kernel filter routes by table; a kernel that does not know it sends
 * all tables, and the reader of messages leaves the others out.
 */
static gboolean
open_dumps(ApRtnetlink *self, GError **error)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_MSEC / 1000,
                                  .tv_usec = ANSWER_LIMIT_MSEC % 1000 * 1000};
    int on = 1;

    if (self->dumps != NULL)
        return TRUE;

    self->dumps = open_socket(0, 0, error);
    if (self->dumps == NULL)
        return FALSE;

    (void) mnl_socket_setsockopt(self->dumps, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
    (void)
        setsockopt(mnl_socket_get_fd(self->dumps), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return TRUE;
}

static void
close_dumps(ApRtnetlink *self)
{
    if (self->dumps != NULL)
        (void) mnl_socket_close(self->dumps);
    self->dumps = NULL;
}

/**
 * Opens both sockets and subscribes to changes of links, addresses and routes.
 *
 * @error: AP_ERROR_DENIED or AP_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable)
 */
ApRtnetlink *
ap_rtnetlink_new(GError **error)
{
    g_autoptr(ApRtnetlink) self = g_new0(ApRtnetlink, 1);

    self->hints = open_socket(SOCK_NONBLOCK, GROUPS, error);
    if (self->hints == NULL)
        return NULL;

    if (!open_dumps(self, error))
        return NULL;

    self->datagram = g_malloc(DATAGRAM_LEN);
    return g_steal_pointer(&self);
}

void
ap_rtnetlink_free(ApRtnetlink *self)
{
    if (self == NULL)
        return;

    if (self->hints != NULL)
        (void) mnl_socket_close(self->hints);
    close_dumps(self);
    g_free(self->datagram);
    g_free(self);
}

/**
 * Tells what to poll for reading: it is readable when something may have changed.
 */
int
ap_rtnetlink_get_fd(const ApRtnetlink *self)
{
    return mnl_socket_get_fd(self->hints);
}

/**
 * Throws away all pending notifications. They are hints to read again, and their content is
 * never looked at; a lost one (ENOBUFS) is a hint like any other.
 *
 * Returns: whether there were any
 */
gboolean
ap_rtnetlink_drain(ApRtnetlink *self)
{
    const int fd = mnl_socket_get_fd(self->hints);
    gboolean any = FALSE;
    guint8 byte;

    for (;;) {
        if (recv(fd, &byte, sizeof(byte), MSG_TRUNC) < 0 && errno != ENOBUFS && errno != EINTR)
            return any;
        any = TRUE;
    }
}

/* The request for @dump, in the form that strict checking wants: everything else is zero. */
static gsize
build_request(guint8 *buffer, ApRouteDump dump, guint32 seq)
{
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
    struct rtmsg *route;

    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    head->nlmsg_seq = seq;
    switch (dump) {
    case AP_ROUTE_DUMP_LINKS:
        head->nlmsg_type = RTM_GETLINK;
        (void) mnl_nlmsg_put_extra_header(head, sizeof(struct ifinfomsg));
        mnl_attr_put_u32(head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        break;
    case AP_ROUTE_DUMP_ADDRESSES:
        head->nlmsg_type = RTM_GETADDR;
        (void) mnl_nlmsg_put_extra_header(head, sizeof(struct ifaddrmsg));
        break;
    case AP_ROUTE_DUMP_ROUTES:
        head->nlmsg_type = RTM_GETROUTE;
        route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
        route->rtm_table = RT_TABLE_MAIN;
        break;
    case AP_N_ROUTE_DUMPS:
        break;
    }
    return head->nlmsg_len;
}

/* One datagram that the kernel sent us; anybody else's is left out. */
static gssize
receive(ApRtnetlink *self, GError **error)
{
    const int fd = mnl_socket_get_fd(self->dumps);

    for (;;) {
        struct sockaddr_nl from = {.nl_family = AF_NETLINK};
        socklen_t n_from = sizeof(from);
        const gssize n = recvfrom(fd,
                                  self->datagram,
                                  DATAGRAM_LEN,
                                  MSG_TRUNC,
                                  (struct sockaddr *) &from,
                                  &n_from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || n > DATAGRAM_LEN) {
            g_set_error(error,
                        AP_ERROR,
                        n < 0 && errno == EAGAIN ? AP_ERROR_TIMED_OUT : AP_ERROR_FAILED,
                        "rtnetlink dump: %s",
                        n < 0 ? g_strerror(errno) : "the datagram is too long");
            return -1;
        }
        if (from.nl_pid == 0)
            return n;
    }
}

static gboolean
run_dump(ApRtnetlink *self,
         ApRouteTables *tables,
         ApRouteDump dump,
         ApRouteFeed *out,
         GError **error)
{
    ApRouteFeed feed = AP_ROUTE_FEED_MORE;
    const gsize n = build_request(self->datagram, dump, ++self->seq);
    int code = 0;

    ap_route_tables_begin(tables, dump);
    if (mnl_socket_sendto(self->dumps, self->datagram, n) < 0) {
        g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "rtnetlink: %s", g_strerror(errno));
        return FALSE;
    }

    while (feed == AP_ROUTE_FEED_MORE) {
        const gssize n_read = receive(self, error);

        if (n_read < 0)
            return FALSE;
        feed = ap_route_tables_feed(tables, self->datagram, (gsize) n_read, self->seq, &code);
    }
    if (feed == AP_ROUTE_FEED_FAILED) {
        g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "rtnetlink dump: %s", g_strerror(code));
        return FALSE;
    }

    *out = feed;
    return TRUE;
}

static gboolean
read_table(ApRtnetlink *self, ApRouteTables *tables, ApRouteDump dump, GError **error)
{
    for (guint i = 0; i < MAX_TRIES; i++) {
        ApRouteFeed feed;

        if (!run_dump(self, tables, dump, &feed, error))
            return FALSE;
        if (feed == AP_ROUTE_FEED_DONE)
            return TRUE;
    }
    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "interfaces change faster than they can be read");
    return FALSE;
}

/**
 * Reads all links with their addresses and default routes afresh from the kernel.
 *
 * Blocks for as long as the kernel takes to answer, which is well below a millisecond on a
 * laptop. A table that changes meanwhile is read again; a partial list is never returned.
 *
 * @error: AP_ERROR_TIMED_OUT or AP_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable) (element-type ApLink): by index
 */
GPtrArray *
ap_rtnetlink_read(ApRtnetlink *self, GError **error)
{
    g_autoptr(ApRouteTables) tables = ap_route_tables_new();

    if (!open_dumps(self, error))
        return NULL;

    for (guint dump = 0; dump < AP_N_ROUTE_DUMPS; dump++) {
        if (!read_table(self, tables, (ApRouteDump) dump, error)) {
            close_dumps(self); /* the rest of an answer may still be in it */
            return NULL;
        }
    }
    return ap_route_tables_list(tables);
}
