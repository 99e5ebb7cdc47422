/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Fingerprints in paths of a masked record. The planner makes others of masked addresses; which of
 * them stands for which is learned on the way, one to one.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ApFingerprints ApFingerprints;

ApFingerprints *ap_fingerprints_new(void);
void ap_fingerprints_learn(ApFingerprints *self, guint64 recorded, guint64 made);
gboolean
ap_fingerprints_learn_offers(ApFingerprints *self, const GArray *recorded, const GArray *made);
GArray *ap_fingerprints_translate(const ApFingerprints *self, const GArray *paths);
void ap_fingerprints_free(ApFingerprints *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFingerprints, ap_fingerprints_free)

G_END_DECLS
