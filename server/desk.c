/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/desk.h"

#include "common/error.h"
#include "common/json/offer-json.h"
#include "server/looks.h"

#include <string.h>

/** Status of an answer that could not be made because the device could not be read. */
#define STATUS_UNAVAILABLE 503

/**
 * One queue of held polls for each number of seconds that a client may ask for: in each of them
 * the first to come is the first to end, so nobody has to look for the next.
 */
#define N_QUEUES (AP_COORD_MAX_WAIT_SEC + 1)

struct _ApDesk {
    ApApi *api; /* (not owned) outlives us: both are the edge's */
    guint max_held;
    const ApDeskOps *ops;
    gpointer data;
    GQueue waiting;        /* of ApTicket, the oldest first */
    GQueue held[N_QUEUES]; /* of ApTicket, the first to end first */
    GQueue dirty;          /* of ApTicket: held ones for which there may be news */
    GHashTable *by_key;    /* (owned) ApKey inside the value → held ApTicket, the caller's */
    GArray *wake;          /* (owned) (element-type ApKey) scratch */
    ApLooks looks;
    gboolean is_ready;
    gint64 paced_boot_usec; /* until when no ticket is looked at for news */
    guint64 n_holds;        /* since the start, as what follows */
    guint64 n_news;
};

/**
 * Makes an empty desk.
 *
 * @api: outlives the desk
 * @max_held: most polls that are held
 * @ops: static
 *
 * Returns: (transfer full)
 */
ApDesk *
ap_desk_new(ApApi *api, guint max_held, const ApDeskOps *ops, gpointer data)
{
    ApDesk *self = g_new0(ApDesk, 1);

    self->api = api;
    self->max_held = max_held;
    self->ops = ops;
    self->data = data;
    g_queue_init(&self->waiting);
    g_queue_init(&self->dirty);
    for (guint i = 0; i < N_QUEUES; i++)
        g_queue_init(&self->held[i]);
    self->by_key = g_hash_table_new(ap_key_hash, ap_key_same);
    self->wake = g_array_new(FALSE, FALSE, sizeof(ApKey));
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

    g_clear_pointer(&self->by_key, g_hash_table_unref);
    g_clear_pointer(&self->wake, g_array_unref);
    g_free(self);
}

