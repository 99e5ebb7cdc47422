/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How many packets have gone through an interface, as the kernel counts them: one short question,
 * where to read a WireGuard device may mean to wait for another program.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Packets since the interface was made, of whoever sent them. */
typedef struct {
    guint64 n_out;
    guint64 n_in;
} ApPassed;

typedef struct _ApPassage ApPassage;

ApPassage *ap_passage_new(void);
void ap_passage_free(ApPassage *self);
gboolean ap_passage_read(ApPassage *self, guint32 ifindex, ApPassed *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApPassage, ap_passage_free)

G_END_DECLS
