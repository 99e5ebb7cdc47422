/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/fetcher.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/exchange.h"
#include "common/fd.h"
#include "common/json/offer-json.h"
#include "common/names.h"
#include "helper/io/dial.h"
#include "helper/io/fetch-child.h"

#include <glib-unix.h>

#include <string.h>
#include <sys/socket.h>

/** How long a connection may take, in milliseconds (decisions.md 17). */
#define CONNECT_LIMIT_MSEC 3000

/** What the child gets on top of its own limit before it counts as hanging, in milliseconds. */
#define CHILD_GRACE_MSEC 1000

/** Shortest time between two starts of the child, in microseconds: one that dies at once must
 * not keep the machine busy. */
#define RESPAWN_USEC AP_USEC_PER_SEC

/**
 * One exchange under way.
 *
 * @fetcher: (not owned) outlives us: ap_fetcher_free() ends us first
 * @task, @body: (owned)
 * @cancelled: (owned) (nullable)
 * @connection: (owned) our duplicate, to cut the child's reading short
 * @source: what the present step waits for: the connection; 0: none
 * @timer: the limit of the present step
 * @started_boot_usec: when the connection was started
 */
typedef struct {
    ApFetcher *fetcher;
    GTask *task;
    GSource *cancelled;
    ApFetchTarget target;
    guint wait_sec;
    char *body;
    int connection;
    guint source;
    guint timer;
    gint64 started_boot_usec;
    gint64 connect_usec;
} Exchange;

/**
 * @program: (owned)
 * @child: (owned) (nullable): NULL while there is nothing to do, and after it died
 * @current: (owned) (nullable)
 * @id: of the last exchange that began: a late result of an earlier one must not end this one
 */
struct _ApFetcher {
    char *program;
    ApFetchChild *child;
    gint64 spawned_boot_usec;
    Exchange *current;
    guint32 id;
};

/* Marks our tasks: ISO C has no pointers to functions as data. */
static char ask_tag;

static void begin(Exchange *self);

static void
exchange_free(Exchange *self)
{
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->timer, g_source_remove);
    if (self->cancelled != NULL)
        g_source_destroy(self->cancelled);
    g_clear_pointer(&self->cancelled, g_source_unref);
    ap_fd_clear(&self->connection);
    g_clear_object(&self->task);
    g_free(self->body);
    g_free(self);
}

/*
 * The one way out. Shutting the connection down ends the child's reading, if it still reads: it
 * is free for the next exchange within a moment.
 */
static GTask *
end_exchange(ApFetcher *self)
{
    Exchange *exchange = g_steal_pointer(&self->current);
    GTask *task = g_steal_pointer(&exchange->task);

    if (exchange->connection >= 0)
        (void) shutdown(exchange->connection, SHUT_RDWR);
    exchange_free(exchange);
    return task;
}

static void
fail(ApFetcher *self, GError *error)
{
    g_autoptr(GTask) task = end_exchange(self);

    g_task_return_error(task, error);
}

static void
fail_with(ApFetcher *self, ApError code, const char *message)
{
    fail(self, g_error_new_literal(AP_ERROR, (int) code, message));
}

static void
succeed(ApFetcher *self, ApExchangeResult *result)
{
    ApFetchReply *reply = g_new0(ApFetchReply, 1);

    reply->status = result->status;
    reply->too_old = result->too_old;
    reply->offer = g_steal_pointer(&result->offer);
    reply->connect_usec = self->current->connect_usec;

    g_autoptr(GTask) task = end_exchange(self);
    g_task_return_pointer(task, reply, (GDestroyNotify) ap_fetch_reply_free);
}

