/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Reads a record turn by turn: worlds, policies and plans out of the lines that helper/record/lines.h
 * describes. The text may come from anybody.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

/** What a turn was given and what it answered. */
typedef struct {
    ApInstant now;
    guint64 network;        /* fingerprint of the uplinks, as it was recorded */
    gboolean begins;        /* nothing is known of what was before */
    gboolean is_complete;   /* its plan was recorded, too */
    const ApPolicy *policy; /* (not owned) the reader's, until the next turn */
    ApWorld world;          /* (owned) lists; links and devices are the reader's */
    ApPlan plan;            /* (owned) lists */
    GString *lines;         /* (owned) as they stand in the record */
} ApRecordTurn;

typedef struct _ApRecordReader ApRecordReader;

ApRecordReader *ap_record_reader_new(const char *text, GError **error);
const ApRecordTurn *ap_record_reader_next(ApRecordReader *self, GError **error);
void ap_record_reader_free(ApRecordReader *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRecordReader, ap_record_reader_free)

G_END_DECLS
