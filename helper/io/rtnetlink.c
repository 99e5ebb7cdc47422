/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/rtnetlink.h"

#include "helper/io/route-tables.h"
#include "helper/io/rtnetlink-socket.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/** How often one table is read when it changes under our hands (architecture.md, security F15). */
#define MAX_TRIES 5

/** What makes the tables stale. */
#define GROUPS                                                                                     \
    (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)

struct _ApRtnetlink {
    ApRtnetlinkSocket *hints; /* (owned) */
    ApRtnetlinkSocket *dumps; /* (owned) (nullable): NULL after a failure */
    guint32 seq;
    guint8 *datagram; /* (owned) AP_RTNETLINK_DATAGRAM_LEN bytes */
};

static gboolean
fail(GError **error, const char *what)
{
    const int code = errno;

    g_set_error(error,
                AP_ERROR,
                ap_rtnetlink_socket_translate(code),
                "%s: %s",
                what,
                g_strerror(code));
    return FALSE;
}

/*
 * Strict checking makes the kernel filter routes by table; a kernel that does not know it sends
 * all tables, and the reader of messages leaves the others out.
 */
static gboolean
open_dumps(ApRtnetlink *self, GError **error)
{
    int on = 1;

    if (self->dumps != NULL)
        return TRUE;

    self->dumps = ap_rtnetlink_socket_open(0, 0);
    if (self->dumps == NULL)
        return fail(error, "no rtnetlink socket");

    (void) mnl_socket_setsockopt(self->dumps, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
    return TRUE;
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

    self->hints = ap_rtnetlink_socket_open(SOCK_NONBLOCK, GROUPS);
    if (self->hints == NULL) {
        (void) fail(error, "no rtnetlink socket");
        return NULL;
    }
    if (!open_dumps(self, error))
        return NULL;

    self->datagram = g_malloc(AP_RTNETLINK_DATAGRAM_LEN);
    return g_steal_pointer(&self);
}

void
ap_rtnetlink_free(ApRtnetlink *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->hints, ap_rtnetlink_socket_close);
    g_clear_pointer(&self->dumps, ap_rtnetlink_socket_close);
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
    if (mnl_socket_sendto(self->dumps, self->datagram, n) < 0)
        return fail(error, "rtnetlink request");

    while (feed == AP_ROUTE_FEED_MORE) {
        const gssize n_read = ap_rtnetlink_socket_receive(self->dumps, self->datagram);

        if (n_read < 0)
            return fail(error, "rtnetlink dump");
        feed = ap_route_tables_feed(tables, self->datagram, (gsize) n_read, self->seq, &code);
    }
    if (feed == AP_ROUTE_FEED_FAILED) {
        errno = code;
        return fail(error, "rtnetlink dump");
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
 * @error: AP_ERROR_DENIED, AP_ERROR_TIMED_OUT or AP_ERROR_FAILED
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
            /* The rest of an answer may still be in it. */
            g_clear_pointer(&self->dumps, ap_rtnetlink_socket_close);
            return NULL;
        }
    }
    return ap_route_tables_list(tables);
}
