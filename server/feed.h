/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Both ends of the socket between the process that reads the device and the one that serves HTTP.
 */

#pragma once

#include "common/wireguard/wireguard.h"
#include "server/desk.h"

G_BEGIN_DECLS

/** Called when the reading process has gone away, or speaks nonsense: the server has to end. */
typedef void (*ApFeedLost)(gpointer data, const char *why);

typedef struct _ApFeed ApFeed;

gboolean ap_feed_open(int out_fds[static 2], GError **error) G_GNUC_WARN_UNUSED_RESULT;
int ap_feed_serve(int fd, ApWireguard *wireguard, const ApDeviceId *id);

ApFeed *ap_feed_new(int fd, ApFeedLost lost, gpointer data);
void ap_feed_free(ApFeed *self);
void ap_feed_set_desk(ApFeed *self, ApDesk *desk);
void ap_feed_ask(ApFeed *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFeed, ap_feed_free)

G_END_DECLS
