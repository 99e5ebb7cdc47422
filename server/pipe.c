/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/pipe.h"

#include "common/error.h"
#include "common/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/** Room for the descriptors beside a message, aligned as the kernel wants it (cmsg(3)). */
typedef union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(AP_PIPE_MAX_FDS * sizeof(int))];
} Beside;

/**
 * Makes both ends; the first is for the reader, the second for the HTTP process.
 *
 * @error: AP_ERROR_FAILED
 */
gboolean
ap_pipe_open(int out_fds[static 2], GError **error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out_fds) == 0)
        return TRUE;

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_FAILED,
                "could not make a pair of sockets: %s",
                g_strerror(errno));
    return FALSE;
}

/**
 * Reaches a reader that was started by somebody else.
 *
 * @path: of its socket
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full): -1 on failure
 */
int
ap_pipe_connect(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ap_autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0
        || g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)
        || connect(fd, (const struct sockaddr *) &address, sizeof(address)) != 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not reach the reading part at %s: %s",
                    path,
                    g_strerror(errno));
        return -1;
    }
    return ap_fd_steal(&fd);
}

static void
put_fds(struct msghdr *message, Beside *beside, const int *fds, guint n_fds)
{
    message->msg_control = beside->bytes;
    message->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));

    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
}

/**
 * Sends a message; blocks while the other end has not read the last ones.
 *
 * @fds: (array length=n_fds) (nullable): stay the caller's; at most AP_PIPE_MAX_FDS
 *
 * Returns: FALSE when the other end has gone
 */
gboolean
ap_pipe_send(int fd, gconstpointer bytes, gsize n_bytes, const int *fds, guint n_fds)
{
    struct iovec part = {.iov_base = (gpointer) bytes, .iov_len = n_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    Beside beside = {0};
    gssize sent;

    if (n_fds > 0)
        put_fds(&message, &beside, fds, n_fds);
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (gssize) n_bytes;
}

static void
take_fds(struct msghdr *message, ApPipeMessage *out)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        out->n_fds = (guint) ((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(out->fds, CMSG_DATA(header), out->n_fds * sizeof(int));
    }
}

/**
 * Takes the next message, if there is one.
 *
 * @bytes: (out): gets the message
 * @out: (out caller-allocates): only when the function returns TRUE
 *
 * Returns: FALSE when nothing is there
 */
gboolean
ap_pipe_receive(int fd, guint8 *bytes, gsize n_max, ApPipeMessage *out)
{
    struct iovec part = {.iov_base = bytes, .iov_len = n_max};
    Beside beside;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = beside.bytes,
        .msg_controllen = sizeof(beside.bytes),
    };
    gssize n;

    /* the other end has left before it read all of ours; its last words are still there */
    do {
        n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0 && errno == EAGAIN)
        return FALSE;

    *out = (ApPipeMessage){.n_bytes = (gsize) MAX(n, 0)};
    if (n > 0)
        take_fds(&message, out);
    return TRUE;
}

/** Closes descriptors that came with a message and were not taken; -1 stays behind. */
void
ap_pipe_close_fds(int *fds, guint n_fds)
{
    for (guint i = 0; i < n_fds; i++)
        ap_fd_clear(&fds[i]);
}
