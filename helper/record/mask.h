/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Takes out of a text what identifies somebody: keys, public addresses and network cards. What
 * decisions rest on stays: which keys and addresses are equal, which key is lower, which network
 * holds which address, and of what class an address is.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Length of the secret that the masked addresses depend on, in bytes. */
#define AP_MASK_KEY_LEN 32

/** How many bytes of a key stay: 8 characters of its text, enough to tell peers apart by. */
#define AP_MASK_KEY_BYTES 6

char *ap_mask_text(const char *text, const guint8 key[static AP_MASK_KEY_LEN]);

G_END_DECLS
