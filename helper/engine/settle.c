/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/settle.h"

/**
 * When to look again at a tunnel that is not complete yet, in milliseconds after the last
 * network event. WireGuard tells nobody when a key or a peer is set, and `wg setconf` usually
 * comes within a second after the interface; after the last step only an event helps, so that
 * a machine without a managed tunnel sleeps.
 */
static const gint64 settle_msec[] = {50, 150, 400, 1000, 3000, 10000, 30000};

/** Starts from the beginning, because something happened on the network. */
void
ap_settle_begin(ApSettle *self, ApInstant now)
{
    *self = (ApSettle){.event_boot_usec = now.boot_usec};
}

static gboolean
is_incomplete(const ApLink *link, const ApPlan *plan)
{
    if (link->kind != AP_LINK_KIND_WIREGUARD && link->kind != AP_LINK_KIND_TUNNEL)
        return FALSE;

    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);

        if (tunnel->ifindex == link->ifindex)
            return tunnel->reason == AP_REASON_NO_KEY || tunnel->reason == AP_REASON_NO_HUB;
    }
    return TRUE;
}

/** Returns: when to look again because a tunnel lacks something that no event will announce */
gint64
ap_settle_next(ApSettle *self, const ApWorld *world, const ApPlan *plan, ApInstant now)
{
    gboolean incomplete = FALSE;

    for (guint i = 0; i < world->links->len && !incomplete; i++)
        incomplete = is_incomplete(g_ptr_array_index(world->links, i), plan);

    for (; incomplete && self->step < G_N_ELEMENTS(settle_msec); self->step++) {
        const gint64 at = self->event_boot_usec + settle_msec[self->step] * AP_USEC_PER_MSEC;

        if (at > now.boot_usec)
            return at;
    }
    return AP_NEVER;
}
