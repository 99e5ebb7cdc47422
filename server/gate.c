/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/gate.h"

#include "common/names.h"

#include <string.h>

/**
 * Takes over one header if it matters here.
 *
 * @value: (nullable)
 */
void
ap_head_add(ApHead *self, const char *name, const char *value)
{
    if (g_ascii_strcasecmp(name, "Host") == 0) {
        self->host = value;
        self->n_hosts++;
    } else if (g_ascii_strcasecmp(name, "Content-Type") == 0) {
        self->content_type = value;
    } else if (g_ascii_strcasecmp(name, "Content-Length") == 0) {
        self->content_length = value;
        self->n_lengths++;
    } else if (g_ascii_strcasecmp(name, "Transfer-Encoding") == 0) {
        self->is_chunked = TRUE;
    } else if (g_ascii_strcasecmp(name, "Origin") == 0
               || g_ascii_strncasecmp(name, "Sec-Fetch-", strlen("Sec-Fetch-")) == 0) {
        self->is_browser = TRUE;
    }
}

/* Cuts ":80" off "10.9.0.1:80" or "[fd09:9::1]:80", and the brackets. */
static gboolean
split_host(const char *host, char out[static AP_ADDR_TEXT_LEN], const char **port)
{
    const gboolean has_brackets = host[0] == '[';
    const char *begin = has_brackets ? host + 1 : host;
    const gsize n = strcspn(begin, has_brackets ? "]" : ":");
    const char *end = begin + n;

    if (n >= AP_ADDR_TEXT_LEN || (has_brackets && *end++ != ']') || (*end != '\0' && *end != ':'))
        return FALSE;

    memcpy(out, begin, n);
    out[n] = '\0';
    *port = *end == ':' ? end + 1 : NULL;
    return has_brackets == (strchr(out, ':') != NULL);
}

/*
 * A browser that was tricked into resolving a name of an attacker's to our address sends that
 * name here, so only our addresses are good (DNS rebinding, security L21).
 */
static gboolean
is_our_host(const char *host, const ApRoster *roster, guint16 port)
{
    char text[AP_ADDR_TEXT_LEN];
    const char *port_text;
    guint64 number;
    ApAddr addr;

    if (!split_host(host, text, &port_text) || !ap_addr_parse(&addr, text, NULL)
        || !ap_roster_is_own(roster, &addr))
        return FALSE;

    return port_text == NULL
           || (g_ascii_string_to_unsigned(port_text, 10, 1, G_MAXUINT16, &number, NULL)
               && number == port);
}

static gboolean
is_json(const char *content_type)
{
    const gsize n = strlen(AP_COORD_TYPE);

    return content_type != NULL && g_ascii_strncasecmp(content_type, AP_COORD_TYPE, n) == 0
           && (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

static gboolean
read_length(const ApHead *head, guint64 *out)
{
    return head->content_length != NULL
           && g_ascii_string_to_unsigned(head->content_length, 10, 0, AP_GATE_MAX_BODY, out, NULL);
}

/**
 * Tells whether a request with this head may have its body read.
 *
 * A request without "Host", which HTTP/1.0 allows, is not from a browser and is let in.
 *
 * @port: the port that we listen on
 */
ApRefusal
ap_gate_judge(const ApHead *head, const ApRoster *roster, guint16 port)
{
    if (head->is_browser)
        return AP_REFUSAL_BROWSER;
    if (head->n_hosts > 1 || (head->host != NULL && !is_our_host(head->host, roster, port)))
        return AP_REFUSAL_HOST;
    if (strcmp(head->path, AP_COORD_PATH) != 0)
        return AP_REFUSAL_PATH;
    if (strcmp(head->method, "POST") != 0)
        return AP_REFUSAL_METHOD;
    if (!is_json(head->content_type))
        return AP_REFUSAL_TYPE;
    if (head->is_chunked || head->n_lengths > 1)
        return AP_REFUSAL_BODY;
    if (head->content_length != NULL && !read_length(head, &(guint64){0}))
        return AP_REFUSAL_LENGTH;

    return AP_REFUSAL_NONE;
}

/**
 * Tells how many bytes of body follow a head that ap_gate_judge() let in.
 */
gsize
ap_gate_body_length(const ApHead *head)
{
    guint64 length = 0;

    (void) read_length(head, &length);
    return (gsize) length;
}

/**
 * Tells what a refused client is answered (coordination-protocol.md 3) and what is logged.
 */
const ApRefusalText *
ap_refusal_text(ApRefusal refusal)
{
    static const ApRefusalText texts[AP_N_REFUSALS] = {
        [AP_REFUSAL_NONE] = {"none", 200, NULL, "nothing is wrong"},
        [AP_REFUSAL_BROWSER] = {"browser", 403, "Not for browsers", "sent by a browser"},
        [AP_REFUSAL_HOST] = {"host", 403, "Host must be an address of this server", "wrong Host"},
        [AP_REFUSAL_PATH] = {"path", 404, "Not found", "unknown path"},
        [AP_REFUSAL_METHOD] = {"method", 405, NULL, "not a POST"},
        [AP_REFUSAL_TYPE] = {"type",
                             400,
                             "Only accepting application/json",
                             "not JSON by its type"},
        [AP_REFUSAL_LENGTH] = {"length", 413, "Request too long", "body too long"},
        [AP_REFUSAL_BODY] = {"body", 400, "Could not decode JSON data", "body not understood"},
        [AP_REFUSAL_CLIENT] = {"client", 401, "Invalid client", "not who it says it is"},
        [AP_REFUSAL_CROWD] = {"crowd", 503, NULL, "too many connections"},
        [AP_REFUSAL_SLOW] = {"slow", 408, NULL, "too slow"},
    };

    return &texts[refusal];
}

/**
 * Tells whether one more line may be logged now.
 */
gboolean
ap_throttle_pass(ApThrottle *self, ApInstant now)
{
    if (self->n_lines == 0 || now.boot_usec - self->since_boot_usec >= AP_GATE_LINES_USEC)
        *self = (ApThrottle){.since_boot_usec = now.boot_usec};

    return self->n_lines++ < AP_GATE_MAX_LINES;
}
