/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/log-limit.h"

#include <string.h>

/* Cuts without making half a character. */
static void
copy_cut(char *to, const char *from, gsize size)
{
    const char *end = NULL;

    (void) g_strlcpy(to, from, size);
    if (!g_utf8_validate(to, -1, &end))
        to[end - to] = '\0';
}

/* Kinds are constants of programs, so that few come and none goes. */
static ApLogKind *
find_kind(ApLogLimit *self, const char *name)
{
    char kind[AP_LOG_KIND_LEN];

    copy_cut(kind, name, sizeof(kind));
    for (guint i = 0; i < self->n_kinds; i++) {
        if (strcmp(self->kinds[i].kind, kind) == 0)
            return &self->kinds[i];
    }
    if (self->n_kinds == AP_LOG_MAX_KINDS)
        return &self->kinds[AP_LOG_MAX_KINDS];

    ApLogKind *found = &self->kinds[self->n_kinds++];
    memcpy(found->kind, kind, sizeof(kind));
    return found;
}

static gboolean
is_over(const ApLogKind *kind, ApInstant now)
{
    return now.boot_usec - kind->began_boot_usec >= AP_LOG_WINDOW_USEC;
}

/**
 * Tells whether a message may be logged, and counts it if not.
 *
 * @kind: what it has in common with those that are counted together; a constant of the program
 * @text: the message
 * @max: how many of a kind pass in a window of AP_LOG_WINDOW_USEC, at least 1
 */
gboolean
ap_log_limit_pass(ApLogLimit *self, const char *kind, const char *text, guint max, ApInstant now)
{
    ApLogKind *found = find_kind(self, kind);

    /* What was left out is told first; until it is, the window stays. */
    if (found->n_passed == 0 || (is_over(found, now) && found->n_left_out == 0)) {
        found->began_boot_usec = now.boot_usec;
        found->n_passed = 0;
    }
    if (found->n_passed < max) {
        found->n_passed++;
        return TRUE;
    }
    if (found->n_left_out++ == 0)
        copy_cut(found->example, text, sizeof(found->example));
    return FALSE;
}

/**
 * Takes a kind of which messages were left out in a window that is over. Call it until it returns
 * FALSE, before ap_log_limit_pass().
 *
 * @now: beyond every window, AP_NEVER, for those that are not over either
 * @out: (out)
 */
gboolean
ap_log_limit_take(ApLogLimit *self, ApInstant now, ApLogKind *out)
{
    for (guint i = 0; i < G_N_ELEMENTS(self->kinds); i++) {
        ApLogKind *kind = &self->kinds[i];

        if (kind->n_left_out == 0 || !is_over(kind, now))
            continue;
        *out = *kind;
        kind->n_left_out = 0;
        kind->n_passed = 0;
        return TRUE;
    }
    return FALSE;
}
