/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/desk.h"

#include "common/error.h"
#include "common/json/offer-json.h"

#include <string.h>

/** Status of an answer that could not be made because the device could not be read. */
#define STATUS_UNAVAILABLE 503

struct _ApDesk {
    ApApi *api; /* (not owned) outlives us: both are the edge's */
    const ApDeskOps *ops;
    gpointer data;
    GQueue waiting;   /* of ApTicket, the oldest first */
    GHashTable *held; /* (owned) ApKey inside the value → ApTicket, the caller's */
    GArray *wake;     /* (owned) (element-type ApKey) scratch */
    GPtrArray *done;  /* (owned) (element-type ApTicket) scratch of one turn */
    gboolean is_looking;
    gboolean is_ready;
    gboolean has_looked;
    gboolean has_dirty;
    gint64 asked_boot_usec;  /* when the look that is under way began */
    gint64 looked_boot_usec; /* when the last complete look began */
    gint64 look_usec;        /* how long it took */
};

/**
 * Makes an empty desk.
 *
 * @api: outlives the desk
 * @ops: static
 *
 * Returns: (transfer full)
 */
ApDesk *
ap_desk_new(ApApi *api, const ApDeskOps *ops, gpointer data)
{
    ApDesk *self = g_new0(ApDesk, 1);

    self->api = api;
    self->ops = ops;
    self->data = data;
    g_queue_init(&self->waiting);
    self->held = g_hash_table_new(ap_key_hash, ap_key_same);
    self->wake = g_array_new(FALSE, FALSE, sizeof(ApKey));
    self->done = g_ptr_array_new();
    return self;
}

/**
 * Frees the desk, at which nobody may be any more: see ap_desk_close().
 */
void
ap_desk_free(ApDesk *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->held, g_hash_table_unref);
    g_clear_pointer(&self->wake, g_array_unref);
    g_clear_pointer(&self->done, g_ptr_array_unref);
    g_free(self);
}

guint
ap_desk_n_held(const ApDesk *self)
{
    return g_hash_table_size(self->held);
}

/**
 * Tells whether the first look at the device has come to an end, good or bad.
 */
gboolean
ap_desk_is_ready(const ApDesk *self)
{
    return self->is_ready;
}

static void
answer(ApDesk *self, ApTicket *ticket, ApReply *reply)
{
    ticket->state = AP_TICKET_IDLE;
    ap_request_clear(&ticket->request);
    self->ops->answer(self->data, ticket, reply);
}

static void
refuse(ApDesk *self, ApTicket *ticket, guint status, const char *says)
{
    g_auto(ApReply) reply = {0};

    ap_api_refuse(status, says, &reply);
    answer(self, ticket, &reply);
}

/* Notes whom the last call of the api concerns; they are looked at once per turn. */
static void
mark_dirty(ApDesk *self)
{
    for (guint i = 0; i < self->wake->len; i++) {
        ApTicket *ticket = g_hash_table_lookup(self->held, &g_array_index(self->wake, ApKey, i));

        if (ticket != NULL)
            ticket->is_dirty = self->has_dirty = TRUE;
    }
    g_array_set_size(self->wake, 0);
}

static void
stop_holding(ApDesk *self, ApTicket *ticket)
{
    ap_api_set_holding(self->api, &ticket->request.key, FALSE);
    (void) g_hash_table_remove(self->held, &ticket->request.key);
    ticket->state = AP_TICKET_IDLE;
}

/* Answers a held poll with what there is now. */
static void
release(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    stop_holding(self, ticket);
    (void) ap_api_recheck(self->api, &ticket->request.key, NULL, now, &reply);
    answer(self, ticket, &reply);
}

static void
hold(ApDesk *self, ApTicket *ticket, const ApReply *reply)
{
    ticket->state = AP_TICKET_HELD;
    ticket->is_dirty = FALSE;
    ticket->until_boot_usec = reply->hold_until_boot_usec;
    (void) g_strlcpy(ticket->etag, reply->etag, sizeof(ticket->etag));
    (void) g_hash_table_insert(self->held, &ticket->request.key, ticket);
    ap_api_set_holding(self->api, &ticket->request.key, TRUE);
}

