/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/visitors.h"

#include "common/clock.h"
#include "common/error.h"
#include "server/crowd.h"
#include "server/gate.h"

#include <sodium.h>

#include <microhttpd.h>
#include <string.h>
#include <sys/resource.h>

/**
 * Memory of one connection in libmicrohttpd, in bytes: a buffer of half of it to read into, the
 * head of the request in pieces, and the head of the answer. The head of our clients' requests is
 * about 150 bytes, a browser's may have 1,500, and bodies do not stay in it.
 */
#define CONNECTION_MEMORY 4096

/** Descriptors that are not connections: standard ones, sockets, the feed, and some to spare. */
#define OTHER_FDS 32

/** What of the room for connections held polls may take. The rest is for those who only ask. */
#define HELD_SHARE(n) ((guint) ((guint64) (n) *AP_DESK_MAX_HELD / AP_CROWD_MAX))

/** What a connection is doing, as far as it can take too long. */
typedef enum {
    PHASE_REQUEST, /* its request is coming */
    PHASE_ANSWER,  /* the answer is going */
    N_TIMED_PHASES,
    PHASE_DESK = N_TIMED_PHASES, /* it waits for us */
    PHASE_CUT,                   /* it is about to be closed */
    N_PHASES,
} Phase;

/** A connection, and the one request that it carries. */
typedef struct {
    ApVisitors *all; /* (not owned) outlives all its visitors */
    struct MHD_Connection *http;
    GList link; /* in the queue of its phase */
    Phase phase;
    gint64 deadline_boot_usec; /* of its phase, if that is a timed one */
    ApAddr counted_as;         /* all sources that the device does not know count as one */
    guint16 port;              /* that it came to */
    gsize n_in;                /* its share of the sums below */
    gsize n_out;
    ApTicket ticket;
    ApRefusal refusal;
    GString *body; /* (owned) (nullable) of the request */
    ApReply reply; /* (owned) */
    gboolean has_reply;
    gboolean is_suspended;
    gboolean is_begun;
    gboolean is_counted; /* FALSE: there is no room for it, and it is about to be closed */
} Visitor;

