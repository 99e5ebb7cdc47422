/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Servers that do everything wrong (security rules T18, T19, F20, F21): each exchange ends within
 * its limit, with an error, having read a bounded amount, and the child serves on.
 */

#include "common/error.h"
#include "common/exchange.h"
#include "tests/unit/fetching.h"

#include <string.h>

/** No error: there is a status. */
#define ANSWERED -1

/** A case that does not wait for a limit ends within this time, in milliseconds. */
#define SOON_MSEC 2000

/** The limit of an exchange, in milliseconds, and room for a busy machine. */
#define LIMIT_MSEC (AP_EXCHANGE_LIMIT_SEC * 1000)
#define SLACK_MSEC 2000

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"
#define LENGTH "Content-Length: 13\r\n"
#define BODY "{\"peers\": []}"
#define GOOD OK_LINE JSON LENGTH "\r\n" BODY
#define X8(text) text text text text text text text text

static const struct {
    const char *name;
    const char *bytes;
    HttpThen then;
    int error;
    guint status;
} cases[] = {
    {"good", GOOD, HTTP_THEN_CLOSE, ANSWERED, 200},
    {"good, connection left open", GOOD, HTTP_THEN_HOLD, ANSWERED, 200},
    {"one interim answer", "HTTP/1.1 100 Continue\r\n\r\n" GOOD, HTTP_THEN_CLOSE, ANSWERED, 200},
    {"closed at once", "", HTTP_THEN_CLOSE, AP_ERROR_FAILED, 0},
    {"reset at once", "", HTTP_THEN_RESET, AP_ERROR_FAILED, 0},
    {"closed in the body", OK_LINE JSON LENGTH "\r\n{\"peer", HTTP_THEN_CLOSE, AP_ERROR_INVALID, 0},
    {"length one too long",
     OK_LINE JSON "Content-Length: 14\r\n\r\n" BODY,
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"length one too short",
     OK_LINE JSON "Content-Length: 12\r\n\r\n" BODY,
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"length too large",
     OK_LINE JSON "Content-Length: 262145\r\n\r\n" BODY,
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"length negative",
     OK_LINE JSON "Content-Length: -13\r\n\r\n" BODY,
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"length 2^64 + 13",
     OK_LINE JSON "Content-Length: 18446744073709551629\r\n\r\n" BODY,
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"two lengths", OK_LINE JSON LENGTH LENGTH "\r\n" BODY, HTTP_THEN_HOLD, AP_ERROR_INVALID, 0},
    {"no length", OK_LINE JSON "\r\n" BODY, HTTP_THEN_CLOSE, AP_ERROR_INVALID, 0},
    {"no length, for ever", OK_LINE JSON "\r\n" BODY, HTTP_THEN_FLOOD, AP_ERROR_INVALID, 0},
    {"length and chunks",
     OK_LINE JSON LENGTH "Transfer-Encoding: chunked\r\n\r\nd\r\n" BODY "\r\n0\r\n\r\n",
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"chunks",
     OK_LINE JSON "Transfer-Encoding: chunked\r\n\r\nd\r\n" BODY "\r\n0\r\n\r\n",
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"chunk of 2^64 bytes",
     OK_LINE JSON "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" BODY,
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"garbage for a chunk",
     OK_LINE JSON "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello",
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"compressed",
     OK_LINE JSON LENGTH "Content-Encoding: gzip\r\n\r\n" BODY,
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"another type",
     OK_LINE "Content-Type: text/html\r\n" LENGTH "\r\n" BODY,
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"no type", OK_LINE LENGTH "\r\n" BODY, HTTP_THEN_CLOSE, AP_ERROR_INVALID, 0},
    {"HTTP/0.9", BODY, HTTP_THEN_CLOSE, AP_ERROR_INVALID, 0},
    {"HTTP/0.9 for ever", BODY "\r\n", HTTP_THEN_FLOOD, AP_ERROR_INVALID, 0},
    {"HTTP/2", "HTTP/2 200\r\n" JSON LENGTH "\r\n" BODY, HTTP_THEN_CLOSE, AP_ERROR_INVALID, 0},
    {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", HTTP_THEN_HOLD, AP_ERROR_INVALID, 0},
    {"storm of interim answers",
     "HTTP/1.1 100 Continue\r\n\r\n",
     HTTP_THEN_FLOOD,
     AP_ERROR_INVALID,
     0},
    {"head for ever", OK_LINE X8("A: b\r\n"), HTTP_THEN_FLOOD, AP_ERROR_INVALID, 0},
    {"one line for ever", "HTTP/1.1 200 " X8("0123456789"), HTTP_THEN_FLOOD, AP_ERROR_INVALID, 0},
    {"redirect",
     "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
     HTTP_THEN_CLOSE,
     ANSWERED,
     302},
    {"redirect without end",
     "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n",
     HTTP_THEN_FLOOD,
     ANSWERED,
     301},
    {"demands a password",
     "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
     HTTP_THEN_HOLD,
     ANSWERED,
     401},
    {"endless error page", "HTTP/1.1 500 No\r\n\r\n<html>", HTTP_THEN_FLOOD, ANSWERED, 500},
    {"no content", "HTTP/1.1 204 None\r\n\r\n", HTTP_THEN_HOLD, ANSWERED, 204},
    {"400 without a length", "HTTP/1.1 400 No\r\n\r\n", HTTP_THEN_FLOOD, AP_ERROR_INVALID, 0},
    {"no JSON",
     OK_LINE JSON "Content-Length: 5\r\n\r\nhello",
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"NaN",
     OK_LINE JSON "Content-Length: 13\r\n\r\n{\"peers\":NaN}",
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
    {"duplicate members",
     OK_LINE JSON "Content-Length: 23\r\n\r\n{\"peers\":[],\"peers\":[]}",
     HTTP_THEN_CLOSE,
     AP_ERROR_INVALID,
     0},
};

static void
test_every_mode(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Fetching) fetching = {0};

        http_server_script(server, cases[i].bytes, strlen(cases[i].bytes), cases[i].then);
        fetching_run(&fetching, fetcher, http_server_get_port(server));
        g_test_message("case '%s': %s after %d ms",
                       cases[i].name,
                       fetching.error != NULL ? fetching.error->message : "answered",
                       (int) fetching_msec(&fetching));
        g_assert_cmpint(fetching_msec(&fetching), <, SOON_MSEC);
        g_assert_cmpuint(http_server_n_connections(server), ==, 1);
        if (cases[i].error == ANSWERED) {
            g_assert_no_error(fetching.error);
            g_assert_cmpuint(fetching.reply->status, ==, cases[i].status);
        } else {
            g_assert_error(fetching.error, AP_ERROR, cases[i].error);
        }
    }
}

