/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What the coordination server costs per request, on a WireGuard device that exists in memory:
 *
 *     build/tests/server-bench [--json] [--seconds N]
 *
 * "api" takes bodies and gives bodies; "http" is the real edge with its reading process, asked
 * over loopback by other addresses of 127.0.0.0/8, one per client. Clients ask in turn, one in
 * twenty says something new, and each has a new handshake every two minutes. LANs are "spread"
 * (four clients each) or "one" for all.
 */

#include "common/clock.h"
#include "common/fd.h"
#include "common/json/offer-json.h"
#include "tests/server-fleet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/** Connections that the driver has open at a time. */
#define N_CONNECTIONS 32

/**
 * How often each case is measured; the best counts, as others can only take time away. Before
 * each round of "http" every client has to register.
 */
#define N_ROUNDS_API 5
#define N_ROUNDS_HTTP 3

/**
 * @requests_per_s: by the processor time of the server with "api", by the wall clock with "http",
 *     where the driver has its share of the processors, too
 * @usec_per_request: processor time of the process that serves
 * @reader_percent: share of one processor that the process which reads the device takes; it reads
 *     at most ten times a second, however many requests there are
 */
typedef struct {
    double requests_per_s;
    double usec_per_request;
    double reader_percent;
    double bytes_per_answer;
} Result;

static void
serve_one(ApApi *api, const Fleet *fleet, guint number, guint64 n_done, ApInstant now, Result *sum)
{
    const char *body = fleet_next_body(fleet, number, n_done);
    g_autoptr(GArray) wake = g_array_new(FALSE, FALSE, sizeof(ApKey));
    g_auto(ApRequest) request = {0};
    g_auto(ApReply) reply = {0};

    if (n_done / fleet->n % (HANDSHAKE_SEC / ASK_SEC) == number % (HANDSHAKE_SEC / ASK_SEC)) {
        fleet->peers[number].handshake_real_usec = now.real_usec;
        ap_api_device_put(api, &fleet->peers[number], now, wake);
    }
    if (!ap_request_from_json(&request, body, strlen(body), NULL))
        g_error("the body is malformed: %s", body);
    ap_api_handle(api, &request, &fleet->peers[number].addresses[0], now, &reply, wake);
    if (reply.status != AP_STATUS_OK)
        g_error("status %u", reply.status);
    sum->bytes_per_answer += (double) reply.body->len;
}

static Result
measure_api(const Fleet *fleet, double seconds)
{
    static const guint8 seed[AP_ANSWER_SEED_LEN] = {1};
    g_autoptr(ApApi) api = ap_api_new(seed);
    g_autoptr(GArray) wake = g_array_new(FALSE, FALSE, sizeof(ApKey));
    const gint64 step_usec = ASK_SEC * AP_USEC_PER_SEC / fleet->n;
    ApInstant now = ap_clock_now();
    guint64 n_done = 0, n_before = 0;
    double began_usec = 0, spent_usec = 0;
    Result result = {0};

    for (guint i = 0; i < fleet->n; i++)
        ap_api_device_put(api, &fleet->peers[i], now, wake);
    while (spent_usec < seconds * 1e6) {
        /* the first round registers everybody and is not counted */
        if (n_done == fleet->n) {
            began_usec = cpu_usec(CLOCK_PROCESS_CPUTIME_ID);
            n_before = n_done;
            result.bytes_per_answer = 0;
        }
        serve_one(api, fleet, (guint) (n_done % fleet->n), n_done, now, &result);
        now.boot_usec += step_usec;
        now.real_usec += step_usec;
        if (++n_done > fleet->n && n_done % 256 == 0)
            spent_usec = cpu_usec(CLOCK_PROCESS_CPUTIME_ID) - began_usec;
    }

    result.usec_per_request = spent_usec / (double) (n_done - n_before);
    result.requests_per_s = 1e6 / result.usec_per_request;
    result.bytes_per_answer /= (double) (n_done - n_before);
    return result;
}

/** One connection of the driver. */
typedef struct {
    int fd;
    gboolean is_sent;
    gsize n_received;
    char head[16];
    char *text; /* (owned) */
} Connection;

static void
begin(Connection *self, const Fleet *fleet, const Server *server, guint64 n_begun)
{
    const guint number = (guint) (n_begun % fleet->n);

    *self = (Connection){
        .fd = server_connect(server, fleet, number),
        .text = server_request(server, fleet_next_body(fleet, number, n_begun)),
    };
}

/* Returns TRUE when the answer is complete. */
static gboolean
go_on(Connection *self)
{
    static char bytes[65536];

    if (!self->is_sent) {
        if (send(self->fd, self->text, strlen(self->text), MSG_NOSIGNAL) < 0)
            g_error("could not send: %s", g_strerror(errno));
        self->is_sent = TRUE;
        return FALSE;
    }

    const gssize n = recv(self->fd, bytes, sizeof(bytes), 0);
    if (n < 0)
        return FALSE;
    if (n > 0 && self->n_received < sizeof(self->head) - 1)
        memcpy(self->head + self->n_received,
               bytes,
               MIN((gsize) n, sizeof(self->head) - 1 - self->n_received));
    self->n_received += (gsize) n;
    return n == 0;
}

static void
end(Connection *self)
{
    if (!g_str_has_prefix(self->head, "HTTP/1.1 200"))
        g_error("the answer is '%s'", self->head);
    ap_fd_clear(&self->fd);
    g_clear_pointer(&self->text, g_free);
}

