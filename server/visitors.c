/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/visitors.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "server/connection.h"
#include "server/crowd.h"

#include <sodium.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

/** Most events taken before others get their turn. */
#define EVENTS_AT_ONCE 256

/** Descriptors that are not connections: standard ones, sockets, the feed, and some to spare. */
#define OTHER_FDS 32

/** What of the room for connections held polls may take. The rest is for those who only ask. */
#define HELD_SHARE(n) ((guint) ((guint64) (n) *AP_DESK_MAX_HELD / AP_CROWD_MAX))

/** A connection, as far as others have to do with it. */
typedef struct {
    ApVisitors *all; /* (not owned) outlives all its visitors */
    ApConnection connection;
    ApTicket ticket;
    GList link; /* in the queue of its phase */
    ApPhase queued_as;
    gint64 deadline_boot_usec;
    gsize n_in; /* its share of the sums below */
    gsize n_out;
    ApAddr counted_as; /* all sources that the device does not know count as one */
    guint16 port;      /* that it came to */
} Visitor;

struct _ApVisitors {
    gboolean is_verbose;
    ApApi *api;                 /* (owned) */
    ApDesk *desk;               /* (owned) */
    ApCrowd *crowd;             /* (owned) */
    int epoll_fd;               /* (owned) */
    GQueue phases[AP_N_PHASES]; /* of Visitor, the first to be late first */
    gsize n_in;                 /* bytes of requests to come, */
    gsize n_out;                /* and of answers to go */
    ApThrottle throttles[AP_N_REFUSALS];
    ApVisitorsLook look;
    gpointer look_data;
};

static void
log_refusal(ApVisitors *self, ApRefusal refusal, const ApAddr *source)
{
    char text[AP_ADDR_TEXT_LEN];

    if (!ap_throttle_pass(&self->throttles[refusal], ap_clock_now()))
        return;

    ap_addr_to_text(source, text);
    g_message("refused %s: %s", text, ap_refusal_text(refusal)->log);
}

static gint64
patience(ApPhase phase)
{
    switch (phase) {
    case AP_PHASE_REQUEST:
        return AP_VISITORS_REQUEST_USEC;
    case AP_PHASE_ANSWER:
        return AP_VISITORS_ANSWER_USEC;
    case AP_PHASE_LINGER:
        return AP_VISITORS_LINGER_USEC;
    case AP_PHASE_DESK:
    case AP_PHASE_OVER:
    case AP_N_PHASES:
        break;
    }
    return AP_NEVER;
}

/* To be called after whatever may have changed the phase of a connection. */
static void
settle(Visitor *self, ApInstant now)
{
    const ApPhase phase = self->connection.phase;

    if (phase == self->queued_as)
        return;

    g_queue_unlink(&self->all->phases[self->queued_as], &self->link);
    g_queue_push_tail_link(&self->all->phases[phase], &self->link);
    self->queued_as = phase;
    self->deadline_boot_usec =
        patience(phase) == AP_NEVER ? AP_NEVER : now.boot_usec + patience(phase);

    self->all->n_in -= self->n_in;
    self->all->n_out -= self->n_out;
    self->n_in = 0;
    self->n_out = phase == AP_PHASE_ANSWER ? self->connection.out->allocated_len : 0;
    self->all->n_out += self->n_out;
}

/* @body: (transfer full) (nullable) */
static void
respond(Visitor *self, const ApHttpAnswer *answer, GString *body)
{
    const ApInstant now = ap_clock_now();
    ApHttpAnswer complete = *answer;
    GString *out = g_string_sized_new(256 + (body != NULL ? body->len : 0));

    complete.n_body = body != NULL ? body->len : 0;
    ap_http_write_head(out, &complete, now);
    if (body != NULL) {
        g_string_append_len(out, body->str, (gssize) body->len);
        (void) g_string_free(body, TRUE);
    }
    ap_connection_answer(&self->connection, out);
    settle(self, now);
}

