/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One question, one place: is the direct path to a peer alive, dead or not known to be either,
 * and on what evidence? The evidence here is WireGuard's own: handshakes and byte counts.
 */

#pragma once

#include "common/device.h"
#include "common/instant.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

typedef enum {
    AP_LIFE_UNKNOWN,
    AP_LIFE_ALIVE,
    AP_LIFE_DEAD,
} ApLife;

typedef struct {
    ApLife life;
    ApReason why;          /* of a death */
    gboolean answered;     /* the handshake is done, but the far end may not have moved yet */
    gboolean started_anew; /* the far end made a new session long before it had to */
} ApLifeVerdict;

void ap_life_begin(ApPath *path, const ApDevicePeer *before, ApInstant now);
void ap_life_move(ApPath *path, const ApDevicePeer *peer, ApInstant now);
ApLifeVerdict
ap_life_judge_try(ApPath *path, const ApDevicePeer *peer, gboolean endpoint_is_good, ApInstant now);
ApLifeVerdict ap_life_judge_direct(ApPath *path,
                                   const ApDevicePeer *peer,
                                   gboolean endpoint_is_good,
                                   ApInstant now);

G_END_DECLS
