/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Checks the grammar of a JSON text without building anything.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What was found in a well-formed text. */
typedef struct {
    gsize start; /* offset of the object or array, in bytes */
    gsize n_bytes;
    guint n_members; /* of all objects together */
} ApJsonScan;

gboolean ap_json_scan(ApJsonScan *out,
                      const char *text,
                      gsize n_bytes,
                      guint max_depth,
                      guint max_values,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
