/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/crowd.h"
#include "server/gate.h"

#include <string.h>

static ApAddr
addr(const char *text)
{
    ApAddr out;

    g_assert_true(ap_addr_parse(&out, text, NULL));
    return out;
}

static ApRoster *
hub(void)
{
    const ApOwnAddress own[] = {{addr("10.9.0.1"), 24}, {addr("fd09:9::1"), 64}};
    ApRoster *roster = ap_roster_new();

    ap_roster_set_own(roster, own, G_N_ELEMENTS(own));
    return roster;
}

/** Room of the crowd in the tests. */
#define MAX_CROWD 256

/** A request as our clients and the existing one send it; a case changes one header. */
static const struct {
    const char *name;
    const char *value;
    ApRefusal expected;
} header_cases[] = {
    {"Accept", "*/*", AP_REFUSAL_NONE},
    {"X-Forwarded-For", "10.9.0.12", AP_REFUSAL_NONE}, /* means nothing to anybody here */
    {"User-Agent", "curl/7.88.1", AP_REFUSAL_NONE},
    {"Host", "10.9.0.1", AP_REFUSAL_NONE},
    {"Host", "10.9.0.1:80", AP_REFUSAL_NONE},
    {"Host", "[fd09:9::1]", AP_REFUSAL_NONE},
    {"Host", "[fd09:9::1]:80", AP_REFUSAL_NONE},
    {"Host", "[FD09:9:0::1]", AP_REFUSAL_NONE},
    {"host", "10.9.0.1", AP_REFUSAL_NONE},
    {"Host", "", AP_REFUSAL_HOST},
    {"Host", "10.9.0.2", AP_REFUSAL_HOST},
    {"Host", "10.9.0.1:", AP_REFUSAL_HOST},
    {"Host", "10.9.0.1:8080", AP_REFUSAL_HOST},
    {"Host", "10.9.0.1:80:80", AP_REFUSAL_HOST},
    {"Host", "10.9.0.1.", AP_REFUSAL_HOST},
    {"Host", "[10.9.0.1]", AP_REFUSAL_HOST},
    {"Host", "fd09:9::1", AP_REFUSAL_HOST},
    {"Host", "[fd09:9::1", AP_REFUSAL_HOST},
    {"Host", "[fd09:9::1]x", AP_REFUSAL_HOST},
    {"Host", "[", AP_REFUSAL_HOST},
    {"Host", "localhost", AP_REFUSAL_HOST},
    {"Host", "hub.example", AP_REFUSAL_HOST},
    {"Host", "10.9.0.1.attacker.example", AP_REFUSAL_HOST},
    {"Origin", "http://attacker.example", AP_REFUSAL_BROWSER},
    {"Origin", "null", AP_REFUSAL_BROWSER},
    {"origin", "", AP_REFUSAL_BROWSER},
    {"Sec-Fetch-Site", "same-origin", AP_REFUSAL_BROWSER},
    {"sec-fetch-mode", "cors", AP_REFUSAL_BROWSER},
    {"Content-Type", "application/json; charset=utf-8", AP_REFUSAL_NONE},
    {"Content-Type", "application/json;charset=utf-8", AP_REFUSAL_NONE},
    {"Content-Type", "Application/JSON", AP_REFUSAL_NONE},
    {"Content-Type", "text/plain", AP_REFUSAL_TYPE},
    {"Content-Type", "text/plain; application/json", AP_REFUSAL_TYPE},
    {"Content-Type", "application/json-patch+json", AP_REFUSAL_TYPE},
    {"Content-Type", "", AP_REFUSAL_TYPE},
    {"Content-Length", "65536", AP_REFUSAL_NONE},
    {"Content-Length", "65537", AP_REFUSAL_LENGTH},
    {"Content-Length", "99999999999999999999999", AP_REFUSAL_LENGTH},
    {"Content-Length", "-1", AP_REFUSAL_LENGTH},
    {"Transfer-Encoding", "chunked", AP_REFUSAL_BODY},
};

static void
test_headers(void)
{
    g_autoptr(ApRoster) roster = hub();

    for (gsize i = 0; i < G_N_ELEMENTS(header_cases); i++) {
        ApHead head = {.method = "POST", .path = "/peering-request"};

        g_test_message("case '%s: %s'", header_cases[i].name, header_cases[i].value);
        ap_head_add(&head, "Content-Type", "application/json");
        if (strcmp(header_cases[i].name, "Content-Length") != 0)
            if (strcmp(header_cases[i].name, "Content-Length") != 0)
                ap_head_add(&head, "Content-Length", "118");
        ap_head_add(&head, header_cases[i].name, header_cases[i].value);
        g_assert_cmpint(ap_gate_judge(&head, roster, 80), ==, header_cases[i].expected);
    }
}

