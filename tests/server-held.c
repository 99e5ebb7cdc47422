/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What it costs the coordination server to hold a long poll of each of many clients:
 *
 *     build/tests/server-held [--json] [--clients N] [--news N]
 *
 * Every client registers and then asks to be told of news. Measured are the memory that this
 * takes the HTTP process, how long after a client has told something new its three neighbours
 * have it, and what a request of others costs meanwhile. The server is the real one, with its
 * reading process, asked over loopback by other addresses of 127.0.0.0/8, one per client.
 */

#include "common/fd.h"
#include "common/json/offer-json.h"
#include "tests/server-fleet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/** How long polls are asked to be held, in seconds. */
#define WAIT_SEC AP_COORD_MAX_WAIT_SEC

/** Clients that only ask, and how often all of them do. */
#define N_ASKERS 1000
#define N_ROUNDS 4

/** Longest answer of a LAN of SMALL_LAN, in bytes. */
#define ANSWER_BYTES 4096

/** Longest time for an answer that is due, in milliseconds. */
#define PATIENCE_MSEC 10000

typedef struct {
    Server server;
    Fleet fleet;
    guint n_holding; /* the clients from 0 on; those after them only ask */
    int *held;       /* (owned) (element-type fd) */
    guint16 *ports;  /* (owned) what each client says last */
} Bench;

static void
await(int fd, short events)
{
    struct pollfd entry = {fd, events, 0};

    if (poll(&entry, 1, PATIENCE_MSEC) != 1)
        g_error("nothing came within %d ms", PATIENCE_MSEC);
}

static void
send_body(const Bench *self, int fd, const char *body)
{
    g_autofree char *text = server_request(&self->server, body);

    await(fd, POLLOUT);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (gssize) strlen(text))
        g_error("could not send: %s", g_strerror(errno));
}

/* Returns the body. */
static char *
receive(int fd)
{
    char bytes[ANSWER_BYTES + 1];
    gsize n = 0;
    gssize received;

    do {
        await(fd, POLLIN);
        received = recv(fd, bytes + n, ANSWER_BYTES - n, 0);
        n += (gsize) MAX(received, 0);
    } while (received > 0);
    bytes[n] = '\0';
    if (!g_str_has_prefix(bytes, "HTTP/1.1 200"))
        g_error("the answer is '%s'", bytes);
    return g_strdup(strstr(bytes, "\r\n\r\n") + 4);
}

static char *
body_of(const Bench *self, guint number, const char *etag)
{
    g_auto(ApRequest) request = {0};

    if (!ap_request_from_json(&request,
                              self->fleet.bodies[2 * number],
                              strlen(self->fleet.bodies[2 * number]),
                              NULL))
        g_error("the body is malformed");
    request.listen_port = self->ports[number];
    request.candidates[0].endpoint.port = self->ports[number];
    if (etag != NULL) {
        request.wait_sec = WAIT_SEC;
        (void) g_strlcpy(request.etag, etag, sizeof(request.etag));
    }
    return ap_request_to_json(&request);
}

/* Returns the etag of the answer. */
static char *
ask(const Bench *self, guint number)
{
    g_autofree char *body = body_of(self, number, NULL);
    g_autoptr(ApOffer) offer = NULL;
    g_autofree char *answer = NULL;
    ap_autofd int fd = server_connect(&self->server, &self->fleet, number);

    send_body(self, fd, body);
    answer = receive(fd);
    offer = ap_offer_from_json(answer, strlen(answer), NULL);
    return g_strdup(offer->etag);
}

/* @etag: (transfer full): of the last answer */
static void
hold(Bench *self, guint number, char *etag)
{
    g_autofree char *known = etag;
    g_autofree char *body = body_of(self, number, known);

    self->held[number] = server_connect(&self->server, &self->fleet, number);
    send_body(self, self->held[number], body);
}

static gboolean
is_answered(int fd)
{
    struct pollfd entry = {fd, POLLIN, 0};

    return poll(&entry, 1, 0) == 1;
}

static guint
count_held(const Bench *self)
{
    guint n = 0;

    for (guint i = 0; i < self->n_holding; i++)
        n += !is_answered(self->held[i]);
    return n;
}

