/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/mode.h"

#include <string.h>

/**
 * How long a network must be the same before it counts as another one: 10 s, in microseconds.
 * After a laptop woke up, DHCP and IPv6 address configuration take turns in changing what is
 * known of the network; they are done within a few seconds. A pause ends that much later.
 */
#define SETTLE_USEC (10 * AP_USEC_PER_SEC)

/** Words of the bus and of the state file; "" is no pause. */
static const char *const scope_names[] = {
    [AP_PAUSE_NONE] = "",
    [AP_PAUSE_NETWORK] = "network",
    [AP_PAUSE_TIME] = "time",
    [AP_PAUSE_RESUME] = "resume",
};

/**
 * Tells why everything goes by the hub.
 *
 * Returns: AP_REASON_NONE when peers may go direct
 */
ApReason
ap_mode_why_off(const ApMode *self)
{
    if (!self->switched_on)
        return AP_REASON_DISABLED;
    if (!self->wanted)
        return AP_REASON_IDLE;
    return self->pause != AP_PAUSE_NONE ? AP_REASON_PAUSED : AP_REASON_NONE;
}

/**
 * Begins a pause in place of one that may be under way. A pause of 0 s by time is none.
 *
 * @sec: how long, for AP_PAUSE_TIME; 0 for the others
 *
 * Returns: FALSE when @scope and @sec do not go together, or @sec is more than AP_PAUSE_MAX_SEC;
 *     then nothing changed
 */
gboolean
ap_mode_start_pause(ApMode *self, ApPauseScope scope, guint64 sec, ApInstant now)
{
    if (sec > (scope == AP_PAUSE_TIME ? AP_PAUSE_MAX_SEC : 0))
        return FALSE;

    ap_mode_end_pause(self);
    if (scope == AP_PAUSE_TIME && sec == 0)
        return TRUE;

    self->pause = scope;
    if (scope == AP_PAUSE_TIME) {
        self->until_boot_usec = now.boot_usec + (gint64) sec * AP_USEC_PER_SEC;
        self->until_real_usec = now.real_usec + (gint64) sec * AP_USEC_PER_SEC;
    }
    return TRUE;
}

/** Ends a pause, if there is one. */
void
ap_mode_end_pause(ApMode *self)
{
    self->pause = AP_PAUSE_NONE;
    self->until_boot_usec = 0;
    self->until_real_usec = 0;
    self->network = 0;
}

/**
 * Brings a pause that was kept in a file back: its end is known by the wall clock alone. A clock
 * that was set back meanwhile makes it no longer than any pause may be.
 */
void
ap_mode_restore_pause(ApMode *self, ApInstant now)
{
    const gint64 max_usec = AP_PAUSE_MAX_SEC * AP_USEC_PER_SEC;

    if (self->pause == AP_PAUSE_TIME)
        self->until_boot_usec =
            now.boot_usec + CLAMP(self->until_real_usec - now.real_usec, 0, max_usec);
}

/**
 * Tells when the pause is to be looked at again.
 *
 * Being on no network is not another network, and neither is one whose addresses have just begun
 * to come in: a laptop that sleeps and wakes at the same place stays paused.
 *
 * Returns: on the boot clock; AP_NEVER: not before @where changes
 */
gint64
ap_mode_wake_at(const ApMode *self, const ApWhere *where)
{
    switch (self->pause) {
    case AP_PAUSE_NONE:
    case AP_PAUSE_RESUME:
        break;
    case AP_PAUSE_TIME:
        return self->until_boot_usec;
    case AP_PAUSE_NETWORK:
        if (where->network != 0 && where->network != self->network)
            return where->since_boot_usec + SETTLE_USEC;
        break;
    }

    return AP_NEVER;
}

/**
 * Ends the pause when it is over.
 *
 * Returns: TRUE when the mode changed: the pause is over, or it got to know its network
 */
gboolean
ap_mode_step(ApMode *self, const ApWhere *where, ApInstant now)
{
    if (now.boot_usec < ap_mode_wake_at(self, where))
        return FALSE;

    if (self->pause == AP_PAUSE_NETWORK && self->network == 0)
        self->network = where->network;
    else
        ap_mode_end_pause(self);
    return TRUE;
}

/** Returns: (transfer none): the scope's word; "" for AP_PAUSE_NONE */
const char *
ap_pause_scope_name(ApPauseScope scope)
{
    return scope_names[scope];
}

/** Returns: FALSE when @name is the word of no pause; @out is left alone then */
gboolean
ap_pause_scope_parse(const char *name, ApPauseScope *out)
{
    for (guint i = AP_PAUSE_NETWORK; i < G_N_ELEMENTS(scope_names); i++) {
        if (strcmp(scope_names[i], name) == 0) {
            *out = (ApPauseScope) i;
            return TRUE;
        }
    }
    return FALSE;
}
