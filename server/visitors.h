/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All connections with what they ask and wait for: between HTTP and the desk.
 */

#pragma once

#include "server/desk.h"

G_BEGIN_DECLS

/**
 * A connection that does nothing for this long before its request is complete is cut, in
 * seconds.
 */
#define AP_VISITORS_IDLE_SEC 5

/**
 * Longest time that a client may take to send its request, and again to take its answer, however
 * busily it dribbles. Twice the idle time. Design rule (security T23).
 */
#define AP_VISITORS_PATIENCE_USEC (10 * AP_USEC_PER_SEC)

/**
 * Most bytes of requests that are to come, and of answers that are to go, in all. Beyond it
 * further requests are refused, and polls are left waiting. Design rule: with them and
 * AP_CROWD_MAX connections the server stays below the limit of its unit.
 */
#define AP_VISITORS_MAX_IN_BYTES (16 * 1024 * 1024)
#define AP_VISITORS_MAX_OUT_BYTES (32 * 1024 * 1024)

/** Most connections of those who watch the server, whatever clients do. Design rule. */
#define AP_VISITORS_MAX_WATCHERS 8

/**
 * Most connections too many that may wait to be closed in one turn: what is accepted at once from
 * AP_ROSTER_MAX_OWN sockets.
 */
#define AP_VISITORS_MAX_TURNED_AWAY 1024

typedef struct _ApVisitors ApVisitors;

/** Who is at the other end of a connection. */
typedef enum {
    AP_VISITOR_CLIENT,
    AP_VISITOR_WATCHER, /* of the server itself: see metrics.h */
} ApVisitor;

/** Called when the WireGuard device is to be read. */
typedef void (*ApVisitorsLook)(gpointer data);

ApVisitors *ap_visitors_new(ApVisitorsLook look, gpointer data, gboolean verbose, GError **error);
void ap_visitors_free(ApVisitors *self);

ApDesk *ap_visitors_desk(ApVisitors *self);
ApApi *ap_visitors_api(ApVisitors *self);
int ap_visitors_fd(const ApVisitors *self);

void ap_visitors_take(ApVisitors *self,
                      ApVisitor as,
                      int fd,
                      const struct sockaddr *from,
                      socklen_t n_from,
                      guint16 port);
gint64 ap_visitors_deadline(const ApVisitors *self, ApInstant now);
void ap_visitors_turn(ApVisitors *self, ApInstant now);
void ap_visitors_measure(const ApVisitors *self, ApMetrics *out);
void ap_visitors_count_reload(ApVisitors *self, gboolean is_good);
void ap_visitors_close(ApVisitors *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApVisitors, ap_visitors_free)

G_END_DECLS
