/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All gossip: one gossiper for each tunnel where a plan wishes it.
 */

#pragma once

#include "helper/engine/gossiper.h"

G_BEGIN_DECLS

typedef struct _ApGossipers ApGossipers;

ApGossipers *ap_gossipers_new(const ApGossiperOps *ops,
                              ApWireguard *wireguard,
                              ApGossiperFunc heard,
                              gpointer user_data);
void ap_gossipers_free(ApGossipers *self);

void ap_gossipers_match(ApGossipers *self,
                        const ApWorld *world,
                        const ApPlan *plan,
                        const ApPolicy *policy,
                        ApInstant now);
void ap_gossipers_begin_anew(ApGossipers *self);
gboolean ap_gossipers_run(ApGossipers *self, ApInstant now);
gint64 ap_gossipers_deadline(const ApGossipers *self) G_GNUC_PURE;

void ap_gossipers_list(const ApGossipers *self, GArray *candidates);
void ap_gossipers_add_to(const ApGossipers *self, GArray *proofs);
char *ap_gossipers_get_name(guint32 ifindex, const ApKey *key, gpointer self);
gboolean ap_gossipers_is_hub(guint32 ifindex, gpointer self);
void ap_gossipers_count(const ApGossipers *self, ApGossipStats *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGossipers, ap_gossipers_free)

G_END_DECLS
