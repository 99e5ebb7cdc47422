/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/edge.h"

#include "common/clock.h"
#include "common/error.h"
#include "server/crowd.h"
#include "server/gate.h"

#include <sodium.h>

#include <errno.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>

/**
 * Memory of one connection in libmicrohttpd, in bytes: its buffers for reading and writing. The
 * head of our clients' requests is about 150 bytes, and bodies do not stay in it.
 */
#define CONNECTION_MEMORY 8192

/**
 * How long nothing is accepted after the process has run out of file descriptors. Without the
 * pause the waiting connection would keep the loop busy. Design rule.
 */
#define PAUSE_USEC (100 * AP_USEC_PER_MSEC)

/** Most connections accepted from one socket before others get their turn. Design rule. */
#define ACCEPT_AT_ONCE 16

/** A connection, and the one request that it carries. */
typedef struct {
    ApEdge *edge; /* (not owned) outlives all its connections */
    struct MHD_Connection *http;
    GList link;
    ApAddr source;
    ApAddr counted_as;         /* all sources that the device does not know count as one */
    gint64 deadline_boot_usec; /* AP_NEVER while it waits for us */
    ApTicket ticket;
    ApRefusal refusal;
    GString *body; /* (owned) (nullable) of the request */
    ApReply reply; /* (owned) */
    gboolean has_reply;
    gboolean is_suspended;
    gboolean is_begun;
    gboolean is_counted; /* FALSE: there is no room for it, and it is about to be closed */
} Connection;

struct _ApEdge {
    ApListen listen; /* the descriptors are not owned: main closes them */
    gboolean is_verbose;
    ApApi *api;                /* (owned) */
    ApDesk *desk;              /* (owned) */
    ApCrowd *crowd;            /* (owned) */
    struct MHD_Daemon *daemon; /* (owned) */
    GSource *source;           /* (owned) */
    GQueue connections;        /* of Connection, each libmicrohttpd's */
    gpointer http_tag;
    gpointer listen_tags[AP_ROSTER_MAX_OWN];
    gint64 paused_until_boot_usec; /* 0: accepting */
    gboolean is_open;              /* the device has been looked at: it is known who may come */
    gboolean must_run; /* a connection was resumed, which libmicrohttpd sees when it runs next */
    ApThrottle throttles[AP_N_REFUSALS];
    ApEdgeLook look;
    gpointer look_data;
};

/** The edge as a GSource. */
typedef struct {
    GSource base;
    ApEdge *edge;
} EdgeSource;

static void
log_refusal(ApEdge *self, ApRefusal refusal, const ApAddr *source)
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
    ApEdge *self = data;

    self->look(self->look_data);
}

/* The desk has an answer: keep it until libmicrohttpd asks for it. */
static void
on_answer(gpointer data, ApTicket *ticket, ApReply *reply)
{
    Connection *connection =
        (Connection *) (void *) ((char *) ticket - offsetof(Connection, ticket));

    (void) data;
    connection->reply = *reply;
    reply->body = NULL;
    connection->has_reply = TRUE;
    connection->deadline_boot_usec = ap_clock_now().boot_usec + AP_EDGE_PATIENCE_USEC;
    if (connection->is_suspended) {
        connection->is_suspended = FALSE;
        connection->edge->must_run = TRUE;
        MHD_resume_connection(connection->http);
    }
}

static enum MHD_Result
respond(Connection *self, guint status, GString *body, gboolean is_method)
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
respond_refusal(Connection *self)
{
    const ApRefusalText *text = ap_refusal_text(self->refusal);
    GString *body = NULL;

    log_refusal(self->edge, self->refusal, &self->source);
    if (text->says != NULL) {
        body = g_string_new(NULL);
        g_string_printf(body, "{\"error\": \"%s\"}", text->says);
    }
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_EDGE_PATIENCE_USEC;
    return respond(self, text->status, body, self->refusal == AP_REFUSAL_METHOD);
}

