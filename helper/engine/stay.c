/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/stay.h"

#include "helper/dbus/unit.h"

struct _ApStay {
    const ApStayOps *ops; /* (not owned) static */
    guint idle_sec;
    gpointer user_data;
    GDBusConnection *bus; /* (owned) (nullable): before ap_stay_begin(), and where there is none */
    gboolean begun;
    gboolean for_good;
    gboolean held;
    gboolean wanted;
    GCancellable *asking; /* (owned) (nullable): systemd is asked whether the unit is enabled */
    guint timer;          /* 0: none; until we leave */
};

static void
stop_asking(ApStay *self)
{
    if (self->asking != NULL)
        g_cancellable_cancel(self->asking);
    g_clear_object(&self->asking);
}

static gboolean
on_idle_over(gpointer user_data)
{
    ApStay *self = user_data;

    self->timer = 0;
    self->ops->leave(self->user_data);
    return G_SOURCE_REMOVE;
}

static void
set_wanted(ApStay *self, gboolean wanted)
{
    const gboolean changed = self->wanted != wanted;

    self->wanted = wanted;
    g_clear_handle_id(&self->timer, g_source_remove);
    if (!wanted)
        self->timer = g_timeout_add_seconds(self->idle_sec, on_idle_over, self);
    if (changed)
        self->ops->wanted(wanted, self->user_data);
}

static void
on_unit(GObject *source, GAsyncResult *result, gpointer user_data)
{
    ApStay *self = user_data;
    gboolean enabled;

    (void) source;
    if (!ap_unit_is_enabled_finish(result, &enabled))
        return;

    g_clear_object(&self->asking);
    set_wanted(self, enabled);
}

/* The unit may be enabled or disabled at any time: it is asked about when it matters. */
static void
settle(ApStay *self)
{
    stop_asking(self);
    if (!self->begun)
        return;

    if (self->for_good || self->held || self->bus == NULL) {
        set_wanted(self, self->for_good || self->held);
        return;
    }

    self->asking = g_cancellable_new();
    ap_unit_is_enabled_async(self->bus, self->asking, on_unit, self);
}

/**
 * Makes a helper that nobody wants yet, and that does not leave before ap_stay_begin().
 *
 * @ops: (transfer none): static; called with @user_data
 * @idle_sec: AP_STAY_IDLE_SEC
 *
 * Returns: (transfer full)
 */
ApStay *
ap_stay_new(const ApStayOps *ops, guint idle_sec, gpointer user_data)
{
    ApStay *self = g_new0(ApStay, 1);

    self->ops = ops;
    self->idle_sec = idle_sec;
    self->user_data = user_data;
    return self;
}

/** Says whether the helper stays, whoever holds it: its own command line or configuration. */
void
ap_stay_set_for_good(ApStay *self, gboolean for_good)
{
    self->for_good = for_good;
    settle(self);
}

/** Says whether anybody on the bus holds the helper. */
void
ap_stay_set_held(ApStay *self, gboolean held)
{
    self->held = held;
    settle(self);
}

/**
 * Begins to count.
 *
 * @bus: (nullable): where systemd may be asked whether the unit is enabled
 */
void
ap_stay_begin(ApStay *self, GDBusConnection *bus)
{
    g_set_object(&self->bus, bus);
    self->begun = TRUE;
    settle(self);
}

/** Returns: whether the helper is to be at work now */
gboolean
ap_stay_is_wanted(const ApStay *self)
{
    return self->wanted;
}

void
ap_stay_free(ApStay *self)
{
    if (self == NULL)
        return;

    stop_asking(self);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_clear_object(&self->bus);
    g_free(self);
}