/** Returns: how many polls are held */
guint
ap_desk_n_held(const ApDesk *self)
{
    return g_hash_table_size(self->by_key);
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
forget_request(ApTicket *ticket)
{
    if (ticket->request != NULL)
        ap_request_clear(ticket->request);
    g_clear_pointer(&ticket->request, g_free);
}

static void
answer(ApDesk *self, ApTicket *ticket, ApReply *reply)
{
    ticket->state = AP_TICKET_IDLE;
    forget_request(ticket);
    self->ops->answer(self->data, ticket, reply);
}

static void
refuse(ApDesk *self, ApTicket *ticket, guint status, const char *says)
{
    g_auto(ApReply) reply = {0};

    ap_api_refuse(status, says, &reply);
    answer(self, ticket, &reply);
}

/* Notes whom the last call of the api concerns. */
static void
mark_dirty(ApDesk *self)
{
    for (guint i = 0; i < self->wake->len; i++) {
        ApTicket *ticket = g_hash_table_lookup(self->by_key, &g_array_index(self->wake, ApKey, i));

        if (ticket == NULL || ticket->is_dirty)
            continue;
        ticket->is_dirty = TRUE;
        g_queue_push_tail_link(&self->dirty, &ticket->dirty_link);
    }
    g_array_set_size(self->wake, 0);
}

static void
set_clean(ApDesk *self, ApTicket *ticket)
{
    if (ticket->is_dirty)
        g_queue_unlink(&self->dirty, &ticket->dirty_link);
    ticket->is_dirty = FALSE;
}

static void
stop_holding(ApDesk *self, ApTicket *ticket)
{
    set_clean(self, ticket);
    ap_api_set_holding(self->api, &ticket->key, FALSE);
    (void) g_hash_table_remove(self->by_key, &ticket->key);
    g_queue_unlink(&self->held[ticket->queue], &ticket->link);
    ticket->state = AP_TICKET_IDLE;
}

/* Answers a held poll with what there is now. */
static void
release(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    stop_holding(self, ticket);
    (void) ap_api_recheck(self->api, &ticket->key, NULL, now, &reply);
    answer(self, ticket, &reply);
}

static void
hold(ApDesk *self, ApTicket *ticket, const ApRequest *request, const ApReply *reply)
{
    ticket->state = AP_TICKET_HELD;
    ticket->key = request->key;
    ticket->until_boot_usec = reply->hold_until_boot_usec;
    ticket->queue = MIN(request->wait_sec, N_QUEUES - 1);
    ticket->link.data = ticket->dirty_link.data = ticket;
    (void) g_strlcpy(ticket->etag, reply->etag, sizeof(ticket->etag));
    forget_request(ticket);
    g_queue_push_tail_link(&self->held[ticket->queue], &ticket->link);
    (void) g_hash_table_insert(self->by_key, &ticket->key, ticket);
    self->n_holds++;
    ap_api_set_holding(self->api, &ticket->key, TRUE);
}

static void
handle(ApDesk *self, ApTicket *ticket, const ApRequest *request, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    ap_api_handle(self->api, request, &ticket->source, now, &reply, self->wake);
    mark_dirty(self);

    if (reply.is_newest) {
        ApTicket *older = g_hash_table_lookup(self->by_key, &request->key);

        if (older != NULL)
            release(self, older, now);
    }
    if (reply.hold_until_boot_usec == 0) {
        answer(self, ticket, &reply);
    } else {
        hold(self, ticket, request, &reply);
        if (ap_desk_n_held(self) > self->max_held)
            release(self, ticket, now);
    }
}

/**
 * Has the device looked at, so that the first request does not have to wait for it.
 */
void
ap_desk_look(ApDesk *self, ApInstant now)
{
    if (self->looks.is_under_way)
        return;

    ap_looks_begin(&self->looks, now);
    self->ops->look(self->data);
}

static void
wait_for_look(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    ticket->state = AP_TICKET_WAITING;
    ticket->link.data = ticket;
    g_queue_push_tail_link(&self->waiting, &ticket->link);
    ap_desk_look(self, now);
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
    g_auto(ApRequest) request = {0};

    g_return_if_fail(ticket->state == AP_TICKET_IDLE);

    if (!ap_request_from_json(&request, body, n_bytes, &error)) {
        const gboolean is_denied = g_error_matches(error, AP_ERROR, AP_ERROR_DENIED);

        refuse(self,
               ticket,
               is_denied ? AP_STATUS_UNAUTHORIZED : AP_STATUS_BAD_REQUEST,
               error->message);
    } else if (ap_looks_are_fresh(&self->looks, now)) {
        if (ap_looks_are_ageing(&self->looks, now))
            ap_desk_look(self, now);
        handle(self, ticket, &request, now);
    } else {
        ticket->request = g_memdup2(&request, sizeof(request));
        request = (ApRequest){0};
        wait_for_look(self, ticket, now);
    }
}

static void
confirm(ApDesk *self, ApTicket *ticket)
{
    g_auto(ApReply) reply = {.status = AP_STATUS_OK};

    answer(self, ticket, &reply);
}

/**
 * Takes the question whether the device can be read, which is answered with a status alone.
 *
 * @ticket: idle; as for ap_desk_submit()
 */
void
ap_desk_check(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_return_if_fail(ticket->state == AP_TICKET_IDLE);

    ticket->is_check = TRUE;
    if (ap_looks_are_fresh(&self->looks, now))
        confirm(self, ticket);
    else
        wait_for_look(self, ticket, now);
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
    forget_request(ticket);
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

/**
 * Takes over other rules.
 *
 * @rules: (transfer full)
 */
void
ap_desk_set_rules(ApDesk *self, ApRules *rules, ApInstant now)
{
    ap_api_set_rules(self->api, rules, now, self->wake);
    mark_dirty(self);
}

static ApTicket *
pop_waiting(ApDesk *self)
{
    GList *link = g_queue_pop_head_link(&self->waiting);

    return link != NULL ? link->data : NULL;
}

static void
handle_waiting(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApRequest) request = *ticket->request;

    g_clear_pointer(&ticket->request, g_free);
    handle(self, ticket, &request, now);
}

/**
 * Says that all of the device has been looked at: those who waited for it are served.
 */
void
ap_desk_looked(ApDesk *self, ApInstant now)
{
    ap_looks_end(&self->looks, now);
    self->is_ready = TRUE;
    for (ApTicket *ticket = pop_waiting(self); ticket != NULL; ticket = pop_waiting(self)) {
        if (ticket->is_check)
            confirm(self, ticket);
        else
            handle_waiting(self, ticket, now);
    }
}

static void
refuse_waiting(ApDesk *self)
{
    for (ApTicket *ticket = pop_waiting(self); ticket != NULL; ticket = pop_waiting(self))
        refuse(self, ticket, STATUS_UNAVAILABLE, "Device not readable");
}

/**
 * Says that the device could not be read: nobody can be identified, so those who waited for it
 * are answered with an error.
 */
void
ap_desk_could_not_look(ApDesk *self)
{
    ap_looks_fail(&self->looks);
    self->is_ready = TRUE;
    refuse_waiting(self);
}

static gint64
when_look_is_overdue(const ApDesk *self)
{
    return self->waiting.length > 0 ? ap_looks_overdue(&self->looks) : AP_NEVER;
}

static gint64
when_to_look(const ApDesk *self)
{
    return ap_desk_n_held(self) > 0 ? ap_looks_next(&self->looks) : AP_NEVER;
}

static gint64
when_to_recheck(const ApDesk *self)
{
    return self->dirty.length > 0 ? self->paced_boot_usec : AP_NEVER;
}

static gint64
when_first_ends(const GQueue *held)
{
    return held->length > 0 ? ((const ApTicket *) held->head->data)->until_boot_usec : AP_NEVER;
}

static void
recheck(ApDesk *self, ApTicket *ticket, ApInstant now)
{
    g_auto(ApReply) reply = {0};

    set_clean(self, ticket);
    if (!ap_api_recheck(self->api, &ticket->key, ticket->etag, now, &reply))
        return;

    self->n_news++;
    stop_holding(self, ticket);
    answer(self, ticket, &reply);
}

static void
recheck_dirty(ApDesk *self, ApInstant now)
{
    guint n = 0;

    if (when_to_recheck(self) > now.boot_usec)
        return;

    for (; n < AP_DESK_MAX_RECHECKS && self->dirty.length > 0; n++)
        recheck(self, self->dirty.head->data, now);
    self->paced_boot_usec = now.boot_usec + n * AP_DESK_RECHECK_USEC;
}

/**
 * Does what has become due: polls with news or at their end are answered, and the device is
 * looked at for those that stay.
 */
void
ap_desk_turn(ApDesk *self, ApInstant now)
{
    if (when_look_is_overdue(self) <= now.boot_usec)
        refuse_waiting(self);

    if (when_to_look(self) <= now.boot_usec) {
        ap_api_sweep(self->api, now, self->wake);
        mark_dirty(self);
        ap_desk_look(self, now);
    }

    recheck_dirty(self, now);
    for (guint i = 0; i < N_QUEUES; i++) {
        while (when_first_ends(&self->held[i]) <= now.boot_usec)
            release(self, self->held[i].head->data, now);
    }
}

/**
 * Returns: when ap_desk_turn() has something to do, in the time of ApInstant.boot_usec; it may
 *     be over already; AP_NEVER when there is nothing to wait for
 */
gint64
ap_desk_deadline(const ApDesk *self)
{
    gint64 deadline = MIN(when_to_look(self), when_to_recheck(self));

    deadline = MIN(deadline, when_look_is_overdue(self));
    for (guint i = 0; i < N_QUEUES; i++)
        deadline = MIN(deadline, when_first_ends(&self->held[i]));
    return deadline;
}

/**
 * Answers everybody, because the server is about to end.
 */
void
ap_desk_close(ApDesk *self, ApInstant now)
{
    self->is_ready = TRUE;
    refuse_waiting(self);
    for (guint i = 0; i < N_QUEUES; i++) {
        while (self->held[i].length > 0)
            release(self, self->held[i].head->data, now);
    }
}

/**
 * Tells what the desk has counted.
 *
 * @out: (inout): its own numbers are set
 */
void
ap_desk_measure(const ApDesk *self, ApMetrics *out)
{
    out->is_held = ap_desk_n_held(self);
    out->is_max_held = self->max_held;
    out->held = self->n_holds;
    out->news = self->n_news;
    out->looks = self->looks.n_all;
    out->failed_looks = self->looks.n_failed;
    out->look_usec = self->looks.n_usec;
}
