/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/replay.h"

/**
 * One group. The first bytes of its nonce are as random as all: that two groups share them by
 * chance happens once in 2^54 groups, and then one of them is said again.
 */
typedef struct {
    guint64 nonce_start;
    gint64 seen_usec;
} Seen;

static guint64
start_of(const ApGroupNonce *nonce)
{
    guint64 start;

    memcpy(&start, nonce->bytes, sizeof(start));
    return start;
}

static gboolean
is_old(const Seen *seen, ApInstant now)
{
    return now.boot_usec - seen->seen_usec > AP_REPLAY_SEC * AP_USEC_PER_SEC;
}

static gboolean
was_seen(const ApReplay *self, guint64 start, ApInstant now)
{
    for (guint i = 0; i < self->seen->len; i++) {
        const Seen *seen = &g_array_index(self->seen, Seen, i);

        if (seen->nonce_start == start && !is_old(seen, now))
            return TRUE;
    }
    return FALSE;
}

/* The ring grows, before its oldest, as long as that is still good for something. */
static void
remember(ApReplay *self, Seen fresh, ApInstant now)
{
    const guint n = self->seen->len;

    if (n < AP_REPLAY_MAX
        && (n == 0 || !is_old(&g_array_index(self->seen, Seen, self->oldest), now)))
        g_array_insert_val(self->seen, self->oldest, fresh);
    else
        g_array_index(self->seen, Seen, self->oldest) = fresh;
    self->oldest = (self->oldest + 1) % self->seen->len;
}

/**
 * Tells whether a group was not seen before, and remembers it.
 *
 * @nonce: of a group whose tag was right: others cost no memory
 */
gboolean
ap_replay_is_new(ApReplay *self, const ApGroupNonce *nonce, ApInstant now)
{
    const Seen fresh = {.nonce_start = start_of(nonce), .seen_usec = now.boot_usec};

    if (self->seen == NULL)
        self->seen = g_array_new(FALSE, FALSE, sizeof(Seen));
    if (was_seen(self, fresh.nonce_start, now))
        return FALSE;

    remember(self, fresh, now);
    return TRUE;
}

/** Forgets everything and frees what it holds. */
void
ap_replay_clear(ApReplay *self)
{
    g_clear_pointer(&self->seen, g_array_unref);
    self->oldest = 0;
}
