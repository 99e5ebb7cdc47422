/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/quality.h"

#include "helper/core/traffic.h"

/**
 * The direct path is clearly slower when its round trip is more than twice the hub's, and by more
 * than 20 ms: what nobody notices is not worth a change. Design, path-management.md.
 */
#define WORSE_FACTOR 2
#define WORSE_USEC (20 * AP_USEC_PER_MSEC)

/** It is good enough again half way from there to the hub's: where it left it must not return. */
#define BETTER_PERCENT 150
#define BETTER_USEC (WORSE_USEC / 2)

static gboolean
is_known(const ApPathInput *in)
{
    return in->relay_rtt_usec > 0 && in->proof->rtt_usec > 0;
}

static gboolean
is_worse(const ApPathInput *in)
{
    return is_known(in) && in->proof->rtt_usec > WORSE_FACTOR * in->relay_rtt_usec
           && in->proof->rtt_usec > in->relay_rtt_usec + WORSE_USEC;
}

/**
 * Tells whether a path that was too slow may be used again. One that nobody can measure may.
 */
gboolean
ap_quality_is_better(const ApPathInput *in)
{
    return !is_known(in) || in->proof->rtt_usec <= in->relay_rtt_usec * BETTER_PERCENT / 100
           || in->proof->rtt_usec <= in->relay_rtt_usec + BETTER_USEC;
}

/**
 * Looks at the round trips of a direct path. To be called each time that the path is looked at.
 *
 * Counts only while the path is in use: a quiet one is not measured, and slows nobody down.
 *
 * Returns: TRUE when it has been clearly slower than the way by the hub for long enough
 */
gboolean
ap_quality_judge_direct(ApPath *path, const ApPathInput *in)
{
    if (in->slower_usec == 0 || !is_worse(in) || !ap_traffic_is_flowing(path, in->now)) {
        path->slower_boot_usec = 0;
        return FALSE;
    }

    if (path->slower_boot_usec == 0)
        path->slower_boot_usec = in->now.boot_usec;
    return in->now.boot_usec - path->slower_boot_usec >= in->slower_usec;
}
