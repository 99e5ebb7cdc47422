/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All connections with what they ask and wait for: between their sockets and the desk.
 */

#pragma once

#include "server/desk.h"

G_BEGIN_DECLS

/**
 * Longest time for a request to come, for its answer to be taken, and for what comes after it to
 * be swallowed. The first is the protocol's limit for idle connections (coordination-protocol.md
 * 5); a request of ours is one packet. An answer may have 64 KiB, by a bad line.
 */
#define AP_VISITORS_REQUEST_USEC (5 * AP_USEC_PER_SEC)
#define AP_VISITORS_ANSWER_USEC (10 * AP_USEC_PER_SEC)
#define AP_VISITORS_LINGER_USEC (2 * AP_USEC_PER_SEC)

/**
 * Most bytes of requests that are to come, and of answers that are to go, in all. Beyond it
 * further requests are refused, and polls are left waiting. Design rule: with them and
 * AP_CROWD_MAX connections the server stays below the limit of its unit.
 */
#define AP_VISITORS_MAX_IN_BYTES (16 * 1024 * 1024)
#define AP_VISITORS_MAX_OUT_BYTES (32 * 1024 * 1024)

typedef struct _ApVisitors ApVisitors;

/** Called when the WireGuard device is to be read. */
typedef void (*ApVisitorsLook)(gpointer data);

ApVisitors *ap_visitors_new(ApVisitorsLook look, gpointer data, gboolean verbose, GError **error);
void ap_visitors_free(ApVisitors *self);

ApDesk *ap_visitors_desk(ApVisitors *self);
ApApi *ap_visitors_api(ApVisitors *self);
int ap_visitors_fd(const ApVisitors *self);

void ap_visitors_take(ApVisitors *self, int fd, const struct sockaddr *from, guint16 port);
gint64 ap_visitors_deadline(const ApVisitors *self);
void ap_visitors_turn(ApVisitors *self, ApInstant now);
void ap_visitors_close(ApVisitors *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApVisitors, ap_visitors_free)

G_END_DECLS
