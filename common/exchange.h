/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What passes between the helper and its fetch child: one packet there with a connected socket,
 * one packet back. Integers are big-endian; strings have their length in front.
 */

#pragma once

#include "common/offer.h"

G_BEGIN_DECLS

/** The child's end of the SOCK_SEQPACKET pair; nothing else but 0 to 2 is open when it starts. */
#define AP_EXCHANGE_FD 3

/** Longest packet either way, in bytes; the largest offer has 90,000. The kernel takes up to
 * net.core.wmem_default (212,992). */
#define AP_EXCHANGE_MAX_BYTES (128 * 1024)

/** Room for "[address]:port" with its final NUL, the value of the header Host. */
#define AP_EXCHANGE_HOST_LEN 64

/** How long an exchange may take beyond its long poll, in seconds (decisions.md 17). */
#define AP_EXCHANGE_LIMIT_SEC 5

/** How an exchange ended. */
typedef enum {
    AP_EXCHANGE_ANSWERED,  /* there is a status */
    AP_EXCHANGE_TIMED_OUT, /* the limit passed first */
    AP_EXCHANGE_FAILED,    /* the connection ended without a whole answer */
    AP_EXCHANGE_INVALID,   /* what came breaks the rules of HTTP, or ours */
} ApExchangeOutcome;

/**
 * What the child is to do.
 *
 * @id: comes back in the result
 * @wait_sec: how long the server may hold its answer
 * @body: (not owned): JSON
 */
typedef struct {
    guint32 id;
    guint16 wait_sec;
    char host[AP_EXCHANGE_HOST_LEN];
    const char *body;
    gsize n_body_bytes;
} ApExchange;

/**
 * What came of it.
 *
 * @status: HTTP, 100 to 599; 0 unless @outcome is AP_EXCHANGE_ANSWERED
 * @too_old: the status is 400 and the server says "Handshake too old"
 * @offer: (owned) (nullable): set exactly with status 200
 */
typedef struct {
    guint32 id;
    ApExchangeOutcome outcome;
    guint16 status;
    gboolean too_old;
    ApOffer *offer;
} ApExchangeResult;

void ap_exchange_write(const ApExchange *self, GByteArray *out);
gboolean ap_exchange_read(ApExchange *out, const guint8 *bytes, gsize n_bytes)
    G_GNUC_WARN_UNUSED_RESULT;

void ap_exchange_result_write(const ApExchangeResult *self, GByteArray *out);
gboolean ap_exchange_result_read(ApExchangeResult *out, const guint8 *bytes, gsize n_bytes)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_exchange_result_clear(ApExchangeResult *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApExchangeResult, ap_exchange_result_clear)

G_END_DECLS
