/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where requests wait: for a fresh look at the device, and as long polls for news. Knows neither
 * HTTP nor sockets.
 */

#pragma once

#include "server/api.h"
#include "server/metrics.h"

G_BEGIN_DECLS

/**
 * Most polls that are held where the system lets us have as many descriptors. Beyond it a poll is
 * answered at once and its client comes back by "poll". Design rule.
 */
#define AP_DESK_MAX_HELD 10000

/**
 * Most polls that are looked at for news in one turn, and how long the next turn keeps away from
 * them for each: others are served in between, and a LAN of thousands cannot take up the whole
 * processor with its comings and goings. An answer with AP_MATCH_MAX_NEIGHBOURS costs about
 * 100 us [measured]; a LAN of 100 is told within 20 ms all the same.
 */
#define AP_DESK_MAX_RECHECKS 64
#define AP_DESK_RECHECK_USEC 200

typedef struct _ApDesk ApDesk;

/** What a ticket is doing. */
typedef enum {
    AP_TICKET_IDLE,    /* not at the desk: new, answered or withdrawn */
    AP_TICKET_WAITING, /* for a snapshot */
    AP_TICKET_HELD,    /* for news */
} ApTicketState;

/**
 * One request at the desk; part of the caller's own record of it. All zero but for the source is
 * the start.
 *
 * @source: where it comes from
 * @is_check: it only wants to know whether the device can be read
 * @request: (owned) (nullable): while it waits
 * @key: of its client, while it is held
 * @is_dirty: there may be news for it
 */
typedef struct {
    ApAddr source;
    ApTicketState state;
    gboolean is_check;
    gboolean is_dirty;
    guint queue;
    ApRequest *request;
    ApKey key;
    char etag[AP_ANSWER_ETAG_LEN];
    gint64 until_boot_usec;
    GList link;
    GList dirty_link;
} ApTicket;

/**
 * What the desk asks of its surroundings.
 *
 * @look: have the device read; ap_desk_looked() or ap_desk_could_not_look() follows
 * @answer: the ticket is done; @reply (not owned): what may be stolen from it is the body
 */
typedef struct {
    void (*look)(gpointer data);
    void (*answer)(gpointer data, ApTicket *ticket, ApReply *reply);
} ApDeskOps;

ApDesk *ap_desk_new(ApApi *api, guint max_held, const ApDeskOps *ops, gpointer data);
void ap_desk_free(ApDesk *self);

void ap_desk_submit(ApDesk *self, ApTicket *ticket, const char *body, gsize n_bytes, ApInstant now);
void ap_desk_check(ApDesk *self, ApTicket *ticket, ApInstant now);
void ap_desk_withdraw(ApDesk *self, ApTicket *ticket);

void ap_desk_look(ApDesk *self, ApInstant now);
void ap_desk_put_peer(ApDesk *self, const ApRosterPeer *peer, ApInstant now);
void ap_desk_remove_peer(ApDesk *self, const ApKey *key, ApInstant now);
void ap_desk_set_rules(ApDesk *self, ApRules *rules, ApInstant now);
void ap_desk_looked(ApDesk *self, ApInstant now);
void ap_desk_could_not_look(ApDesk *self);

void ap_desk_turn(ApDesk *self, ApInstant now);
gint64 ap_desk_deadline(const ApDesk *self);
void ap_desk_close(ApDesk *self, ApInstant now);
gboolean ap_desk_is_ready(const ApDesk *self);
guint ap_desk_n_held(const ApDesk *self);
void ap_desk_measure(const ApDesk *self, ApMetrics *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApDesk, ap_desk_free)

G_END_DECLS
