/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/fetch-child.h"

#include "common/error.h"
#include "common/fd.h"

#include <glib-unix.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/**
 * @fd: (owned) our end of the pair
 * @pidfd: (owned) the process, even after its number was given to another one
 * @source: watches @fd; 0 when the child is known to be gone
 */
struct _ApFetchChild {
    int fd;
    int pidfd;
    guint source;
    ApFetchChildFunc report;
    gpointer user_data;
};

/*
 * Reads one packet into memory of its size.
 *
 * Returns: (nullable): NULL when the child is gone or the packet too long
 */
static GByteArray *
receive(int fd)
{
    const ssize_t n = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    g_autoptr(GByteArray) packet = g_byte_array_new();

    if (n <= 0 || n > AP_EXCHANGE_MAX_BYTES)
        return NULL;

    g_byte_array_set_size(packet, (guint) n);
    if (recv(fd, packet->data, packet->len, MSG_DONTWAIT) != n)
        return NULL;
    return g_steal_pointer(&packet);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApFetchChild *self = user_data;
    g_autoptr(GByteArray) packet = receive(fd);
    g_auto(ApExchangeResult) result = {0};

    (void) condition;
    if (packet != NULL && ap_exchange_result_read(&result, packet->data, packet->len)) {
        self->report(&result, self->user_data);
        return G_SOURCE_CONTINUE;
    }

    self->source = 0;
    self->report(NULL, self->user_data);
    return G_SOURCE_REMOVE;
}

/* Outlives the ApFetchChild: a dead process must be reaped whoever still cares. */
static void
on_exit_status(GPid pid, int status, gpointer user_data)
{
    (void) status;
    (void) user_data;
    g_spawn_close_pid(pid);
}

static gboolean
spawn(const char *program, int child_fd, GPid *pid, GError **error)
{
    const char *const argv[] = {program, NULL};
    const char *const envp[] = {NULL};
    const int target_fd = AP_EXCHANGE_FD;
    g_autoptr(GError) local = NULL;

    if (g_spawn_async_with_pipes_and_fds("/",
                                         argv,
                                         envp,
                                         G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                                         NULL,
                                         NULL,
                                         -1,
                                         -1,
                                         -1,
                                         &child_fd,
                                         &target_fd,
                                         1,
                                         pid,
                                         NULL,
                                         NULL,
                                         NULL,
                                         &local))
        return TRUE;

    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "could not start: %s", local->message);
    return FALSE;
}

/**
 * Starts @program with an empty environment, our standard error, and its end of a socket pair as
 * AP_EXCHANGE_FD; every other descriptor is closed for it.
 *
 * @program: absolute path
 * @report: called until it gets NULL, or until the child is freed
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full)
 */
ApFetchChild *
ap_fetch_child_spawn(const char *program,
                     ApFetchChildFunc report,
                     gpointer user_data,
                     GError **error)
{
    int fds[2];
    GPid pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "socketpair: %s", g_strerror(errno));
        return NULL;
    }

    ap_autofd int ours = fds[0];
    ap_autofd int theirs = fds[1];
    if (!spawn(program, theirs, &pid, error))
        return NULL;

    ApFetchChild *self = g_new0(ApFetchChild, 1);
    self->fd = ap_fd_steal(&ours);
    self->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
    self->report = report;
    self->user_data = user_data;
    self->source = g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    (void) g_child_watch_add(pid, on_exit_status, NULL);
    return self;
}

/**
 * Hands an exchange to the child; what comes of it is reported later.
 *
 * @connection: a connected socket; stays the caller's, the child gets a duplicate
 * @error: AP_ERROR_FAILED: the child is gone, or so busy that its queue is full
 */
gboolean
ap_fetch_child_send(ApFetchChild *self, const ApExchange *exchange, int connection, GError **error)
{
    g_autoptr(GByteArray) packet = g_byte_array_new();
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};

    ap_exchange_write(exchange, packet);
    memcpy(CMSG_DATA(&control.header), &connection, sizeof(int));

    struct iovec iov = {.iov_base = packet->data, .iov_len = packet->len};
    const struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };

    if (sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) packet->len)
        return TRUE;

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_FAILED,
                "could not reach the fetch child: %s",
                g_strerror(errno));
    return FALSE;
}

/**
 * Ends the child at once: closing its end is enough for a sane one, SIGKILL is for all others.
 * The main loop reaps it.
 */
void
ap_fetch_child_free(ApFetchChild *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    (void) close(self->fd);
    if (self->pidfd >= 0) {
        (void) syscall(SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
        (void) close(self->pidfd);
    }
    g_free(self);
}
