/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/fetch/http.h"

#include "common/clock.h"
#include "common/json/json.h"
#include "common/json/offer-json.h"
#include "common/names.h"
#include "helper/fetch/head.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/** Bytes taken from the socket at a time: a usual answer in one piece. */
#define PIECE_BYTES 4096

/** What a plain server says to a client that has just woken up (coordination-protocol.md 3). */
#define SAYS_TOO_OLD "Handshake too old"

/** What came of waiting for the socket. */
typedef enum {
    WAIT_READY,
    WAIT_OWNER_GONE,
    WAIT_TIMED_OUT,
} Wait;

/**
 * An exchange under way.
 *
 * @connection, @owner: (not owned) descriptors
 * @answer: (owned): bytes that came and were not taken into @head yet, or the body
 */
typedef struct {
    int connection;
    int owner;
    gint64 end_boot_usec;
    ApHead head;
    GByteArray *answer;
} Transfer;

/* Nobody waits for an answer once the helper has closed its end. */
static Wait
wait_for(const Transfer *self, short events)
{
    struct pollfd fds[] = {
        {.fd = self->connection, .events = events},
        {.fd = self->owner},
    };
    int n_ready;

    do {
        const gint64 left_usec = self->end_boot_usec - ap_clock_now().boot_usec;

        if (left_usec <= 0)
            return WAIT_TIMED_OUT;
        n_ready = poll(fds, G_N_ELEMENTS(fds), (int) (left_usec / AP_USEC_PER_MSEC) + 1);
    } while (n_ready < 0 && errno == EINTR);

    if (n_ready == 0)
        return WAIT_TIMED_OUT;
    return n_ready < 0 || fds[1].revents != 0 ? WAIT_OWNER_GONE : WAIT_READY;
}

static ApExchangeOutcome
outcome_of(Wait wait)
{
    return wait == WAIT_TIMED_OUT ? AP_EXCHANGE_TIMED_OUT : AP_EXCHANGE_FAILED;
}

