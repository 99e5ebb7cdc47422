/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/choice.h"

#include "common/clock.h"
#include "common/error.h"
#include "helper/engine/state.h"
#include "helper/io/boot-timer.h"

struct _ApChoice {
    char *directory; /* (owned) */
    ApChoiceFunc changed;
    gpointer user_data;
    ApBootTimer *timer; /* (owned) for the end of a pause */
    ApWhere where;
    ApMode mode;
};

static void
take(ApChoice *self, const ApMode *mode)
{
    self->mode = *mode;
    ap_boot_timer_arm(self->timer, ap_mode_wake_at(mode, &self->where));
    self->changed(&self->mode, self->user_data);
}

/* Nothing changes that could not be saved: it would be forgotten by the next start. */
static gboolean
save(ApChoice *self, const ApMode *mode, GError **error)
{
    if (!ap_state_save(self->directory, mode, error))
        return FALSE;

    take(self, mode);
    return TRUE;
}

/* A pause that is over is over, whether or not the disk is full. */
static void
step(ApChoice *self)
{
    ApMode mode = self->mode;
    g_autoptr(GError) error = NULL;

    if (!ap_mode_step(&mode, &self->where, ap_clock_now()))
        return;

    if (!ap_state_save(self->directory, &mode, &error))
        g_warning("%s", error->message);
    if (mode.pause == AP_PAUSE_NONE)
        g_message("the pause is over");
    take(self, &mode);
}

static void
on_timer(gpointer user_data)
{
    step(user_data);
}

/**
 * Brings back what was chosen before.
 *
 * @directory: where it is kept; must be there
 * @enabled_otherwise: the switch, when nobody ever touched it
 * @changed: called with @user_data after each change
 * @error: AP_ERROR_FAILED when there is no timer
 *
 * Returns: (transfer full) (nullable)
 */
ApChoice *
ap_choice_new(const char *directory,
              gboolean enabled_otherwise,
              ApChoiceFunc changed,
              gpointer user_data,
              GError **error)
{
    g_autoptr(ApChoice) self = g_new0(ApChoice, 1);

    self->directory = g_strdup(directory);
    self->changed = changed;
    self->user_data = user_data;
    self->mode.switched_on = enabled_otherwise;
    self->timer = ap_boot_timer_new(on_timer, self, error);
    if (self->timer == NULL)
        return NULL;

    ap_state_load(directory, &self->mode, ap_clock_now());
    ap_boot_timer_arm(self->timer, ap_mode_wake_at(&self->mode, &self->where));
    return g_steal_pointer(&self);
}

/** Returns: (transfer none): what counts now */
const ApMode *
ap_choice_get_mode(const ApChoice *self)
{
    return &self->mode;
}

/**
 * Turns the switch; either way a pause is over.
 *
 * @error: AP_ERROR_FAILED when it cannot be saved: nothing changed
 */
gboolean
ap_choice_set_enabled(ApChoice *self, gboolean enabled, GError **error)
{
    ApMode mode = self->mode;

    mode.switched_on = enabled;
    ap_mode_end_pause(&mode);
    if (!save(self, &mode, error))
        return FALSE;

    g_message("switched %s", enabled ? "on" : "off");
    return TRUE;
}

/**
 * Begins a pause in place of the one that may be under way.
 *
 * @scope: "network", "time" or "resume"
 * @sec: how long, for "time", where 0 ends any pause; 0 for the others
 * @error: AP_ERROR_INVALID when that makes no sense, AP_ERROR_FAILED when it cannot be saved:
 *     nothing changed
 */
gboolean
ap_choice_pause(ApChoice *self, const char *scope, guint64 sec, GError **error)
{
    ApMode mode = self->mode;
    ApPauseScope parsed;

    if (!ap_pause_scope_parse(scope, &parsed)) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "there is no pause “%s”", scope);
        return FALSE;
    }
    if (!ap_mode_start_pause(&mode, parsed, sec, ap_clock_now())) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "no pause of this kind has %" G_GUINT64_FORMAT " seconds",
                    sec);
        return FALSE;
    }

    if (mode.pause == AP_PAUSE_NETWORK)
        mode.network = self->where.network;
    if (!save(self, &mode, error))
        return FALSE;

    g_message(mode.pause == AP_PAUSE_NONE ? "the pause is over" : "paused");
    return TRUE;
}

/** Tells whether anybody wants the helper at work. */
void
ap_choice_set_wanted(ApChoice *self, gboolean wanted)
{
    ApMode mode = self->mode;

    if (mode.wanted == wanted)
        return;

    mode.wanted = wanted;
    take(self, &mode);
}

/** Tells where we are, by ap_uplink_fingerprint(); a pause for one network may end by it. */
void
ap_choice_set_network(ApChoice *self, guint64 network)
{
    if (network == self->where.network)
        return;

    self->where = (ApWhere){network, ap_clock_now().boot_usec};
    ap_boot_timer_arm(self->timer, ap_mode_wake_at(&self->mode, &self->where));
}

void
ap_choice_free(ApChoice *self)
{
    if (self == NULL)
        return;

    ap_boot_timer_free(self->timer);
    g_free(self->directory);
    g_free(self);
}
