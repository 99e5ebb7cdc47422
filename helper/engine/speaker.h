/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One BFD session as a plan wishes it, and what it proves. Packets and instants in, packets and a
 * proof out: no socket and no clock.
 */

#pragma once

#include "helper/bfd/session.h"
#include "helper/core/plan.h"

G_BEGIN_DECLS

/** Private to speaker.c, save @wish and @proof, which may be read. */
typedef struct {
    ApSessionWish wish; /* the latest */
    ApProof proof;      /* as of the latest ap_speaker_judge() */
    guint32 discriminator;
    ApBfdSession session;
} ApSpeaker;

void
ap_speaker_init(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now);
void
ap_speaker_renew(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now);
void
ap_speaker_follow(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now);
ApBfdRefusal ap_speaker_hear(ApSpeaker *self, const ApBfdPacket *packet, ApInstant now);
gsize
ap_speaker_take_packet(ApSpeaker *self, ApInstant now, guint32 random, guint8 *out, gsize size)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_speaker_note_sent(ApSpeaker *self, gsize n_bytes, ApInstant now);
gboolean ap_speaker_judge(ApSpeaker *self, ApInstant now);
gboolean ap_speaker_join(ApSpeaker *self, ApInstant now);
gint64 ap_speaker_deadline(const ApSpeaker *self) G_GNUC_PURE;

G_END_DECLS
