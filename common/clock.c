/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/clock.h"

#include <time.h>

static gint64
read_usec(clockid_t clock)
{
    struct timespec ts;

    /* Both clocks exist on every Linux since 2.6.39, so this cannot fail. */
    (void) clock_gettime(clock, &ts);
    return (gint64) ts.tv_sec * AP_USEC_PER_SEC + ts.tv_nsec / 1000;
}

/**
 * Reads both clocks.
 *
 * The boot clock goes on during suspend: what we know must age while a laptop sleeps.
 */
ApInstant
ap_clock_now(void)
{
    return (ApInstant){
        .boot_usec = read_usec(CLOCK_BOOTTIME),
        .real_usec = read_usec(CLOCK_REALTIME),
    };
}
