/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Makes the decisions of a record again, and tells whether they come out as they were recorded.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

typedef struct {
    guint n_turns;   /* that were decided again */
    ApInstant first; /* of these turns */
    ApInstant last;
    guint n_retries;  /* turns before which a person asked for another try */
    char *difference; /* (owned) (nullable) the first one, for people; NULL: there is none */
} ApRecordReplay;

gboolean
ap_record_replay_run(ApRecordReplay *self, const char *bundle, GString *log, GError **error);
void ap_record_replay_clear(ApRecordReplay *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApRecordReplay, ap_record_replay_clear)

char *ap_record_replay_time(ApInstant at);

G_END_DECLS