static double
pss_kib(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", (int) pid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL) || strstr(text, "\nPss:") == NULL)
        g_error("could not read %s", path);
    return g_ascii_strtod(strstr(text, "\nPss:") + 5, NULL);
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
    const double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

/*
 * A client tells another port; its neighbours' polls are answered. Returns milliseconds until the
 * last of them has it.
 */
static double
tell_news(Bench *self, guint number)
{
    const guint first = number / SMALL_LAN * SMALL_LAN;
    const gint64 begin_usec = g_get_monotonic_time();
    double msec;

    self->ports[number]++;
    g_free(ask(self, number));
    for (guint i = first; i < first + SMALL_LAN; i++)
        g_free(receive(self->held[i]));
    msec = (double) (g_get_monotonic_time() - begin_usec) / 1e3;
    for (guint i = first; i < first + SMALL_LAN; i++) {
        ap_fd_clear(&self->held[i]);
        hold(self, i, ask(self, i));
    }
    return msec;
}

/* Processor time of the HTTP process for a request of somebody who only asks, in microseconds. */
static double
cost_of_asking(const Bench *self)
{
    const clockid_t clock = clock_of(self->server.http);
    double best = G_MAXDOUBLE;

    for (guint round = 0; round < N_ROUNDS; round++) {
        const double before = cpu_usec(clock);

        for (guint i = 0; i < N_ASKERS; i++)
            g_free(ask(self, self->n_holding + i));
        best = MIN(best, (cpu_usec(clock) - before) / N_ASKERS);
    }
    return best;
}

static void
raise_descriptors(guint n)
{
    struct rlimit limit = {0};

    (void) getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < n)
        g_error("a limit of %u descriptors is needed, it is %lu", n, (gulong) limit.rlim_max);
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &limit);
}

static void
measure(Bench *self, guint n_news, gboolean json)
{
    g_autofree double *latencies = g_new0(double, n_news);
    g_autofree char **etags = g_new0(char *, self->n_holding);

    for (guint i = 0; i < self->fleet.n; i++)
        g_free(ask(self, i));
    for (guint i = 0; i < self->n_holding; i++)
        etags[i] = ask(self, i);
    const double before_kib = pss_kib(self->server.http);
    const double cost_before = cost_of_asking(self);

    const gint64 begin_usec = g_get_monotonic_time();
    for (guint i = 0; i < self->n_holding; i++)
        hold(self, i, etags[i]);
    const double seconds = (double) (g_get_monotonic_time() - begin_usec) / 1e6;
    const guint n_held = count_held(self);
    const double each_kib = (pss_kib(self->server.http) - before_kib) / self->n_holding;
    for (guint i = 0; i < n_news; i++)
        latencies[i] = tell_news(self, i * (self->n_holding / n_news));
    const double cost_after = cost_of_asking(self);
    qsort(latencies, n_news, sizeof(double), compare_doubles);

    g_print(json ? "{\"clients\": %u, \"held\": %u, \"kib_each\": %.2f, \"kib_without\": %.0f, "
                   "\"seconds_to_hold\": %.1f, \"news_median_ms\": %.2f, \"news_worst_ms\": %.2f, "
                   "\"usec_per_request_without\": %.1f, \"usec_per_request\": %.1f}\n"
                 : "%u clients, %u held: %.2f KiB each beside %.0f KiB, all within %.1f s; news "
                   "after %.2f ms, at worst %.2f ms; a request of others %.1f us without, %.1f us "
                   "with them\n",
            self->n_holding,
            n_held,
            each_kib,
            before_kib,
            seconds,
            latencies[n_news / 2],
            latencies[n_news - 1],
            cost_before,
            cost_after);
}

int
main(int argc, char **argv)
{
    gboolean json = FALSE;
    int n_clients = 10000, n_news = 100;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
        {"clients", 0, 0, G_OPTION_ARG_INT, &n_clients, "Polls to hold (default: 10000)", "N"},
        {"news", 0, 0, G_OPTION_ARG_INT, &n_news, "News to tell (default: 100)", "N"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    Bench self = {0};

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || n_clients < n_news
        || n_news < 1) {
        g_printerr("server-held: %s\n", error != NULL ? error->message : "more clients than news");
        return EXIT_FAILURE;
    }

    self.n_holding = (guint) n_clients;
    raise_descriptors(self.n_holding + 64);
    fleet_init(&self.fleet, self.n_holding + N_ASKERS, FALSE);
    self.held = g_new0(int, self.n_holding);
    self.ports = g_new0(guint16, self.fleet.n);
    for (guint i = 0; i < self.fleet.n; i++)
        self.ports[i] = 10000;
    server_start(&self.server, &self.fleet);
    measure(&self, (guint) n_news, json);
    server_stop(&self.server);
    fleet_clear(&self.fleet);
    g_free(self.held);
    g_free(self.ports);
    return EXIT_SUCCESS;
}
