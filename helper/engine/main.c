/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper as a program: gives up its privileges, puts the pieces together, runs.
 */

#include "config.h"

#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/service.h"
#include "helper/engine/configuration.h"
#include "helper/engine/engine.h"
#include "helper/engine/options.h"
#include "helper/engine/privileges.h"
#include "helper/engine/state.h"
#include "helper/engine/undo.h"

#include <glib-unix.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

typedef struct {
    const ApOptions *options;  /* (not owned) outlives us: on main's stack */
    GMainLoop *loop;           /* (owned) */
    ApEngine *engine;          /* (owned) */
    ApService *service;        /* (owned) */
    GDBusConnection *bus;      /* (owned) (nullable): there is no system bus */
    gulong closed;             /* signal handler on @bus */
    GCancellable *cancellable; /* (owned) of asking for the bus name */
    int status;                /* what main returns */
} Helper;

static gboolean
on_stopped(gpointer user_data)
{
    Helper *self = user_data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_signal(gpointer user_data)
{
    Helper *self = user_data;

    ap_engine_stop(self->engine, on_stopped, self);
    return G_SOURCE_CONTINUE;
}

static void
on_view(ApView *view, gpointer user_data)
{
    Helper *self = user_data;

    ap_service_publish(self->service, view);
}

static void
on_resync(gpointer user_data)
{
    Helper *self = user_data;

    ap_engine_resync(self->engine);
}

static gboolean
on_set_enabled(gboolean enabled, gpointer user_data, GError **error)
{
    Helper *self = user_data;

    if (!ap_state_save_enabled(self->options->state_dir, enabled, error))
        return FALSE;

    g_message("switched %s", enabled ? "on" : "off");
    ap_engine_set_enabled(self->engine, enabled);
    return TRUE;
}

static void
give_up(Helper *self, const char *why)
{
    g_warning("%s", why);
    self->status = EXIT_FAILURE;
    ap_engine_stop(self->engine, on_stopped, self);
}

static void
on_bus_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer user_data)
{
    (void) bus;
    (void) vanished;
    (void) error;
    give_up(user_data, "lost the system bus");
}

static void
on_name_owned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    (void) source;
    if (!ap_service_own_finish(result, &error)
        && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        give_up(user_data, error->message);
}

/* Without a bus the helper does its work all the same; only nobody can watch it. */
static gboolean
join_bus(Helper *self)
{
    g_autoptr(GError) error = NULL;

    self->bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
    if (self->bus == NULL) {
        g_warning("no system bus, so nobody can ask for the status: %s", error->message);
        return TRUE;
    }

    g_dbus_connection_set_exit_on_close(self->bus, FALSE);
    self->closed = g_signal_connect(self->bus, "closed", G_CALLBACK(on_bus_closed), self);
    if (!ap_service_export(self->service, self->bus, &error)) {
        g_critical("could not offer the service on the bus: %s", error->message);
        return FALSE;
    }

    ap_service_own_async(self->bus, self->cancellable, on_name_owned, self);
    return TRUE;
}

static ApPolicy *
load_policy(const ApOptions *options)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    ApPolicy *policy = ap_config_load(options->config, warnings);

    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *) g_ptr_array_index(warnings, i));

    policy->enabled = ap_state_load_enabled(options->state_dir, policy->enabled);
    return policy;
}

static int
run(const ApOptions *options, ApLedger *ledger)
{
    static const ApServiceOps ops = {.resync = on_resync, .set_enabled = on_set_enabled};
    Helper self = {
        .options = options,
        .loop = g_main_loop_new(NULL, FALSE),
        .cancellable = g_cancellable_new(),
    };
    const ApEngineSetup setup = {
        .policy = load_policy(options),
        .wireguard = ap_wireguard_new_system(),
        .ledger = ledger,
        .fetch_program = options->fetch,
        .publish = on_view,
        .user_data = &self,
    };
    g_autoptr(GError) error = NULL;

    self.service = ap_service_new(&ops, &self);
    self.engine = ap_engine_new(&setup, &error);
    if (self.engine == NULL) {
        g_critical("could not start: %s", error->message);
        self.status = EXIT_FAILURE;
    } else if (!join_bus(&self)) {
        self.status = EXIT_FAILURE;
    } else {
        const guint term = g_unix_signal_add(SIGTERM, on_signal, &self);
        const guint interrupt = g_unix_signal_add(SIGINT, on_signal, &self);

        g_message("started, version " AP_VERSION);
        g_main_loop_run(self.loop);
        g_source_remove(term);
        g_source_remove(interrupt);
    }

    g_cancellable_cancel(self.cancellable);
    g_clear_object(&self.cancellable);
    if (self.bus != NULL)
        g_clear_signal_handler(&self.closed, self.bus);
    ap_engine_free(self.engine);
    ap_service_free(self.service);
    g_clear_object(&self.bus);
    g_main_loop_unref(self.loop);
    return self.status;
}

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
        g_critical("could not undo everything: %s", error->message);
        return EXIT_FAILURE;
    }
    if (n_changes > 0)
        g_message("undone: %" G_GUINT64_FORMAT " edits", n_changes);
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
    g_autoptr(ApPolicy) policy = ap_config_load(options->config, warnings);

    for (guint i = 0; i < warnings->len; i++)
        (void) fprintf(stderr, "%s\n", (const char *) g_ptr_array_index(warnings, i));
    (void) print_text(ap_config_print(policy));
    return warnings->len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
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
    return -1;
}

static gboolean
take_place(const ApOptions *options, ApLedger **ledger, GError **error)
{
    if (!ap_privileges_check(error)
        || !ap_privileges_prepare_directory(options->runtime_dir, options->user, error)
        || !ap_privileges_prepare_directory(options->state_dir, options->user, error)
        || !ap_privileges_reduce(options->user, error))
        return FALSE;

    *ledger = ap_ledger_open(options->runtime_dir, error);
    return *ledger != NULL;
}

int
main(int argc, char **argv)
{
    g_auto(ApOptions) options = {0};
    g_autoptr(GError) error = NULL;
    ApLedger *ledger = NULL;

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
        return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? EX_NOPERM : EXIT_FAILURE;
    }

    if (options.verbose)
        (void) g_setenv("G_MESSAGES_DEBUG", G_LOG_DOMAIN, TRUE);
    return options.undo ? undo(ledger) : run(&options, ledger);
}
