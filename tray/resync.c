/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/resync.h"

/**
 * How long a Re-sync may take: 20 s, in microseconds. An exchange with a server ends after 3 s to
 * connect and 5 s to answer (decisions.md 17), and another one may have been under way.
 */
#define GIVE_UP_USEC (20 * AP_USEC_PER_SEC)

static void
end(ApResync *self, ApResyncPhase phase, const char *why, ApInstant now)
{
    ap_resync_clear(self);
    self->phase = phase;
    self->ended_real_usec = now.real_usec;
    self->why = g_strdup(why);
}

/**
 * Notes that the helper is being asked.
 *
 * @view: (nullable): what it shows at that moment
 */
void
ap_resync_begin(ApResync *self, const ApClientView *view, ApInstant now)
{
    ap_resync_clear(self);
    self->phase = AP_RESYNC_ASKING;
    self->n_before = view != NULL ? view->n_resyncs : 0;
    self->give_up_boot_usec = now.boot_usec + GIVE_UP_USEC;
}

/** Notes that the helper did not take the call, because of @error. */
void
ap_resync_refuse(ApResync *self, const GError *error, ApInstant now)
{
    end(self, AP_RESYNC_FAILED, error->message, now);
}

/* It went well when one server answered: a laptop may have tunnels whose hub has none. */
static const char *
find_failure(const ApClientView *view)
{
    const char *failure = NULL;

    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApClientTunnel *tunnel = view->tunnels->pdata[i];

        if (tunnel->server[0] == '\0' || g_str_equal(tunnel->state, "unmanaged"))
            continue;
        if (tunnel->last_error[0] == '\0')
            return NULL;
        failure = tunnel->last_error;
    }
    return failure;
}

/**
 * Sees whether the Re-sync ended.
 *
 * @view: (nullable): the newest one; NULL: the helper is not there
 *
 * Returns: the boot time at which to look again; AP_NEVER when nothing is awaited
 */
gint64
ap_resync_look(ApResync *self, const ApClientView *view, ApInstant now)
{
    const char *failure;

    if (self->phase != AP_RESYNC_ASKING)
        return AP_NEVER;

    if (view == NULL || now.boot_usec >= self->give_up_boot_usec) {
        end(self, AP_RESYNC_FAILED, NULL, now);
        return AP_NEVER;
    }

    if (view->n_resyncs == self->n_before)
        return self->give_up_boot_usec;

    failure = find_failure(view);
    end(self, failure != NULL ? AP_RESYNC_FAILED : AP_RESYNC_DONE, failure, now);
    return AP_NEVER;
}

/** Forgets everything: nobody asked. */
void
ap_resync_clear(ApResync *self)
{
    g_clear_pointer(&self->why, g_free);
    *self = (ApResync){0};
}
