/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/secret.h"

#include <sodium.h>

/**
 * Computes what @own and @peer share: the raw X25519 result, not hashed (gossip-protocol.md 5).
 * It takes some 40 microseconds: keep the result.
 *
 * @out: (out caller-allocates): left as it was when the function fails
 *
 * Returns: FALSE when @peer is a point of low order, with which everybody shares the same
 */
gboolean
ap_shared_secret_derive(ApSharedSecret *out, const ApSecretKey *own, const ApKey *peer)
{
    g_auto(ApSharedSecret) secret = {0};

    if (crypto_scalarmult(secret.bytes, own->bytes, peer->bytes) != 0)
        return FALSE;

    *out = secret;
    return TRUE;
}

/**
 * Wipes a secret in a way that the compiler may not leave out.
 */
void
ap_shared_secret_clear(ApSharedSecret *self)
{
    sodium_memzero(self, sizeof(*self));
}
