/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Gossip on one tunnel: the machine that knows the protocol, its socket, and when each peer is
 * told what.
 */

#pragma once

#include "common/wireguard/wireguard.h"
#include "helper/core/plan.h"
#include "helper/engine/metrics.h"
#include "helper/gossip/gossip.h"
#include "helper/io/gossip-socket.h"

G_BEGIN_DECLS

/** What a gossiper is made of; tests have others. See ap_gossiper_system. */
typedef struct {
    gpointer (*open)(guint32 ifindex,
                     const ApAddr *local,
                     guint16 port,
                     ApGossipSocketFunc received,
                     gpointer user_data,
                     GError **error);
    gboolean (*send)(gpointer socket,
                     const ApAddr *to,
                     const guint8 *payload,
                     gsize n_bytes,
                     GError **error);
    void (*close)(gpointer socket);
    void (*randomize)(gpointer out, gsize n_bytes);
} ApGossiperOps;

extern const ApGossiperOps ap_gossiper_system;

/**
 * Called from the main loop after a datagram: deadlines may be others.
 *
 * @decide: TRUE: something is known that was not, so that a turn should follow
 */
typedef void (*ApGossiperFunc)(gboolean decide, gpointer user_data);

/** What all gossipers share. */
typedef struct {
    const ApGossiperOps *ops; /* (not owned) static */
    ApWireguard *wireguard;   /* (not owned) outlives us: the engine's tools */
    ApGossiperFunc heard;
    gpointer user_data;   /* (not owned) */
    ApGossipStats *stats; /* (not owned) of sockets and machines that are closed, too */
} ApGossiperSetup;

/**
 * What one turn found out about the tunnel. Borrowed.
 *
 * @links: (element-type ApLink)
 * @ours: (element-type ApKey): peers of the device that we added
 * @bfd: (element-type ApKey): those of them that were heard to speak BFD
 * @direct: (element-type ApKey): those on a direct path
 * @is_hub: nobody else routes our address
 * @is_mute: we cannot speak BFD on it
 */
typedef struct {
    const ApDevice *device;
    const GPtrArray *links;
    const ApPolicy *policy;
    const GArray *ours;
    const GArray *bfd;
    const GArray *direct;
    gboolean is_hub;
    gboolean is_mute;
} ApGossiperTurn;

typedef struct _ApGossiper ApGossiper;

ApGossiper *
ap_gossiper_new(const ApDevice *device, const ApGossiperSetup *setup, ApInstant now, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_gossiper_free(ApGossiper *self);

guint32 ap_gossiper_get_ifindex(const ApGossiper *self) G_GNUC_PURE;
const ApKey *ap_gossiper_get_key(const ApGossiper *self) G_GNUC_PURE;

gboolean
ap_gossiper_match(ApGossiper *self, const ApGossiperTurn *turn, ApInstant now, GError **error);
void ap_gossiper_begin_anew(ApGossiper *self);
gboolean ap_gossiper_run(ApGossiper *self, ApInstant now);
gint64 ap_gossiper_due(const ApGossiper *self) G_GNUC_PURE;
gint64 ap_gossiper_deadline(const ApGossiper *self) G_GNUC_PURE;

void ap_gossiper_list(const ApGossiper *self, GArray *candidates);
void ap_gossiper_add_to(const ApGossiper *self, GArray *proofs);
char *ap_gossiper_name(const ApGossiper *self, const ApKey *key);
gboolean ap_gossiper_is_hub(const ApGossiper *self) G_GNUC_PURE;
void ap_gossiper_count(const ApGossiper *self, ApGossipStats *stats);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGossiper, ap_gossiper_free)

G_END_DECLS