static guint64
drive(const Fleet *fleet, const Server *server, guint64 n_begun, double seconds, gsize *n_bytes)
{
    const gint64 until_usec = g_get_monotonic_time() + (gint64) (seconds * 1e6);
    Connection connections[N_CONNECTIONS];
    guint64 n_done = 0;
    guint n_open = N_CONNECTIONS;

    for (guint i = 0; i < N_CONNECTIONS; i++)
        begin(&connections[i], fleet, server, n_begun++);
    while (n_open > 0) {
        struct pollfd fds[N_CONNECTIONS];

        for (guint i = 0; i < N_CONNECTIONS; i++)
            fds[i] =
                (struct pollfd){connections[i].fd, connections[i].is_sent ? POLLIN : POLLOUT, 0};
        (void) poll(fds, N_CONNECTIONS, 1000);
        for (guint i = 0; i < N_CONNECTIONS; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0 || !go_on(&connections[i]))
                continue;
            n_done++;
            *n_bytes += connections[i].n_received;
            end(&connections[i]);
            if (n_done < fleet->n || g_get_monotonic_time() < until_usec)
                begin(&connections[i], fleet, server, n_begun++);
            else
                n_open--;
        }
    }
    return n_done;
}

static Result
measure_http(const Fleet *fleet, double seconds)
{
    Server server;
    Result result = {0};
    gsize n_bytes = 0;

    server_start(&server, fleet);
    const clockid_t clocks[] = {clock_of(server.http), clock_of(server.reader)};
    const guint64 n_before = drive(fleet, &server, 0, 0, &n_bytes);
    const double http_before = cpu_usec(clocks[0]), reader_before = cpu_usec(clocks[1]);
    const gint64 began_usec = g_get_monotonic_time();
    n_bytes = 0;
    const guint64 n = drive(fleet, &server, n_before, seconds, &n_bytes);
    const double spent_usec = (double) (g_get_monotonic_time() - began_usec);

    result.requests_per_s = (double) n * 1e6 / spent_usec;
    result.usec_per_request = (cpu_usec(clocks[0]) - http_before) / (double) n;
    result.reader_percent = (cpu_usec(clocks[1]) - reader_before) * 100 / spent_usec;
    result.bytes_per_answer = (double) n_bytes / (double) n;
    server_stop(&server);
    return result;
}

static int
compare_results(gconstpointer a, gconstpointer b)
{
    const Result *x = a, *y = b;

    return x->usec_per_request < y->usec_per_request ? -1
                                                     : x->usec_per_request > y->usec_per_request;
}

static void
print_result(const char *layer, const Fleet *fleet, const Result *result, gboolean json)
{
    static gboolean has_printed;

    if (json)
        g_print("%s{\"layer\": \"%s\", \"lans\": \"%s\", \"clients\": %u, "
                "\"requests_per_s\": %.0f, \"usec_per_request\": %.2f, \"reader_percent\": %.1f, "
                "\"bytes_per_answer\": %.0f}",
                has_printed ? ",\n  " : "\n  ",
                layer,
                fleet->is_one_lan ? "one" : "spread",
                fleet->n,
                result->requests_per_s,
                result->usec_per_request,
                result->reader_percent,
                result->bytes_per_answer);
    else
        g_print("%-5s %-7s %6u clients: %8.0f requests/s, %7.2f us each, %4.1f %% to read, "
                "%6.0f bytes\n",
                layer,
                fleet->is_one_lan ? "one" : "spread",
                fleet->n,
                result->requests_per_s,
                result->usec_per_request,
                result->reader_percent,
                result->bytes_per_answer);
    has_printed = TRUE;
}

/*
 * The rounds of 1,000 and 10,000 clients take turns: what else the machine does then hits both
 * alike.
 */
static double
bench(const char *layer,
      Result (*measure)(const Fleet *fleet, double seconds),
      guint n_rounds,
      gboolean is_one_lan,
      double seconds,
      gboolean json)
{
    static const guint sizes[] = {1000, 10000};
    Result results[G_N_ELEMENTS(sizes)][N_ROUNDS_API];
    Fleet fleets[G_N_ELEMENTS(sizes)];

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        fleet_init(&fleets[i], sizes[i], is_one_lan);
    for (guint round = 0; round < n_rounds; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
            results[i][round] = measure(&fleets[i], seconds);
    }
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        qsort(results[i], n_rounds, sizeof(Result), compare_results);
        print_result(layer, &fleets[i], &results[i][0], json);
        fleet_clear(&fleets[i]);
    }
    return results[1][0].usec_per_request / results[0][0].usec_per_request;
}

static void
print_ratios(const double ratios[static 4], gboolean json)
{
    g_print(json ? "\n], \"cost_ratio\": {\"api_spread\": %.2f, \"api_one\": %.2f, "
                   "\"http_spread\": %.2f, \"http_one\": %.2f}}\n"
                 : "10,000 clients cost per request, in times that of 1,000: api %.2f and %.2f, "
                   "http %.2f and %.2f\n",
            ratios[0],
            ratios[1],
            ratios[2],
            ratios[3]);
}

int
main(int argc, char **argv)
{
    gboolean json = FALSE;
    double seconds = 1;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
        {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "Time for each round (default: 1)", "N"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    double ratios[4];

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("server-bench: %s\n", error->message);
        return EXIT_FAILURE;
    }

    if (json)
        g_print("{\"results\": [");
    for (guint i = 0; i < 2; i++)
        ratios[i] = bench("api", measure_api, N_ROUNDS_API, i == 1, seconds, json);
    for (guint i = 0; i < 2; i++)
        ratios[2 + i] = bench("http", measure_http, N_ROUNDS_HTTP, i == 1, seconds, json);
    print_ratios(ratios, json);
    return EXIT_SUCCESS;
}
