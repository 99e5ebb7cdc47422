/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What is worth a notification, and when. Pure.
 */

#pragma once

#include "client/client.h"
#include "common/instant.h"

G_BEGIN_DECLS

/**
 * No notification of a kind comes again before this much time has passed: ten minutes, in
 * microseconds. Source: the design of the tray; a path that comes and goes would be a nuisance.
 */
#define AP_NOTICE_GAP_USEC (600 * AP_USEC_PER_SEC)

/**
 * How long the helper may be away without a word: 5 s, in microseconds. An upgrade or a restart
 * takes less.
 */
#define AP_NOTICE_HELPER_USEC (5 * AP_USEC_PER_SEC)

typedef enum {
    AP_NOTICE_DIRECT, /* the first direct path on a network */
    AP_NOTICE_LOST,   /* a direct path is gone */
    AP_NOTICE_HELPER, /* the helper is gone */
    AP_N_NOTICES,
} ApNoticeKind;

/** Something to be told. It takes the place of what was told before. */
typedef struct {
    ApNoticeKind kind;
    char *title; /* (owned) */
    char *body;  /* (owned) */
} ApNotice;

/** What happened so far. Zeroed memory is the beginning. */
typedef struct {
    ApClientView *view;        /* (owned) (nullable) the last one */
    gboolean greeted;          /* this network's first direct path was seen */
    gint64 gone_boot_usec;     /* since when the helper is away; 0: it is there, or it never was */
    gint64 told[AP_N_NOTICES]; /* boot time of the last one of each kind; 0: never */
} ApNotices;

gint64 ap_notices_look(ApNotices *self,
                       ApClientState state,
                       ApClientView *view,
                       ApInstant now,
                       ApNotice **out);
void ap_notices_clear(ApNotices *self);
void ap_notice_free(ApNotice *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApNotice, ap_notice_free)

G_END_DECLS
