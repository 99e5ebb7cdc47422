/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/crowd.h"

/** A source that has a connection. */
typedef struct {
    ApAddr addr;
    guint n; /* 0: the place is free */
} Source;

/*
 * At most AP_CROWD_MAX sources at a time, looked up once per connection: a plain array is enough
 * and needs no memory that an outsider could make us allocate.
 */
struct _ApCrowd {
    Source sources[AP_CROWD_MAX];
    guint n;
};

/**
 * Makes an empty crowd.
 *
 * Returns: (transfer full)
 */
ApCrowd *
ap_crowd_new(void)
{
    return g_new0(ApCrowd, 1);
}

void
ap_crowd_free(ApCrowd *self)
{
    g_free(self);
}

static Source *
find_source(ApCrowd *self, const ApAddr *addr)
{
    Source *free_place = NULL;

    for (guint i = 0; i < AP_CROWD_MAX; i++) {
        Source *source = &self->sources[i];

        if (source->n == 0)
            free_place = free_place != NULL ? free_place : source;
        else if (ap_addr_equal(&source->addr, addr))
            return source;
    }
    return free_place;
}

/**
 * Lets one more connection of @source in.
 *
 * Returns: FALSE when there are too many already, of @source or at all
 */
gboolean
ap_crowd_enter(ApCrowd *self, const ApAddr *source)
{
    if (self->n >= AP_CROWD_MAX)
        return FALSE;

    Source *entry = find_source(self, source);
    if (entry == NULL || entry->n >= AP_CROWD_MAX_PER_SOURCE)
        return FALSE;

    entry->addr = *source;
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
    Source *entry = find_source(self, source);

    g_return_if_fail(entry != NULL && entry->n > 0);
    entry->n--;
    self->n--;
}

guint
ap_crowd_n(const ApCrowd *self)
{
    return self->n;
}
