/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All BFD sessions: one voice for each tunnel, which makes its sessions what a plan wishes.
 */

#pragma once

#include "helper/engine/voice.h"

G_BEGIN_DECLS

typedef struct _ApSessions ApSessions;

ApSessions *ap_sessions_new(const ApVoiceOps *ops, ApVoiceFunc heard, gpointer user_data);
void ap_sessions_free(ApSessions *self);

void ap_sessions_look(ApSessions *self, const GPtrArray *devices, ApInstant now);
void ap_sessions_forget_looks(ApSessions *self);

gboolean ap_sessions_match(ApSessions *self, const ApPlan *plan, ApInstant now);
void ap_sessions_drain(ApSessions *self);
gboolean ap_sessions_run(ApSessions *self, ApInstant now);
gint64 ap_sessions_deadline(const ApSessions *self);

GArray *ap_sessions_list_proofs(const ApSessions *self);
GArray *ap_sessions_list_mute(const ApSessions *self);
void ap_sessions_count(const ApSessions *self, ApBfdStats *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSessions, ap_sessions_free)

G_END_DECLS
