/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The last minutes of the planner: what it was given and what it answered, turn by turn, in
 * bounded memory. What is written down can be decided again, and has to come out the same.
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

/**
 * What a record says first; the number rises when an older reader could misunderstand the lines
 * after it.
 */
#define AP_RECORD_FORMAT "record 1"

typedef struct _ApRecorder ApRecorder;

ApRecorder *ap_recorder_new(void);
void ap_recorder_add(ApRecorder *self,
                     const ApWorld *world,
                     const ApPolicy *policy,
                     ApInstant now,
                     const ApPlan *plan);
char *ap_recorder_write(const ApRecorder *self);
void ap_recorder_free(ApRecorder *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRecorder, ap_recorder_free)

G_END_DECLS
