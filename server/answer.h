/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The JSON text of an answer (coordination-protocol.md 3 and 6), put together from pieces that
 * are made once per neighbour and not once per request.
 */

#pragma once

#include "server/match.h"

G_BEGIN_DECLS

/** Length in bytes of the key of the hash that makes an etag. Source: crypto_shorthash_KEYBYTES. */
#define AP_ANSWER_SEED_LEN 16

/** Room for an etag: 64 bits in hexadecimal and a final NUL. */
#define AP_ANSWER_ETAG_LEN 17

/**
 * How often a client should ask when nothing holds its request, in seconds. What plain clients do
 * by themselves (coordination-protocol.md 6).
 */
#define AP_ANSWER_POLL_SEC 30

/** What an answer is made from. */
typedef struct {
    const ApClient *asker;
    const GArray *neighbours; /* (element-type ApNeighbour) */
    const GArray *gone;       /* (element-type ApOfferGone) */
    const char *etag;
    ApInstant now;
} ApAnswer;

void ap_answer_etag(const ApClient *asker,
                    const GArray *neighbours,
                    const guint8 seed[static AP_ANSWER_SEED_LEN],
                    char out[static AP_ANSWER_ETAG_LEN]);
void ap_answer_write(const ApAnswer *self, GString *out);

G_END_DECLS
