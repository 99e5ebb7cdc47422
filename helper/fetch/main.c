/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * wg-autopeer-fetch: reads the answers of a coordination server on behalf of the helper, without
 * a privilege of its own. Started by the helper only; leaves when the helper closes its end.
 */

#include "helper/fetch/http.h"
#include "helper/fetch/sandbox.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** Longest request, in bytes: 256 direct keys and 8 attachments have 16,000. */
#define MAX_REQUEST_BYTES (32 * 1024)

/**
 * Waits for the next request.
 *
 * @buffer: MAX_REQUEST_BYTES bytes, into which @out points
 * @connection: (out): the socket that came with it
 *
 * Returns: FALSE when the helper has closed its end, or sent nonsense
 */
static gboolean
receive(char *buffer, ApExchange *out, int *connection)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = buffer, .iov_len = MAX_REQUEST_BYTES};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    const ssize_t n = recvmsg(AP_EXCHANGE_FD, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (header == NULL || header->cmsg_type != SCM_RIGHTS
        || header->cmsg_len != CMSG_LEN(sizeof(int))
        || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return FALSE;

    memcpy(connection, CMSG_DATA(header), sizeof(int));
    return ap_exchange_read(out, (const guint8 *) buffer, (gsize) n);
}

static gboolean
report(const ApExchangeResult *result)
{
    g_autoptr(GByteArray) packet = g_byte_array_new();

    ap_exchange_result_write(result, packet);
    return send(AP_EXCHANGE_FD, packet->data, packet->len, MSG_NOSIGNAL) == (ssize_t) packet->len;
}

static void
serve(void)
{
    g_autofree char *buffer = g_malloc(MAX_REQUEST_BYTES);
    ApExchange exchange;
    int connection = -1;

    while (receive(buffer, &exchange, &connection)) {
        g_auto(ApExchangeResult) result = ap_http_run(&exchange, connection, AP_EXCHANGE_FD);

        (void) close(connection);
        if (!report(&result))
            return;
        ap_exchange_result_clear(&result);
        /* An answer is read into many small pieces. */
        (void) malloc_trim(0);
    }
}

static gboolean
is_started_by_helper(void)
{
    int type = 0;
    socklen_t n = sizeof(type);

    return getsockopt(AP_EXCHANGE_FD, SOL_SOCKET, SO_TYPE, &type, &n) == 0
           && type == SOCK_SEQPACKET;
}

static void
warn_about(guint missing)
{
    if ((missing & AP_SANDBOX_LANDLOCK) != 0)
        g_printerr("wg-autopeer-fetch: this kernel has no Landlock, going on without\n");
    if ((missing & AP_SANDBOX_SECCOMP) != 0)
        g_printerr("wg-autopeer-fetch: no seccomp filter here, going on without\n");
}

/* Leaves by _exit(): what runs at a regular exit needs calls that are forbidden by then. */
int
main(void)
{
    g_autoptr(GError) error = NULL;
    guint missing = 0;

    if (!is_started_by_helper()) {
        g_printerr("wg-autopeer-fetch is started by wg-autopeer-helper only\n");
        return 2;
    }

    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGXFSZ, SIG_IGN); /* a log that cannot be written is no reason to die */
    if (!ap_sandbox_enter(&missing, &error)) {
        g_printerr("wg-autopeer-fetch: %s\n", error->message);
        return 1;
    }

    warn_about(missing);
    serve();
    _exit(0);
}
