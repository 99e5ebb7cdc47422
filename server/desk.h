/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where requests wait: for a fresh look at the device, and as long polls for news. Knows neither
 * HTTP nor sockets.
 */

#pragma once

#include "server/api.h"

G_BEGIN_DECLS

/** How old a snapshot may be that a request is judged by (decision 26). */
#define AP_DESK_FRESH_USEC (100 * AP_USEC_PER_MSEC)

/**
 * How often the device is looked at while polls are held, to tell their clients of neighbours
 * that moved or were removed. Design rule.
 */
#define AP_DESK_LOOK_USEC (5 * AP_USEC_PER_SEC)

/**
 * Most polls that are held: three quarters of AP_CROWD_MAX, so that there is always room for
 * those who only ask. Beyond it a poll is answered at once and its client comes back by "poll".
 */
#define AP_DESK_MAX_HELD 192

typedef struct _ApDesk ApDesk;

/** What a ticket is doing. */
typedef enum {
    AP_TICKET_IDLE,    /* not at the desk: new, answered or withdrawn */
    AP_TICKET_WAITING, /* for a snapshot */
    AP_TICKET_HELD,    /* for news */
} ApTicketState;

/** One request at the desk; part of the caller's own record of it. All zero is the start. */
typedef struct {
    ApTicketState state;
    ApRequest request;
    ApAddr source;
    gint64 until_boot_usec;
    gboolean is_dirty;
    GList link;
    char etag[AP_COORD_TOKEN_LEN];
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

ApDesk *ap_desk_new(ApApi *api, const ApDeskOps *ops, gpointer data);
void ap_desk_free(ApDesk *self);

void ap_desk_submit(ApDesk *self, ApTicket *ticket, const char *body, gsize n_bytes, ApInstant now);
void ap_desk_withdraw(ApDesk *self, ApTicket *ticket);

void ap_desk_look(ApDesk *self, ApInstant now);
void ap_desk_put_peer(ApDesk *self, const ApRosterPeer *peer, ApInstant now);
void ap_desk_remove_peer(ApDesk *self, const ApKey *key, ApInstant now);
void ap_desk_looked(ApDesk *self, ApInstant now);
void ap_desk_could_not_look(ApDesk *self);

void ap_desk_turn(ApDesk *self, ApInstant now);
gint64 ap_desk_deadline(const ApDesk *self);
void ap_desk_close(ApDesk *self, ApInstant now);
gboolean ap_desk_is_ready(const ApDesk *self);
guint ap_desk_n_held(const ApDesk *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApDesk, ap_desk_free)

G_END_DECLS
