/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One question, one place: is the direct path to a peer alive, dead or not known to be either,
 * and on what evidence? Either BFD's, or WireGuard's own: handshakes and byte counts.
 */

#pragma once

#include "helper/core/path.h"

G_BEGIN_DECLS

typedef enum {
    AP_LIFE_UNKNOWN,
    AP_LIFE_ALIVE,
    AP_LIFE_DEAD,
} ApLife;

typedef struct {
    ApLife life;
    ApEvidence evidence;
    ApReason why;          /* of a death; or what an unknown life lacks, NONE: it is too early */
    gint64 look_boot_usec; /* when an unknown life may be another one by itself; or AP_NEVER */
    gboolean answered;     /* a try met somebody: its endpoint is worth the time it takes */
    gboolean again;        /* a dead try of an endpoint that deserves a second one */
    gboolean nod;          /* the far end has to be told that we have moved */
} ApLifeVerdict;

void ap_life_begin(ApPath *path, const ApDevicePeer *before, ApInstant now);
void ap_life_move(ApPath *path, const ApDevicePeer *peer, ApInstant now);
gboolean ap_life_speaks_bfd(const ApPath *path, const ApPathInput *in) G_GNUC_PURE;
gboolean ap_life_is_heard(const ApPathInput *in) G_GNUC_PURE;
gboolean ap_life_is_stable(const ApPath *path, const ApPathInput *in) G_GNUC_PURE;
ApLifeVerdict ap_life_judge_try(ApPath *path, const ApPathInput *in);
ApLifeVerdict ap_life_judge_direct(ApPath *path, const ApPathInput *in);

G_END_DECLS
