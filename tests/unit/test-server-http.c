/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/http.h"

#include <string.h>

#define LINE "POST /peering-request HTTP/1.1\r\n"

/** Heads that are understood, and what of them. */
static const struct {
    const char *head;
    const char *method;
    const char *path;
    const char *host;
} good_cases[] = {
    {LINE "\r\n", "POST", "/peering-request", NULL},
    {"GET / HTTP/1.0\r\n\r\n", "GET", "/", NULL},
    {"POST /peering-request?x=1&y HTTP/1.1\r\n\r\n", "POST", "/peering-request", NULL},
    {"POST /? HTTP/1.1\r\n\r\n", "POST", "/", NULL},
    {"OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS", "*", NULL},
    {"M-SEARCH http://10.9.0.1/x HTTP/1.1\r\n\r\n", "M-SEARCH", "http://10.9.0.1/x", NULL},
    {LINE "Host: 10.9.0.1\r\n\r\n", "POST", "/peering-request", "10.9.0.1"},
    {LINE "Host:10.9.0.1\r\n\r\n", "POST", "/peering-request", "10.9.0.1"},
    {LINE "host: \t 10.9.0.1 \t \r\n\r\n", "POST", "/peering-request", "10.9.0.1"},
    {LINE "Host:\r\n\r\n", "POST", "/peering-request", ""},
    {LINE "Host: a:b\r\n\r\n", "POST", "/peering-request", "a:b"},
    {LINE "X-Name: J\xc3\xbcrgen\r\nHost: x\r\n\r\n", "POST", "/peering-request", "x"},
    {LINE "A!#$%&'*+-.^_`|~9: x\r\nHost: x\r\n\r\n", "POST", "/peering-request", "x"},
};

static void
test_heads(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(good_cases); i++) {
        g_autofree char *bytes = g_strdup(good_cases[i].head);
        ApHead head;

        g_test_message("case '%s'", good_cases[i].head);
        g_assert_cmpuint(ap_http_find_end(bytes, strlen(bytes)), ==, strlen(bytes));
        g_assert_true(ap_http_read_head(&head, bytes, strlen(good_cases[i].head)));
        g_assert_cmpstr(head.method, ==, good_cases[i].method);
        g_assert_cmpstr(head.path, ==, good_cases[i].path);
        g_assert_cmpstr(head.host, ==, good_cases[i].host);
    }
}

static const char *const bad_cases[] = {
    "\r\n\r\n",
    " \r\n\r\n",
    "POST\r\n\r\n",
    "POST /\r\n\r\n", /* HTTP/0.9 */
    "POST  HTTP/1.1\r\n\r\n",
    "POST / HTTP/2.0\r\n\r\n",
    "POST / HTTP/1.1 \r\n\r\n",
    "POST / http/1.1\r\n\r\n",
    "POST / /x HTTP/1.1\r\n\r\n",
    "PO(ST / HTTP/1.1\r\n\r\n",
    " POST / HTTP/1.1\r\n\r\n",
    "POST /\x01 HTTP/1.1\r\n\r\n",
    "POST /\x7f HTTP/1.1\r\n\r\n",
    LINE "Host\r\n\r\n",
    LINE ": x\r\n\r\n",
    LINE "Host : x\r\n\r\n", /* another reader may see no Host */
    LINE " Host: x\r\n\r\n", /* a folded line */
    LINE "Host: x\r\n y\r\n\r\n",
    LINE "Host: x\ny: z\r\n\r\n",
    LINE "Host: x\ry: z\r\n\r\n",
    LINE "Ho\x01st: x\r\n\r\n",
    LINE "Host: \x1b[2J\r\n\r\n",
    LINE "H\xc3\xb6st: x\r\n\r\n",
};

static void
test_nonsense(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
        g_autofree char *bytes = g_strdup(bad_cases[i]);
        const gsize n_bytes = ap_http_find_end(bytes, strlen(bytes));
        ApHead head = {.n_hosts = 77};

        g_test_message("case '%s'", bad_cases[i]);
        g_assert_cmpuint(n_bytes, >, 0);
        g_assert_false(ap_http_read_head(&head, bytes, n_bytes));
        g_assert_cmpuint(head.n_hosts, ==, 77);
    }
}

static void
test_nul(void)
{
    char bytes[] = LINE "Host: a\0b\r\n\r\n";
    ApHead head;

    g_assert_false(ap_http_read_head(&head, bytes, sizeof(bytes) - 1));
}

static void
test_end(void)
{
    static const char whole[] = LINE "Host: x\r\n\r\n[1]\r\n\r\n";
    const gsize n_head = strlen(LINE "Host: x\r\n\r\n");

    for (gsize n = 0; n <= strlen(whole); n++)
        g_assert_cmpuint(ap_http_find_end(whole, n), ==, n < n_head ? 0 : n_head);
    g_assert_cmpuint(ap_http_find_end("a\n\nb\r\rc\n\r\n", 11), ==, 0);
}

/* Whatever comes, nothing is read or written outside of it: for the sanitizers. */
static void
test_anything(void)
{
    static const char alphabet[] = "AP/ :\r\n\t\x01\x7f\xff.1";
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 20000; round++) {
        const gsize n = 4 + (gsize) g_rand_int_range(rand, 0, 60);
        g_autofree char *bytes = g_malloc(n);
        ApHead head;

        for (gsize i = 0; i < n; i++)
            bytes[i] = alphabet[g_rand_int_range(rand, 0, sizeof(alphabet))];
        memcpy(bytes + n - 4, "\r\n\r\n", 4);
        const gsize n_head = ap_http_find_end(bytes, n);
        g_assert_cmpuint(n_head, <=, n);
        if (ap_http_read_head(&head, bytes, n_head))
            g_assert_cmpuint(strlen(head.method), <, n);
    }
}

static void
test_answer(void)
{
    const ApInstant now = {.real_usec = 1795305600 * AP_USEC_PER_SEC};
    const ApHttpAnswer answer = {405, "application/json", "POST", 7};
    g_autoptr(GString) out = g_string_new(NULL);

    ap_http_write_head(out, &answer, now);
    g_assert_cmpstr(out->str,
                    ==,
                    "HTTP/1.1 405 Method Not Allowed\r\n"
                    "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                    "Connection: close\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: 7\r\n"
                    "Allow: POST\r\n"
                    "\r\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/heads", test_heads);
    g_test_add_func("/http/nonsense", test_nonsense);
    g_test_add_func("/http/nul", test_nul);
    g_test_add_func("/http/end", test_end);
    g_test_add_func("/http/anything", test_anything);
    g_test_add_func("/http/answer", test_answer);
    return g_test_run();
}
