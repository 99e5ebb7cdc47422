/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All BFD sessions: makes them and the sockets of their tunnels what a plan wishes, speaks and
 * answers, and reports what is proven.
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
#define AP_SESSIONS_RETRY_USEC (30 * AP_USEC_PER_SEC)

typedef struct _ApSessions ApSessions;

/** How sockets are had; tests have others. See ap_sessions_sockets. */
typedef struct {
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
    guint64 (*n_dropped)(gpointer socket, ApBfdDrop drop);
    guint64 (*n_refused)(gpointer socket, ApBfdRefusal refusal);
    void (*close)(gpointer socket);
} ApSessionsOps;

extern const ApSessionsOps ap_sessions_sockets;

/**
 * Called from the main loop after a packet: ap_sessions_deadline() may be another.
 *
 * @decide: TRUE: a proof is another, so that a turn should follow
 */
typedef void (*ApSessionsFunc)(gboolean decide, gpointer user_data);

ApSessions *ap_sessions_new(const ApSessionsOps *ops, ApSessionsFunc heard, gpointer user_data);
void ap_sessions_free(ApSessions *self);

gboolean ap_sessions_match(ApSessions *self, const ApPlan *plan, ApInstant now);
gboolean ap_sessions_run(ApSessions *self, ApInstant now);
gint64 ap_sessions_deadline(const ApSessions *self);
void ap_sessions_retry(ApSessions *self);

GArray *ap_sessions_list_proofs(const ApSessions *self);
GArray *ap_sessions_list_mute(const ApSessions *self);
void ap_sessions_count(const ApSessions *self, ApBfdStats *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSessions, ap_sessions_free)

G_END_DECLS