static void
on_child_report(ApExchangeResult *result, gpointer user_data)
{
    ApFetcher *self = user_data;

    if (result == NULL)
        g_clear_pointer(&self->child, ap_fetch_child_free);
    if (self->current == NULL || (result != NULL && result->id != self->id))
        return;
    if (result == NULL) {
        fail_with(self, AP_ERROR_FAILED, "the fetch child died");
        return;
    }

    switch (result->outcome) {
    case AP_EXCHANGE_ANSWERED:
        succeed(self, result);
        return;
    case AP_EXCHANGE_TIMED_OUT:
        fail_with(self, AP_ERROR_TIMED_OUT, "the server did not answer in time");
        return;
    case AP_EXCHANGE_FAILED:
        fail_with(self, AP_ERROR_FAILED, "the server closed the connection without an answer");
        return;
    case AP_EXCHANGE_INVALID:
        fail_with(self, AP_ERROR_INVALID, "the server's answer breaks the rules");
        return;
    }
}

static gboolean
on_connect_limit(gpointer user_data)
{
    Exchange *self = user_data;

    self->timer = 0;
    fail_with(self->fetcher, AP_ERROR_TIMED_OUT, "the server did not accept a connection in time");
    return G_SOURCE_REMOVE;
}

/* The child has a limit of its own and did not keep it. */
static gboolean
on_child_limit(gpointer user_data)
{
    Exchange *self = user_data;

    self->timer = 0;
    g_clear_pointer(&self->fetcher->child, ap_fetch_child_free);
    fail_with(self->fetcher, AP_ERROR_TIMED_OUT, "the fetch child did not answer in time");
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
    Exchange *self = user_data;

    (void) cancellable;
    fail_with(self->fetcher, AP_ERROR_FAILED, "cancelled"); /* GTask reports the cancellation */
    return G_SOURCE_REMOVE;
}

/* Port 80 stays unsaid, as the protocol's example has it. */
static void
write_host(const ApEndpoint *server, char out[static AP_EXCHANGE_HOST_LEN])
{
    char addr[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(&server->addr, addr);
    g_snprintf(out, AP_EXCHANGE_HOST_LEN, server->addr.family == AF_INET6 ? "[%s]" : "%s", addr);
    if (server->port != AP_COORD_PORT) {
        const gsize n = strlen(out);

        g_snprintf(out + n, AP_EXCHANGE_HOST_LEN - n, ":%u", server->port);
    }
}

static gboolean
hand_over(Exchange *self, GError **error)
{
    ApFetcher *fetcher = self->fetcher;
    ApExchange exchange = {
        .id = fetcher->id,
        .wait_sec = (guint16) self->wait_sec,
        .body = self->body,
        .n_body_bytes = strlen(self->body),
    };

    if (fetcher->child == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "the fetch child died");
        return FALSE;
    }

    write_host(&self->target.server, exchange.host);
    return ap_fetch_child_send(fetcher->child, &exchange, self->connection, error);
}

