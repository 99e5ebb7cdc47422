/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/fetch/http.h"

#include "common/json/json.h"
#include "common/json/offer-json.h"
#include "common/names.h"
#include "helper/fetch/head.h"

#include <curl/curl.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

/** Size of libcurl's buffers, in bytes: as large as a head may be. */
#define BUFFER_BYTES ((long) AP_HEAD_MAX_BYTES)

/** Longest sleep, in milliseconds; libcurl wakes earlier for its own timers. */
#define SLEEP_MSEC 60000

/** What a plain server says to a client that has just woken up (coordination-protocol.md 3). */
#define SAYS_TOO_OLD "Handshake too old"

/**
 * @owner: (not owned) a descriptor; when its other end is closed, nobody waits for us
 * @connection: (owned) the socket to use next; -1: libcurl has it
 * @satisfied: the head says all that there is to know, the body is not wanted
 */
struct _ApHttp {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    int owner;
    int connection;
    ApHead head;
    GByteArray *body;
    gboolean satisfied;
};

static curl_socket_t
on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    ApHttp *self = data;
    const int connection = self->connection;

    (void) purpose;
    (void) address;
    self->connection = -1;
    return connection < 0 ? CURL_SOCKET_BAD : connection;
}

static int
on_socket_option(void *data, curl_socket_t socket, curlsocktype purpose)
{
    (void) data;
    (void) socket;
    (void) purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* Returning anything but the size ends the exchange. */
static size_t
on_head_line(char *line, size_t size, size_t n_items, void *data)
{
    ApHttp *self = data;
    const size_t n_bytes = size * n_items;

    if (!ap_head_add_line(&self->head, line, n_bytes))
        return 0;
    if (!self->head.complete)
        return n_bytes;
    if (self->head.status != 200 && self->head.status != 400) {
        self->satisfied = TRUE;
        return 0;
    }
    return self->head.has_length && (self->head.is_json || self->head.status != 200) ? n_bytes : 0;
}

static size_t
on_body(char *bytes, size_t size, size_t n_items, void *data)
{
    ApHttp *self = data;
    const size_t n_bytes = size * n_items;

    if (!self->head.complete || n_bytes > self->head.length - self->body->len)
        return 0;

    g_byte_array_append(self->body, (const guint8 *) bytes, (guint) n_bytes);
    return n_bytes;
}

/* What stays the same for every exchange. */
static void
set_options(ApHttp *self)
{
    CURL *easy = self->easy;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_NONE);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "wg-autopeer/" AP_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, self);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_option);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
}

static gboolean
owner_is_gone(const ApHttp *self)
{
    struct pollfd owner = {.fd = self->owner};

    return poll(&owner, 1, 0) > 0;
}

/*
 * curl_easy_perform() would wake up every second of a long poll, and would not notice that the
 * helper has left.
 */