static void
respond_refusal(Visitor *self, ApRefusal refusal)
{
    const ApRefusalText *text = ap_refusal_text(refusal);
    const ApHttpAnswer answer = {
        .status = text->status,
        .type = "application/json",
        .allow = refusal == AP_REFUSAL_METHOD ? "POST" : NULL,
    };
    GString *body = NULL;

    log_refusal(self->all, refusal, &self->ticket.source);
    if (text->says != NULL) {
        body = g_string_new(NULL);
        g_string_printf(body, "{\"error\": \"%s\"}", text->says);
    }
    respond(self, &answer, body);
}

static void
log_reply(const Visitor *self, const ApReply *reply)
{
    char source[AP_ADDR_TEXT_LEN];

    if (reply->status == AP_STATUS_UNAUTHORIZED)
        log_refusal(self->all, AP_REFUSAL_CLIENT, &self->ticket.source);
    else if (reply->status == AP_STATUS_BAD_REQUEST)
        log_refusal(self->all, AP_REFUSAL_BODY, &self->ticket.source);
    if (!self->all->is_verbose)
        return;

    ap_addr_to_text(&self->ticket.source, source);
    g_message("%s: %u, %zu bytes, %u elements left out",
              source,
              reply->status,
              reply->body != NULL ? reply->body->len : 0,
              reply->n_screened);
}

static void
on_look(gpointer data)
{
    ApVisitors *self = data;

    self->look(self->look_data);
}

/* The desk has an answer, perhaps at a time when nobody else calls us. */
static void
on_answer(gpointer data, ApTicket *ticket, ApReply *reply)
{
    Visitor *visitor = (Visitor *) (void *) ((char *) ticket - offsetof(Visitor, ticket));
    const ApHttpAnswer answer = {.status = reply->status, .type = "application/json"};

    (void) data;
    log_reply(visitor, reply);
    respond(visitor, &answer, g_steal_pointer(&reply->body));
}

static void
take_head(Visitor *self, const ApHead *head)
{
    ApVisitors *all = self->all;
    ApRefusal refusal = ap_gate_judge(head, ap_api_roster(all->api), self->port);

    if (refusal == AP_REFUSAL_NONE
        && all->n_in + ap_gate_body_length(head) > AP_VISITORS_MAX_IN_BYTES)
        refusal = AP_REFUSAL_CROWD;
    if (refusal != AP_REFUSAL_NONE) {
        respond_refusal(self, refusal);
        return;
    }

    ap_connection_expect_body(&self->connection, head);
    self->n_in = self->connection.n_body;
    all->n_in += self->n_in;
}

static void
take_request(Visitor *self)
{
    const ApInstant now = ap_clock_now();
    gsize n_bytes;
    const char *body = ap_connection_body(&self->connection, &n_bytes);

    ap_desk_submit(self->all->desk, &self->ticket, body, n_bytes, now);
    if (self->ticket.state != AP_TICKET_IDLE)
        ap_connection_wait(&self->connection);
    settle(self, now);
}

static void
read_request(Visitor *self)
{
    while (self->connection.phase == AP_PHASE_REQUEST) {
        ApHead head;

        switch (ap_connection_receive(&self->connection, &head)) {
        case AP_RECEIVED_NOTHING:
            return;
        case AP_RECEIVED_HEAD:
            take_head(self, &head);
            break;
        case AP_RECEIVED_REQUEST:
            take_request(self);
            break;
        case AP_RECEIVED_NONSENSE:
            respond_refusal(self, AP_REFUSAL_HEAD);
            break;
        case AP_RECEIVED_TOO_MUCH:
            respond_refusal(self, AP_REFUSAL_LONG_HEAD);
            break;
        case AP_RECEIVED_END:
            self->connection.phase = AP_PHASE_OVER;
            break;
        }
    }
}

/*
 * Whether nobody waits for our answer any more. A client that has only ended its own sending may
 * still want an answer that comes at once, but not one that comes in half a minute.
 */
static gboolean
is_gone(const Visitor *self, guint32 events)
{
    return (events & (EPOLLHUP | EPOLLERR)) != 0
           || ((events & EPOLLRDHUP) != 0 && self->ticket.state == AP_TICKET_HELD);
}

