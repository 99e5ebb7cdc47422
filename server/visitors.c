/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/visitors.h"

#include "common/clock.h"
#include "common/error.h"
#include "server/visit.h"

#include <sodium.h>

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
    (void) data;
    ap_visit_take_reply((ApVisit *) (void *) ((char *) ticket - offsetof(ApVisit, ticket)), reply);
}

static void
turn_away(ApVisit *self, ApRefusal refusal)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(self->http, MHD_CONNECTION_INFO_CONNECTION_FD);

    ap_visit_refuse(self->all, refusal, &self->ticket.source);
    ap_visit_enter(self, AP_PHASE_CUT);
    /* libmicrohttpd sees the end of the stream and closes */
    (void) shutdown(info->connect_fd, SHUT_RDWR);
}

static gboolean
let_client_in(ApVisit *self, ApRefusal *out_refusal)
{
    const ApRoster *roster = ap_api_roster(self->all->api);

    /* the kernel takes what the hub sends to itself for traffic of the tunnel interface */
    *out_refusal = AP_REFUSAL_CLIENT;
    if (ap_roster_is_own(roster, &self->ticket.source))
        return FALSE;

    if (ap_roster_holder(roster, &self->ticket.source) != NULL)
        self->counted_as = self->ticket.source;
    *out_refusal = AP_REFUSAL_CROWD;
    return ap_crowd_enter(self->all->crowd, &self->counted_as);
}

static gboolean
let_watcher_in(ApVisit *self, ApRefusal *out_refusal)
{
    *out_refusal = AP_REFUSAL_CROWD;
    if (self->all->n_watchers == AP_VISITORS_MAX_WATCHERS)
        return FALSE;

    self->all->n_watchers++;
    return TRUE;
}

static void
leave(ApVisit *self)
{
    if (!self->is_counted)
        return;

    switch (self->as) {
    case AP_VISITOR_CLIENT:
        ap_crowd_leave(self->all->crowd, &self->counted_as);
        break;
    case AP_VISITOR_WATCHER:
        self->all->n_watchers--;
        break;
    }
}

static ApVisit *
visit_new(ApVisitors *all, struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ApVisit *self = g_new0(ApVisit, 1);
    ApRefusal refusal = AP_REFUSAL_CLIENT;

    self->all = all;
    self->http = http;
    self->as = all->arriving_as;
    self->port = all->arriving_port;
    self->link.data = self;
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_VISITORS_PATIENCE_USEC;
    g_queue_push_tail_link(&all->phases[AP_PHASE_REQUEST], &self->link);

    if (ap_addr_from_sockaddr(&self->ticket.source, info->client_addr))
        self->is_counted = self->as == AP_VISITOR_CLIENT ? let_client_in(self, &refusal)
                                                         : let_watcher_in(self, &refusal);
    if (!self->is_counted)
        turn_away(self, refusal);
    else if (self->as == AP_VISITOR_CLIENT)
        all->metrics.connections++;
    return self;
}

static void
visit_free(ApVisit *self)
{
    ap_desk_withdraw(self->all->desk, &self->ticket);
    leave(self);
    ap_visit_count_in(self, 0);
    ap_visit_count_out(self, 0);
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
        *context = visit_new(data, http);
        break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
        visit_free(*context);
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
                            ap_visit_on_request,
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
    self->metrics.is_max_connections = n_max;
    self->crowd = ap_crowd_new(n_max);
    self->api = ap_api_new(seed);
    self->desk = ap_desk_new(self->api, HELD_SHARE(n_max), &ops, self);
    for (guint i = 0; i < AP_N_PHASES; i++)
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
                 ApVisitor as,
                 int fd,
                 const struct sockaddr *from,
                 socklen_t n_from,
                 guint16 port)
{
    self->arriving_as = as;
    self->arriving_port = port;
    (void) MHD_add_connection(self->daemon, fd, from, n_from);
}

static ApVisit *
first_of(const ApVisitors *self, ApPhase phase)
{
    const GList *head = self->phases[phase].head;

    return head != NULL ? head->data : NULL;
}

static void
cut_slow(ApVisitors *self, ApPhase phase, ApInstant now)
{
    for (ApVisit *visitor = first_of(self, phase);
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
    for (guint i = 0; i < AP_N_TIMED_PHASES; i++) {
        const ApVisit *visitor = first_of(self, i);

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
    for (guint i = 0; i < AP_N_TIMED_PHASES; i++)
        cut_slow(self, i, now);
    self->must_run = FALSE;
    (void) MHD_run(self->daemon);
    if (may_answer(self))
        ap_desk_turn(self->desk, ap_clock_now());
}

/**
 * Tells all that is counted.
 */
void
ap_visitors_measure(const ApVisitors *self, ApMetrics *out)
{
    const ApRules *rules = ap_api_rules(self->api);

    *out = self->metrics;
    out->is_connections = ap_crowd_n(self->crowd);
    out->is_clients = ap_api_n_clients(self->api);
    out->is_peers = ap_roster_n_peers(ap_api_roster(self->api));
    out->is_enabled = ap_rules_is_enabled(rules);
    out->is_groups = ap_rules_n_groups(rules);
    ap_desk_measure(self->desk, out);
}

/**
 * Counts a policy file that was read.
 */
void
ap_visitors_count_reload(ApVisitors *self, gboolean is_good)
{
    if (is_good)
        self->metrics.reloads++;
    else
        self->metrics.failed_reloads++;
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