struct _ApVisitors {
    gboolean is_verbose;
    ApApi *api;                /* (owned) */
    ApDesk *desk;              /* (owned) */
    ApCrowd *crowd;            /* (owned) */
    struct MHD_Daemon *daemon; /* (owned) */
    GQueue phases[N_PHASES];   /* of Visitor, each libmicrohttpd's; the first to be late first */
    gsize n_in;                /* bytes of requests to come, */
    gsize n_out;               /* and of answers to go */
    guint16 arriving_port;     /* of the connection that libmicrohttpd is being given */
    gboolean must_run; /* a connection was resumed, which libmicrohttpd sees when it runs next */
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

static void
on_look(gpointer data)
{
    ApVisitors *self = data;

    self->look(self->look_data);
}

/* All phases that are timed last equally long, so the first to enter one is the first to be late. */
static void
enter(Visitor *self, Phase phase)
{
    g_queue_unlink(&self->all->phases[self->phase], &self->link);
    g_queue_push_tail_link(&self->all->phases[phase], &self->link);
    self->phase = phase;
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_VISITORS_PATIENCE_USEC;
}

static void
count_in(Visitor *self, gsize n)
{
    self->all->n_in += n - self->n_in;
    self->n_in = n;
}

static void
count_out(Visitor *self, gsize n)
{
    self->all->n_out += n - self->n_out;
    self->n_out = n;
}

static void
resume(Visitor *self)
{
    self->is_suspended = FALSE;
    self->all->must_run = TRUE;
    MHD_resume_connection(self->http);
}

/* The desk has an answer: keep it until libmicrohttpd asks for it. */
static void
on_answer(gpointer data, ApTicket *ticket, ApReply *reply)
{
    Visitor *visitor = (Visitor *) (void *) ((char *) ticket - offsetof(Visitor, ticket));

    (void) data;
    visitor->reply = *reply;
    reply->body = NULL;
    visitor->has_reply = TRUE;
    count_out(visitor, visitor->reply.body != NULL ? visitor->reply.body->len : 0);
    enter(visitor, PHASE_ANSWER);
    if (visitor->is_suspended)
        resume(visitor);
}

/* @body: (transfer full) (nullable) */
static enum MHD_Result
respond(Visitor *self, guint status, GString *body, gboolean is_method)
{
    const gsize n_bytes = body != NULL ? body->len : 0;
    char *bytes = body != NULL ? g_string_free(body, FALSE) : NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(n_bytes, bytes, g_free);

    if (response == NULL) {
        g_free(bytes);
        return MHD_NO;
    }
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (is_method)
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
    const enum MHD_Result result = MHD_queue_response(self->http, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
respond_refusal(Visitor *self)
{
    const ApRefusalText *text = ap_refusal_text(self->refusal);
    GString *body = NULL;

    log_refusal(self->all, self->refusal, &self->ticket.source);
    if (text->says != NULL) {
        body = g_string_new(NULL);
        g_string_printf(body, "{\"error\": \"%s\"}", text->says);
    }
    enter(self, PHASE_ANSWER);
    return respond(self, text->status, body, self->refusal == AP_REFUSAL_METHOD);
}

static enum MHD_Result
respond_reply(Visitor *self)
{
    GString *body = g_steal_pointer(&self->reply.body);
    char source[AP_ADDR_TEXT_LEN];

    if (self->reply.status == AP_STATUS_UNAUTHORIZED)
        log_refusal(self->all, AP_REFUSAL_CLIENT, &self->ticket.source);
    else if (self->reply.status == AP_STATUS_BAD_REQUEST)
        log_refusal(self->all, AP_REFUSAL_BODY, &self->ticket.source);
    if (self->all->is_verbose) {
        ap_addr_to_text(&self->ticket.source, source);
        g_message("%s: %u, %zu bytes, %u elements left out",
                  source,
                  self->reply.status,
                  body != NULL ? body->len : 0,
                  self->reply.n_screened);
    }
    return respond(self, self->reply.status, body, FALSE);
}

static enum MHD_Result
on_header(void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void) kind;
    ap_head_add(data, name, value);
    return MHD_YES;
}

static enum MHD_Result
begin(Visitor *self, const char *method, const char *path)
{
    ApVisitors *all = self->all;
    ApHead head = {.method = method, .path = path};

    self->is_begun = TRUE;
    (void) MHD_get_connection_values(self->http, MHD_HEADER_KIND, on_header, &head);
    self->refusal = ap_gate_judge(&head, ap_api_roster(all->api), self->port);
    if (self->refusal == AP_REFUSAL_NONE
        && all->n_in + ap_gate_body_length(&head) > AP_VISITORS_MAX_IN_BYTES)
        self->refusal = AP_REFUSAL_CROWD;
    if (self->refusal == AP_REFUSAL_NONE) {
        count_in(self, ap_gate_body_length(&head));
        self->body = g_string_sized_new(512);
    }

    /* otherwise the body is swallowed first: closing with unread bytes would cut our answer off */
    return self->refusal == AP_REFUSAL_LENGTH ? respond_refusal(self) : MHD_YES;
}

static enum MHD_Result
take_body(Visitor *self, const char *bytes, size_t *n_bytes)
{
    const gsize n_before = self->body != NULL ? self->body->len : 0;

    if (*n_bytes > AP_GATE_MAX_BODY - n_before)
        return MHD_NO;
    if (self->body != NULL)
        g_string_append_len(self->body, bytes, (gssize) *n_bytes);
    *n_bytes = 0;
    return MHD_YES;
}

static enum MHD_Result
finish(Visitor *self)
{
    if (self->refusal != AP_REFUSAL_NONE)
        return respond_refusal(self);

    enter(self, PHASE_DESK);
    ap_desk_submit(self->all->desk,
                   &self->ticket,
                   self->body->str,
                   self->body->len,
                   ap_clock_now());
    (void) g_string_free(g_steal_pointer(&self->body), TRUE);
    count_in(self, 0);
    if (self->has_reply)
        return respond_reply(self);

    self->is_suspended = TRUE;
    MHD_suspend_connection(self->http);
    return MHD_YES;
}

/* Called by libmicrohttpd for the head, for each part of the body, and when all has come. */
static enum MHD_Result
on_request(void *data,
           struct MHD_Connection *http,
           const char *url,
           const char *method,
           const char *version,
           const char *upload,
           size_t *n_upload,
           void **request)
{
    Visitor *self =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    (void) data;
    (void) version;
    *request = self;
    if (self->has_reply)
        return respond_reply(self);
    if (!self->is_begun)
        return begin(self, method, url);
    if (*n_upload > 0)
        return take_body(self, upload, n_upload);
    return finish(self);
}

static void
turn_away(Visitor *self, ApRefusal refusal)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(self->http, MHD_CONNECTION_INFO_CONNECTION_FD);

    log_refusal(self->all, refusal, &self->ticket.source);
    enter(self, PHASE_CUT);
    /* libmicrohttpd sees the end of the stream and closes */
    (void) shutdown(info->connect_fd, SHUT_RDWR);
}

static Visitor *
visitor_new(ApVisitors *all, struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    Visitor *self = g_new0(Visitor, 1);

    self->all = all;
    self->http = http;
    self->port = all->arriving_port;
    self->link.data = self;
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_VISITORS_PATIENCE_USEC;
    if (ap_addr_from_sockaddr(&self->ticket.source, info->client_addr)
        && ap_roster_holder(ap_api_roster(all->api), &self->ticket.source) != NULL)
        self->counted_as = self->ticket.source;
    g_queue_push_tail_link(&all->phases[PHASE_REQUEST], &self->link);

    /* the kernel takes what the hub sends to itself for traffic of the tunnel interface */
    if (ap_roster_is_own(ap_api_roster(all->api), &self->ticket.source))
        turn_away(self, AP_REFUSAL_CLIENT);
    else if (ap_crowd_enter(all->crowd, &self->counted_as))
        self->is_counted = TRUE;
    else
        turn_away(self, AP_REFUSAL_CROWD);
    return self;
}

static void
visitor_free(Visitor *self)
{
    ap_desk_withdraw(self->all->desk, &self->ticket);
    if (self->is_counted)
        ap_crowd_leave(self->all->crowd, &self->counted_as);
    count_in(self, 0);
    count_out(self, 0);
    g_queue_unlink(&self->all->phases[self->phase], &self->link);
    if (self->body != NULL)
        (void) g_string_free(self->body, TRUE);
    ap_reply_clear(&self->reply);
    g_free(self);
}

static void
on_connection(void *data,
              struct MHD_Connection *http,
              void **context,
              enum MHD_ConnectionNotificationCode code)
{
    switch (code) {
    case MHD_CONNECTION_NOTIFY_STARTED:
        *context = visitor_new(data, http);
        break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
        visitor_free(*context);
        *context = NULL;
        break;
    }
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

static struct MHD_Daemon *
start_daemon(ApVisitors *self, guint n_max)
{
    /* we accept ourselves: one daemon serves the sockets of all addresses */
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_SUSPEND_RESUME,
                            0,
                            NULL,
                            NULL,
                            on_request,
                            self,
                            MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned int) (n_max + AP_VISITORS_MAX_TURNED_AWAY),
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned int) AP_VISITORS_IDLE_SEC,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t) CONNECTION_MEMORY,
                            MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection,
                            self,
                            MHD_OPTION_END);
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
    for (guint i = 0; i < N_PHASES; i++)
        g_queue_init(&self->phases[i]);

    self->daemon = start_daemon(self, n_max);
    if (self->daemon == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "could not start libmicrohttpd");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