static gboolean
on_connected(int fd, GIOCondition condition, gpointer user_data)
{
    Exchange *self = user_data;
    GError *error = NULL;

    (void) condition;
    self->source = 0;
    g_clear_handle_id(&self->timer, g_source_remove);
    self->connect_usec = ap_clock_now().boot_usec - self->started_boot_usec;
    if (!ap_dial_finish(fd, &error) || !hand_over(self, &error)) {
        fail(self->fetcher, error);
        return G_SOURCE_REMOVE;
    }

    self->timer = g_timeout_add((self->wait_sec + AP_EXCHANGE_LIMIT_SEC) * 1000 + CHILD_GRACE_MSEC,
                                on_child_limit,
                                self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_respawn(gpointer user_data)
{
    Exchange *self = user_data;

    self->timer = 0;
    begin(self);
    return G_SOURCE_REMOVE;
}

/* Returns: TRUE when there is a child, FALSE with @error unset when it is too soon for one */
static gboolean
ensure_child(ApFetcher *self, GError **error)
{
    const gint64 now = ap_clock_now().boot_usec;

    if (self->child != NULL)
        return TRUE;
    if (self->spawned_boot_usec != 0 && now < self->spawned_boot_usec + RESPAWN_USEC)
        return FALSE;

    self->spawned_boot_usec = now;
    self->child = ap_fetch_child_spawn(self->program, on_child_report, self, error);
    return self->child != NULL;
}

/* The child starts while the connection is being made. */
static void
begin(Exchange *self)
{
    GError *error = NULL;

    if (!ensure_child(self->fetcher, &error)) {
        if (error != NULL)
            fail(self->fetcher, error);
        else
            self->timer = g_timeout_add(RESPAWN_USEC / 1000, on_respawn, self);
        return;
    }

    self->started_boot_usec = ap_clock_now().boot_usec;
    self->connection = ap_dial_start(&self->target, &error);
    if (self->connection < 0) {
        fail(self->fetcher, error);
        return;
    }

    self->source = g_unix_fd_add(self->connection, G_IO_OUT, on_connected, self);
    self->timer = g_timeout_add(CONNECT_LIMIT_MSEC, on_connect_limit, self);
}

static void
watch_cancellable(Exchange *self, GCancellable *cancellable)
{
    if (cancellable == NULL)
        return;

    self->cancelled = g_cancellable_source_new(cancellable);
    g_source_set_callback(self->cancelled, G_SOURCE_FUNC(on_cancelled), self, NULL);
    (void) g_source_attach(self->cancelled, NULL);
}

/**
 * Makes a fetcher; its child starts with the first request.
 *
 * @program: absolute path of wg-autopeer-fetch
 *
 * Returns: (transfer full)
 */
ApFetcher *
ap_fetcher_new(const char *program)
{
    ApFetcher *self = g_new0(ApFetcher, 1);

    self->program = g_strdup(program);
    return self;
}

/**
 * Sends @request and reads the answer, in the main loop of the caller, which never waits.
 *
 * @target: copied
 * @request: copied; its @wait_sec is how long the server may hold the answer
 * @cancellable: (nullable): ends a long poll at once; the fetcher can be used again when
 *     @callback is called
 *
 * Only one exchange can be under way; a second one is a mistake of the caller. The connection
 * may take 3 s and the exchange 5 s beyond its long poll.
 */
void
ap_fetcher_ask_async(ApFetcher *self,
                     const ApFetchTarget *target,
                     const ApRequest *request,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_return_if_fail(self->current == NULL);

    Exchange *exchange = g_new0(Exchange, 1);

    exchange->fetcher = self;
    exchange->target = *target;
    exchange->wait_sec = MIN(request->wait_sec, AP_COORD_MAX_WAIT_SEC);
    exchange->body = ap_request_to_json(request);
    exchange->connection = -1;
    exchange->task = g_task_new(NULL, cancellable, callback, user_data);
    g_task_set_source_tag(exchange->task, &ask_tag);
    watch_cancellable(exchange, cancellable);

    self->current = exchange;
    self->id++;
    begin(exchange);
}

/**
 * Ends ap_fetcher_ask_async().
 *
 * @self: unused; may be gone by now
 * @error: AP_ERROR_TIMED_OUT, AP_ERROR_FAILED and AP_ERROR_GONE when there was no answer,
 *     AP_ERROR_INVALID when the answer breaks the rules, G_IO_ERROR_CANCELLED
 *
 * Returns: (transfer full): whatever the HTTP status is
 */
ApFetchReply *
ap_fetcher_ask_finish(ApFetcher *self, GAsyncResult *result, GError **error)
{
    (void) self;
    g_return_val_if_fail(g_async_result_is_tagged(result, &ask_tag), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/**
 * Ends the child; an exchange under way returns G_IO_ERROR_CANCELLED, later, from the main loop.
 */
void
ap_fetcher_free(ApFetcher *self)
{
    if (self == NULL)
        return;

    if (self->current != NULL)
        fail(self, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "the fetcher was closed"));
    g_clear_pointer(&self->child, ap_fetch_child_free);
    g_free(self->program);
    g_free(self);
}

void
ap_fetch_reply_free(ApFetchReply *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->offer, ap_offer_free);
    g_free(self);
}
