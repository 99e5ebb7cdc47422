/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Columns of text that are as wide as their widest cell. Pure.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ApTable ApTable;

ApTable *ap_table_new(guint n_columns);
void ap_table_add(ApTable *self, const char *const *cells);
void ap_table_note(ApTable *self, const char *note);
void ap_table_colour_cell(ApTable *self, guint column, const char *sequence);
void ap_table_write(const ApTable *self, GString *out);
void ap_table_free(ApTable *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApTable, ap_table_free)

G_END_DECLS
