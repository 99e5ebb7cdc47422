/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Every recorded answer of the existing server (tests/data/coordination.json) goes through fetcher
 * and child, byte for byte.
 */

#include "common/error.h"
#include "common/json/json.h"
#include "tests/unit/fetching.h"

#include <string.h>

/** Values in the whole file; room for it to grow. */
#define MAX_VALUES 10000

/** No entry is dropped. */
#define NO_DROP AP_N_DROPS

/**
 * Recordings that need more than the rules in check_entry().
 *
 * @error: of AP_ERROR; -1: none
 * @first: (nullable): endpoint of the first peer, as text
 */
static const struct {
    const char *name;
    int error;
    guint status;
    guint n_peers;
    guint drop;
    const char *first;
} special_entries[] = {
    {"ok-options", AP_ERROR_INVALID, 0, 0, NO_DROP, NULL}, /* 200, but no JSON */
    {"ok-expect-100", -1, 200, 1, NO_DROP, "192.168.77.12:40002"},
    {"peer-with-empty-ip-list", -1, 200, 0, AP_DROP_NO_ADDRESS, NULL},
    {"withdraw-zero-both", -1, 200, 1, NO_DROP, "0.0.0.0:40002"},
    {"port-null-stale-peer", -1, 200, 1, NO_DROP, "192.168.77.12:0"},
    {"port-null-peer-unknown-to-hub", -1, 200, 1, NO_DROP, "192.168.77.12:0"},
    {"race-peer-without-endpoint", -1, 200, 1, NO_DROP, ""},
    {"natport-a-asks", -1, 200, 1, NO_DROP, "192.168.77.12:44390"},
    {"ok-v6-only-seen-by-b", -1, 200, 1, NO_DROP, "[2001:db8:77::11]:40001"},
    {"flags-a-off-off", -1, 200, 2, NO_DROP, "192.168.77.12:40002"},
    {"ok-b-loopback-seen-by-a", -1, 200, 1, NO_DROP, "127.0.0.1:40002"},
};

static guint
count(const char *text, const char *word)
{
    guint n = 0;

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        n++;
    return n;
}

static guint
n_dropped(const ApOffer *offer)
{
    guint n = 0;

    for (guint i = 0; i < AP_N_DROPS; i++)
        n += offer->dropped[i];
    return n;
}

static void
check_first_endpoint(const ApOffer *offer, const char *expected)
{
    char text[AP_ENDPOINT_TEXT_LEN];

    ap_endpoint_to_text(&g_array_index(offer->peers, ApOfferPeer, 0).endpoint, text);
    g_assert_cmpstr(text, ==, expected);
}

/* Returns: whether the recording was in the table */
static gboolean
check_special(const char *name, const Fetching *fetching)
{
    for (gsize i = 0; i < G_N_ELEMENTS(special_entries); i++) {
        if (strcmp(special_entries[i].name, name) != 0)
            continue;
        if (special_entries[i].error >= 0) {
            g_assert_error(fetching->error, AP_ERROR, special_entries[i].error);
            return TRUE;
        }

        g_assert_no_error(fetching->error);
        const ApOffer *offer = fetching->reply->offer;
        g_assert_cmpuint(fetching->reply->status, ==, special_entries[i].status);
        g_assert_cmpuint(offer->peers->len, ==, special_entries[i].n_peers);
        g_assert_cmpuint(n_dropped(offer), ==, special_entries[i].drop == NO_DROP ? 0 : 1);
        if (special_entries[i].drop != NO_DROP)
            g_assert_cmpuint(offer->dropped[special_entries[i].drop], ==, 1);
        if (special_entries[i].first != NULL)
            check_first_endpoint(offer, special_entries[i].first);
        return TRUE;
    }
    return FALSE;
}

/* @status: 0 when the server closed the connection without an answer */
static void
check_entry(guint status, const char *body, const Fetching *fetching)
{
    if (status == 0) {
        g_assert_error(fetching->error, AP_ERROR, AP_ERROR_FAILED);
        return;
    }

    g_assert_no_error(fetching->error);
    g_assert_cmpuint(fetching->reply->status, ==, status);
    g_assert_cmpint(fetching->reply->too_old, ==, strstr(body, "Handshake too old") != NULL);
    g_assert_true((fetching->reply->offer != NULL) == (status == 200));
    g_assert_cmpint(fetching->reply->connect_usec, >, 0);
    if (status == 200) {
        g_assert_cmpuint(fetching->reply->offer->peers->len, ==, count(body, "\"pubkey\""));
        g_assert_cmpuint(n_dropped(fetching->reply->offer), ==, 0);
    }
}

