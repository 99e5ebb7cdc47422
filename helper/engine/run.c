/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/engine/run.h"

#include "common/error.h"
#include "common/notify.h"
#include "helper/dbus/service.h"
#include "helper/engine/choice.h"
#include "helper/engine/configuration.h"
#include "helper/engine/engine.h"
#include "helper/engine/events.h"
#include "helper/engine/settings.h"
#include "helper/engine/stay.h"
#include "helper/engine/watchdog.h"

#include <glib-unix.h>

#include <stdlib.h>

typedef struct {
    const ApOptions *options;  /* (not owned) outlives us: on main's stack */
    GMainLoop *loop;           /* (owned) */
    ApEngine *engine;          /* (owned) */
    ApService *service;        /* (owned) */
    ApChoice *choice;          /* (owned) */
    ApStay *stay;              /* (owned) */
    ApWatchdog *watchdog;      /* (owned) */
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

static void
stop(Helper *self, int status)
{
    self->status = MAX(self->status, status);
    ap_engine_stop(self->engine, on_stopped, self);
}

static gboolean
on_signal(gpointer user_data)
{
    stop(user_data, EXIT_SUCCESS);
    return G_SOURCE_CONTINUE;
}

/* While nothing is managed there is nothing that a hanging helper could spoil. */
static gboolean
is_at_work(const ApView *view)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        if (g_array_index(view->tunnels, ApTunnelView, i).managed)
            return TRUE;
    }
    return FALSE;
}

static void
on_view(ApView *view, gpointer user_data)
{
    Helper *self = user_data;

    ap_service_publish(self->service, view);
    ap_choice_set_network(self->choice, view->network);
    ap_watchdog_set_on(self->watchdog, is_at_work(view));
}

static void
on_mode(const ApMode *mode, gpointer user_data)
{
    Helper *self = user_data;

    ap_engine_set_mode(self->engine, mode);
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

    return ap_choice_set_enabled(self->choice, enabled, error);
}

static gboolean
on_pause(const char *scope, guint64 seconds, gpointer user_data, GError **error)
{
    Helper *self = user_data;

    return ap_choice_pause(self->choice, scope, seconds, error);
}

static char *
on_diagnose(gpointer user_data)
{
    const Helper *self = user_data;

    return ap_engine_diagnose(self->engine);
}

static ApPolicy *
load_policy(const ApOptions *options)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *settings = ap_settings_path(options->state_dir);
    ApPolicy *policy = ap_config_load(options->config, settings, warnings);

    for (guint i = 0; i < warnings->len; i++)
        ap_log_event(AP_EVENT_CONFIGURATION,
                     G_LOG_LEVEL_WARNING,
                     NULL,
                     0,
                     "%s",
                     (const char *) g_ptr_array_index(warnings, i));
    return policy;
}

static gboolean
on_set_option(const char *name, GVariant *value, gpointer user_data, GError **error)
{
    Helper *self = user_data;

    if (!ap_settings_set(self->options->state_dir, name, value, error))
        return FALSE;

    ApPolicy *policy = load_policy(self->options);
    const gboolean persistent = policy->persistent;

    g_message("%s was set", name);
    ap_engine_set_policy(self->engine, policy);
    ap_stay_set_for_good(self->stay, persistent || !self->options->on_demand);
    return TRUE;
}

static void
on_held(gboolean held, gpointer user_data)
{
    Helper *self = user_data;

    g_message(held ? "held" : "nobody holds the helper any more");
    ap_stay_set_held(self->stay, held);
}

static void
on_wanted(gboolean wanted, gpointer user_data)
{
    Helper *self = user_data;

    ap_choice_set_wanted(self->choice, wanted);
}

