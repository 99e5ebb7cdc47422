/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/rtnetlink-socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

/**
 * How long the kernel may take for one datagram: 1 s, in seconds. It answers within the system
 * call; the limit only keeps a fault from holding the main loop for ever.
 */
#define ANSWER_LIMIT_SEC 1

/**
 * Opens a socket.
 *
 * @flags: beside SOCK_CLOEXEC, for socket(2)
 * @groups: RTMGRP_*; 0: it is for questions
 *
 * Returns: (transfer full) (nullable): NULL with errno
 */
ApRtnetlinkSocket *
ap_rtnetlink_socket_open(int flags, guint groups)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_SEC};
    g_autoptr(ApRtnetlinkSocket) self = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

    if (self == NULL || mnl_socket_bind(self, groups, MNL_SOCKET_AUTOPID) != 0
        || setsockopt(mnl_socket_get_fd(self), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
        return NULL;
    return g_steal_pointer(&self);
}

/**
 * Waits for one datagram that the kernel sent us; anybody else's is left out.
 *
 * @datagram: (out): AP_RTNETLINK_DATAGRAM_LEN bytes of room
 *
 * Returns: its length in bytes; -1 with errno: EAGAIN when none came in time, EMSGSIZE when it
 *     is too long
 */
gssize
ap_rtnetlink_socket_receive(const ApRtnetlinkSocket *self, guint8 *datagram)
{
    for (;;) {
        struct sockaddr_nl from = {.nl_family = AF_NETLINK};
        socklen_t n_from = sizeof(from);
        const gssize n = recvfrom(mnl_socket_get_fd(self),
                                  datagram,
                                  AP_RTNETLINK_DATAGRAM_LEN,
                                  MSG_TRUNC,
                                  (struct sockaddr *) &from,
                                  &n_from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n > AP_RTNETLINK_DATAGRAM_LEN) {
            errno = EMSGSIZE;
            return -1;
        }
        if (n < 0 || from.nl_pid == 0)
            return n;
    }
}

/**
 * Asks one question on a socket of its own, so that no answer to an older one can reach it, and
 * waits for the whole answer.
 *
 * @request: with NLM_F_ACK or NLM_F_DUMP, which make the answer have an end
 * @take: (nullable): called for each message of the answer
 *
 * Returns: 0, or an errno: that of the answer, of @take, or of not getting one
 */
int
ap_rtnetlink_socket_ask(const struct nlmsghdr *request, mnl_cb_t take, gpointer user_data)
{
    g_autoptr(ApRtnetlinkSocket) self = ap_rtnetlink_socket_open(0, 0);
    g_autofree guint8 *datagram = g_malloc(AP_RTNETLINK_DATAGRAM_LEN);
    int more = MNL_CB_OK;

    if (self == NULL || mnl_socket_sendto(self, request, request->nlmsg_len) < 0)
        return errno;

    while (more == MNL_CB_OK) {
        const gssize n = ap_rtnetlink_socket_receive(self, datagram);

        if (n < 0)
            return errno;
        more = mnl_cb_run(datagram, (gsize) n, 0, mnl_socket_get_portid(self), take, user_data);
    }
    return more == MNL_CB_STOP ? 0 : errno;
}

/** Tells what an errno of the kernel's answer, or of a socket, means to us. */
ApError
ap_rtnetlink_socket_translate(int code)
{
    if (code == ENODEV || code == ENXIO)
        return AP_ERROR_GONE;
    if (code == EPERM || code == EACCES)
        return AP_ERROR_DENIED;
    return code == EAGAIN ? AP_ERROR_TIMED_OUT : AP_ERROR_FAILED;
}

/** @self may be NULL. */
void
ap_rtnetlink_socket_close(ApRtnetlinkSocket *self)
{
    if (self != NULL)
        (void) mnl_socket_close(self);
}
