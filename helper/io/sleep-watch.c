/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/sleep-watch.h"

#include "common/fd.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

/* Source: org.freedesktop.login1(5), systemd 252. */
#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_INTERFACE "org.freedesktop.login1.Manager"

/* Counted: a call to logind may be under way after ap_sleep_watch_free(). */
struct _ApSleepWatch {
    GDBusConnection *bus;      /* (owned) (nullable): not there yet, or there is none */
    GCancellable *cancellable; /* (owned) */
    guint signal;              /* subscription on @bus */
    guint name;                /* watch on @bus */
    int inhibitor;             /* (owned) -1: none */
    gboolean asleep;
    ApSleepWatchFunc changed;
    gpointer user_data; /* (not owned) */
};

static void
clear(gpointer data)
{
    ApSleepWatch *self = data;

    g_clear_object(&self->bus);
    g_clear_object(&self->cancellable);
    ap_fd_clear(&self->inhibitor);
}

static void
unref(ApSleepWatch *self)
{
    g_rc_box_release_full(self, clear);
}

static void
set_asleep(ApSleepWatch *self, gboolean asleep)
{
    if (self->asleep == asleep)
        return;

    self->asleep = asleep;
    self->changed(asleep, self->user_data);
}

/* Without the inhibitor we are told all the same, only perhaps too late to act. */
static void
on_inhibited(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApSleepWatch *self = user_data;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source),
                                                        &fds,
                                                        result,
                                                        NULL);
    gint32 index = 0;

    if (reply != NULL && fds != NULL && !g_cancellable_is_cancelled(self->cancellable)) {
        g_variant_get(reply, "(h)", &index);
        ap_fd_clear(&self->inhibitor);
        self->inhibitor = g_unix_fd_list_get(fds, index, NULL);
    }
    unref(self);
}

static void
inhibit(ApSleepWatch *self)
{
    g_dbus_connection_call_with_unix_fd_list(
        self->bus,
        LOGIND_NAME,
        LOGIND_PATH,
        LOGIND_INTERFACE,
        "Inhibit",
        g_variant_new("(ssss)", "sleep", "wg-autopeer", "Traffic goes back to the hub", "delay"),
        G_VARIANT_TYPE("(h)"),
        G_DBUS_CALL_FLAGS_NO_AUTO_START,
        -1,
        NULL,
        self->cancellable,
        on_inhibited,
        g_rc_box_acquire(self));
}

static void
on_prepare_for_sleep(GDBusConnection *bus,
                     const char *sender,
                     const char *path,
                     const char *interface,
                     const char *name,
                     GVariant *parameters,
                     gpointer user_data)
{
    ApSleepWatch *self = user_data;
    gboolean asleep;

    (void) bus;
    (void) sender;
    (void) path;
    (void) interface;
    (void) name;
    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(b)")))
        return;

    g_variant_get(parameters, "(b)", &asleep);
    if (!asleep)
        inhibit(self);
    set_asleep(self, asleep);
}

static void
on_logind_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
    (void) bus;
    (void) name;
    (void) owner;
    inhibit(user_data);
}

/* Nobody else would say that the machine is awake. */
static void
on_logind_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    ApSleepWatch *self = user_data;

    (void) bus;
    (void) name;
    ap_fd_clear(&self->inhibitor);
    set_asleep(self, FALSE);
}

/* Without a bus there is no logind either: that is not an error. */
static void
on_bus(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApSleepWatch *self = user_data;
    g_autoptr(GDBusConnection) bus = g_bus_get_finish(result, NULL);

    (void) source;
    if (bus != NULL && !g_cancellable_is_cancelled(self->cancellable)) {
        g_dbus_connection_set_exit_on_close(bus, FALSE);
        self->bus = g_steal_pointer(&bus);
        self->signal = g_dbus_connection_signal_subscribe(self->bus,
                                                          LOGIND_NAME,
                                                          LOGIND_INTERFACE,
                                                          "PrepareForSleep",
                                                          LOGIND_PATH,
                                                          NULL,
                                                          G_DBUS_SIGNAL_FLAGS_NONE,
                                                          on_prepare_for_sleep,
                                                          self,
                                                          NULL);
        self->name = g_bus_watch_name_on_connection(self->bus,
                                                    LOGIND_NAME,
                                                    G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                    on_logind_appeared,
                                                    on_logind_vanished,
                                                    self,
                                                    NULL);
    }
    unref(self);
}

/**
 * Starts to look for logind on the system bus. Returns at once, and works the same whether it
 * runs, starts later, dies and comes back, or never exists; it is never started by us.
 *
 * Returns: (transfer full)
 */
ApSleepWatch *
ap_sleep_watch_new(ApSleepWatchFunc changed, gpointer user_data)
{
    ApSleepWatch *self = g_rc_box_new0(ApSleepWatch);

    self->inhibitor = -1;
    self->changed = changed;
    self->user_data = user_data;
    self->cancellable = g_cancellable_new();
    g_bus_get(G_BUS_TYPE_SYSTEM, self->cancellable, on_bus, g_rc_box_acquire(self));
    return self;
}

/** Lets the machine sleep; until it is awake again nothing holds it back. */
void
ap_sleep_watch_release(ApSleepWatch *self)
{
    ap_fd_clear(&self->inhibitor);
}

/** Ends the watching and holds nothing back; @self may be NULL. */
void
ap_sleep_watch_free(ApSleepWatch *self)
{
    if (self == NULL)
        return;

    g_cancellable_cancel(self->cancellable);
    if (self->bus != NULL)
        g_dbus_connection_signal_unsubscribe(self->bus, self->signal);
    g_clear_handle_id(&self->name, g_bus_unwatch_name);
    ap_fd_clear(&self->inhibitor);
    unref(self);
}
