/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * wg-autopeer-server: tells WireGuard clients of one hub which of them share a LAN.
 */

#include "config.h"

#include "common/error.h"
#include "common/log.h"
#include "server/inherit.h"
#include "server/pipe.h"
#include "server/privilege.h"
#include "server/reader.h"
#include "server/serve.h"
#include "server/session.h"

#include <sodium.h>

#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

/** The socket to the HTTP part that the reading part is started with: SD_LISTEN_FDS_START. */
#define READER_FD 3

static int
fail(const GError *error)
{
    g_printerr("wg-autopeer-server: %s\n", error->message);
    if (g_error_matches(error, AP_ERROR, AP_ERROR_INVALID))
        return EX_USAGE;
    return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? EX_NOPERM : EXIT_FAILURE;
}

static int
run_all(const ApOptions *options)
{
    g_autoptr(GError) error = NULL;

    return ap_privilege_check(&error) ? ap_session_run(options) : fail(error);
}

static int
run_http(const ApOptions *options)
{
    g_autoptr(GError) error = NULL;

    if (!ap_privilege_drop_all(&error))
        return fail(error);

    const int fd = ap_pipe_connect(options->socket, &error);
    return fd < 0 ? fail(error) : ap_serve_run(fd, options);
}

static int
run_reader(const ApOptions *options)
{
    g_autoptr(GError) error = NULL;

    if (ap_inherit_count() != 1) {
        g_printerr("wg-autopeer-server: the reading part is started by its socket; see "
                   "wg-autopeer-server(8)\n");
        return EX_USAGE;
    }
    if (!ap_privilege_check(&error) || !ap_privilege_keep_reader(&error))
        return fail(error);
    return ap_reader_run(READER_FD, options);
}

static int
run(const ApOptions *options)
{
    switch (options->part) {
    case AP_PART_ALL:
        return run_all(options);
    case AP_PART_HTTP:
        return run_http(options);
    case AP_PART_READER:
        return run_reader(options);
    }
    g_return_val_if_reached(EXIT_FAILURE);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(ApOptions) options = {0};

    if (!ap_options_parse(&options, argc, argv, &error))
        return fail(error);
    if (options.wants_version) {
        g_print("wg-autopeer-server %s\n", AP_VERSION);
        return EXIT_SUCCESS;
    }
    if (sodium_init() < 0)
        return EXIT_FAILURE;

    if (options.is_verbose)
        (void) g_setenv("G_MESSAGES_DEBUG", G_LOG_DOMAIN, TRUE);
    ap_log_install("wg-autopeer-server");

    const int status = run(&options);
    ap_log_flush();
    return status;
}
