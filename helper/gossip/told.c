/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/told.h"

/**
 * Notes that the peer knows a fact.
 *
 * @slot: of the fact; small, as it is an index
 * @until_usec: when it forgets, in microseconds of the boot clock
 */
void
ap_told_note(ApTold *self, guint slot, gint64 until_usec)
{
    const gint64 until_sec = CLAMP(until_usec / AP_USEC_PER_SEC, 0, G_MAXUINT32);

    if (self->until_sec == NULL)
        self->until_sec = g_array_new(FALSE, TRUE, sizeof(guint32));
    if (slot >= self->until_sec->len)
        g_array_set_size(self->until_sec, slot + 1);
    g_array_index(self->until_sec, guint32, slot) = (guint32) until_sec;
}

/**
 * Tells when the peer is to be told a fact.
 *
 * @until_usec: until when the fact holds; as long as that is no later than what the peer knows,
 *     there is nothing to tell
 *
 * Returns: microseconds of the boot clock; in the past or 0: now; AP_NEVER: not at all
 */
gint64
ap_told_due(const ApTold *self, guint slot, gint64 until_usec)
{
    gint64 known_usec = 0;

    if (self->until_sec != NULL && slot < self->until_sec->len)
        known_usec = g_array_index(self->until_sec, guint32, slot) * AP_USEC_PER_SEC;
    if (known_usec == 0)
        return 0;
    if (until_usec - known_usec < AP_USEC_PER_SEC)
        return AP_NEVER;
    return known_usec - AP_TOLD_AGAIN_USEC;
}

/** Notes that the peer does not know the fact that has this slot now. */
void
ap_told_forget(ApTold *self, guint slot)
{
    if (self->until_sec != NULL && slot < self->until_sec->len)
        g_array_index(self->until_sec, guint32, slot) = 0;
}

/** Notes that the peer knows nothing: it began anew. */
void
ap_told_clear(ApTold *self)
{
    g_clear_pointer(&self->until_sec, g_array_unref);
}
