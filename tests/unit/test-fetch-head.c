/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/fetch/head.h"

#include <string.h>

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 13\r\n"
#define JSON "Content-Type: application/json\r\n"

/* Feeds @text line by line, as http.c does; lines end with LF. */
static gboolean
add_all(ApHead *head, const char *text)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const gsize n = end != NULL ? (gsize) (end - text) + 1 : strlen(text);

        if (!ap_head_add_line(head, text, n))
            return FALSE;
        text += n;
    }
    return TRUE;
}

static const struct {
    const char *text;
    gboolean ok;
} cases[] = {
    {OK_LINE LENGTH JSON "\r\n", TRUE},
    {"HTTP/1.0 200 OK\r\n" LENGTH JSON "\r\n", TRUE},
    {"HTTP/1.1 200\r\n\r\n", TRUE},
    {"HTTP/1.1 200 \r\n\r\n", TRUE},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK_LINE "\r\n", TRUE},
    {OK_LINE "X-Odd:\tvalue \r\n\r\n", TRUE},
    {OK_LINE "Empty:\r\n\r\n", TRUE},
    {OK_LINE "content-length: 0\r\n\r\n", TRUE},
    {OK_LINE "Content-Length: 262144\r\n\r\n", TRUE},
    {OK_LINE "Content-Encoding: identity\r\n\r\n", TRUE},
    {"HTTP/2 200\r\n\r\n", FALSE},
    {"HTTP/1.2 200 OK\r\n\r\n", FALSE},
    {"HTTP/1.1  200 OK\r\n\r\n", FALSE},
    {"HTTP/1.1 20\r\n\r\n", FALSE},
    {"HTTP/1.1 2000 OK\r\n\r\n", FALSE},
    {"HTTP/1.1 600 No\r\n\r\n", FALSE},
    {"HTTP/1.1 099 No\r\n\r\n", FALSE},
    {"http/1.1 200 OK\r\n\r\n", FALSE},
    {"ICY 200 OK\r\n\r\n", FALSE},
    {"\r\n" OK_LINE "\r\n", FALSE},
    {"HTTP/1.1 200 OK\n\n", FALSE}, /* bare LF */
    {OK_LINE "A: b\n\r\n", FALSE},
    {OK_LINE "A: b\rc\r\n\r\n", FALSE}, /* bare CR */
    {OK_LINE "A: b\x01\r\n\r\n", FALSE},
    {OK_LINE " folded\r\n\r\n", FALSE},
    {OK_LINE "A: b\r\n\tfolded\r\n\r\n", FALSE},
    {OK_LINE "No colon\r\n\r\n", FALSE},
    {OK_LINE ": no name\r\n\r\n", FALSE},
    {OK_LINE "Content-Length : 13\r\n\r\n", FALSE},
    {OK_LINE LENGTH LENGTH "\r\n", FALSE},
    {OK_LINE LENGTH "content-length: 14\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: 13, 13\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: -1\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: +13\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: 0x0d\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: 13 13\r\n\r\n", FALSE},
    {OK_LINE "Content-Length:\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: 262145\r\n\r\n", FALSE},
    {OK_LINE "Content-Length: 18446744073709551629\r\n\r\n", FALSE}, /* 2^64 + 13 */
    {OK_LINE "Transfer-Encoding: chunked\r\n\r\n", FALSE},
    {OK_LINE LENGTH "Transfer-Encoding: chunked\r\n\r\n", FALSE},
    {OK_LINE "Transfer-Encoding: identity\r\n\r\n", FALSE},
    {OK_LINE "Content-Encoding: gzip\r\n\r\n", FALSE},
    {OK_LINE JSON JSON "\r\n", FALSE},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", FALSE},
    {"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 102 C\r\n\r\nHTTP/1.1 103 C\r\n\r\n", FALSE},
    {OK_LINE "\r\n" OK_LINE, FALSE}, /* after the end */
};

static void
test_heads(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = g_strescape(cases[i].text, NULL);
        ApHead head = {0};

        g_test_message("case %s", shown);
        g_assert_cmpint(add_all(&head, cases[i].text), ==, cases[i].ok);
        g_assert_true(head.complete || !cases[i].ok);
    }
}

static void
test_nul_byte(void)
{
    static const char line[] = "A: b\0c\r\n";
    ApHead head = {0};

    g_assert_true(add_all(&head, OK_LINE));
    g_assert_false(ap_head_add_line(&head, line, sizeof(line) - 1));
}

static const struct {
    const char *type;
    gboolean is_json;
} type_cases[] = {
    {"application/json", TRUE},
    {"Application/JSON", TRUE},
    {"application/json; charset=utf-8", TRUE},
    {"application/json;charset=utf-8", TRUE},
    {"application/jsonp", FALSE},
    {"application/json-seq", FALSE},
    {"text/html", FALSE},
    {"", FALSE},
};

static void
test_content_types(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(type_cases); i++) {
        g_autofree char *text =
            g_strdup_printf(OK_LINE "Content-Type: %s\r\n\r\n", type_cases[i].type);
        ApHead head = {0};

        g_test_message("case '%s'", type_cases[i].type);
        g_assert_true(add_all(&head, text));
        g_assert_cmpint(head.is_json, ==, type_cases[i].is_json);
    }
}

static void
test_interim_answer_leaves_no_trace(void)
{
    ApHead head = {0};

    g_assert_true(add_all(&head, "HTTP/1.1 103 Early Hints\r\n" LENGTH JSON "\r\n" OK_LINE "\r\n"));
    g_assert_cmpuint(head.status, ==, 200);
    g_assert_false(head.has_length);
    g_assert_false(head.is_json);
}

static void
test_size_is_bounded(void)
{
    ApHead head = {0};
    guint n_lines = 0;

    g_assert_true(add_all(&head, OK_LINE));
    while (add_all(&head, "X-Padding: 0123456789012345678901234567890123456789\r\n"))
        n_lines++;
    g_assert_cmpuint(n_lines, <, AP_HEAD_MAX_BYTES / 50);
    g_assert_cmpuint(n_lines, >, AP_HEAD_MAX_BYTES / 60);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch-head/heads", test_heads);
    g_test_add_func("/fetch-head/nul-byte", test_nul_byte);
    g_test_add_func("/fetch-head/content-types", test_content_types);
    g_test_add_func("/fetch-head/interim-answer-leaves-no-trace",
                    test_interim_answer_leaves_no_trace);
    g_test_add_func("/fetch-head/size-is-bounded", test_size_is_bounded);
    return g_test_run();
}
