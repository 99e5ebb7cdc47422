/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/looks.h"

/** Notes that a look begins; none is under way. */
void
ap_looks_begin(ApLooks *self, ApInstant now)
{
    self->is_under_way = TRUE;
    self->begun_boot_usec = now.boot_usec;
}

static void
end(ApLooks *self, gboolean is_good)
{
    self->is_under_way = FALSE;
    self->is_good = is_good;
    self->last_boot_usec = self->begun_boot_usec;
    self->n_all++;
}

/** Notes that all of the device has been looked at. */
void
ap_looks_end(ApLooks *self, ApInstant now)
{
    end(self, TRUE);
    self->last_usec = now.boot_usec - self->begun_boot_usec;
    self->n_usec += (guint64) self->last_usec;
}

/** Notes that the device could not be read. */
void
ap_looks_fail(ApLooks *self)
{
    end(self, FALSE);
    self->n_failed++;
}

/** Tells whether a request may be judged by the last look. */
gboolean
ap_looks_are_fresh(const ApLooks *self, ApInstant now)
{
    return self->is_good && now.boot_usec - self->last_boot_usec <= AP_LOOKS_FRESH_USEC;
}

/**
 * Tells whether the next look should begin although the last one is fresh: so early that it ends,
 * even if it takes twice as long, before that one is too old. Then nobody has to wait for it.
 */
gboolean
ap_looks_are_ageing(const ApLooks *self, ApInstant now)
{
    const gint64 age_usec = now.boot_usec - self->last_boot_usec;

    return age_usec + 2 * self->last_usec >= AP_LOOKS_FRESH_USEC
           && age_usec >= AP_LOOKS_FRESH_USEC / 2;
}

/** Returns: when to look again for those who hold a poll; AP_NEVER while a look is under way */
gint64
ap_looks_next(const ApLooks *self)
{
    return self->is_under_way ? AP_NEVER : self->last_boot_usec + AP_LOOKS_PERIOD_USEC;
}

/** Returns: until when those who wait for the latest look are to be patient */
gint64
ap_looks_overdue(const ApLooks *self)
{
    return self->begun_boot_usec + AP_LOOKS_LIMIT_USEC;
}
