/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * wg-autopeer-server: tells WireGuard clients of one hub which of them share a LAN.
 */

#include "config.h"

#include "common/error.h"
#include "common/names.h"
#include "server/privilege.h"
#include "server/session.h"

#include <sodium.h>

#include <signal.h>
#include <stdlib.h>

/** Exit statuses that say that trying again would not help: EX_USAGE, EX_NOPERM of sysexits.h. */
#define EXIT_USAGE 64
#define EXIT_NOPERM 77

/** How often an interface or an address that is not there is looked for, in seconds. */
#define RETRY_SEC 1

/** What the command line says, and what has become of it. */
typedef struct {
    char *interface; /* (owned) (nullable) */
    int port;
    gboolean is_verbose;
    gboolean wants_version;
    gboolean has_served; /* @interface is then the one that was served */
} Options;

static void
clear_options(Options *self)
{
    g_clear_pointer(&self->interface, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, clear_options)

static gboolean
check_options(const Options *self, int argc, GError **error)
{
    if (argc > 1 || self->port < 1 || self->port > G_MAXUINT16
        || (self->interface != NULL
            && (self->interface[0] == '\0' || strlen(self->interface) >= IF_NAMESIZE))) {
        g_set_error_literal(error,
                            AP_ERROR,
                            AP_ERROR_INVALID,
                            "could not use the arguments: a port is a number from 1 to 65535, an "
                            "interface has at most 15 characters, and there is nothing else; see "
                            "--help");
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_options(Options *self, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"interface",
         'i',
         0,
         G_OPTION_ARG_STRING,
         &self->interface,
         "WireGuard interface to serve (default: the only one)",
         "NAME"},
        {"port", 'p', 0, G_OPTION_ARG_INT, &self->port, "TCP port (default: 80)", "N"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &self->is_verbose, "Log each request", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &self->wants_version, "Show the version", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) foreign = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context,
                                 "Tells the clients of this WireGuard hub which of them share a "
                                 "LAN, over HTTP inside the tunnel.");
    if (!g_option_context_parse(context, &argc, &argv, &foreign)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "could not use the arguments: %s",
                    foreign->message);
        return FALSE;
    }
    return check_options(self, argc, error);
}

static char *
list_names(const GArray *devices)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < devices->len; i++)
        g_string_append_printf(out,
                               "%s%s",
                               i > 0 ? ", " : "",
                               g_array_index(devices, ApDeviceId, i).name);
    return g_strdup(out->str);
}

static gboolean
choose_only(const GArray *devices, ApDeviceId *out, GError **error)
{
    g_autofree char *names = NULL;

    if (devices->len == 1) {
        *out = g_array_index(devices, ApDeviceId, 0);
        return TRUE;
    }

    if (devices->len == 0) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_GONE, "there is no WireGuard interface");
        return FALSE;
    }
    names = list_names(devices);
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "there are several WireGuard interfaces (%s): choose one with --interface",
                names);
    return FALSE;
}

static gboolean
find_device(ApWireguard *wireguard, const char *name, ApDeviceId *out, GError **error)
{
    g_autoptr(GArray) devices = ap_wireguard_list(wireguard, error);

    if (devices == NULL)
        return FALSE;
    if (name == NULL)
        return choose_only(devices, out, error);

    for (guint i = 0; i < devices->len; i++) {
        const ApDeviceId *id = &g_array_index(devices, ApDeviceId, i);

        if (g_str_equal(id->name, name)) {
            *out = *id;
            return TRUE;
        }
    }
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_GONE,
                if_nametoindex(name) == 0 ? "there is no interface %s"
                                          : "the interface %s is not a WireGuard interface",
                name);
    return FALSE;
}

/* Returns FALSE when a signal says that the server is to end. */
static gboolean
pause_for_retry(void)
{
    const struct timespec patience = {.tv_sec = RETRY_SEC};
    sigset_t ends;

    (void) sigemptyset(&ends);
    (void) sigaddset(&ends, SIGTERM);
    (void) sigaddset(&ends, SIGINT);
    return sigtimedwait(&ends, NULL, &patience) < 0;
}

