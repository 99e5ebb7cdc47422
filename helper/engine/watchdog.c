/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/watchdog.h"

#include "common/instant.h"
#include "common/notify.h"

struct _ApWatchdog {
    guint period_msec; /* 0: nobody watches */
    guint source;      /* 0: off */
};

static gboolean
on_period(gpointer user_data)
{
    (void) user_data;
    ap_notify("WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void
arm(ApWatchdog *self)
{
    self->source = g_timeout_add(self->period_msec, on_period, NULL);
}

/**
 * Begins switched on: a helper that hangs when it starts is noticed, too.
 *
 * Returns: (transfer full)
 */
ApWatchdog *
ap_watchdog_new(void)
{
    ApWatchdog *self = g_new0(ApWatchdog, 1);

    self->period_msec = ap_notify_watchdog_msec();
    if (self->period_msec > 0)
        arm(self);
    return self;
}

/**
 * Lets the manager watch, or not: off, neither it nor we wake up for that. Does nothing where
 * nobody watches.
 */
void
ap_watchdog_set_on(ApWatchdog *self, gboolean on)
{
    if (self->period_msec == 0 || on == (self->source != 0))
        return;

    if (on) {
        const gint64 limit_usec = 2 * (gint64) self->period_msec * AP_USEC_PER_MSEC;
        g_autofree char *state = g_strdup_printf("WATCHDOG_USEC=%" G_GINT64_FORMAT, limit_usec);

        ap_notify(state);
        arm(self);
    } else {
        g_clear_handle_id(&self->source, g_source_remove);
        ap_notify("WATCHDOG_USEC=0");
    }
}

void
ap_watchdog_free(ApWatchdog *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    g_free(self);
}
