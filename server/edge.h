/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * HTTP: connections in, answers out. The one file that knows libmicrohttpd.
 */

#pragma once

#include "server/desk.h"
#include "server/listen.h"

G_BEGIN_DECLS

/** A connection that does nothing for this long before its request is complete is cut, in seconds. */
#define AP_EDGE_IDLE_SEC 5

/**
 * Longest time that a client may take to send its request, and again to take its answer, however
 * busily it dribbles. Twice the idle time. Design rule (security T23).
 */
#define AP_EDGE_PATIENCE_USEC (10 * AP_USEC_PER_SEC)

typedef struct _ApEdge ApEdge;

/** Called when the WireGuard device is to be read. */
typedef void (*ApEdgeLook)(gpointer data);

ApEdge *ap_edge_new(const ApListen *listen,
                    ApEdgeLook look,
                    gpointer data,
                    gboolean verbose,
                    GError **error);
void ap_edge_free(ApEdge *self);

ApDesk *ap_edge_desk(ApEdge *self);
void ap_edge_set_own(ApEdge *self, const ApOwnAddress *own, guint n_own);
void ap_edge_start(ApEdge *self);
void ap_edge_stop(ApEdge *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApEdge, ap_edge_free)

G_END_DECLS
