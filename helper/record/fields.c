/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/fields.h"

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"
#include "helper/core/world.h"
#include "helper/record/value.h"

#include <string.h>

/** What an item is compared with that nobody wrote before: as large as the largest struct. */
static const guint64 zeros[128];

/* The values of one field. */
typedef struct {
    const guint8 *data;
    guint n;
} Values;

/** Tells how large one element of a field is, in bytes. */
guint
ap_field_unit(const ApField *self)
{
    switch (self->type) {
    case AP_FIELD_KEY:
        return sizeof(ApKey);
    case AP_FIELD_ADDR:
        return sizeof(ApAddr);
    case AP_FIELD_CIDR:
        return sizeof(ApCidr);
    case AP_FIELD_ENDPOINT:
        return sizeof(ApEndpoint);
    case AP_FIELD_LINK_ADDRESS:
        return sizeof(ApLinkAddress);
    case AP_FIELD_PIN:
        return sizeof(ApPin);
    case AP_FIELD_TIME:
    case AP_FIELD_FINGERPRINT:
        return sizeof(gint64);
    case AP_FIELD_FLAG:
    case AP_FIELD_NUMBER:
    case AP_FIELD_WORD:
    case AP_FIELD_NAME:
    case AP_FIELD_NAMES:
    case AP_FIELD_LINES:
    case AP_FIELD_UNREAD:
    case AP_N_FIELD_TYPES:
        break;
    }
    return self->size;
}

static ApValueKind
kind_of(const ApField *self)
{
    return (ApValueKind){.type = self->type, .size = ap_field_unit(self), .words = self->words};
}

static gpointer
member(const ApField *self, gpointer item)
{
    return (guint8 *) item + self->offset;
}

static gpointer
pointer_at(const ApField *self, gconstpointer item)
{
    return *(gpointer const *) (const void *) ((const guint8 *) item + self->offset);
}

static guint *
count_of(const ApField *self, gpointer item)
{
    return (guint *) (void *) ((guint8 *) item + self->count_offset);
}

static Values
values_of(const ApField *self, gconstpointer item)
{
    const guint8 *at = (const guint8 *) item + self->offset;
    const GArray *array;

    switch (self->form) {
    case AP_FIELD_ONE:
        break;
    case AP_FIELD_SEVERAL:
        return (Values){.data = at, .n = *count_of(self, (gpointer) item)};
    case AP_FIELD_ARRAY:
        array = pointer_at(self, item);
        return array != NULL ? (Values){.data = (const guint8 *) array->data, .n = array->len}
                             : (Values){.data = NULL};
    }
    return (Values){.data = at, .n = 1};
}

static gboolean
is_written(const ApField *self)
{
    return self->type != AP_FIELD_LINES && self->type != AP_FIELD_UNREAD;
}

static gboolean
names_equal(const GPtrArray *a, const GPtrArray *b)
{
    const guint n_a = a != NULL ? a->len : 0;
    const guint n_b = b != NULL ? b->len : 0;

    if (n_a != n_b)
        return FALSE;
    for (guint i = 0; i < n_a; i++) {
        if (strcmp(a->pdata[i], b->pdata[i]) != 0)
            return FALSE;
    }
    return TRUE;
}

static void
write_names(const GPtrArray *names, GString *out)
{
    for (guint i = 0; names != NULL && i < names->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        ap_value_write_name(names->pdata[i], out);
    }
}

/** Appends the value of a field; elements of a list with commas between them. */
void
ap_field_write(const ApField *self, gconstpointer item, GString *out)
{
    const ApValueKind kind = kind_of(self);
    Values values;

    if (self->type == AP_FIELD_NAMES) {
        write_names(pointer_at(self, item), out);
        return;
    }

    values = values_of(self, item);
    for (guint i = 0; i < values.n; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        ap_value_write(&kind, values.data + i * kind.size, out);
    }
}