static void
handle(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    ap_api_handle(self->api, &ticket->request, &ticket->source, now, &reply, self->wake);
    mark_dirty(self);

    if (reply.is_newest) {
        ApTicket *older = g_hash_table_lookup(self->held, &ticket->request.key);

        if (older != NULL)
            release(self, older, now);
    }
    if (reply.hold_until_boot_usec == 0) {
        answer(self, ticket, &reply);
    } else {
        hold(self, ticket, &reply);
        if (ap_desk_n_held(self) > AP_DESK_MAX_HELD)
            release(self, ticket, now);
    }
}

/**
 * Has the device looked at, so that the first request does not have to wait for it.
 */
void
ap_desk_look(ApDesk *self, ApInstant now)
{
    if (self->is_looking)
        return;

    self->is_looking = TRUE;
    self->asked_boot_usec = now.boot_usec;
    self->ops->look(self->data);
}

static gboolean
is_fresh(const ApDesk *self, ApInstant now)
{
    return self->has_looked && now.boot_usec - self->looked_boot_usec <= AP_DESK_FRESH_USEC;
}

/*
 * Under load the next look begins so early that it ends, even if it takes twice as long as the
 * last one, before this one is too old: then nobody has to wait for it.
 */
static gboolean
is_ageing(const ApDesk *self, ApInstant now)
{
    const gint64 age_usec = now.boot_usec - self->looked_boot_usec;

    return age_usec + 2 * self->look_usec >= AP_DESK_FRESH_USEC
           && age_usec >= AP_DESK_FRESH_USEC / 2;
}

/**
 * Takes a request. It is answered at once, or later by a call of ap_desk_looked(),
 * ap_desk_turn() or ap_desk_close(), in each case through the operation "answer".
 *
 * @ticket: idle; @ticket->source says where the request came from; must stay where it is until
 *     it is answered or withdrawn
 * @body: as it came
 */
void
ap_desk_submit(ApDesk *self, ApTicket *ticket, const char *body, gsize n_bytes, ApInstant now)
{
    g_autoptr(GError) error = NULL;

    g_return_if_fail(ticket->state == AP_TICKET_IDLE);

    if (!ap_request_from_json(&ticket->request, body, n_bytes, &error)) {
        const gboolean is_denied = g_error_matches(error, AP_ERROR, AP_ERROR_DENIED);

        refuse(self,
               ticket,
               is_denied ? AP_STATUS_UNAUTHORIZED : AP_STATUS_BAD_REQUEST,
               error->message);
    } else if (is_fresh(self, now)) {
        if (is_ageing(self, now))
            ap_desk_look(self, now);
        handle(self, ticket, now);
    } else {
        ticket->state = AP_TICKET_WAITING;
        ticket->link.data = ticket;
        g_queue_push_tail_link(&self->waiting, &ticket->link);
        ap_desk_look(self, now);
    }
}

/**
 * Forgets a request whose connection has ended; does nothing for an idle ticket.
 */
void
ap_desk_withdraw(ApDesk *self, ApTicket *ticket)
{
    switch (ticket->state) {
    case AP_TICKET_IDLE:
        return;
    case AP_TICKET_WAITING:
        g_queue_unlink(&self->waiting, &ticket->link);
        break;
    case AP_TICKET_HELD:
        stop_holding(self, ticket);
        break;
    }
    ticket->state = AP_TICKET_IDLE;
    ap_request_clear(&ticket->request);
}

/**
 * Takes over what a look at the device found of one peer, new or changed.
 */
void
ap_desk_put_peer(ApDesk *self, const ApRosterPeer *peer, ApInstant now)
{
    ap_api_device_put(self->api, peer, now, self->wake);
    mark_dirty(self);
}

/**
 * Takes over that a look at the device did not find a peer any more.
 */
