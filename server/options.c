/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/options.h"

#include "common/error.h"

#include <net/if.h>
#include <string.h>

/** The command line as text and numbers, before anybody has judged it. */
typedef struct {
    int port;
    char *part;
    char *metrics;
} Raw;

static void
clear_raw(Raw *self)
{
    g_clear_pointer(&self->part, g_free);
    g_clear_pointer(&self->metrics, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Raw, clear_raw)

static gboolean
set_invalid(GError **error, const char *why)
{
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "could not use the arguments: %s; see --help",
                why);
    return FALSE;
}

static gboolean
read_part(const char *text, ApPart *out, GError **error)
{
    if (text == NULL)
        *out = AP_PART_ALL;
    else if (strcmp(text, "http") == 0)
        *out = AP_PART_HTTP;
    else if (strcmp(text, "reader") == 0)
        *out = AP_PART_READER;
    else
        return set_invalid(error, "a part is \"http\" or \"reader\"");
    return TRUE;
}

/*
 * Whoever can reach this address is told how many clients there are and what they do, so it is one
 * that only the hub itself can reach.
 */
static gboolean
read_metrics(const char *text, ApEndpoint *out, GError **error)
{
    if (text == NULL)
        return TRUE;
    if (!ap_endpoint_parse(out, text, NULL) || !ap_addr_is_loopback(&out->addr) || out->port == 0)
        return set_invalid(error,
                           "metrics are given at an address like 127.0.0.1:9586 or [::1]:9586");
    return TRUE;
}

static gboolean
read_raw(const Raw *raw, ApOptions *out, GError **error)
{
    if (raw->port < 1 || raw->port > G_MAXUINT16)
        return set_invalid(error, "a port is a number from 1 to 65535");
    if (out->interface != NULL
        && (out->interface[0] == '\0' || strlen(out->interface) >= IF_NAMESIZE))
        return set_invalid(error, "an interface has 1 to 15 characters");

    out->port = (guint16) raw->port;
    if (out->socket == NULL)
        out->socket = g_strdup(AP_SERVER_READER_SOCKET);
    return read_part(raw->part, &out->part, error)
           && read_metrics(raw->metrics, &out->metrics, error);
}

/**
 * Reads the command line; `--help` prints and exits.
 *
 * @out: (out caller-allocates): to be cleared in any case
 * @error: AP_ERROR_INVALID
 */
gboolean
ap_options_parse(ApOptions *out, int argc, char **argv, GError **error)
{
    g_auto(Raw) raw = {.port = AP_COORD_PORT};
    /* clang-format off */
    const GOptionEntry entries[] = {
        {"interface", 'i', 0, G_OPTION_ARG_STRING, &out->interface,
         "WireGuard interface to serve [the only one]", "NAME"},
        {"port", 'p', 0, G_OPTION_ARG_INT, &raw.port, "TCP port [80]", "N"},
        {"metrics", 0, 0, G_OPTION_ARG_STRING, &raw.metrics,
         "Give /healthz and /metrics at this address of the loopback interface", "ADDRESS"},
        {"policy", 0, 0, G_OPTION_ARG_FILENAME, &out->policy,
         "Who may peer with whom [" AP_SERVER_POLICY "]", "FILE"},
        {"part", 0, 0, G_OPTION_ARG_STRING, &raw.part,
         "Be this part of the server alone: http or reader", "PART"},
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &out->socket,
         "Where the part http finds the part reader [" AP_SERVER_READER_SOCKET "]", "PATH"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &out->is_verbose, "Log each request", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &out->wants_version, "Show the version", NULL},
        {0},
    };
    /* clang-format on */
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) foreign = NULL;

    *out = (ApOptions){0};
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context,
                                 "Tells the clients of this WireGuard hub which of them share a "
                                 "LAN, over HTTP inside the tunnel.");
    if (!g_option_context_parse(context, &argc, &argv, &foreign))
        return set_invalid(error, foreign->message);
    if (argc > 1)
        return set_invalid(error, "there are only options");
    return read_raw(&raw, out, error);
}

void
ap_options_clear(ApOptions *self)
{
    g_clear_pointer(&self->interface, g_free);
    g_clear_pointer(&self->policy, g_free);
    g_clear_pointer(&self->socket, g_free);
}
