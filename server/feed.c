/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/feed.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "server/gate.h"
#include "server/snapshot.h"

#include <glib-unix.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct _ApFeed {
    int fd;       /* (owned) */
    ApDesk *desk; /* (not owned) (nullable) outlives us: both are the edge's */
    GSource *source;
    ApFeedLost lost;
    gpointer data;
    ApThrottle complaints;
};

/**
 * Makes the pair of sockets; the first is for the reader, the second for the HTTP process.
 *
 * @error: AP_ERROR_FAILED
 */
gboolean
ap_feed_open(int out_fds[static 2], GError **error)
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

static gboolean
send_message(int fd, const guint8 *bytes, gsize n)
{
    gssize sent;

    do {
        sent = send(fd, bytes, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (gssize) n;
}

static gboolean
send_diff(int fd, const GArray *before, const GArray *after)
{
    g_autoptr(GPtrArray) messages = ap_snapshot_diff(before, after);

    for (guint i = 0; i < messages->len; i++) {
        const GByteArray *message = g_ptr_array_index(messages, i);

        if (!send_message(fd, message->data, message->len))
            return FALSE;
    }
    return TRUE;
}

static gboolean
send_failure(int fd, const char *text)
{
    g_autoptr(GBytes) message = ap_snapshot_failure(text);

    return send_message(fd, g_bytes_get_data(message, NULL), g_bytes_get_size(message));
}

static gboolean
wait_for_question(int fd)
{
    guint8 question;
    gssize n;

    do {
        n = recv(fd, &question, sizeof(question), 0);
    } while (n < 0 && errno == EINTR);
    return n == 1 && question == AP_SNAPSHOT_ASK;
}

/**
 * The reading process: answers each question with what has changed on the device since the last
 * one. Parses nothing but the kernel's (or the userspace daemon's) own description of the device.
 *
 * Blocks until the other end is closed.
 *
 * Returns: the exit status of the process
 */
int
ap_feed_serve(int fd, ApWireguard *wireguard, const ApDeviceId *id)
{
    g_autoptr(GArray) known = g_array_new(FALSE, TRUE, sizeof(ApRosterPeer));
    gboolean is_connected = TRUE;

    while (is_connected && wait_for_question(fd)) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ApDevice) device = ap_wireguard_read(wireguard, id, &error);

        if (device == NULL) {
            is_connected = send_failure(fd, error->message);
            continue;
        }

        g_autoptr(GArray) now = ap_snapshot_peers(device);
        is_connected = send_diff(fd, known, now);
        g_array_unref(known);
        known = g_steal_pointer(&now);
    }
    return EXIT_SUCCESS;
}

static void
take_message(ApFeed *self, const ApSnapshotMessage *message)
{
    const ApInstant now = ap_clock_now();

    for (guint i = 0; i < message->removed->len; i++)
        ap_desk_remove_peer(self->desk, &g_array_index(message->removed, ApKey, i), now);
    for (guint i = 0; i < message->peers->len; i++)
        ap_desk_put_peer(self->desk, &g_array_index(message->peers, ApRosterPeer, i), now);

    switch (message->kind) {
    case AP_SNAPSHOT_PUT:
    case AP_SNAPSHOT_REMOVE:
        break;
    case AP_SNAPSHOT_END:
        ap_desk_looked(self->desk, now);
        break;
    case AP_SNAPSHOT_FAILED:
        if (ap_throttle_pass(&self->complaints, now))
            g_warning("could not read the WireGuard interface: %s", message->text);
        ap_desk_could_not_look(self->desk);
        break;
    }
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
    static guint8 bytes[AP_SNAPSHOT_MAX_MESSAGE];
    g_auto(ApSnapshotMessage) message = {0};
    g_autoptr(GError) error = NULL;
    ApFeed *self = data;

    (void) condition;
    const gssize n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        self->lost(self->data, "the process that reads the WireGuard interface has ended");
        return G_SOURCE_REMOVE;
    }
    if (!ap_snapshot_read(&message, bytes, (gsize) n, &error)) {
        self->lost(self->data, error->message);
        return G_SOURCE_REMOVE;
    }

    take_message(self, &message);
    return G_SOURCE_CONTINUE;
}

/**
 * Makes the HTTP process's end.
 *
 * @fd: (transfer full)
 * @lost: called at most once, from the main loop
 *
 * Returns: (transfer full)
 */
ApFeed *
ap_feed_new(int fd, ApFeedLost lost, gpointer data)
{
    ApFeed *self = g_new0(ApFeed, 1);

    self->fd = fd;
    self->lost = lost;
    self->data = data;
    self->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(self->source, G_SOURCE_FUNC(on_readable), self, NULL);
    return self;
}

void
ap_feed_free(ApFeed *self)
{
    if (self == NULL)
        return;

    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    ap_fd_clear(&self->fd);
    g_free(self);
}

/**
 * Starts to pass on what is read.
 *
 * @desk: outlives the feed
 */
void
ap_feed_set_desk(ApFeed *self, ApDesk *desk)
{
    self->desk = desk;
    (void) g_source_attach(self->source, NULL);
}

/**
 * Has the device read; the desk is told what comes of it.
 */
void
ap_feed_ask(ApFeed *self)
{
    const guint8 question = AP_SNAPSHOT_ASK;

    /* a failure shows as a hangup in on_readable() */
    (void) send_message(self->fd, &question, sizeof(question));
}
