/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Gossip over UDP on one tunnel (gossip-protocol.md 1): one socket that speaks with all peers.
 */

#pragma once

#include "common/addr.h"

G_BEGIN_DECLS

typedef struct _ApGossipSocket ApGossipSocket;

/**
 * Takes a datagram.
 *
 * @from: the source address
 * @payload: what came, of any length; untrusted
 *
 * The socket must not be freed from within.
 */
typedef void (*ApGossipSocketFunc)(const ApAddr *from,
                                   const guint8 *payload,
                                   gsize n_bytes,
                                   gpointer user_data);

ApGossipSocket *ap_gossip_socket_new(const char *device,
                                     const ApAddr *local,
                                     guint16 port,
                                     ApGossipSocketFunc received,
                                     gpointer user_data,
                                     GError **error);
gboolean ap_gossip_socket_send(ApGossipSocket *self,
                               const ApAddr *to,
                               const guint8 *payload,
                               gsize n_bytes,
                               GError **error);
void ap_gossip_socket_free(ApGossipSocket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGossipSocket, ap_gossip_socket_free)

G_END_DECLS
