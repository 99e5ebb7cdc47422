/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How many connections there are, and how many of them one source has.
 */

#pragma once

#include "common/addr.h"

G_BEGIN_DECLS

/**
 * Most connections at a time where the system lets us have as many descriptors: a held poll of
 * each of AP_DESK_MAX_HELD clients, and a fifth of that for those who only ask. Design rule.
 */
#define AP_CROWD_MAX 12000

/**
 * Most connections of one source address. A client needs one, and a second while it changes
 * networks. Design rule (security T23).
 */
#define AP_CROWD_MAX_PER_SOURCE 8

typedef struct _ApCrowd ApCrowd;

ApCrowd *ap_crowd_new(guint n_max);
void ap_crowd_free(ApCrowd *self);

gboolean ap_crowd_enter(ApCrowd *self, const ApAddr *source) G_GNUC_WARN_UNUSED_RESULT;
void ap_crowd_leave(ApCrowd *self, const ApAddr *source);
guint ap_crowd_n(const ApCrowd *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApCrowd, ap_crowd_free)

G_END_DECLS
