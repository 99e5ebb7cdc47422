/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/feed.h"

#include "common/clock.h"
#include "common/fd.h"
#include "server/gate.h"
#include "server/pipe.h"

#include <glib-unix.h>

#include <stdlib.h>

struct _ApFeed {
    int fd;       /* (owned) */
    ApDesk *desk; /* (not owned) outlives us: see ap_feed_new() */
    GSource *source;
    const ApFeedOps *ops;
    gpointer data;
    ApThrottle complaints;
};

static void
take_snapshot(ApFeed *self, const ApSnapshotMessage *message, ApInstant now)
{
    for (guint i = 0; i < message->removed->len; i++)
        ap_desk_remove_peer(self->desk, &g_array_index(message->removed, ApKey, i), now);
    for (guint i = 0; i < message->peers->len; i++)
        ap_desk_put_peer(self->desk, &g_array_index(message->peers, ApRosterPeer, i), now);
    if (message->kind == AP_SNAPSHOT_END)
        ap_desk_looked(self->desk, now);
}

static void
take_failure(ApFeed *self, const char *why, ApInstant now)
{
    if (ap_throttle_pass(&self->complaints, now))
        g_warning("could not read the WireGuard interface: %s", why);
    ap_desk_could_not_look(self->desk);
}

/* Descriptors that a message should not have are closed by the caller. */
static gboolean
has_right_fds(const ApSnapshotMessage *message, guint n_fds)
{
    if (message->kind == AP_SNAPSHOT_PLACE)
        return n_fds == ap_place_n_sockets(&message->place);
    return n_fds == (message->kind == AP_SNAPSHOT_METRICS);
}

/* Returns: FALSE when that was the last one */
static gboolean
take_message(ApFeed *self, const ApSnapshotMessage *message, const int *fds)
{
    const ApInstant now = ap_clock_now();

    switch (message->kind) {
    case AP_SNAPSHOT_PUT:
    case AP_SNAPSHOT_REMOVE:
    case AP_SNAPSHOT_END:
        take_snapshot(self, message, now);
        break;
    case AP_SNAPSHOT_FAILED:
        take_failure(self, message->text, now);
        break;
    case AP_SNAPSHOT_PLACE:
        self->ops->place(self->data, &message->place, fds);
        break;
    case AP_SNAPSHOT_METRICS:
        self->ops->metrics(self->data, fds[0]);
        break;
    case AP_SNAPSHOT_QUIT:
        self->ops->lost(self->data, message->status, message->text);
        return FALSE;
    }
    return TRUE;
}

static gboolean
lose(ApFeed *self, ApPipeMessage *raw, const char *why)
{
    ap_pipe_close_fds(raw->fds, raw->n_fds);
    self->ops->lost(self->data, EXIT_FAILURE, why);
    return G_SOURCE_REMOVE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
    static guint8 bytes[AP_SNAPSHOT_MAX_MESSAGE];
    g_auto(ApSnapshotMessage) message = {0};
    g_autoptr(GError) error = NULL;
    ApFeed *self = data;
    ApPipeMessage raw;

    (void) condition;
    if (!ap_pipe_receive(fd, bytes, sizeof(bytes), &raw))
        return G_SOURCE_CONTINUE;
    if (raw.n_bytes == 0)
        return lose(self, &raw, "the process that reads the WireGuard interface has ended");
    if (!ap_snapshot_read(&message, bytes, raw.n_bytes, &error))
        return lose(self, &raw, error->message);
    if (!has_right_fds(&message, raw.n_fds))
        return lose(self, &raw, "a message has the wrong number of sockets");

    return take_message(self, &message, raw.fds) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/**
 * Makes the HTTP process's end, and starts to pass on what is heard.
 *
 * @fd: (transfer full)
 * @desk: outlives the feed
 * @ops: static
 *
 * Returns: (transfer full)
 */
ApFeed *
ap_feed_new(int fd, ApDesk *desk, const ApFeedOps *ops, gpointer data)
{
    ApFeed *self = g_new0(ApFeed, 1);

    self->fd = fd;
    self->desk = desk;
    self->ops = ops;
    self->data = data;
    self->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(self->source, G_SOURCE_FUNC(on_readable), self, NULL);
    (void) g_source_attach(self->source, NULL);
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
 * Asks the reading process; what comes of it is told to the desk or by the operations.
 */
void
ap_feed_ask(ApFeed *self, ApAsk question)
{
    const guint8 byte = (guint8) question;

    /* a failure shows as a hangup in on_readable() */
    (void) ap_pipe_send(self->fd, &byte, sizeof(byte), NULL, 0);
}