/* 300 MB were read whole by the existing client. */
static void
test_giant_body(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_autoptr(GString) bytes = g_string_new(OK_LINE JSON "Content-Length: 262144\r\n\r\n");
    g_auto(Fetching) fetching = {0};

    for (guint i = 0; i < 1000; i++)
        g_string_append(bytes, X8("0123456789012345678901234567890123456789"));
    http_server_script(server, bytes->str, bytes->len, HTTP_THEN_FLOOD);
    fetching_run(&fetching, fetcher, http_server_get_port(server));
    g_assert_error(fetching.error, AP_ERROR, AP_ERROR_INVALID);
    g_assert_cmpint(fetching_msec(&fetching), <, SOON_MSEC);

    /* the rest is what the two kernels hold back for a reader that is slow */
    g_test_message("%u bytes", (guint) http_server_n_sent(server));
    g_assert_cmpuint(http_server_n_sent(server), <, 16 * 1024 * 1024);
}

/* As many values as fit, and the largest offer that can be. */
static void
test_largest_answers(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_autoptr(GString) body = g_string_new("{\"peers\":[");
    g_autofree char *bytes = NULL;
    g_auto(Fetching) fetching = {0};

    for (guint i = 0; i < 900; i++) {
        const ApKey key = {{(guint8) i, (guint8) (i >> 8), 1}};
        char text[AP_KEY_TEXT_LEN];

        ap_key_to_text(&key, text);
        g_string_append_printf(body,
                               "%s{\"pubkey\":\"%s\",\"ip\":[\"10.9.0.1\",\"fd00::1\"],"
                               "\"candidates\":[" X8("{\"ip\":\"::2\",\"port\":1},") "3]}",
                               i == 0 ? "" : ",",
                               text);
        if (body->len > 255 * 1024)
            break;
    }
    g_string_append(body, "]}");
    bytes =
        g_strdup_printf(OK_LINE JSON "Content-Length: %u\r\n\r\n%s", (guint) body->len, body->str);
    http_server_script(server, bytes, strlen(bytes), HTTP_THEN_CLOSE);
    fetching_run(&fetching, fetcher, http_server_get_port(server));
    g_assert_no_error(fetching.error);
    g_assert_cmpuint(fetching.reply->offer->peers->len, ==, AP_COORD_MAX_PEERS);
}

