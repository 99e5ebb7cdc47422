/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The items of one kind while a record is read: found by name, changed, put in and taken out.
 */

#pragma once

#include "helper/record/tables.h"

G_BEGIN_DECLS

/** Most items of one list: a record has at most 512 (recorder.c); searching takes as many steps. */
#define AP_SHELF_MAX_ITEMS 2048

gpointer ap_shelf_new_item(ApTableId id);
GPtrArray *ap_shelf_new(ApTableId id);
gboolean ap_shelf_find(const GPtrArray *self,
                       const ApTable *table,
                       char *const *names,
                       guint twin,
                       guint *at);
gboolean ap_shelf_add(GPtrArray *self, ApTableId id, char *const *words);
gboolean ap_shelf_change(GPtrArray *self, ApTableId id, char *const *words);
gboolean ap_shelf_remove(GPtrArray *self, ApTableId id, char *const *words);
void ap_shelf_sort(GPtrArray *self, ApTableId id);
GArray *ap_shelf_copy(const GPtrArray *self, ApTableId id);

G_END_DECLS
