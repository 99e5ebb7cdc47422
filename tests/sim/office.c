/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/office.h"

#include "server/desk.h"

#include <string.h>

/** Questions that are there at the same time, at most. */
#define MAX_VISITORS 64

/** How long the server takes to look at its device, in microseconds. */
#define LOOK_USEC AP_USEC_PER_MSEC

typedef struct {
    ApTicket ticket;
    guint serial; /* 0: nobody */
} Visitor;

struct _Office {
    const OfficeOps *ops;
    gpointer data;
    ApApi *api;
    ApDesk *desk;
    ApInstant now;
    gint64 look_usec; /* AP_NEVER: nobody looks */
    Visitor visitors[MAX_VISITORS];
};

static void
on_look(gpointer data)
{
    Office *self = data;

    self->look_usec = self->now.boot_usec + LOOK_USEC;
}

static void
on_answer(gpointer data, ApTicket *ticket, ApReply *reply)
{
    Office *self = data;
    Visitor *visitor = (Visitor *) (void *) ((char *) ticket - offsetof(Visitor, ticket));
    const guint serial = visitor->serial;

    visitor->serial = 0;
    self->ops->answer(self->data, serial, reply->status, reply->body->str);
}

static const ApDeskOps desk_ops = {.look = on_look, .answer = on_answer};

Office *
office_new(guint32 seed, const OfficeOps *ops, gpointer data)
{
    static const ApOwnAddress own = {.addr = {AF_INET, {10, 85, 0, 1}}, .prefix_len = 24};
    guint8 bytes[AP_ANSWER_SEED_LEN] = {(guint8) seed, (guint8) (seed >> 8), 1};
    Office *self = g_new0(Office, 1);

    self->ops = ops;
    self->data = data;
    self->look_usec = AP_NEVER;
    self->api = ap_api_new(bytes);
    ap_api_set_own(self->api, &own, 1);
    self->desk = ap_desk_new(self->api, MAX_VISITORS, &desk_ops, self);
    return self;
}

void
office_free(Office *self, ApInstant now)
{
    if (self == NULL)
        return;

    for (guint i = 0; i < MAX_VISITORS; i++) {
        if (self->visitors[i].serial != 0)
            ap_desk_withdraw(self->desk, &self->visitors[i].ticket);
    }
    ap_desk_close(self->desk, now);
    ap_desk_free(self->desk);
    ap_api_free(self->api);
    g_free(self);
}

void
office_show(Office *self,
            const ApKey *key,
            const ApAddr *address,
            const ApEndpoint *endpoint,
            gint64 handshake_real_usec,
            ApInstant now)
{
    const ApRosterPeer peer = {
        .key = *key,
        .endpoint = *endpoint,
        .handshake_real_usec = handshake_real_usec,
        .n_addresses = 1,
        .addresses = {*address},
    };

    ap_desk_put_peer(self->desk, &peer, now);
}

/* Without a free place nobody answers, as with a server that is overrun. */
void
office_submit(Office *self, guint serial, const ApAddr *source, const char *body, ApInstant now)
{
    self->now = now;
    for (guint i = 0; i < MAX_VISITORS; i++) {
        Visitor *visitor = &self->visitors[i];

        if (visitor->serial != 0)
            continue;
        *visitor = (Visitor){.serial = serial, .ticket = {.source = *source}};
        ap_desk_submit(self->desk, &visitor->ticket, body, strlen(body), now);
        return;
    }
}

/* The one who asked went away. */
void
office_withdraw(Office *self, guint serial)
{
    for (guint i = 0; i < MAX_VISITORS; i++) {
        Visitor *visitor = &self->visitors[i];

        if (visitor->serial == serial) {
            ap_desk_withdraw(self->desk, &visitor->ticket);
            visitor->serial = 0;
        }
    }
}

void
office_turn(Office *self, ApInstant now)
{
    self->now = now;
    if (self->look_usec <= now.boot_usec) {
        self->look_usec = AP_NEVER;
        self->ops->look(self->data);
        ap_desk_looked(self->desk, now);
    }
    ap_desk_turn(self->desk, now);
}

gint64
office_deadline(const Office *self)
{
    const gint64 deadline = ap_desk_deadline(self->desk);

    return MIN(deadline, self->look_usec);
}
