/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/random.h"

#include <sodium.h>

/** Fills @out with bytes of the kernel's own: good for keys, nonces and identities. */
void
ap_random_fill(gpointer out, gsize n_bytes)
{
    randombytes_buf(out, n_bytes);
}
