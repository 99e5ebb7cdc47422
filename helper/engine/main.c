/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper as a program: reads its arguments, gives up its privileges, runs.
 */

#include "config.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "helper/engine/configuration.h"
#include "helper/engine/engine.h"
#include "helper/engine/events.h"
#include "helper/engine/heap.h"
#include "helper/engine/options.h"
#include "helper/engine/privileges.h"
#include "helper/engine/run.h"
#include "helper/engine/settings.h"
#include "helper/engine/undo.h"
#include "helper/io/survey.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

/**
 * How long a helper on demand waits for another one to leave: 2 s in steps of 50 ms. A helper that
 * stops takes at most 1.5 s for its good-byes (STOP_LIMIT_USEC in engine.c).
 */
#define PATIENCE_STEP_USEC 50000
#define PATIENCE_STEPS 40

static int
undo(ApLedger *ledger)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_new_system();
    const ApApplyTools tools = {
        .wireguard = wireguard,
        .ledger = ledger,
        .addresses = &ap_address_system,
    };
    g_autoptr(GError) error = NULL;
    guint64 n_changes = 0;
    const gboolean ok = ap_undo(&tools, &n_changes, &error);

    ap_ledger_free(ledger);
    if (!ok) {
        ap_log_event(AP_EVENT_UNDONE,
                     G_LOG_LEVEL_CRITICAL,
                     NULL,
                     0,
                     "could not undo everything: %s",
                     error->message);
        return EXIT_FAILURE;
    }
    if (n_changes > 0)
        ap_log_event(AP_EVENT_UNDONE,
                     G_LOG_LEVEL_MESSAGE,
                     NULL,
                     0,
                     "undone: %" G_GUINT64_FORMAT " edits",
                     n_changes);
    return EXIT_SUCCESS;
}

static int
print_text(char *text)
{
    (void) fputs(text, stdout);
    g_free(text);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
print_config(const ApOptions *options)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *settings = ap_settings_path(options->state_dir);
    g_autoptr(ApPolicy) policy = ap_config_load(options->config, settings, warnings);

    for (guint i = 0; i < warnings->len; i++)
        (void) fprintf(stderr, "%s\n", (const char *) g_ptr_array_index(warnings, i));
    (void) print_text(ap_config_print(policy));
    return warnings->len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static gboolean
survey(GError **error)
{
    g_autofree char *directory = g_path_get_dirname(AP_SURVEY_LIST);

    /* where it cannot be made, writing to it says why */
    (void) mkdir(directory, 0755);
    return ap_survey_write(AP_SURVEY_DIR, AP_SURVEY_LIST, error);
}

static int
run_survey(void)
{
    g_autoptr(GError) error = NULL;

    if (survey(&error))
        return EXIT_SUCCESS;
    (void) fprintf(stderr, "wg-autopeer-helper: %s\n", error->message);
    return EXIT_FAILURE;
}

/* What needs no privilege; -1 when nothing of it is asked for. */
static int
run_unprivileged(const ApOptions *options)
{
    if (options->version)
        return print_text(g_strdup("wg-autopeer-helper " AP_VERSION "\n"));
    if (options->print_sample)
        return print_text(ap_config_sample());
    if (options->print_config)
        return print_config(options);
    if (options->survey)
        return run_survey();
    return -1;
}

/* Where the bus itself starts helpers, it may do so while the one before says its good-byes. */
static ApLedger *
open_ledger(const ApOptions *options, GError **error)
{
    g_autoptr(GError) reason = NULL;
    ApLedger *ledger = ap_ledger_open(options->runtime_dir, &reason);

    for (guint i = 0; i < PATIENCE_STEPS && options->on_demand
                      && g_error_matches(reason, AP_ERROR, AP_ERROR_BUSY);
         i++) {
        g_clear_error(&reason);
        g_usleep(PATIENCE_STEP_USEC);
        ledger = ap_ledger_open(options->runtime_dir, &reason);
    }

    if (ledger == NULL)
        g_propagate_error(error, g_steal_pointer(&reason));
    return ledger;
}

static gboolean
take_place(const ApOptions *options, ApLedger **ledger, GError **error)
{
    /* The configuration of tunnels is root's alone. Where it cannot be read, a unit does that. */
    (void) survey(NULL);
    if (!ap_privileges_check(error)
        || !ap_privileges_prepare_directory(options->runtime_dir, options->user, error)
        || !ap_privileges_prepare_directory(options->state_dir, options->user, error)
        || !ap_privileges_reduce(options->user, error))
        return FALSE;

    *ledger = open_ledger(options, error);
    return *ledger != NULL;
}

/* That another helper is there already is what whoever started this one wanted. */
static int
exit_status(const GError *error)
{
    if (g_error_matches(error, AP_ERROR, AP_ERROR_BUSY))
        return EXIT_SUCCESS;
    return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? EX_NOPERM : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    g_auto(ApOptions) options = {0};
    g_autoptr(GError) error = NULL;
    ApLedger *ledger = NULL;

    ap_heap_bound();
    (void) setlocale(LC_ALL, "");
    if (!ap_options_parse(&options, &argc, &argv, &error)) {
        (void) fprintf(stderr, "wg-autopeer-helper: %s; try --help\n", error->message);
        return EX_USAGE;
    }

    const int done = run_unprivileged(&options);
    if (done >= 0)
        return done;

    if (!take_place(&options, &ledger, &error)) {
        (void) fprintf(stderr, "wg-autopeer-helper: %s\n", error->message);
        return exit_status(error);
    }

    if (options.verbose)
        (void) g_setenv("G_MESSAGES_DEBUG", G_LOG_DOMAIN, TRUE);
    ap_log_install("wg-autopeer");
    ap_log_remember();

    const int status = options.undo ? undo(ledger) : ap_run(&options, ledger);
    ap_log_flush();
    return status;
}
