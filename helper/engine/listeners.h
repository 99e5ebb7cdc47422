/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * PURE. To whom gossip of one tunnel goes, and when (gossip-protocol.md 8; security rule G12).
 *
 * A hub, and whoever tells a hub, says all that it knows; all others only show that they live.
 * Peers that prove their path by BFD need not even that.
 */

#pragma once

#include "helper/core/world.h"
#include "helper/gossip/gossip.h"

G_BEGIN_DECLS

/**
 * One peer that we speak to.
 *
 * @with_facts: it is told all; otherwise only that we live
 * @due_usec: when there is something to say, in microseconds of the boot clock, if not @is_stale
 * @is_patient: that is only what it knows already, and some seconds do not matter
 * @not_before_usec: and not sooner than this
 * @spent_usec: what was taken of its share, as an instant
 * @spoken_usec: when we last spoke; 0: not yet
 * @n_unheard: how often we have spoken since it was last heard
 * @tx_bytes, @rx_bytes: what gossip has added to the device's counters of it
 */
typedef struct {
    ApKey key;
    ApAddr link_local;
    gboolean with_facts;
    gboolean is_stale;
    gint64 due_usec;
    gboolean is_patient;
    gint64 not_before_usec;
    gint64 spent_usec;
    gint64 spoken_usec;
    guint n_unheard;
    guint64 tx_bytes;
    guint64 rx_bytes;
} ApListener;

typedef struct _ApListeners ApListeners;

/** Tells whether a peer of the device is one that we added, and need not be spoken to. */
typedef gboolean (*ApListenersSkipFunc)(const ApDevicePeer *peer, gconstpointer data);

ApListeners *ap_listeners_new(void);
void ap_listeners_free(ApListeners *self);

void ap_listeners_set(ApListeners *self,
                      const ApDevice *device,
                      const ApGossip *gossip,
                      gboolean is_hub,
                      ApListenersSkipFunc skips,
                      gconstpointer data);
void ap_listeners_stir(ApListeners *self);
void ap_listeners_hear(ApListeners *self, const ApKey *from, gsize n_bytes, gboolean is_news);

ApListener *ap_listeners_next(ApListeners *self, ApGossip *gossip, ApInstant now);
gboolean ap_listener_gets_facts(const ApListener *self, const ApGossip *gossip, ApInstant now);
void ap_listener_count(ApListener *self, gsize n_bytes);
void ap_listener_note(ApListener *self, guint n_sent, gboolean failed, ApInstant now);
void ap_listeners_add_to(const ApListeners *self, ApProof *proof);
gint64 ap_listeners_deadline(ApListeners *self, ApGossip *gossip, ApInstant now);
gint64 ap_listeners_due(const ApListeners *self) G_GNUC_PURE;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApListeners, ap_listeners_free)

G_END_DECLS
