/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who has registered, with what, and until when. Nothing is kept on disk: after a restart each
 * client is back with its next request.
 */

#pragma once

#include "common/instant.h"
#include "common/offer.h"
#include "server/rules.h"
#include "server/ties.h"

G_BEGIN_DECLS

/**
 * How long a registration lives after its last request, in seconds: what a client that tells no
 * "ttl" gets, and the limits for one that does (coordination-protocol.md 5 and 6).
 */
#define AP_REGISTRY_TTL_SEC 90
#define AP_REGISTRY_MIN_TTL_SEC 30
#define AP_REGISTRY_MAX_TTL_SEC 600

/**
 * A client whose last handshake is older has no session any more: 180 s, REJECT_AFTER_TIME of
 * the kernel's drivers/net/wireguard/messages.h, Linux 6.1.
 */
#define AP_REGISTRY_HANDSHAKE_USEC (180 * AP_USEC_PER_SEC)

/**
 * How long a client that left is remembered: long enough that a request which was on its way
 * when it left does not bring it back, and that its neighbours have asked again. Design rule.
 */
#define AP_REGISTRY_REMEMBER_USEC (90 * AP_USEC_PER_SEC)

typedef struct _ApSeat ApSeat;

/**
 * One client. Owned by the registry; others read it. What every answer to a neighbour looks at
 * comes first, so that it shares a cache line.
 *
 * @ties: what it says of its direct paths: see ap_ties_update()
 * @told: how much of the index its last answer reflects; see ap_match_tell()
 * @seen_boot_usec: its last request
 * @stored_boot_usec: the last request that changed something
 * @is_listed: it is shown to its neighbours
 * @is_holding: a poll of its is being held
 * @is_woken: there may be another answer to it, which nobody has looked for yet
 * @pass: what the rules say of it
 * @former: what they said before they were changed last
 * @peer: what the device said when the client was last looked at
 * @said: what the client said last: its attachments, candidates and so on, but for @said.direct,
 *     which is in @ties
 * @former_boot: the start before this one, whose late requests no longer count
 */
typedef struct {
    guint64 visit; /* scratch of match.c: the walk that met this client last */
    guint64 told;
    GArray *ties; /* (owned) (nullable) */
    ApPass pass;
    gint64 seen_boot_usec;
    ApSeat *seats; /* (owned) by match.c; NULL while it has none */
    guint n_seats;
    guint ttl_sec;
    gboolean is_listed;
    gboolean is_holding;
    gboolean is_woken;
    gint64 stored_boot_usec;
    ApPass former;
    ApRosterPeer peer;
    ApRequest said;
    char former_boot[AP_COORD_TOKEN_LEN];
} ApClient;

/** What a request does to the registration of its sender. */
typedef enum {
    AP_REGISTER_SAME,    /* seen again; what others are told stays as it was */
    AP_REGISTER_CHANGED, /* new, back, or with other contents */
    AP_REGISTER_STALE,   /* late or repeated: a newer one has been seen, nothing happens */
} ApRegister;

typedef struct _ApRegistry ApRegistry;

ApRegistry *ap_registry_new(void);
void ap_registry_free(ApRegistry *self);

ApClient *ap_registry_find(const ApRegistry *self, const ApKey *key);
guint ap_registry_n_clients(const ApRegistry *self);

ApRegister
ap_registry_judge(const ApClient *client, const ApRequest *request, const ApRosterPeer *peer);
ApClient *ap_registry_store(ApRegistry *self,
                            const ApRequest *request,
                            const ApRosterPeer *peer,
                            ApInstant now);
void ap_client_touch(ApClient *self, const ApRequest *request, ApInstant now);
void ap_client_tie(ApClient *self, const ApRequest *request, GArray *turned);
void ap_registry_collect(const ApRegistry *self, GPtrArray *out);
void ap_registry_collect_expired(const ApRegistry *self, ApInstant now, GPtrArray *out);
void ap_registry_remove(ApRegistry *self, const ApKey *key);

gboolean ap_client_is_alive(const ApClient *self, ApInstant now);
guint16 ap_client_port(const ApClient *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRegistry, ap_registry_free)

G_END_DECLS