static void
test_cut_at_each_byte(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    const gsize n = strlen(GOOD);

    for (gsize i = 0; i <= n; i++) {
        g_auto(Fetching) fetching = {0};

        http_server_script(server, GOOD, i, HTTP_THEN_CLOSE);
        fetching_run(&fetching, fetcher, http_server_get_port(server));
        g_test_message("%u of %u bytes", (guint) i, (guint) n);
        g_assert_cmpint(fetching.error == NULL, ==, i == n);
    }
}

/* Mistake 6 of the existing client: a silent server blocks for ever. All of them at once. */
static void
test_slow_servers_meet_the_limit(void)
{
    static const struct {
        const char *bytes;
        HttpThen then;
    } slow[] = {
        {"", HTTP_THEN_HOLD},
        {OK_LINE "X: ", HTTP_THEN_HOLD},
        {OK_LINE "X: ", HTTP_THEN_DRIP},
        {OK_LINE JSON LENGTH "\r\n{\"peers\"", HTTP_THEN_HOLD},
        {OK_LINE JSON "Content-Length: 10000\r\n\r\n", HTTP_THEN_DRIP},
        {"HTTP/1.1 100 Continue\r\n\r\n", HTTP_THEN_HOLD},
    };
    HttpServer *servers[G_N_ELEMENTS(slow)];
    ApFetcher *fetchers[G_N_ELEMENTS(slow)];
    Fetching fetchings[G_N_ELEMENTS(slow)] = {0};

    for (gsize i = 0; i < G_N_ELEMENTS(slow); i++) {
        servers[i] = http_server_new();
        fetchers[i] = fetching_new_fetcher();
        http_server_script(servers[i], slow[i].bytes, strlen(slow[i].bytes), slow[i].then);
        fetching_start(&fetchings[i], fetchers[i], http_server_get_port(servers[i]), 0, NULL);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(slow); i++) {
        fetching_wait(&fetchings[i]);
        g_test_message("case '%.20s' after %d ms",
                       slow[i].bytes,
                       (int) fetching_msec(&fetchings[i]));
        g_assert_error(fetchings[i].error, AP_ERROR, AP_ERROR_TIMED_OUT);
        g_assert_cmpint(fetching_msec(&fetchings[i]), >=, LIMIT_MSEC - 100);
        g_assert_cmpint(fetching_msec(&fetchings[i]), <, LIMIT_MSEC + SLACK_MSEC);
        fetching_clear(&fetchings[i]);
        ap_fetcher_free(fetchers[i]);
        http_server_free(servers[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch-hostile/every-mode", test_every_mode);
    g_test_add_func("/fetch-hostile/giant-body", test_giant_body);
    g_test_add_func("/fetch-hostile/largest-answers", test_largest_answers);
    g_test_add_func("/fetch-hostile/cut-at-each-byte", test_cut_at_each_byte);
    g_test_add_func("/fetch-hostile/slow-servers-meet-the-limit", test_slow_servers_meet_the_limit);
    return g_test_run();
}
