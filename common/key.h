/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * WireGuard public keys, as plain values; and private keys, which wipe themselves.
 */

#pragma once

#include "common/addr.h"

#include <glib.h>

G_BEGIN_DECLS

/** Length of a Curve25519 key in bytes. Source: NOISE_PUBLIC_KEY_LEN, Linux wireguard.h. */
#define AP_KEY_LEN 32

/** Room for a key as base64, with its final NUL. */
#define AP_KEY_TEXT_LEN 45

/** A WireGuard public key. */
typedef struct {
    guint8 bytes[AP_KEY_LEN];
} ApKey;

/** A WireGuard private key: never printed, never copied, wiped by ap_secret_key_clear(). */
typedef struct {
    guint8 bytes[AP_KEY_LEN];
} ApSecretKey;

gboolean ap_key_parse(ApKey *out, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_key_to_text(const ApKey *self, char out[static AP_KEY_TEXT_LEN]);

int ap_key_compare(const ApKey *a, const ApKey *b) G_GNUC_PURE;
gboolean ap_key_equal(const ApKey *a, const ApKey *b) G_GNUC_PURE;
gboolean ap_key_is_among(const ApKey *self, const GArray *keys) G_GNUC_PURE;
gboolean ap_key_are_all_among(const GArray *keys, const GArray *others) G_GNUC_PURE;
gboolean ap_key_is_safe(const ApKey *self) G_GNUC_PURE;

ApAddr ap_key_link_local(const ApKey *self);

void ap_secret_key_clear(ApSecretKey *self);
void ap_secret_key_public(const ApSecretKey *self, ApKey *out);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApSecretKey, ap_secret_key_clear)

G_END_DECLS
