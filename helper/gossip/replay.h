/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The groups of one peer that we have seen lately (security rule G7): one that comes again says
 * nothing, and must not make anything hold for longer.
 */

#pragma once

#include "common/instant.h"
#include "helper/gossip/group.h"

G_BEGIN_DECLS

/** Most groups that are remembered of a peer, and how long, in seconds. Security rule G7. */
#define AP_REPLAY_MAX 1024
#define AP_REPLAY_SEC (10 * 60)

/** Private to replay.c; visible so that it can be a member. All zero is a valid, empty one. */
typedef struct {
    GArray *seen; /* (owned) (nullable) a ring */
    guint oldest; /* index in @seen */
} ApReplay;

gboolean ap_replay_is_new(ApReplay *self, const ApGroupNonce *nonce, ApInstant now);
void ap_replay_clear(ApReplay *self);

G_END_DECLS
