/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/losses.h"

/**
 * Begins with nothing that is direct, and nothing that was lost.
 *
 * @random: any 32 random bits: what begins anew must not repeat a mark
 *
 * Returns: (transfer full): to be cleared
 */
ApLosses
ap_losses_init(guint32 random)
{
    return (ApLosses){
        .direct = g_array_new(FALSE, TRUE, sizeof(ApKey)),
        .next_mark = random | 1,
    };
}

void
ap_losses_clear(ApLosses *self)
{
    g_clear_pointer(&self->direct, g_array_unref);
}

/**
 * Takes over who is on a direct path, and sets another mark where somebody is not any more.
 *
 * @direct: (element-type ApKey): of one tunnel; copied
 */
void
ap_losses_note(ApLosses *self, const GArray *direct, ApInstant now)
{
    self->is_due = self->is_due || !ap_key_are_all_among(self->direct, direct);
    g_array_set_size(self->direct, 0);
    g_array_append_vals(self->direct, direct->data, direct->len);
    if (now.boot_usec < ap_losses_deadline(self))
        return;

    self->is_due = FALSE;
    self->mark = self->next_mark;
    self->next_mark += 2;
    self->marked_boot_usec = now.boot_usec;
}

/** Returns: when to call ap_losses_note() again, on the boot clock; AP_NEVER: when anything changes */
gint64
ap_losses_deadline(const ApLosses *self)
{
    if (!self->is_due)
        return AP_NEVER;
    return self->mark != 0 ? self->marked_boot_usec + AP_LOSSES_GAP_USEC : 0;
}
