/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/metrics.h"

#include <string.h>

static const guint statuses[AP_METRICS_N_STATUSES] = {200, 400, 401, 403, 404, 405, 413, 503, 0};

/** How a number is written. */
typedef enum {
    SHOWN_PLAIN,
    SHOWN_SECONDS, /* it is in microseconds */
} Shown;

/** One number; what ends in "_total" only grows. */
typedef struct {
    const char *name;
    const char *help;
    gsize offset;
    Shown shown;
} Number;

/* clang-format off */
static const Number numbers[] = {
    {"connections", "Connections that are open", offsetof(ApMetrics, is_connections), SHOWN_PLAIN},
    {"connections_max", "Most connections that may be", offsetof(ApMetrics, is_max_connections), SHOWN_PLAIN},
    {"connections_total", "Connections that were let in", offsetof(ApMetrics, connections), SHOWN_PLAIN},
    {"held_polls", "Questions that wait for news", offsetof(ApMetrics, is_held), SHOWN_PLAIN},
    {"held_polls_max", "Most questions that may", offsetof(ApMetrics, is_max_held), SHOWN_PLAIN},
    {"held_polls_total", "Questions that did", offsetof(ApMetrics, held), SHOWN_PLAIN},
    {"news_total", "Those that were answered with news", offsetof(ApMetrics, news), SHOWN_PLAIN},
    {"clients", "Registered clients", offsetof(ApMetrics, is_clients), SHOWN_PLAIN},
    {"peers", "Peers of the WireGuard interface", offsetof(ApMetrics, is_peers), SHOWN_PLAIN},
    {"screened_elements_total", "What clients said and cannot be true", offsetof(ApMetrics, screened), SHOWN_PLAIN},
    {"device_reads_total", "Looks at the WireGuard interface", offsetof(ApMetrics, looks), SHOWN_PLAIN},
    {"device_read_failures_total", "Those that failed", offsetof(ApMetrics, failed_looks), SHOWN_PLAIN},
    {"device_read_seconds_total", "Time that they took", offsetof(ApMetrics, look_usec), SHOWN_SECONDS},
    {"policy_enabled", "Whether clients may peer at all", offsetof(ApMetrics, is_enabled), SHOWN_PLAIN},
    {"policy_groups", "Groups in the policy file", offsetof(ApMetrics, is_groups), SHOWN_PLAIN},
    {"policy_reads_total", "Policy files that were taken", offsetof(ApMetrics, reloads), SHOWN_PLAIN},
    {"policy_read_failures_total", "Policy files with mistakes", offsetof(ApMetrics, failed_reloads), SHOWN_PLAIN},
};
/* clang-format on */

/**
 * Counts one answer to a client.
 */
void
ap_metrics_count_answer(ApMetrics *self, guint status)
{
    guint i = 0;

    while (i < AP_METRICS_N_STATUSES - 1 && statuses[i] != status)
        i++;
    self->answers[i]++;
}

static void
append_head(GString *out, const char *name, const char *help)
{
    g_string_append_printf(out,
                           "# HELP wg_autopeer_%s %s\n# TYPE wg_autopeer_%s %s\n",
                           name,
                           help,
                           name,
                           g_str_has_suffix(name, "_total") ? "counter" : "gauge");
}

static void
append_number(GString *out, const Number *number, guint64 value)
{
    append_head(out, number->name, number->help);
    g_string_append_printf(out, "wg_autopeer_%s ", number->name);
    switch (number->shown) {
    case SHOWN_PLAIN:
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", value);
        break;
    case SHOWN_SECONDS:
        g_string_append_printf(out,
                               "%" G_GUINT64_FORMAT ".%06u\n",
                               value / AP_USEC_PER_SEC,
                               (guint) (value % AP_USEC_PER_SEC));
        break;
    }
}

static void
append_answers(GString *out, const ApMetrics *self)
{
    append_head(out, "answers_total", "Answers to clients by HTTP status");
    for (guint i = 0; i < AP_METRICS_N_STATUSES; i++) {
        char code[8] = "other";

        if (statuses[i] != 0)
            (void) g_snprintf(code, sizeof(code), "%u", statuses[i]);
        g_string_append_printf(out,
                               "wg_autopeer_answers_total{code=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               code,
                               self->answers[i]);
    }
}

static void
append_refusals(GString *out, const ApMetrics *self)
{
    append_head(out, "refusals_total", "Requests and connections that were refused, by reason");
    for (guint i = AP_REFUSAL_NONE + 1; i < AP_N_REFUSALS; i++)
        g_string_append_printf(out,
                               "wg_autopeer_refusals_total{reason=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               ap_refusal_text(i)->name,
                               self->refusals[i]);
}

/**
 * Appends all numbers.
 *
 * @version: of the program; without characters that a label would want escaped
 */
void
ap_metrics_write(const ApMetrics *self, const char *version, GString *out)
{
    append_head(out, "info", "The server");
    g_string_append_printf(out, "wg_autopeer_info{version=\"%s\"} 1\n", version);
    append_answers(out, self);
    append_refusals(out, self);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        const guint64 *value = (gconstpointer) ((const guint8 *) self + numbers[i].offset);

        append_number(out, &numbers[i], *value);
    }
}

/* A name that somebody makes point to the loopback interface is no reason to answer a browser. */
static gboolean
is_loopback_host(const char *host)
{
    g_autofree char *name = g_strndup(host, strcspn(host, host[0] == '[' ? "]" : ":"));
    ApAddr addr;

    if (strcmp(name, "localhost") == 0)
        return TRUE;
    return ap_addr_parse(&addr, name[0] == '[' ? name + 1 : name, NULL)
           && ap_addr_is_loopback(&addr);
}

/**
 * Tells whether somebody who watches the server is answered, and with what.
 *
 * @out_page: (out): set when the function returns AP_REFUSAL_NONE
 */
ApRefusal
ap_metrics_judge(const ApHead *head, ApPage *out_page)
{
    if (head->is_browser)
        return AP_REFUSAL_BROWSER;
    if (head->n_hosts > 1 || (head->host != NULL && !is_loopback_host(head->host)))
        return AP_REFUSAL_HOST;
    if (strcmp(head->path, "/healthz") != 0 && strcmp(head->path, "/metrics") != 0)
        return AP_REFUSAL_PATH;
    if (strcmp(head->method, "GET") != 0 && strcmp(head->method, "HEAD") != 0)
        return AP_REFUSAL_METHOD;

    *out_page = strcmp(head->path, "/healthz") == 0 ? AP_PAGE_HEALTH : AP_PAGE_METRICS;
    return AP_REFUSAL_NONE;
}