/* Something has happened on the socket; what, is told once (EPOLLET). */
static void
go_on(Visitor *self, guint32 events)
{
    switch (self->connection.phase) {
    case AP_PHASE_REQUEST:
        read_request(self);
        break;
    case AP_PHASE_DESK:
        if (is_gone(self, events))
            self->connection.phase = AP_PHASE_OVER;
        break;
    case AP_PHASE_ANSWER:
    case AP_PHASE_LINGER:
        ap_connection_go_on(&self->connection);
        break;
    case AP_PHASE_OVER:
    case AP_N_PHASES:
        break;
    }
    settle(self, ap_clock_now());
}

static void
visitor_free(Visitor *self)
{
    ap_desk_withdraw(self->all->desk, &self->ticket);
    ap_crowd_leave(self->all->crowd, &self->counted_as);
    self->all->n_in -= self->n_in;
    self->all->n_out -= self->n_out;
    g_queue_unlink(&self->all->phases[self->queued_as], &self->link);
    ap_connection_clear(&self->connection);
    g_free(self);
}

static ApAddr
counted_as(const ApVisitors *self, const ApAddr *source)
{
    static const ApAddr unknown = {0};

    return ap_roster_holder(ap_api_roster(self->api), source) != NULL ? *source : unknown;
}

static gboolean
may_enter(ApVisitors *self, const ApAddr *source, const ApAddr *counted)
{
    ApRefusal refusal = AP_REFUSAL_CROWD;

    /* the kernel takes what the hub sends to itself for traffic of the tunnel interface */
    if (ap_roster_is_own(ap_api_roster(self->api), source))
        refusal = AP_REFUSAL_CLIENT;
    else if (ap_crowd_enter(self->crowd, counted))
        return TRUE;

    log_refusal(self, refusal, source);
    return FALSE;
}

/**
 * Takes a new connection, or closes it when there are too many: left in the backlog it would only
 * be in the way of others, and its client would learn nothing.
 *
 * @fd: (transfer full): non-blocking
 * @port: that it came to
 */
void
ap_visitors_take(ApVisitors *self, int fd, const struct sockaddr *from, guint16 port)
{
    ap_autofd int connection_fd = fd;
    ApAddr source;

    if (!ap_addr_from_sockaddr(&source, from))
        return;

    const ApAddr counted = counted_as(self, &source);
    if (!may_enter(self, &source, &counted))
        return;

    Visitor *visitor = g_new0(Visitor, 1);
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = visitor}};

    visitor->all = self;
    visitor->connection.fd = ap_fd_steal(&connection_fd);
    visitor->ticket.source = source;
    visitor->counted_as = counted;
    visitor->port = port;
    visitor->link.data = visitor;
    visitor->deadline_boot_usec = ap_clock_now().boot_usec + AP_VISITORS_REQUEST_USEC;
    g_queue_push_tail_link(&self->phases[AP_PHASE_REQUEST], &visitor->link);
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, visitor->connection.fd, &event) != 0)
        visitor_free(visitor);
}

static void
take_events(ApVisitors *self)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    const int n = epoll_wait(self->epoll_fd, events, EVENTS_AT_ONCE, 0);

    for (int i = 0; i < n; i++)
        go_on(events[i].data.ptr, events[i].events);
}

static Visitor *
first_of(const ApVisitors *self, ApPhase phase)
{
    const GList *head = self->phases[phase].head;

    return head != NULL ? head->data : NULL;
}

static void
cut_late(ApVisitors *self, ApPhase phase, ApInstant now)
{
    for (Visitor *visitor = first_of(self, phase);
         visitor != NULL && visitor->deadline_boot_usec <= now.boot_usec;
         visitor = first_of(self, phase)) {
        if (phase != AP_PHASE_LINGER)
            log_refusal(self, AP_REFUSAL_SLOW, &visitor->ticket.source);
        visitor_free(visitor);
    }
}

static gboolean
may_answer(const ApVisitors *self)
{
    return self->n_out < AP_VISITORS_MAX_OUT_BYTES;
}