static const struct {
    const char *method;
    const char *path;
    ApRefusal expected;
} line_cases[] = {
    {"POST", "/peering-request", AP_REFUSAL_NONE},
    {"POST", "/peering-request/", AP_REFUSAL_PATH},
    {"POST", "//peering-request", AP_REFUSAL_PATH},
    {"POST", "/", AP_REFUSAL_PATH},
    {"GET", "/peering-request", AP_REFUSAL_METHOD},
    {"HEAD", "/peering-request", AP_REFUSAL_METHOD},
    {"OPTIONS", "/peering-request", AP_REFUSAL_METHOD},
    {"post", "/peering-request", AP_REFUSAL_METHOD},
};

static void
test_request_line(void)
{
    g_autoptr(ApRoster) roster = hub();

    for (gsize i = 0; i < G_N_ELEMENTS(line_cases); i++) {
        ApHead head = {.method = line_cases[i].method, .path = line_cases[i].path};

        g_test_message("case '%s %s'", line_cases[i].method, line_cases[i].path);
        ap_head_add(&head, "Content-Type", "application/json");
        g_assert_cmpint(ap_gate_judge(&head, roster, 80), ==, line_cases[i].expected);
    }
}

static void
test_two_hosts(void)
{
    g_autoptr(ApRoster) roster = hub();
    ApHead head = {.method = "POST", .path = "/peering-request"};

    ap_head_add(&head, "Content-Type", "application/json");
    ap_head_add(&head, "Host", "attacker.example");
    ap_head_add(&head, "Host", "10.9.0.1");
    g_assert_cmpint(ap_gate_judge(&head, roster, 80), ==, AP_REFUSAL_HOST);
}

static void
test_two_lengths(void)
{
    g_autoptr(ApRoster) roster = hub();
    ApHead head = {.method = "POST", .path = "/peering-request"};

    ap_head_add(&head, "Content-Type", "application/json");
    ap_head_add(&head, "Content-Length", "118");
    ap_head_add(&head, "Content-Length", "118");
    g_assert_cmpint(ap_gate_judge(&head, roster, 80), ==, AP_REFUSAL_BODY);
}

static void
test_every_refusal_has_a_text(void)
{
    for (guint i = AP_REFUSAL_NONE + 1; i < AP_N_REFUSALS; i++) {
        g_test_message("refusal %u", i);
        g_assert_cmpuint(ap_refusal_text(i)->status, >=, 400);
        g_assert_nonnull(ap_refusal_text(i)->log);
    }
}

static void
test_throttle(void)
{
    ApThrottle throttle = {0};
    ApInstant now = {.boot_usec = 5 * AP_USEC_PER_SEC};

    for (guint minute = 0; minute < 3; minute++) {
        for (guint i = 0; i < 100; i++)
            g_assert_cmpint(ap_throttle_pass(&throttle, now), ==, i < AP_GATE_MAX_LINES);
        now.boot_usec += AP_GATE_LINES_USEC;
    }
}

static void
test_crowd(void)
{
    g_autoptr(ApCrowd) crowd = ap_crowd_new(MAX_CROWD);
    const ApAddr greedy = addr("10.9.0.11");
    ApAddr source = addr("fd09:9::1");

    for (guint i = 0; i < AP_CROWD_MAX_PER_SOURCE; i++)
        g_assert_true(ap_crowd_enter(crowd, &greedy));
    g_assert_false(ap_crowd_enter(crowd, &greedy));
    ap_crowd_leave(crowd, &greedy);
    g_assert_true(ap_crowd_enter(crowd, &greedy));

    for (guint i = AP_CROWD_MAX_PER_SOURCE; i < MAX_CROWD; i++) {
        source.bytes[14] = (guint8) (i >> 8);
        source.bytes[15] = (guint8) i;
        g_assert_true(ap_crowd_enter(crowd, &source));
    }
    g_assert_cmpuint(ap_crowd_n(crowd), ==, MAX_CROWD);
    source.bytes[13] = 1;
    g_assert_false(ap_crowd_enter(crowd, &source));
    ap_crowd_leave(crowd, &greedy);
    g_assert_true(ap_crowd_enter(crowd, &source));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/headers", test_headers);
    g_test_add_func("/gate/request-line", test_request_line);
    g_test_add_func("/gate/two-hosts", test_two_hosts);
    g_test_add_func("/gate/two-lengths", test_two_lengths);
    g_test_add_func("/gate/every-refusal-has-a-text", test_every_refusal_has_a_text);
    g_test_add_func("/gate/throttle", test_throttle);
    g_test_add_func("/crowd/limits", test_crowd);
    return g_test_run();
}