static enum MHD_Result
respond_reply(Connection *self)
{
    GString *body = g_steal_pointer(&self->reply.body);
    char source[AP_ADDR_TEXT_LEN];

    if (self->reply.status == AP_STATUS_UNAUTHORIZED)
        log_refusal(self->edge, AP_REFUSAL_CLIENT, &self->source);
    else if (self->reply.status == AP_STATUS_BAD_REQUEST)
        log_refusal(self->edge, AP_REFUSAL_BODY, &self->source);
    if (self->edge->is_verbose) {
        ap_addr_to_text(&self->source, source);
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
begin(Connection *self, const char *method, const char *path)
{
    ApHead head = {.method = method, .path = path};

    self->is_begun = TRUE;
    (void) MHD_get_connection_values(self->http, MHD_HEADER_KIND, on_header, &head);
    self->refusal = ap_gate_judge(&head, ap_api_roster(self->edge->api), self->edge->listen.port);
    if (self->refusal == AP_REFUSAL_NONE)
        self->body = g_string_sized_new(512);

    /* otherwise the body is swallowed first: closing with unread bytes would cut our answer off */
    return self->refusal == AP_REFUSAL_LENGTH ? respond_refusal(self) : MHD_YES;
}

static enum MHD_Result
take_body(Connection *self, const char *bytes, size_t *n_bytes)
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
finish(Connection *self)
{
    const ApInstant now = ap_clock_now();

    if (self->refusal != AP_REFUSAL_NONE)
        return respond_refusal(self);

    self->ticket.source = self->source;
    self->deadline_boot_usec = AP_NEVER;
    ap_desk_submit(self->edge->desk, &self->ticket, self->body->str, self->body->len, now);
    (void) g_string_free(g_steal_pointer(&self->body), TRUE);
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
    Connection *self =
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
cut(const Connection *self)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(self->http, MHD_CONNECTION_INFO_CONNECTION_FD);

    /* libmicrohttpd sees the end of the stream and closes */
    (void) shutdown(info->connect_fd, SHUT_RDWR);
}

static void
turn_away(const Connection *self, ApRefusal refusal)
{
    log_refusal(self->edge, refusal, &self->source);
    cut(self);
}

static Connection *
connection_new(ApEdge *edge, struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    Connection *self = g_new0(Connection, 1);

    self->edge = edge;
    self->http = http;
    self->link.data = self;
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_EDGE_PATIENCE_USEC;
    if (ap_addr_from_sockaddr(&self->source, info->client_addr)
        && ap_roster_holder(ap_api_roster(edge->api), &self->source) != NULL)
        self->counted_as = self->source;
    g_queue_push_tail_link(&edge->connections, &self->link);

    /* the kernel takes what the hub sends to itself for traffic of the tunnel interface */
    if (ap_roster_is_own(ap_api_roster(edge->api), &self->source))
        turn_away(self, AP_REFUSAL_CLIENT);
    else if (ap_crowd_enter(edge->crowd, &self->counted_as))
        self->is_counted = TRUE;
    else
        turn_away(self, AP_REFUSAL_CROWD);
    return self;
}

static void
connection_free(Connection *self)
{
    ap_desk_withdraw(self->edge->desk, &self->ticket);
    if (self->is_counted)
        ap_crowd_leave(self->edge->crowd, &self->counted_as);
    g_queue_unlink(&self->edge->connections, &self->link);
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
        *context = connection_new(data, http);
        break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
        connection_free(*context);
        *context = NULL;
        break;
    }
}

static void
set_accepting(ApEdge *self, gboolean is_accepting)
{
    for (guint i = 0; i < self->listen.n; i++)
        g_source_modify_unix_fd(self->source, self->listen_tags[i], is_accepting ? G_IO_IN : 0);
}

static void
pause_accepting(ApEdge *self)
{
    self->paused_until_boot_usec = ap_clock_now().boot_usec + PAUSE_USEC;
    set_accepting(self, FALSE);
}

/*
 * A connection too many is closed at once: left in the backlog it would only be in the way of
 * others, and its client would learn nothing.
 */
static void
accept_from(ApEdge *self, int fd)
{
    for (guint i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t n_bytes = sizeof(from);
        const int client =
            accept4(fd, (struct sockaddr *) &from, &n_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(self);
            return;
        }
        (void) MHD_add_connection(self->daemon, client, (struct sockaddr *) &from, n_bytes);
    }
}

static void
cut_slow(ApEdge *self, ApInstant now)
{
    for (GList *l = self->connections.head; l != NULL; l = l->next) {
        Connection *connection = l->data;

        if (connection->deadline_boot_usec > now.boot_usec)
            continue;
        connection->deadline_boot_usec = AP_NEVER;
        turn_away(connection, AP_REFUSAL_SLOW);
    }
}

static gint64
get_deadline(ApEdge *self, ApInstant now)
{
    gint64 deadline = self->must_run ? 0 : ap_desk_deadline(self->desk);
    MHD_UNSIGNED_LONG_LONG idle_msec;

    if (self->paused_until_boot_usec != 0)
        deadline = MIN(deadline, self->paused_until_boot_usec);
    if (MHD_get_timeout(self->daemon, &idle_msec) == MHD_YES)
        deadline = MIN(deadline, now.boot_usec + (gint64) idle_msec * AP_USEC_PER_MSEC);
    for (const GList *l = self->connections.head; l != NULL; l = l->next)
        deadline = MIN(deadline, ((const Connection *) l->data)->deadline_boot_usec);
    return deadline;
}

static gboolean
on_prepare(GSource *source, int *timeout_msec)
{
    ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();
    if (!self->is_open && ap_desk_is_ready(self->desk)) {
        self->is_open = TRUE;
        set_accepting(self, TRUE);
    }

    const gint64 deadline = get_deadline(self, now);
    *timeout_msec = -1;
    if (deadline == AP_NEVER)
        return FALSE;
    if (deadline <= now.boot_usec)
        return TRUE;

    *timeout_msec = (int) MIN((deadline - now.boot_usec) / AP_USEC_PER_MSEC + 1, G_MAXINT);
    return FALSE;
}

static gboolean
on_check(GSource *source)
{
    ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();

    if (g_source_query_unix_fd(source, self->http_tag) != 0)
        return TRUE;
    for (guint i = 0; i < self->listen.n; i++) {
        if (g_source_query_unix_fd(source, self->listen_tags[i]) != 0)
            return TRUE;
    }
    return get_deadline(self, now) <= now.boot_usec;
}

static gboolean
on_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();

    (void) callback;
    (void) data;
    if (self->paused_until_boot_usec != 0 && self->paused_until_boot_usec <= now.boot_usec) {
        self->paused_until_boot_usec = 0;
        set_accepting(self, self->is_open);
    }
    for (guint i = 0; i < self->listen.n; i++) {
        if (g_source_query_unix_fd(source, self->listen_tags[i]) != 0)
            accept_from(self, self->listen.fds[i]);
    }
    cut_slow(self, now);
    self->must_run = FALSE;
    (void) MHD_run(self->daemon);
    ap_desk_turn(self->desk, ap_clock_now());
    return G_SOURCE_CONTINUE;
}