static void
on_name_owned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Helper *self = user_data;
    g_autoptr(GError) error = NULL;

    (void) source;
    if (ap_service_own_finish(result, &error)
        || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;

    g_warning("%s", error->message);
    stop(self, g_error_matches(error, AP_ERROR, AP_ERROR_BUSY) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Somebody may have come while the name was being given up. */
static void
on_disowned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Helper *self = user_data;
    g_autoptr(GError) error = NULL;

    (void) source;
    if (!ap_service_disown_finish(result, &error)
        && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;

    if (ap_stay_is_wanted(self->stay))
        ap_service_own_async(self->bus, self->cancellable, on_name_owned, self);
    else
        stop(self, EXIT_SUCCESS);
}

static void
on_leave(gpointer user_data)
{
    Helper *self = user_data;

    g_message("nobody wants the helper: it leaves");
    if (self->bus != NULL)
        ap_service_disown_async(self->bus, self->cancellable, on_disowned, self);
    else
        stop(self, EXIT_SUCCESS);
}

static void
on_bus_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer user_data)
{
    (void) bus;
    (void) vanished;
    (void) error;
    g_warning("lost the system bus");
    stop(user_data, EXIT_FAILURE);
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

static gboolean
make_parts(Helper *self, ApLedger *ledger, GError **error)
{
    static const ApServiceOps service_ops =
        {on_resync, on_set_enabled, on_pause, on_set_option, on_held, on_diagnose};
    static const ApStayOps stay_ops = {on_wanted, on_leave};
    ApPolicy *policy = load_policy(self->options);
    const gboolean enabled = policy->enabled;
    const gboolean for_good = policy->persistent || !self->options->on_demand;
    const ApEngineSetup setup = {
        .policy = policy,
        .wireguard = ap_wireguard_new_system(),
        .ledger = ledger,
        .fetch_program = self->options->fetch,
        .publish = on_view,
        .user_data = self,
    };

    self->loop = g_main_loop_new(NULL, FALSE);
    self->watchdog = ap_watchdog_new();
    self->cancellable = g_cancellable_new();
    self->service = ap_service_new(&service_ops, self);
    self->stay = ap_stay_new(&stay_ops, AP_STAY_IDLE_SEC, self);
    ap_stay_set_for_good(self->stay, for_good);

    self->engine = ap_engine_new(&setup, error);
    if (self->engine == NULL)
        return FALSE;

    self->choice = ap_choice_new(self->options->state_dir, enabled, on_mode, self, error);
    if (self->choice == NULL)
        return FALSE;

    ap_engine_set_mode(self->engine, ap_choice_get_mode(self->choice));
    return TRUE;
}

static void
helper_clear(Helper *self)
{
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    if (self->bus != NULL)
        g_clear_signal_handler(&self->closed, self->bus);
    g_clear_pointer(&self->watchdog, ap_watchdog_free);
    g_clear_pointer(&self->stay, ap_stay_free);
    g_clear_pointer(&self->engine, ap_engine_free);
    g_clear_pointer(&self->choice, ap_choice_free);
    g_clear_pointer(&self->service, ap_service_free);
    g_clear_object(&self->bus);
    g_clear_pointer(&self->loop, g_main_loop_unref);
}

/**
 * Runs the helper.
 *
 * @ledger: (transfer full)
 *
 * Returns: the exit status; everything is undone by then, where that was possible
 */
int
ap_run(const ApOptions *options, ApLedger *ledger)
{
    Helper self = {.options = options};
    g_autoptr(GError) error = NULL;

    if (!make_parts(&self, ledger, &error)) {
        g_critical("could not start: %s", error->message);
        self.status = EXIT_FAILURE;
    } else if (!join_bus(&self)) {
        self.status = EXIT_FAILURE;
    } else {
        const guint term = g_unix_signal_add(SIGTERM, on_signal, &self);
        const guint interrupt = g_unix_signal_add(SIGINT, on_signal, &self);

        ap_stay_begin(self.stay, self.bus);
        ap_log_event(AP_EVENT_STARTED,
                     G_LOG_LEVEL_MESSAGE,
                     NULL,
                     0,
                     "started, version " AP_VERSION);
        ap_notify("READY=1");
        g_main_loop_run(self.loop);
        ap_notify("STOPPING=1");
        g_source_remove(term);
        g_source_remove(interrupt);
    }

    helper_clear(&self);
    return self.status;
}
