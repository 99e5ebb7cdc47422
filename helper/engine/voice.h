/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * BFD on one tunnel: whether it can be spoken there at all, the socket, and one speaker for each
 * session that a plan wishes.
 */

#pragma once

#include "helper/core/plan.h"
#include "helper/engine/metrics.h"
#include "helper/io/bfd-socket.h"

G_BEGIN_DECLS

/**
 * After how long BFD is tried again on a tunnel where it failed, in microseconds: 30 s. Another
 * program may have let go of the port; that IPv6 is switched on mostly shows as a network event.
 */
#define AP_VOICE_RETRY_USEC (30 * AP_USEC_PER_SEC)

/** What a voice is made of; tests have others. See ap_voice_system. */
typedef struct {
    /* BFD can be spoken there, before any address and socket; otherwise why not */
    gboolean (*is_possible)(guint32 ifindex, GError **error);
    /* the port is free, as long as we have not opened it ourselves */
    gboolean (*is_free)(guint32 ifindex, GError **error);
    gpointer (*open)(guint32 ifindex,
                     const ApAddr *local,
                     ApBfdSocketFunc received,
                     gpointer user_data,
                     GError **error);
    gboolean (*send)(gpointer socket,
                     const ApAddr *to,
                     const guint8 *payload,
                     gsize n_bytes,
                     GError **error);
    /* (nullable) hears what has come; NULL: nothing ever waits */
    void (*drain)(gpointer socket);
    guint64 (*n_dropped)(gpointer socket, ApBfdDrop drop);
    guint64 (*n_refused)(gpointer socket, ApBfdRefusal refusal);
    void (*close)(gpointer socket);
} ApVoiceOps;

extern const ApVoiceOps ap_voice_system;

/**
 * Called from the main loop after a packet: deadlines may be others.
 *
 * @decide: TRUE: a proof is another, so that a turn should follow
 */
typedef void (*ApVoiceFunc)(gboolean decide, gpointer user_data);

/** What all voices share. */
typedef struct {
    const ApVoiceOps *ops; /* (not owned) static */
    ApVoiceFunc heard;
    gpointer user_data; /* (not owned) */
    ApBfdStats *stats;  /* (not owned) of what was said and heard, and of sockets that are closed */
} ApVoiceSetup;

typedef struct _ApVoice ApVoice;

ApVoice *ap_voice_new(guint32 ifindex, const ApVoiceSetup *setup);
void ap_voice_free(ApVoice *self);

guint32 ap_voice_get_ifindex(const ApVoice *self) G_GNUC_PURE;
void ap_voice_check(ApVoice *self, ApInstant now);
gboolean ap_voice_is_mute(const ApVoice *self) G_GNUC_PURE;

void ap_voice_match(ApVoice *self, const ApPlan *plan, ApInstant now);
void ap_voice_drain(ApVoice *self);
gboolean ap_voice_run(ApVoice *self, ApInstant now);
gint64 ap_voice_deadline(const ApVoice *self) G_GNUC_PURE;

void ap_voice_list_proofs(const ApVoice *self, GArray *proofs);
void ap_voice_count(const ApVoice *self, ApBfdStats *stats);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApVoice, ap_voice_free)

G_END_DECLS