/** Tells whether a field says the same of two items. */
gboolean
ap_field_equal(const ApField *self, gconstpointer a, gconstpointer b)
{
    const ApValueKind kind = kind_of(self);
    Values x, y;

    if (self->type == AP_FIELD_NAMES)
        return names_equal(pointer_at(self, a), pointer_at(self, b));

    x = values_of(self, a);
    y = values_of(self, b);
    if (x.n != y.n)
        return FALSE;
    for (guint i = 0; i < x.n; i++) {
        if (!ap_value_equal(&kind, x.data + i * kind.size, y.data + i * kind.size))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_names(const ApField *self, gpointer item, char *const *words)
{
    GPtrArray *names = pointer_at(self, item);

    g_ptr_array_set_size(names, 0);
    for (guint i = 0; words[i] != NULL; i++) {
        char *name = ap_value_read_name(words[i], AP_VALUE_TEXT_LEN);

        if (name == NULL)
            return FALSE;
        g_ptr_array_add(names, name);
    }
    return TRUE;
}

static gboolean
read_several(const ApField *self, gpointer item, char *const *words)
{
    const ApValueKind kind = kind_of(self);
    const guint n_max = self->size / kind.size;
    guint n;

    for (n = 0; words[n] != NULL; n++) {
        if (n == n_max
            || !ap_value_read(&kind, words[n], (guint8 *) member(self, item) + n * kind.size))
            return FALSE;
    }
    *count_of(self, item) = n;
    return TRUE;
}

static gboolean
read_array(const ApField *self, gpointer item, char *const *words)
{
    const ApValueKind kind = kind_of(self);
    GArray *array = pointer_at(self, item);

    g_array_set_size(array, 0);
    for (guint n = 0; words[n] != NULL; n++) {
        g_array_set_size(array, n + 1);
        if (!ap_value_read(&kind, words[n], array->data + n * kind.size))
            return FALSE;
    }
    return TRUE;
}

/**
 * Reads what ap_field_write() wrote.
 *
 * @item: made by ap_table_new_item(); when the function fails, the field says anything that is
 *     well-formed
 * @text: from a file that anybody may have written
 *
 * Returns: FALSE when @text is no such value
 */
gboolean
ap_field_read(const ApField *self, gpointer item, const char *text)
{
    const ApValueKind kind = kind_of(self);
    g_auto(GStrv) words = NULL;
    guint64 buffer[AP_VALUE_TEXT_LEN / sizeof(guint64)];

    if (!is_written(self))
        return FALSE;
    if (self->form == AP_FIELD_ONE && self->type != AP_FIELD_NAMES) {
        if (!ap_value_read(&kind, text, buffer))
            return FALSE;
        memcpy(member(self, item), buffer, kind.size);
        return TRUE;
    }

    words = g_strsplit(text, ",", -1);
    if (self->type == AP_FIELD_NAMES)
        return read_names(self, item, words);
    return self->form == AP_FIELD_SEVERAL ? read_several(self, item, words)
                                          : read_array(self, item, words);
}

/** Orders two items by what identifies them, as the lists of a world are ordered. */
int
ap_table_compare(const ApTable *self, gconstpointer a, gconstpointer b)
{
    for (guint i = 0; i < self->n_ids; i++) {
        const ApField *field = &self->fields[i];
        const ApValueKind kind = kind_of(field);
        const int order = ap_value_compare(&kind,
                                           (const guint8 *) a + field->offset,
                                           (const guint8 *) b + field->offset);

        if (order != 0)
            return order;
    }
    return 0;
}

/** Tells whether two items are the same in all that is written of them. */
gboolean
ap_table_equal(const ApTable *self, gconstpointer a, gconstpointer b)
{
    for (guint i = 0; i < self->n_fields; i++) {
        if (is_written(&self->fields[i]) && !ap_field_equal(&self->fields[i], a, b))
            return FALSE;
    }
    return TRUE;
}

/** Appends what identifies an item, each value after a space. */
void
ap_table_write_ids(const ApTable *self, gconstpointer item, GString *out)
{
    for (guint i = 0; i < self->n_ids; i++) {
        g_string_append_c(out, ' ');
        ap_field_write(&self->fields[i], item, out);
    }
}

/**
 * Appends " name=value" for each field in which two items differ, those that identify them apart.
 *
 * @old: (nullable): NULL is an item that is zero all over
 *
 * Returns: how many fields were written
 */
guint
ap_table_write(const ApTable *self, gconstpointer old, gconstpointer item, GString *out)
{
    gconstpointer before = old != NULL ? old : zeros;
    guint n = 0;

    g_return_val_if_fail(self->size <= sizeof(zeros), 0);

    for (guint i = self->n_ids; i < self->n_fields; i++) {
        const ApField *field = &self->fields[i];

        if (!is_written(field) || ap_field_equal(field, before, item))
            continue;
        g_string_append_c(out, ' ');
        g_string_append(out, field->name);
        g_string_append_c(out, '=');
        ap_field_write(field, item, out);
        n++;
    }
    return n;
}

/**
 * Reads one "name=value" into an item. A value that stands alone is no such token.
 *
 * Returns: FALSE when the table has no such field, or the field no such value
 */
gboolean
ap_table_read(const ApTable *self, gpointer item, const char *token)
{
    const char *sign = strchr(token, '=');
    const gsize len = sign != NULL ? (gsize) (sign - token) : 0;

    for (guint i = self->n_ids; len > 0 && i < self->n_fields; i++) {
        const ApField *field = &self->fields[i];

        if (strlen(field->name) == len && strncmp(field->name, token, len) == 0)
            return ap_field_read(field, item, sign + 1);
    }
    return FALSE;
}

/**
 * Makes an item that says nothing: zero, and its lists empty.
 *
 * Returns: (transfer full): to be given to ap_table_clear_item(), then to g_free()
 */
gpointer
ap_table_new_item(const ApTable *self)
{
    gpointer item = g_malloc0(self->size);

    for (guint i = 0; i < self->n_fields; i++) {
        const ApField *field = &self->fields[i];
        gpointer *at = member(field, item);

        if (field->form == AP_FIELD_ARRAY)
            *at = g_array_new(FALSE, TRUE, ap_field_unit(field));
        else if (field->type == AP_FIELD_NAMES)
            *at = g_ptr_array_new_with_free_func(g_free);
        else if (field->type == AP_FIELD_LINES)
            *at = g_ptr_array_new();
    }
    return item;
}

/** Frees the lists of an item; not the items in them that stand on lines of their own. */
void
ap_table_clear_item(const ApTable *self, gpointer item)
{
    for (guint i = 0; i < self->n_fields; i++) {
        const ApField *field = &self->fields[i];
        gpointer *at = member(field, item);

        if (field->form == AP_FIELD_ARRAY)
            g_clear_pointer((GArray **) at, g_array_unref);
        else if (field->type == AP_FIELD_NAMES || field->type == AP_FIELD_LINES)
            g_clear_pointer((GPtrArray **) at, g_ptr_array_unref);
    }
}