/* One recording describes its head in words. */
static char *
recorded_bytes(const char *head, const char *body)
{
    if (g_str_has_prefix(head, "HTTP/"))
        return g_strconcat(head, "\r\n\r\n", body, NULL);

    return g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                           strlen(body),
                           body);
}

static void
replay(ApFetcher *fetcher, HttpServer *server, ApJson *entry)
{
    const char *name = ap_json_get_string(entry, "name", 100);
    const char *head = ap_json_get_string(entry, "response_head", G_MAXINT);
    const char *body = ap_json_get_string(entry, "response_body", G_MAXINT);
    g_auto(Fetching) fetching = {0};
    gint64 status = 0;

    g_test_message("recording %s", name);
    (void) ap_json_get_int(entry, "status", 100, 599, &status);
    g_autofree char *bytes = status == 0 ? g_strdup("") : recorded_bytes(head, body);
    http_server_script(server, bytes, strlen(bytes), HTTP_THEN_CLOSE);

    fetching_run(&fetching, fetcher, http_server_get_port(server));
    if (!check_special(name, &fetching))
        check_entry((guint) status, body, &fetching);
    g_assert_cmpuint(http_server_n_connections(server), ==, 1);
}

static void
test_every_recording(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "coordination.json", NULL);
    g_autofree char *text = NULL;
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_autoptr(GError) error = NULL;
    gsize n_bytes;

    g_assert_true(g_file_get_contents(path, &text, &n_bytes, NULL));
    g_autoptr(ApJson) entries = ap_json_parse(text, n_bytes, MAX_VALUES, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ap_json_n_items(entries), >, 130);
    for (guint i = 0; i < ap_json_n_items(entries); i++)
        replay(fetcher, server, ap_json_item(entries, i));
}

/* coordination-protocol.md 2: one write, a length, no chunks, nothing to be continued. */
static void
test_request_on_the_wire(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new();
    g_auto(Fetching) fetching = {0};
    g_autofree char *request = NULL, *host = NULL;

    fetching_run(&fetching, fetcher, http_server_get_port(server));
    request = http_server_dup_request(server);
    host = g_strdup_printf("\r\nHost: 127.0.0.1:%u\r\n", http_server_get_port(server));
    g_test_message("%s", request);
    g_assert_true(g_str_has_prefix(request, "POST /peering-request HTTP/1.1\r\n"));
    g_assert_nonnull(strstr(request, host));
    g_assert_nonnull(strstr(request, "\r\nContent-Type: application/json\r\n"));
    g_assert_nonnull(strstr(request, "\r\nContent-Length: 118\r\n"));
    g_assert_nonnull(strstr(request, "\r\nConnection: close\r\n"));
    g_assert_null(strcasestr(request, "Expect"));
    g_assert_null(strcasestr(request, "chunked"));
    g_assert_null(strcasestr(request, "Accept-Encoding"));
    g_assert_true(
        g_str_has_suffix(request,
                         "\r\n\r\n[{\"ip\":\"192.168.77.12\",\"netmask\":24,"
                         "\"gateway\":\"192.168.77.1\","
                         "\"pubkey\":\"fHuPNEGIvwdB8zTdO6+kU9o7nQfre700wCXRFgjB2lc=\"}]"));
}

static void
test_host_of_an_ipv6_server(void)
{
    g_autoptr(ApFetcher) fetcher = fetching_new_fetcher();
    g_autoptr(HttpServer) server = http_server_new_v6();
    ApFetchTarget target = {.device = "lo", .server = {.port = http_server_get_port(server)}};
    g_autofree char *request = NULL, *host = NULL;
    g_auto(Fetching) fetching = {0};
    g_auto(ApRequest) nothing = {0};

    g_assert_true(ap_addr_parse(&target.local, "::1", NULL));
    target.server.addr = target.local;
    fetching_start_at(&fetching, fetcher, &target, &nothing);
    fetching_wait(&fetching);
    request = http_server_dup_request(server);
    host = g_strdup_printf("\r\nHost: [::1]:%u\r\n", target.server.port);
    g_test_message("%s", request);
    g_assert_nonnull(strstr(request, host));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch/every-recording", test_every_recording);
    g_test_add_func("/fetch/request-on-the-wire", test_request_on_the_wire);
    g_test_add_func("/fetch/host-of-an-ipv6-server", test_host_of_an_ipv6_server);
    return g_test_run();
}