static struct MHD_Daemon *
start_daemon(ApEdge *self)
{
    /* we accept ourselves: one daemon serves the sockets of all addresses */
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_SUSPEND_RESUME,
                            0,
                            NULL,
                            NULL,
                            on_request,
                            self,
                            MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned int) (AP_CROWD_MAX + ACCEPT_AT_ONCE * AP_ROSTER_MAX_OWN),
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned int) AP_EDGE_IDLE_SEC,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t) CONNECTION_MEMORY,
                            MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection,
                            self,
                            MHD_OPTION_END);
}

static GSource *
make_source(ApEdge *self)
{
    static GSourceFuncs funcs = {
        .prepare = on_prepare,
        .check = on_check,
        .dispatch = on_dispatch,
    };
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    GSource *source = g_source_new(&funcs, sizeof(EdgeSource));

    ((EdgeSource *) source)->edge = self;
    self->http_tag = g_source_add_unix_fd(source, info->epoll_fd, G_IO_IN);
    for (guint i = 0; i < self->listen.n; i++)
        self->listen_tags[i] = g_source_add_unix_fd(source, self->listen.fds[i], 0);
    return source;
}

/**
 * Makes a server that does not accept connections yet.
 *
 * @listen: open sockets, which stay the caller's and open as long as the server lives
 * @look: called when the WireGuard device is to be read for ap_edge_desk()
 * @verbose: log each request
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full)
 */
ApEdge *
ap_edge_new(const ApListen *listen,
            ApEdgeLook look,
            gpointer data,
            gboolean verbose,
            GError **error)
{
    static const ApDeskOps ops = {.look = on_look, .answer = on_answer};
    guint8 seed[AP_ANSWER_SEED_LEN];
    g_autoptr(ApEdge) self = g_new0(ApEdge, 1);

    randombytes_buf(seed, sizeof(seed));
    self->listen = *listen;
    self->look = look;
    self->look_data = data;
    self->is_verbose = verbose;
    self->crowd = ap_crowd_new(AP_CROWD_MAX);
    self->api = ap_api_new(seed);
    self->desk = ap_desk_new(self->api, AP_DESK_MAX_HELD, &ops, self);
    ap_api_set_own(self->api, listen->own, listen->n);
    g_queue_init(&self->connections);

    self->daemon = start_daemon(self);
    if (self->daemon == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "could not start libmicrohttpd");
        return NULL;
    }
    self->source = make_source(self);
    return g_steal_pointer(&self);
}

void
ap_edge_free(ApEdge *self)
{
    if (self == NULL)
        return;

    if (self->source != NULL)
        g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
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
ap_edge_desk(ApEdge *self)
{
    return self->desk;
}

/**
 * Takes over which addresses the tunnel interface has now.
 */
void
ap_edge_set_own(ApEdge *self, const ApOwnAddress *own, guint n_own)
{
    ap_api_set_own(self->api, own, n_own);
}

/**
 * Starts to serve from the default main context, as soon as the device has been looked at.
 */
void
ap_edge_start(ApEdge *self)
{
    (void) g_source_attach(self->source, NULL);
    ap_desk_look(self->desk, ap_clock_now());
}

/**
 * Answers every poll that is being held, and accepts nothing any more.
 */
void
ap_edge_stop(ApEdge *self)
{
    g_source_destroy(self->source);
    ap_desk_close(self->desk, ap_clock_now());
    (void) MHD_run(self->daemon);
}