ap_visitors_free(ApVisitors *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->daemon, MHD_stop_daemon);
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
    return MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/**
 * Takes a new connection. One too many is closed at once: left in the backlog it would only be in
 * the way of others, and its client would learn nothing.
 *
 * @fd: (transfer full): non-blocking
 * @port: that it came to
 */
void
ap_visitors_take(ApVisitors *self,
                 int fd,
                 const struct sockaddr *from,
                 socklen_t n_from,
                 guint16 port)
{
    self->arriving_port = port;
    (void) MHD_add_connection(self->daemon, fd, from, n_from);
}

static Visitor *
first_of(const ApVisitors *self, Phase phase)
{
    const GList *head = self->phases[phase].head;

    return head != NULL ? head->data : NULL;
}

static void
cut_slow(ApVisitors *self, Phase phase, ApInstant now)
{
    for (Visitor *visitor = first_of(self, phase);
         visitor != NULL && visitor->deadline_boot_usec <= now.boot_usec;
         visitor = first_of(self, phase))
        turn_away(visitor, AP_REFUSAL_SLOW);
}

static gboolean
may_answer(const ApVisitors *self)
{
    return self->n_out < AP_VISITORS_MAX_OUT_BYTES;
}

/**
 * Returns: when ap_visitors_turn() has something to do in any case, in the time of
 *     ApInstant.boot_usec; AP_NEVER when there is nothing to wait for
 */
gint64
ap_visitors_deadline(const ApVisitors *self, ApInstant now)
{
    gint64 deadline = may_answer(self) ? ap_desk_deadline(self->desk) : AP_NEVER;
    MHD_UNSIGNED_LONG_LONG idle_msec;

    if (self->must_run)
        return 0;
    if (MHD_get_timeout(self->daemon, &idle_msec) == MHD_YES)
        deadline = MIN(deadline, now.boot_usec + (gint64) idle_msec * AP_USEC_PER_MSEC);
    for (guint i = 0; i < N_TIMED_PHASES; i++) {
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
    for (guint i = 0; i < N_TIMED_PHASES; i++)
        cut_slow(self, i, now);
    self->must_run = FALSE;
    (void) MHD_run(self->daemon);
    if (may_answer(self))
        ap_desk_turn(self->desk, ap_clock_now());
}

/**
 * Answers every poll that is being held.
 */
void
ap_visitors_close(ApVisitors *self)
{
    ap_desk_close(self->desk, ap_clock_now());
    (void) MHD_run(self->daemon);
}
