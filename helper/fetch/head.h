/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Judges the head of an HTTP answer line by line, so strictly that where the body ends has
 * exactly one reading (security rules H2, T19, F21).
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Longest head in bytes, interim answers included (decisions.md 17). */
#define AP_HEAD_MAX_BYTES (16 * 1024)

/** Longest body in bytes (decisions.md 17): enough for 2,000 peers of a plain server. */
#define AP_HEAD_MAX_BODY_BYTES (256 * 1024)

/** Most interim answers (RFC 9110 15.2): we ask for none, a proxy may send one. */
#define AP_HEAD_MAX_INTERIM 2

/** Zeroed before the first line. */
typedef struct {
    gsize n_bytes;
    guint n_interim;
    guint status; /* of the answer being read; 0 before its first line */
    gboolean has_length;
    guint length; /* of the body in bytes */
    gboolean has_type;
    gboolean is_json;
    gboolean complete; /* the empty line after the final answer's head was seen */
} ApHead;

gboolean ap_head_add_line(ApHead *self, const char *line, gsize n_bytes) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
