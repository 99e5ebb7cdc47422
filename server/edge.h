/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The sockets that clients come by, and the main loop's view of everything that serves them.
 */

#pragma once

#include "server/visitors.h"

G_BEGIN_DECLS

typedef struct _ApEdge ApEdge;

ApEdge *ap_edge_new(ApVisitorsLook look, gpointer data, gboolean verbose, GError **error);
void ap_edge_free(ApEdge *self);

ApDesk *ap_edge_desk(ApEdge *self);
void ap_edge_set_own(ApEdge *self, const ApOwnAddress *own, guint n_own);
void ap_edge_add_listener(ApEdge *self, ApVisitor as, int fd, const ApEndpoint *at);
void ap_edge_remove_listener(ApEdge *self, const ApEndpoint *at);
void ap_edge_count_reload(ApEdge *self, gboolean is_good);
void ap_edge_start(ApEdge *self);
void ap_edge_stop(ApEdge *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApEdge, ap_edge_free)

G_END_DECLS
