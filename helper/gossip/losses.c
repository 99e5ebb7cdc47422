/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/losses.h"

#include <string.h>

/** Returns: (transfer full): to be cleared; nothing is direct yet, and nothing was lost */
ApLosses
ap_losses_init(void)
{
    return (ApLosses){.direct = g_array_new(FALSE, TRUE, sizeof(ApKey))};
}

void
ap_losses_clear(ApLosses *self)
{
    g_clear_pointer(&self->direct, g_array_unref);
}

/* Mostly nothing has changed, and the list has the order that it had. */
static gboolean
is_any_missing(const GArray *before, const GArray *direct)
{
    if (before->len == 0
        || (before->len == direct->len
            && memcmp(before->data, direct->data, before->len * sizeof(ApKey)) == 0))
        return FALSE;

    for (guint i = 0; i < before->len; i++) {
        if (!ap_key_is_among(&g_array_index(before, ApKey, i), direct))
            return TRUE;
    }
    return FALSE;
}

/**
 * Takes over who is on a direct path, and sets another mark where somebody is not any more.
 *
 * @direct: (element-type ApKey): of one tunnel; copied
 * @random: any 32 random bits: what begins anew must not repeat a mark
 */
void
ap_losses_note(ApLosses *self, const GArray *direct, guint32 random, ApInstant now)
{
    self->is_due = self->is_due || is_any_missing(self->direct, direct);
    g_array_set_size(self->direct, 0);
    g_array_append_vals(self->direct, direct->data, direct->len);
    if (now.boot_usec < ap_losses_deadline(self))
        return;

    self->is_due = FALSE;
    self->mark = random | 1;
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
