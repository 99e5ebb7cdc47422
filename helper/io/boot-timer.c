/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/boot-timer.h"

#include "common/error.h"
#include "helper/io/fd-watch.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct _ApBootTimer {
    int fd;         /* (owned) */
    guint source;   /* (owned) */
    gint64 at_usec; /* for which it is set; AP_NEVER: it is not */
    ApBootTimerFunc fired;
    gpointer user_data; /* (not owned) */
};

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApBootTimer *self = user_data;
    guint64 n_expired;

    (void) condition;
    /* Nothing to read means that the timer was armed anew meanwhile. */
    if (read(fd, &n_expired, sizeof(n_expired)) == sizeof(n_expired)) {
        self->at_usec = AP_NEVER;
        self->fired(self->user_data);
    }
    return G_SOURCE_CONTINUE;
}

/**
 * Makes a timer that is not armed, on the thread-default main context.
 *
 * @fired: called from the main loop, once for each time the timer runs out
 * @error: AP_ERROR_FAILED when the kernel has no descriptor left
 *
 * Returns: (transfer full)
 */
ApBootTimer *
ap_boot_timer_new(ApBootTimerFunc fired, gpointer user_data, GError **error)
{
    const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not make a timer: %s",
                    g_strerror(errno));
        return NULL;
    }

    ApBootTimer *self = g_new0(ApBootTimer, 1);
    self->fd = fd;
    self->at_usec = AP_NEVER;
    self->fired = fired;
    self->user_data = user_data;
    self->source = ap_fd_watch(fd, on_readable, self);
    return self;
}

/**
 * Sets the one time at which the timer fires; what was set before is forgotten.
 *
 * @at_boot_usec: on the boot clock; a time that has passed fires at once, AP_NEVER disarms
 */
void
ap_boot_timer_arm(ApBootTimer *self, gint64 at_boot_usec)
{
    struct itimerspec spec = {0};

    if (at_boot_usec == self->at_usec)
        return;

    self->at_usec = at_boot_usec;
    if (at_boot_usec != AP_NEVER) {
        /* A value of zero would disarm. */
        const gint64 at = MAX(at_boot_usec, 1);

        spec.it_value.tv_sec = at / AP_USEC_PER_SEC;
        spec.it_value.tv_nsec = (at % AP_USEC_PER_SEC) * 1000;
    }

    /* Fails only for a bad descriptor or pointer. */
    (void) timerfd_settime(self->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void
ap_boot_timer_free(ApBootTimer *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    (void) close(self->fd);
    g_free(self);
}
