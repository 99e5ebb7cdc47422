/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/dial.h"

#include "common/error.h"
#include "common/fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/**
 * How long sent bytes may stay unacknowledged before the kernel gives the connection up, in
 * milliseconds: the limit of an exchange without its long poll (decisions.md 17).
 */
#define USER_TIMEOUT_MSEC 5000

static gboolean
set_errno(GError **error, const ApFetchTarget *target, const char *what, int code)
{
    char server[AP_ENDPOINT_TEXT_LEN];

    ap_endpoint_to_text(&target->server, server);
    g_set_error(error,
                AP_ERROR,
                code == EPERM || code == EACCES ? AP_ERROR_DENIED
                : code == ENODEV                ? AP_ERROR_GONE
                                                : AP_ERROR_FAILED,
                "%s %s by %s: %s",
                what,
                server,
                target->device,
                g_strerror(code));
    return FALSE;
}

/* No capability is needed to bind to a device, once per socket (Linux 5.7). */
static gboolean
prepare(int fd, const ApFetchTarget *target)
{
    const ApEndpoint local = {.addr = target->local};
    const unsigned int user_timeout_msec = USER_TIMEOUT_MSEC;
    const int one = 1;
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(&local, &sockaddr);

    return setsockopt(fd,
                      SOL_SOCKET,
                      SO_BINDTODEVICE,
                      target->device,
                      (socklen_t) strlen(target->device) + 1)
               == 0
           && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0
           && setsockopt(fd,
                         IPPROTO_TCP,
                         TCP_USER_TIMEOUT,
                         &user_timeout_msec,
                         sizeof(user_timeout_msec))
                  == 0
           && bind(fd, (struct sockaddr *) &sockaddr, n) == 0;
}

static gboolean
start(int fd, const ApEndpoint *server)
{
    struct sockaddr_storage sockaddr;
    const socklen_t n = ap_endpoint_to_sockaddr(server, &sockaddr);

    return connect(fd, (struct sockaddr *) &sockaddr, n) == 0 || errno == EINPROGRESS;
}

/**
 * Starts to connect, bound to the device and the local address of @target.
 *
 * @error: AP_ERROR_GONE when there is no such device, AP_ERROR_DENIED, AP_ERROR_FAILED
 *
 * Returns: a non-blocking socket that becomes writable when ap_dial_finish() is due, to be closed
 *     by the caller; -1 on error
 */
int
ap_dial_start(const ApFetchTarget *target, GError **error)
{
    ap_autofd int fd =
        socket(target->server.addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

    if (fd >= 0 && prepare(fd, target) && start(fd, &target->server))
        return ap_fd_steal(&fd);

    (void) set_errno(error, target, "could not connect to", errno);
    return -1;
}

/**
 * Tells whether the connection that became writable stands.
 *
 * @error: AP_ERROR_FAILED: refused, unreachable, reset
 */
gboolean
ap_dial_finish(int fd, GError **error)
{
    int code = 0;
    socklen_t n = sizeof(code);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) != 0)
        code = errno;
    if (code != 0)
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not connect to the server: %s",
                    g_strerror(code));
    return code == 0;
}
