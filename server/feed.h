/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the HTTP process hears from the one that reads the device.
 */

#pragma once

#include "server/desk.h"
#include "server/snapshot.h"

G_BEGIN_DECLS

/**
 * Who is told, from the main loop.
 *
 * @place: clients come to another place; @fds (transfer full): the sockets of the addresses
 *     that have one, in their order
 * @metrics: @fd (transfer full): the socket for those who watch the server
 * @lost: called at most once, and last: the reading process has gone away, or speaks nonsense,
 *     and the server has to end with @status
 */
typedef struct {
    void (*place)(gpointer data, const ApPlace *place, const int *fds);
    void (*metrics)(gpointer data, int fd);
    void (*lost)(gpointer data, int status, const char *why);
} ApFeedOps;

typedef struct _ApFeed ApFeed;

ApFeed *ap_feed_new(int fd, ApDesk *desk, const ApFeedOps *ops, gpointer data);
void ap_feed_free(ApFeed *self);
void ap_feed_ask(ApFeed *self, ApAsk question);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFeed, ap_feed_free)

G_END_DECLS
