/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The coordination server without its network: requests, sources and device changes in, answers
 * and the polls to wake out. Time is passed in; nothing here blocks, logs or is kept on disk.
 */

#pragma once

#include "server/answer.h"

G_BEGIN_DECLS

/**
 * How often expired clients are looked for, in microseconds. An expired client is never shown; in
 * the meantime it only takes room, and polls that are held wake up that much later. Design rule.
 */
#define AP_API_SWEEP_USEC (5 * AP_USEC_PER_SEC)

/**
 * How old a registration may be when the device shows another public address for its sender, and
 * still be taken along: the snapshot that it was judged by may be 100 ms old (decision 26), and
 * the client that has just moved asks at once.
 */
#define AP_API_SETTLE_USEC (1 * AP_USEC_PER_SEC)

/** HTTP status codes that the api knows; the rest is the edge's. */
#define AP_STATUS_OK 200
#define AP_STATUS_BAD_REQUEST 400
#define AP_STATUS_UNAUTHORIZED 401

/**
 * What became of a request.
 *
 * @body: (owned) (nullable): JSON; NULL while the poll is to be held
 * @hold_until_boot_usec: 0: answer now; otherwise keep the poll until ap_api_recheck() has
 *     something new for it, or until then
 * @etag: of @body; empty for plain clients and errors
 * @is_newest: a poll of the same client that is being held is to be answered now
 * @n_screened: elements that were taken out before they were stored
 */
typedef struct {
    guint status;
    GString *body;
    gint64 hold_until_boot_usec;
    char etag[AP_COORD_TOKEN_LEN];
    gboolean is_newest;
    guint n_screened;
} ApReply;

typedef struct _ApApi ApApi;

ApApi *ap_api_new(const guint8 seed[static AP_ANSWER_SEED_LEN]);
void ap_api_free(ApApi *self);

void ap_api_set_own(ApApi *self, const ApOwnAddress *own, guint n_own);
void ap_api_set_rules(ApApi *self, ApRules *rules, ApInstant now, GArray *wake);
const ApRules *ap_api_rules(const ApApi *self);
void ap_api_device_put(ApApi *self, const ApRosterPeer *peer, ApInstant now, GArray *wake);
void ap_api_device_remove(ApApi *self, const ApKey *key, ApInstant now, GArray *wake);
const ApRoster *ap_api_roster(const ApApi *self);
guint ap_api_n_clients(const ApApi *self);

void ap_api_handle(ApApi *self,
                   const ApRequest *request,
                   const ApAddr *source,
                   ApInstant now,
                   ApReply *reply,
                   GArray *wake);
void ap_api_refuse(guint status, const char *says, ApReply *reply);
void ap_api_set_holding(ApApi *self, const ApKey *key, gboolean is_holding);
gboolean
ap_api_recheck(ApApi *self, const ApKey *key, const char *etag, ApInstant now, ApReply *reply);
void ap_api_sweep(ApApi *self, ApInstant now, GArray *wake);

void ap_reply_clear(ApReply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApApi, ap_api_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApReply, ap_reply_clear)

G_END_DECLS
