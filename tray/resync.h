/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether a Re-sync that the person asked for is under way, and how it ended. Pure.
 */

#pragma once

#include "client/client.h"
#include "common/instant.h"

G_BEGIN_DECLS

typedef enum {
    AP_RESYNC_NONE, /* nobody asked yet */
    AP_RESYNC_ASKING,
    AP_RESYNC_DONE,
    AP_RESYNC_FAILED,
} ApResyncPhase;

/** Zeroed memory is a Re-sync that nobody asked for. */
typedef struct {
    ApResyncPhase phase;
    guint64 n_before;         /* Re-syncs that the helper had done when this one began */
    gint64 give_up_boot_usec; /* while asking */
    gint64 ended_real_usec;   /* when done or failed */
    char *why;                /* (owned) (nullable) of a failure, in the words of who failed */
} ApResync;

void ap_resync_begin(ApResync *self, const ApClientView *view, ApInstant now);
void ap_resync_refuse(ApResync *self, const GError *error, ApInstant now);
gint64 ap_resync_look(ApResync *self, const ApClientView *view, ApInstant now);
void ap_resync_clear(ApResync *self);

G_END_DECLS
