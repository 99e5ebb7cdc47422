/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/netlink-socket.h"

#include "common/wireguard/trouble.h"

#include <sodium.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static ApNetlinkResult
refused(int errnum)
{
    return (ApNetlinkResult){.verdict = AP_NETLINK_REFUSED, .errnum = errnum};
}

static gboolean
prepare(int fd, guint32 *portid)
{
    const struct timeval limit = {.tv_sec = AP_NETLINK_TIMEOUT_USEC / AP_USEC_PER_SEC};
    struct sockaddr_nl addr = {.nl_family = AF_NETLINK};
    socklen_t len = sizeof(addr);

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0
        || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0
        || bind(fd, (const struct sockaddr *) (const void *) &addr, len) != 0
        || getsockname(fd, (struct sockaddr *) (void *) &addr, &len) != 0)
        return FALSE;

    *portid = addr.nl_pid;
    return TRUE;
}

/* -1, and errno tells why, on failure. */
static int
open_socket(int protocol, guint32 *portid)
{
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd >= 0 && !prepare(fd, portid)) {
        const int why = errno;

        (void) close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static ApNetlinkResult
send_request(int fd, const ApNetlinkRequest *request)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const gsize n = request->header.nlmsg_len;
    gssize n_sent;

    do {
        n_sent = sendto(fd,
                        request->bytes,
                        n,
                        MSG_NOSIGNAL,
                        (const struct sockaddr *) (const void *) &kernel,
                        sizeof(kernel));
    } while (n_sent < 0 && errno == EINTR);

    if (n_sent < 0)
        return refused(errno);
    return (gsize) n_sent == n ? (ApNetlinkResult){AP_NETLINK_MORE, 0} : refused(EMSGSIZE);
}

/* Receives a datagram of the kernel; one from another process counts as empty. */
static ApNetlinkResult
receive_datagram(int fd, guint8 *out, gsize *n_out)
{
    struct sockaddr_nl from = {0};
    socklen_t len = sizeof(from);
    gssize n;

    do {
        n = recvfrom(fd,
                     out,
                     AP_NETLINK_ANSWER_SIZE,
                     MSG_TRUNC,
                     (struct sockaddr *) (void *) &from,
                     &len);
    } while (n < 0 && errno == EINTR);

    /* The kernel had no room for a datagram: whatever else comes is not the whole. */
    if (n < 0 && errno == ENOBUFS)
        return (ApNetlinkResult){AP_NETLINK_INTERRUPTED, 0};
    if (n < 0)
        return refused(errno);
    if (n == 0 || n > AP_NETLINK_ANSWER_SIZE)
        return refused(EBADMSG);

    *n_out = from.nl_pid == 0 ? (gsize) n : 0;
    return (ApNetlinkResult){AP_NETLINK_MORE, 0};
}

static ApNetlinkResult
receive_answer(int fd, guint32 seq, guint32 portid, ApNetlinkTaker take, gpointer user_data)
{
    g_autofree guint8 *bytes = g_malloc(AP_NETLINK_ANSWER_SIZE);
    ApNetlinkResult result = {AP_NETLINK_MORE, 0};
    gsize n_all = 0;

    while (result.verdict == AP_NETLINK_MORE) {
        gsize n = 0;

        result = receive_datagram(fd, bytes, &n);
        n_all += n;
        if (n_all > AP_WIREGUARD_MAX_ANSWER)
            result = refused(EFBIG);
        else if (result.verdict == AP_NETLINK_MORE)
            result = ap_netlink_walk(bytes, n, seq, portid, take, user_data);
    }

    sodium_memzero(bytes, AP_NETLINK_ANSWER_SIZE);
    return result;
}

/**
 * Sends @request and hands every message of the answer to @take.
 *
 * @protocol: NETLINK_GENERIC or NETLINK_ROUTE
 * @take: (nullable): see ap_netlink_walk()
 *
 * Each question has a socket of its own: no answer to an older one, and no loss that an older
 * one suffered, can reach it. What was received is wiped; it may hold a private key.
 *
 * Returns: AP_NETLINK_DONE, AP_NETLINK_INTERRUPTED or AP_NETLINK_REFUSED
 */
ApNetlinkResult
ap_netlink_ask(int protocol,
               const ApNetlinkRequest *request,
               ApNetlinkTaker take,
               gpointer user_data)
{
    guint32 portid;
    const int fd = open_socket(protocol, &portid);
    ApNetlinkResult result;

    if (fd < 0)
        return refused(errno);

    result = send_request(fd, request);
    if (result.verdict == AP_NETLINK_MORE)
        result = receive_answer(fd, request->header.nlmsg_seq, portid, take, user_data);
    (void) close(fd);
    return result;
}