/* Those that are over are freed last: an event may still name them. */
static void
free_over(ApVisitors *self)
{
    for (Visitor *visitor = first_of(self, AP_PHASE_OVER); visitor != NULL;
         visitor = first_of(self, AP_PHASE_OVER))
        visitor_free(visitor);
}

/* As many connections as the system lets us have descriptors for. */
static guint
find_max_connections(void)
{
    struct rlimit limit = {0};

    (void) getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = MIN(limit.rlim_max, AP_CROWD_MAX + OTHER_FDS);
    (void) setrlimit(RLIMIT_NOFILE, &limit);
    (void) getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > OTHER_FDS ? (guint) MIN(limit.rlim_cur - OTHER_FDS, AP_CROWD_MAX) : 1;
}

/**
 * Makes a server without connections.
 *
 * @look: called when the WireGuard device is to be read for ap_visitors_desk()
 * @verbose: log each request
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full)
 */
ApVisitors *
ap_visitors_new(ApVisitorsLook look, gpointer data, gboolean verbose, GError **error)
{
    static const ApDeskOps ops = {.look = on_look, .answer = on_answer};
    const guint n_max = find_max_connections();
    guint8 seed[AP_ANSWER_SEED_LEN];
    g_autoptr(ApVisitors) self = g_new0(ApVisitors, 1);

    randombytes_buf(seed, sizeof(seed));
    self->look = look;
    self->look_data = data;
    self->is_verbose = verbose;
    self->crowd = ap_crowd_new(n_max);
    self->api = ap_api_new(seed);
    self->desk = ap_desk_new(self->api, HELD_SHARE(n_max), &ops, self);
    for (guint i = 0; i < AP_N_PHASES; i++)
        g_queue_init(&self->phases[i]);

    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd < 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not watch connections: %s",
                    g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
ap_visitors_free(ApVisitors *self)
{
    if (self == NULL)
        return;

    for (guint i = 0; i < AP_N_PHASES; i++) {
        while (self->phases[i].length > 0)
            visitor_free(first_of(self, i));
    }
    ap_fd_clear(&self->epoll_fd);
    g_clear_pointer(&self->desk, ap_desk_free);
    g_clear_pointer(&self->api, ap_api_free);
    g_clear_pointer(&self->crowd, ap_crowd_free);
    g_free(self);
}

/**
 * Returns: (transfer none): where the device's contents are to be told
 */
ApDesk *
ap_visitors_desk(ApVisitors *self)
{
    return self->desk;
}

/**
 * Returns: (transfer none): what the desk asks
 */
ApApi *
ap_visitors_api(ApVisitors *self)
{
    return self->api;
}

/**
 * Returns: a descriptor that is readable when ap_visitors_turn() has something to do
 */
int
ap_visitors_fd(const ApVisitors *self)
{
    return self->epoll_fd;
}

/**
 * Returns: when ap_visitors_turn() has something to do in any case, in the time of
 *     ApInstant.boot_usec; AP_NEVER when there is nothing to wait for
 */
gint64
ap_visitors_deadline(const ApVisitors *self)
{
    gint64 deadline = may_answer(self) ? ap_desk_deadline(self->desk) : AP_NEVER;

    if (self->phases[AP_PHASE_OVER].length > 0)
        return 0;
    for (guint i = 0; i < AP_PHASE_OVER; i++) {
        const Visitor *visitor = first_of(self, i);

        if (visitor != NULL)
            deadline = MIN(deadline, visitor->deadline_boot_usec);
    }
    return deadline;
}

/**
 * Does what has become due: reads, answers, cuts off who takes too long.
 */
void
ap_visitors_turn(ApVisitors *self, ApInstant now)
{
    take_events(self);
    for (guint i = 0; i < AP_PHASE_OVER; i++)
        cut_late(self, i, now);
    if (may_answer(self))
        ap_desk_turn(self->desk, ap_clock_now());
    free_over(self);
}

/**
 * Answers every poll that is being held.
 */
void
ap_visitors_close(ApVisitors *self)
{
    ap_desk_close(self->desk, ap_clock_now());
}
