/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Strict JSON (RFC 8259) from strangers: the text is checked byte by byte before json-c sees it,
 * and values are read with their type and range, never coerced.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Deepest nesting that is read (security rule H3). */
#define AP_JSON_MAX_DEPTH 8

/** Most values in a small text: a request, a ledger (security rule H3). */
#define AP_JSON_MAX_VALUES 4096

/** A parsed object or array, or a value inside one; JSON's null is a NULL pointer. */
typedef struct json_object ApJson;

ApJson *ap_json_parse(const char *text, gsize n_bytes, guint max_values, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_json_free(ApJson *self);

gboolean ap_json_is_object(ApJson *self);
gboolean ap_json_is_array(ApJson *self);
gboolean ap_json_as_int(ApJson *self, gint64 min, gint64 max, gint64 *out);
gboolean ap_json_as_bool(ApJson *self, gboolean *out);
const char *ap_json_as_string(ApJson *self, gsize max_bytes);

guint ap_json_n_items(ApJson *array);
ApJson *ap_json_item(ApJson *array, guint i);

/** Is told one member of an object; @value is NULL for null. */
typedef void (*ApJsonMemberFunc)(const char *name, ApJson *value, gpointer data);

void ap_json_foreach(ApJson *object, ApJsonMemberFunc visit, gpointer data);
ApJson *ap_json_member(ApJson *object, const char *name);
ApJson *ap_json_get_array(ApJson *object, const char *name);
ApJson *ap_json_get_object(ApJson *object, const char *name);
gboolean ap_json_get_int(ApJson *object, const char *name, gint64 min, gint64 max, gint64 *out);
const char *ap_json_get_string(ApJson *object, const char *name, gsize max_bytes);
gboolean ap_json_get_bool(ApJson *object, const char *name, gboolean *out);

void ap_json_append_string(GString *out, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApJson, ap_json_free)

G_END_DECLS
