/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/metrics.h"

#include <string.h>

static void
test_text(void)
{
    ApMetrics metrics = {.is_clients = 3, .look_usec = 12000034, .connections = 1ULL << 40};
    g_autoptr(GString) out = g_string_new(NULL);

    metrics.refusals[AP_REFUSAL_HOST] = 7;
    ap_metrics_count_answer(&metrics, 200);
    ap_metrics_count_answer(&metrics, 200);
    ap_metrics_count_answer(&metrics, 503);
    ap_metrics_count_answer(&metrics, 299);
    ap_metrics_write(&metrics, "1.2.3", out);
    static const char *const lines[] = {
        "# TYPE wg_autopeer_info gauge\nwg_autopeer_info{version=\"1.2.3\"} 1\n",
        "\nwg_autopeer_answers_total{code=\"200\"} 2\n",
        "\nwg_autopeer_answers_total{code=\"503\"} 1\n",
        "\nwg_autopeer_answers_total{code=\"other\"} 1\n",
        "\nwg_autopeer_refusals_total{reason=\"host\"} 7\n",
        "\n# TYPE wg_autopeer_clients gauge\nwg_autopeer_clients 3\n",
        "\n# TYPE wg_autopeer_connections_total counter\n",
        "\nwg_autopeer_connections_total 1099511627776\n",
        "\nwg_autopeer_device_read_seconds_total 12.000034\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_test_message("%s", lines[i]);
        g_assert_nonnull(strstr(out->str, lines[i]));
    }
}

/* Each sample is of a metric that was introduced, once, and ends its line with a number. */
static void
test_form(void)
{
    const ApMetrics metrics = {0};
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;

    ap_metrics_write(&metrics, "1.2.3", out);
    g_assert_true(g_str_has_suffix(out->str, "\n"));
    lines = g_strsplit(out->str, "\n", -1);
    for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 4);

        g_test_message("%s", lines[i]);
        if (strcmp(words[0], "#") == 0) {
            g_assert_cmpuint(g_strv_length(words), ==, 4);
            if (strcmp(words[1], "TYPE") == 0)
                g_assert_true(g_hash_table_add(known, g_strdup(words[2])));
            continue;
        }
        words[0][strcspn(words[0], "{")] = '\0';
        g_assert_true(g_hash_table_contains(known, words[0]));
        g_assert_cmpuint(g_strv_length(words), ==, 2);
        g_assert_cmpuint(strspn(words[1], "0123456789."), ==, strlen(words[1]));
    }
}

static const struct {
    const char *method;
    const char *path;
    const char *host;
    const char *origin;
    ApRefusal expected;
} judge_cases[] = {
    {"GET", "/metrics", "127.0.0.1:9586", NULL, AP_REFUSAL_NONE},
    {"HEAD", "/healthz", "localhost:9586", NULL, AP_REFUSAL_NONE},
    {"GET", "/healthz", "[::1]:9586", NULL, AP_REFUSAL_NONE},
    {"GET", "/healthz", "127.0.0.53", NULL, AP_REFUSAL_NONE},
    {"GET", "/healthz", NULL, NULL, AP_REFUSAL_NONE},
    {"GET", "/metrics", "hub.example", NULL, AP_REFUSAL_HOST},
    {"GET", "/metrics", "localhost.example", NULL, AP_REFUSAL_HOST},
    {"GET", "/metrics", "10.9.0.1", NULL, AP_REFUSAL_HOST},
    {"GET", "/metrics", "", NULL, AP_REFUSAL_HOST},
    {"GET", "/metrics", "127.0.0.1", "http://evil.example", AP_REFUSAL_BROWSER},
    {"POST", "/metrics", "127.0.0.1", NULL, AP_REFUSAL_METHOD},
    {"GET", "/", "127.0.0.1", NULL, AP_REFUSAL_PATH},
    {"POST", "/peering-request", "127.0.0.1", NULL, AP_REFUSAL_PATH},
};

static void
test_who_is_answered(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(judge_cases); i++) {
        ApHead head = {.method = judge_cases[i].method, .path = judge_cases[i].path};
        ApPage page;

        g_test_message("case %s %s, host %s", head.method, head.path, judge_cases[i].host);
        if (judge_cases[i].host != NULL)
            ap_head_add(&head, "Host", judge_cases[i].host);
        if (judge_cases[i].origin != NULL)
            ap_head_add(&head, "Origin", judge_cases[i].origin);
        g_assert_cmpint(ap_metrics_judge(&head, &page), ==, judge_cases[i].expected);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/text", test_text);
    g_test_add_func("/metrics/form", test_form);
    g_test_add_func("/metrics/who-is-answered", test_who_is_answered);
    return g_test_run();
}