static gboolean
find_addresses(ApListen *listen)
{
    gboolean has_waited = FALSE;

    for (;;) {
        listen->n = ap_listen_find_addresses(listen->interface, listen->own);
        if (listen->n > 0)
            return TRUE;
        if (!has_waited)
            g_message("%s has no address yet; waiting for one", listen->interface);
        has_waited = TRUE;
        if (!pause_for_retry())
            return FALSE;
    }
}

static int
fail(const GError *error)
{
    g_printerr("wg-autopeer-server: %s\n", error->message);
    if (g_error_matches(error, AP_ERROR, AP_ERROR_INVALID))
        return EXIT_USAGE;
    return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? EXIT_NOPERM : EXIT_FAILURE;
}

/* Returns AP_SESSION_FAILED with @error set when there was no session at all. */
static ApSessionEnd
serve(const Options *options, ApWireguard *wireguard, const ApDeviceId *id, GError **error)
{
    g_autoptr(GError) local = NULL;
    ApListen listen = {.ifindex = id->ifindex, .port = (guint16) options->port};

    (void) g_strlcpy(listen.interface, id->name, sizeof(listen.interface));
    if (!find_addresses(&listen))
        return AP_SESSION_STOPPED;
    if (!ap_listen_open(&listen, &local)) {
        if (g_error_matches(local, AP_ERROR, AP_ERROR_GONE))
            return AP_SESSION_AGAIN;
        g_propagate_error(error, g_steal_pointer(&local));
        return AP_SESSION_FAILED;
    }

    g_autofree char *text = ap_listen_to_text(&listen);
    g_message("serving the peers of %s on %s", listen.interface, text);
    const ApSessionEnd end = ap_session_run(&listen, wireguard, id, options->is_verbose);
    ap_listen_close(&listen);
    return end;
}

/*
 * One session, or one vain look for the interface. The first time a missing interface is the
 * administrator's mistake. Later it is one that is being made again, and it is waited for.
 */
static ApSessionEnd
try_to_serve(Options *options, ApWireguard *wireguard, GError **error)
{
    g_autoptr(GError) local = NULL;
    ApDeviceId id;

    if (!find_device(wireguard, options->interface, &id, &local)) {
        if (options->has_served && g_error_matches(local, AP_ERROR, AP_ERROR_GONE))
            return AP_SESSION_AGAIN;
        g_propagate_error(error, g_steal_pointer(&local));
        return AP_SESSION_FAILED;
    }

    const ApSessionEnd end = serve(options, wireguard, &id, error);
    if (end == AP_SESSION_AGAIN) {
        g_message("%s has changed; starting again", id.name);
        options->has_served = TRUE;
        g_free(options->interface);
        options->interface = g_strdup(id.name);
    }
    return end;
}

static int
serve_until_stopped(Options *options, ApWireguard *wireguard)
{
    for (;;) {
        g_autoptr(GError) error = NULL;

        switch (try_to_serve(options, wireguard, &error)) {
        case AP_SESSION_STOPPED:
            return EXIT_SUCCESS;
        case AP_SESSION_FAILED:
            return error != NULL ? fail(error) : EXIT_FAILURE;
        case AP_SESSION_AGAIN:
            break;
        }
        if (!pause_for_retry())
            return EXIT_SUCCESS;
    }
}

static void
block_signals(void)
{
    sigset_t blocked;

    (void) sigemptyset(&blocked);
    (void) sigaddset(&blocked, SIGTERM);
    (void) sigaddset(&blocked, SIGINT);
    (void) sigaddset(&blocked, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &blocked, NULL);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(Options) options = {.port = AP_COORD_PORT};

    if (!parse_options(&options, argc, argv, &error))
        return fail(error);
    if (options.wants_version) {
        g_print("wg-autopeer-server %s\n", AP_VERSION);
        return EXIT_SUCCESS;
    }
    if (!ap_privilege_check(&error))
        return fail(error);
    if (sodium_init() < 0)
        return EXIT_FAILURE;

    block_signals();
    g_autoptr(ApWireguard) wireguard = ap_wireguard_new_system();
    return serve_until_stopped(&options, wireguard);
}