void
ap_desk_remove_peer(ApDesk *self, const ApKey *key, ApInstant now)
{
    ap_api_device_remove(self->api, key, now, self->wake);
    mark_dirty(self);
}

static ApTicket *
pop_waiting(ApDesk *self)
{
    GList *link = g_queue_pop_head_link(&self->waiting);

    return link != NULL ? link->data : NULL;
}

/**
 * Says that all of the device has been looked at: those who waited for it are served.
 */
void
ap_desk_looked(ApDesk *self, ApInstant now)
{
    self->is_looking = FALSE;
    self->is_ready = self->has_looked = TRUE;
    self->looked_boot_usec = self->asked_boot_usec;
    self->look_usec = now.boot_usec - self->asked_boot_usec;
    for (ApTicket *ticket = pop_waiting(self); ticket != NULL; ticket = pop_waiting(self))
        handle(self, ticket, now);
}

/**
 * Says that the device could not be read: nobody can be identified, so those who waited for it
 * are answered with an error.
 */
void
ap_desk_could_not_look(ApDesk *self)
{
    self->is_looking = FALSE;
    self->is_ready = TRUE;
    self->has_looked = FALSE;
    self->looked_boot_usec = self->asked_boot_usec;
    for (ApTicket *ticket = pop_waiting(self); ticket != NULL; ticket = pop_waiting(self))
        refuse(self, ticket, STATUS_UNAVAILABLE, "Device not readable");
}

static void
recheck(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    ticket->is_dirty = FALSE;
    if (!ap_api_recheck(self->api, &ticket->request.key, ticket->etag, now, &reply))
        return;

    stop_holding(self, ticket);
    answer(self, ticket, &reply);
}

static void
collect_held(ApDesk *self, gboolean all, ApInstant now)
{
    GHashTableIter iter;
    gpointer value;

    g_ptr_array_set_size(self->done, 0);
    g_hash_table_iter_init(&iter, self->held);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const ApTicket *ticket = value;

        if (all || ticket->is_dirty || ticket->until_boot_usec <= now.boot_usec)
            g_ptr_array_add(self->done, value);
    }
}

/**
 * Does what has become due: polls with news or at their end are answered, and the device is
 * looked at for those that stay.
 */
void
ap_desk_turn(ApDesk *self, ApInstant now)
{
    self->has_dirty = FALSE;
    if (ap_desk_n_held(self) == 0)
        return;

    if (now.boot_usec - self->looked_boot_usec >= AP_DESK_LOOK_USEC && !self->is_looking) {
        ap_api_sweep(self->api, now, self->wake);
        mark_dirty(self);
        ap_desk_look(self, now);
    }

    collect_held(self, FALSE, now);
    for (guint i = 0; i < self->done->len; i++) {
        ApTicket *ticket = g_ptr_array_index(self->done, i);

        if (ticket->until_boot_usec <= now.boot_usec)
            release(self, ticket, now);
        else
            recheck(self, ticket, now);
    }
}

/**
 * Returns: when ap_desk_turn() has something to do, in the time of ApInstant.boot_usec; 0 for
 *     at once, AP_NEVER when nothing is held
 */
gint64
ap_desk_deadline(const ApDesk *self)
{
    GHashTableIter iter;
    gpointer value;
    gint64 deadline = AP_NEVER;

    if (self->has_dirty)
        return 0;
    if (ap_desk_n_held(self) > 0 && !self->is_looking)
        deadline = self->looked_boot_usec + AP_DESK_LOOK_USEC;

    g_hash_table_iter_init(&iter, self->held);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        deadline = MIN(deadline, ((const ApTicket *) value)->until_boot_usec);
    return deadline;
}

/**
 * Answers everybody, because the server is about to end.
 */
void
ap_desk_close(ApDesk *self, ApInstant now)
{
    ap_desk_could_not_look(self);
    collect_held(self, TRUE, now);
    for (guint i = 0; i < self->done->len; i++)
        release(self, g_ptr_array_index(self->done, i), now);
}
