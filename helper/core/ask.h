/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * When to ask one coordination server again, and in which version of the protocol
 * (coordination-protocol.md 5 "Retry", 6 and 7; decisions.md 15).
 */

#pragma once

#include "common/instant.h"
#include "common/offer.h"

G_BEGIN_DECLS

/** How the last exchange ended. */
typedef enum {
    AP_ASK_OK,          /* 200 with a usable answer */
    AP_ASK_TOO_OLD,     /* 400 "Handshake too old", 500 */
    AP_ASK_REFUSED,     /* 401, 404, 405: this server has nothing for us */
    AP_ASK_BAD,         /* any other status, or an answer that breaks the rules */
    AP_ASK_UNREACHABLE, /* no connection, or no answer in time */
} ApAskOutcome;

/** What is remembered of one server; zeroed means "never asked". */
typedef struct {
    guint version; /* spoken by the server; 0: plain, or not known yet */
    char etag[AP_COORD_TOKEN_LEN];
    guint n_failures;   /* in a row */
    guint n_unanswered; /* in a row, without any answer */
    guint n_quick;      /* quick polls left after a change, plain servers only */
    guint n_hasty;      /* long polls in a row that were answered at once without a change */
    guint poll_sec;
    gboolean answered;     /* anything, since the last ap_ask_reset() */
    gint64 next_boot_usec; /* when to ask again; AP_NEVER: on a network change only */
} ApAsk;

ApAskOutcome ap_ask_outcome(guint status, gboolean too_old) G_GNUC_CONST;

void ap_ask_reset(ApAsk *self, ApInstant now);
void ap_ask_again(ApAsk *self, ApInstant now);
gboolean ap_ask_has_news(ApAsk *self, const GArray *told, const GArray *direct, ApInstant now);
void ap_ask_done(ApAsk *self,
                 ApAskOutcome outcome,
                 const ApOffer *offer,
                 gboolean changed,
                 guint32 random,
                 ApInstant now);
guint ap_ask_wait_sec(const ApAsk *self) G_GNUC_PURE;

G_END_DECLS
