/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/crowd.h"

#include "server/roster.h"

/** A source that has a connection. */
typedef struct {
    ApAddr addr;
    guint n; /* at least 1 */
} Source;

struct _ApCrowd {
    GHashTable *sources; /* (owned) ApAddr inside the value → (owned) Source */
    guint n;
    guint n_max;
};

/**
 * Makes an empty crowd.
 *
 * @n_max: most connections at a time
 *
 * Returns: (transfer full)
 */
ApCrowd *
ap_crowd_new(guint n_max)
{
    ApCrowd *self = g_new0(ApCrowd, 1);

    self->sources = g_hash_table_new_full(ap_addr_hash, ap_addr_same, NULL, g_free);
    self->n_max = n_max;
    return self;
}

void
ap_crowd_free(ApCrowd *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->sources, g_hash_table_unref);
    g_free(self);
}

/**
 * Lets one more connection of @source in.
 *
 * Returns: FALSE when there are too many already, of @source or at all
 */
gboolean
ap_crowd_enter(ApCrowd *self, const ApAddr *source)
{
    Source *entry = g_hash_table_lookup(self->sources, source);

    if (self->n >= self->n_max || (entry != NULL && entry->n >= AP_CROWD_MAX_PER_SOURCE))
        return FALSE;

    if (entry == NULL) {
        entry = g_new0(Source, 1);
        entry->addr = *source;
        (void) g_hash_table_insert(self->sources, &entry->addr, entry);
    }
    entry->n++;
    self->n++;
    return TRUE;
}

/**
 * Takes note that a connection of @source that was let in has ended.
 */
void
ap_crowd_leave(ApCrowd *self, const ApAddr *source)
{
    Source *entry = g_hash_table_lookup(self->sources, source);

    g_return_if_fail(entry != NULL);
    self->n--;
    if (--entry->n == 0)
        (void) g_hash_table_remove(self->sources, source);
}

/** Returns: how many connections there are */
guint
ap_crowd_n(const ApCrowd *self)
{
    return self->n;
}