/* In one piece where the socket takes it: a server's worker is held until the body is there. */
static gboolean
send_request(const Transfer *self, const GString *request, ApExchangeOutcome *outcome)
{
    gsize n_sent = 0;

    while (n_sent < request->len) {
        const ssize_t n = send(self->connection,
                               request->str + n_sent,
                               request->len - n_sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
        Wait wait = WAIT_READY;

        if (n > 0)
            n_sent += (gsize) n;
        else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            wait = wait_for(self, POLLOUT);
        else if (n == 0 || errno != EINTR)
            wait = WAIT_OWNER_GONE;

        if (wait != WAIT_READY) {
            *outcome = outcome_of(wait);
            return FALSE;
        }
    }
    return TRUE;
}

/* Appends what came. Returns: FALSE at the end of the connection, or when waiting ended */
static gboolean
receive_piece(Transfer *self, ApExchangeOutcome *outcome)
{
    guint8 piece[PIECE_BYTES];
    const Wait wait = wait_for(self, POLLIN);
    ssize_t n;

    if (wait != WAIT_READY) {
        *outcome = outcome_of(wait);
        return FALSE;
    }

    do
        n = recv(self->connection, piece, sizeof(piece), 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        const gboolean has_begun = self->head.n_bytes > 0 || self->answer->len > 0;

        *outcome = n == 0 && has_begun ? AP_EXCHANGE_INVALID : AP_EXCHANGE_FAILED;
        return FALSE;
    }

    g_byte_array_append(self->answer, piece, (guint) n);
    return TRUE;
}

/* Takes the whole lines that have come into the head, until that is complete. */
static gboolean
take_lines(Transfer *self)
{
    const guint8 *end;

    while (!self->head.complete && self->answer->len > 0
           && (end = memchr(self->answer->data, '\n', self->answer->len)) != NULL) {
        const guint n_bytes = (guint) (end - self->answer->data) + 1;

        if (!ap_head_add_line(&self->head, (const char *) self->answer->data, n_bytes))
            return FALSE;
        g_byte_array_remove_range(self->answer, 0, n_bytes);
    }
    return self->head.complete || self->head.n_bytes + self->answer->len <= AP_HEAD_MAX_BYTES;
}

static gboolean
receive_head(Transfer *self, ApExchangeOutcome *outcome)
{
    while (!self->head.complete) {
        if (!receive_piece(self, outcome))
            return FALSE;
        if (!take_lines(self)) {
            *outcome = AP_EXCHANGE_INVALID;
            return FALSE;
        }
    }
    return TRUE;
}

/* Only these say more than their number. */
static gboolean
wants_body(const ApHead *head)
{
    return head->status == 200 || head->status == 400;
}

static gboolean
receive_body(Transfer *self, ApExchangeOutcome *outcome)
{
    if (!self->head.has_length || (self->head.status == 200 && !self->head.is_json)) {
        *outcome = AP_EXCHANGE_INVALID;
        return FALSE;
    }

    while (self->answer->len < self->head.length) {
        if (!receive_piece(self, outcome))
            return FALSE;
    }

    /* We asked for the connection to be closed after one answer: more is not part of it, and
     * whoever sends it counts differently from us. */
    if (self->answer->len > self->head.length) {
        *outcome = AP_EXCHANGE_INVALID;
        return FALSE;
    }
    return TRUE;
}

static gboolean
says_too_old(const GByteArray *body)
{
    g_autoptr(ApJson) json =
        ap_json_parse((const char *) body->data, body->len, AP_JSON_MAX_VALUES, NULL);

    return json != NULL
           && g_strcmp0(ap_json_get_string(json, "error", sizeof(SAYS_TOO_OLD)), SAYS_TOO_OLD) == 0;
}

static void
read_body(const Transfer *self, ApExchangeResult *result)
{
    if (self->head.status == 400) {
        result->too_old = says_too_old(self->answer);
        return;
    }

    result->offer = ap_offer_from_json((const char *) self->answer->data, self->answer->len, NULL);
    if (result->offer == NULL) {
        result->outcome = AP_EXCHANGE_INVALID;
        result->status = 0;
    }
}

static GString *
compose(const ApExchange *exchange)
{
    GString *request = g_string_new(NULL);

    g_string_append_printf(request,
                           "POST " AP_COORD_PATH " HTTP/1.1\r\n"
                           "Host: %s\r\n"
                           "User-Agent: wg-autopeer/" AP_VERSION "\r\n"
                           "Accept: */*\r\n"
                           "Content-Type: " AP_COORD_TYPE "\r\n"
                           "Content-Length: %" G_GSIZE_FORMAT "\r\n"
                           "Connection: close\r\n"
                           "\r\n",
                           exchange->host,
                           exchange->n_body_bytes);
    g_string_append_len(request, exchange->body, (gssize) exchange->n_body_bytes);
    return request;
}

/**
 * Sends a request and reads the answer; returns after AP_EXCHANGE_LIMIT_SEC beyond the long poll
 * at the latest.
 *
 * @connection: (not owned): a TCP socket that is connected to the server
 * @owner: (not owned): the exchange ends when the other end of this descriptor is closed
 *
 * It follows no redirect, authenticates to nobody, and opens no other connection. The body of an
 * answer is read for the statuses 200 and 400 only, and must have a Content-Length.
 *
 * Returns: (transfer full): with the id of @exchange; to be cleared
 */
ApExchangeResult
ap_http_run(const ApExchange *exchange, int connection, int owner)
{
    const gint64 limit_usec = (exchange->wait_sec + AP_EXCHANGE_LIMIT_SEC) * AP_USEC_PER_SEC;
    g_autoptr(GByteArray) answer = g_byte_array_new();
    g_autoptr(GString) request = compose(exchange);
    ApExchangeResult result = {.id = exchange->id, .outcome = AP_EXCHANGE_ANSWERED};
    Transfer transfer = {
        .connection = connection,
        .owner = owner,
        .end_boot_usec = ap_clock_now().boot_usec + limit_usec,
        .answer = answer,
    };

    if (!send_request(&transfer, request, &result.outcome)
        || !receive_head(&transfer, &result.outcome))
        return result;

    result.status = (guint16) transfer.head.status;
    if (!wants_body(&transfer.head))
        return result;

    if (!receive_body(&transfer, &result.outcome))
        result.status = 0;
    else
        read_body(&transfer, &result);
    return result;
}