static CURLcode
perform(ApHttp *self)
{
    struct curl_waitfd owner = {.fd = self->owner};
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    int n_running = 1, n_left;
    CURLMsg *message;

    if (curl_multi_add_handle(self->multi, self->easy) != CURLM_OK)
        return CURLE_FAILED_INIT;

    while (curl_multi_perform(self->multi, &n_running) == CURLM_OK && n_running > 0
           && !owner_is_gone(self))
        (void) curl_multi_poll(self->multi, &owner, 1, SLEEP_MSEC, NULL);

    while ((message = curl_multi_info_read(self->multi, &n_left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            code = message->data.result;
    }
    (void) curl_multi_remove_handle(self->multi, self->easy);
    return code;
}

static gboolean
says_too_old(const ApHttp *self)
{
    g_autoptr(ApJson) json =
        ap_json_parse((const char *) self->body->data, self->body->len, AP_JSON_MAX_VALUES, NULL);

    return json != NULL
           && g_strcmp0(ap_json_get_string(json, "error", sizeof(SAYS_TOO_OLD)), SAYS_TOO_OLD) == 0;
}

/* A whole answer has come, or one of which only the status counts. */
static ApExchangeResult
read_answer(const ApHttp *self)
{
    ApExchangeResult result = {
        .outcome = AP_EXCHANGE_ANSWERED,
        .status = (guint16) self->head.status,
    };

    if (self->satisfied)
        return result;
    if (self->head.status == 400) {
        result.too_old = says_too_old(self);
        return result;
    }

    result.offer = ap_offer_from_json((const char *) self->body->data, self->body->len, NULL);
    return result.offer != NULL ? result : (ApExchangeResult){.outcome = AP_EXCHANGE_INVALID};
}

static ApExchangeResult
judge(const ApHttp *self, CURLcode code)
{
    const gboolean whole =
        self->head.complete && self->head.has_length && self->body->len == self->head.length;

    if (self->satisfied || (code == CURLE_OK && whole))
        return read_answer(self);

    /* The other codes of libcurl are all about what the server sent. */
    switch ((int) code) {
    case CURLE_OPERATION_TIMEDOUT:
        return (ApExchangeResult){.outcome = AP_EXCHANGE_TIMED_OUT};
    case CURLE_OK:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return (ApExchangeResult){.outcome = AP_EXCHANGE_FAILED};
    default:
        return (ApExchangeResult){.outcome = AP_EXCHANGE_INVALID};
    }
}

/**
 * Makes libcurl ready, and makes it do everything that it does only once: when this returns, the
 * process can be locked in.
 *
 * @owner: a descriptor that outlives us; exchanges end when its other end is closed
 *
 * Returns: (transfer full) (nullable): NULL when libcurl cannot be used
 */
ApHttp *
ap_http_new(int owner)
{
    g_autoptr(ApHttp) self = g_new0(ApHttp, 1);
    const ApExchange rehearsal = {.host = "127.0.0.1", .body = "[]", .n_body_bytes = 2};

    self->owner = owner;
    self->connection = -1;
    self->body = g_byte_array_new();
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return NULL;

    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    if (self->multi == NULL || self->easy == NULL)
        return NULL;

    self->headers = curl_slist_append(self->headers, "Content-Type: " AP_COORD_TYPE);
    self->headers = curl_slist_append(self->headers, "Connection: close");
    self->headers = curl_slist_append(self->headers, "Expect:");
    set_options(self);

    g_auto(ApExchangeResult) ignored = ap_http_run(self, &rehearsal, -1);
    return g_steal_pointer(&self);
}

/**
 * Sends a request and reads the answer; returns after AP_EXCHANGE_LIMIT_SEC beyond the long poll
 * at the latest.
 *
 * @connection: a TCP socket that is connected to the server; -1: none, the exchange fails
 *
 * It follows no redirect, authenticates to nobody, and opens no other connection. The body of an
 * answer is read for the statuses 200 and 400 only.
 *
 * Returns: (transfer full): with the id of @exchange; to be cleared
 */
ApExchangeResult
ap_http_run(ApHttp *self, const ApExchange *exchange, int connection)
{
    g_autofree char *url = g_strconcat("http://", exchange->host, AP_COORD_PATH, NULL);
    const long limit_msec = (exchange->wait_sec + AP_EXCHANGE_LIMIT_SEC) * 1000L;

    self->connection = connection;
    self->head = (ApHead){0};
    self->satisfied = FALSE;
    curl_easy_setopt(self->easy, CURLOPT_URL, url);
    curl_easy_setopt(self->easy, CURLOPT_TIMEOUT_MS, limit_msec);
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, exchange->body);
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDSIZE, (long) exchange->n_body_bytes);

    ApExchangeResult result = judge(self, perform(self));

    if (self->connection >= 0)
        (void) close(self->connection);
    self->connection = -1;
    g_byte_array_unref(self->body);
    self->body = g_byte_array_new();
    result.id = exchange->id;
    return result;
}

void
ap_http_free(ApHttp *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->easy, curl_easy_cleanup);
    g_clear_pointer(&self->multi, curl_multi_cleanup);
    g_clear_pointer(&self->headers, curl_slist_free_all);
    g_clear_pointer(&self->body, g_byte_array_unref);
    g_free(self);
}
