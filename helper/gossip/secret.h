/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What two peers share and nobody else has: the key that their groups are signed with.
 */

#pragma once

#include "common/key.h"

G_BEGIN_DECLS

/** Length of a shared secret in bytes: one X25519 result. */
#define AP_SHARED_SECRET_LEN 32

/** The secret of one pair of keys: never printed, wiped by ap_shared_secret_clear(). */
typedef struct {
    guint8 bytes[AP_SHARED_SECRET_LEN];
} ApSharedSecret;

gboolean ap_shared_secret_derive(ApSharedSecret *out, const ApSecretKey *own, const ApKey *peer)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_shared_secret_clear(ApSharedSecret *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApSharedSecret, ap_shared_secret_clear)

G_END_DECLS
