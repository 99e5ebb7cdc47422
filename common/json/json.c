/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/json/json.h"

#include "common/error.h"
#include "common/json/scan.h"

#include <json-c/json.h>

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)

/* Members of all objects in the tree, each name counted once per object. */
static guint
count_members(ApJson *self)
{
    guint n = 0;

    if (ap_json_is_array(self)) {
        for (guint i = 0; i < ap_json_n_items(self); i++)
            n += count_members(ap_json_item(self, i));
    } else if (ap_json_is_object(self)) {
        json_object_object_foreach(self, name, value)
        {
            (void) name;
            n += 1 + count_members(value);
        }
    }
    return n;
}

/**
 * Parses one JSON object or array.
 *
 * @text: @n_bytes bytes from an untrusted source; needs no final NUL
 * @max_values: most values of any kind in it, such as AP_JSON_MAX_VALUES
 * @error: AP_ERROR_INVALID for everything that is not strict JSON: see ap_json_scan(), and two
 *     members of one object with the same name, however it is spelled
 *
 * Duplicate names are found by counting: json-c keeps one member of a name, so a tree with
 * fewer members than the text had duplicates.
 *
 * Returns: (transfer full): to be freed with ap_json_free()
 */
ApJson *
ap_json_parse(const char *text, gsize n_bytes, guint max_values, GError **error)
{
    g_autoptr(json_tokener) tokener = json_tokener_new_ex(AP_JSON_MAX_DEPTH + 2);
    ApJsonScan scan;

    if (n_bytes > G_MAXINT) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "the text is too long");
        return NULL;
    }
    if (!ap_json_scan(&scan, text, n_bytes, AP_JSON_MAX_DEPTH, max_values, error))
        return NULL;

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    g_autoptr(ApJson) self = json_tokener_parse_ex(tokener, text + scan.start, (int) scan.n_bytes);

    if (self == NULL || json_tokener_get_parse_end(tokener) != scan.n_bytes) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "%s",
                    json_tokener_error_desc(json_tokener_get_error(tokener)));
        return NULL;
    }
    if (count_members(self) != scan.n_members) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "two members of the same name");
        return NULL;
    }

    return g_steal_pointer(&self);
}

/**
 * Frees what ap_json_parse() returned; not for values inside it.
 */
void
ap_json_free(ApJson *self)
{
    (void) json_object_put(self);
}

/** @self: (nullable): NULL is JSON's null. Returns: whether it is an object */
gboolean
ap_json_is_object(ApJson *self)
{
    return json_object_is_type(self, json_type_object);
}

/** @self: (nullable): NULL is JSON's null. Returns: whether it is an array */
gboolean
ap_json_is_array(ApJson *self)
{
    return json_object_is_type(self, json_type_array);
}

/**
 * Reads an integer that was written as one: no fraction, no exponent, no quotes.
 *
 * @self: (nullable): any value
 * @min: lowest value that is taken, above G_MININT64: json-c saturates there
 * @max: highest value that is taken, below G_MAXINT64
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_as_int(ApJson *self, gint64 min, gint64 max, gint64 *out)
{
    g_return_val_if_fail(min > G_MININT64 && max < G_MAXINT64, FALSE);

    if (!json_object_is_type(self, json_type_int))
        return FALSE;

    const gint64 value = json_object_get_int64(self);
    if (value < min || value > max)
        return FALSE;

    *out = value;
    return TRUE;
}

/**
 * Reads a string.
 *
 * @self: (nullable): any value
 * @max_bytes: longest string that is taken
 *
 * Returns: (transfer none) (nullable): UTF-8 that lives as long as the tree; NULL when @self
 *     is no string or too long
 */
const char *
ap_json_as_string(ApJson *self, gsize max_bytes)
{
    if (!json_object_is_type(self, json_type_string)
        || (gsize) json_object_get_string_len(self) > max_bytes)
        return NULL;

    return json_object_get_string(self);
}

/**
 * Counts the items of @array; 0 when it is none.
 */
guint
ap_json_n_items(ApJson *array)
{
    return ap_json_is_array(array) ? (guint) json_object_array_length(array) : 0;
}

/**
 * Returns: (transfer none) (nullable): item @i, which must be below ap_json_n_items()
 */
ApJson *
ap_json_item(ApJson *array, guint i)
{
    return json_object_array_get_idx(array, i);
}

/**
 * Calls @visit for each member of an object, in the order of the text.
 *
 * @object: (nullable): any value; nothing happens unless it is an object
 */
void
ap_json_foreach(ApJson *object, ApJsonMemberFunc visit, gpointer data)
{
    if (!ap_json_is_object(object))
        return;

    json_object_object_foreach(object, name, value)
    {
        visit(name, value, data);
    }
}

/**
 * Finds a member.
 *
 * @object: (nullable): any value
 *
 * Returns: (transfer none) (nullable): NULL when @object is none, has no such member, or the
 *     member is null
 */
ApJson *
ap_json_member(ApJson *object, const char *name)
{
    ApJson *value = NULL;

    if (!ap_json_is_object(object) || !json_object_object_get_ex(object, name, &value))
        return NULL;
    return value;
}

/**
 * Returns: (transfer none) (nullable): the member @name if it is an array
 */
ApJson *
ap_json_get_array(ApJson *object, const char *name)
{
    ApJson *value = ap_json_member(object, name);

    return ap_json_is_array(value) ? value : NULL;
}

/**
 * Returns: (transfer none) (nullable): the member @name if it is an object
 */
ApJson *
ap_json_get_object(ApJson *object, const char *name)
{
    ApJson *value = ap_json_member(object, name);

    return ap_json_is_object(value) ? value : NULL;
}

/**
 * Reads the member @name as ap_json_as_int() does.
 */
gboolean
ap_json_get_int(ApJson *object, const char *name, gint64 min, gint64 max, gint64 *out)
{
    return ap_json_as_int(ap_json_member(object, name), min, max, out);
}

/**
 * Reads the member @name as ap_json_as_string() does.
 */
const char *
ap_json_get_string(ApJson *object, const char *name, gsize max_bytes)
{
    return ap_json_as_string(ap_json_member(object, name), max_bytes);
}

/**
 * Reads true or false.
 *
 * @self: (nullable): any value
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_as_bool(ApJson *self, gboolean *out)
{
    if (!json_object_is_type(self, json_type_boolean))
        return FALSE;

    *out = json_object_get_boolean(self) != 0;
    return TRUE;
}

/**
 * Reads the member @name as ap_json_as_bool() does.
 */
gboolean
ap_json_get_bool(ApJson *object, const char *name, gboolean *out)
{
    return ap_json_as_bool(ap_json_member(object, name), out);
}

/**
 * Appends @text as a JSON string, with its quotes.
 *
 * @text: valid UTF-8
 */
void
ap_json_append_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(out, "\\%c", *c);
        else if ((guchar) *c < 0x20)
            g_string_append_printf(out, "\\u%04x", (guint) (guchar) *c);
        else
            g_string_append_c(out, *c);
    }
    g_string_append_c(out, '"');
}
