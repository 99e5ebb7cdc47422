/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One description of every struct that the planner reads or answers: its members by name, place
 * and kind. Writer and reader both follow it, so that they cannot differ.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    AP_FIELD_FLAG,         /* a gboolean: "yes", "no" */
    AP_FIELD_NUMBER,       /* unsigned, of 1, 2, 4 or 8 bytes */
    AP_FIELD_TIME,         /* gint64 in microseconds: an instant or a length; "never" */
    AP_FIELD_FINGERPRINT,  /* guint64 that is only compared: "#0123456789abcdef" */
    AP_FIELD_WORD,         /* an enum, by its words */
    AP_FIELD_NAME,         /* char[] with a final NUL: an interface */
    AP_FIELD_KEY,          /* ApKey */
    AP_FIELD_ADDR,         /* ApAddr */
    AP_FIELD_CIDR,         /* ApCidr */
    AP_FIELD_ENDPOINT,     /* ApEndpoint */
    AP_FIELD_LINK_ADDRESS, /* ApLinkAddress: "192.0.2.7/24/0" */
    AP_FIELD_PIN,          /* ApPin: "192.0.2.7@1234567" */
    AP_FIELD_NAMES,        /* GPtrArray of interfaces' names */
    AP_FIELD_LINES,        /* GPtrArray of structs that stand on lines of their own */
    AP_FIELD_UNREAD,       /* never written: the planner does not look at it */
    AP_N_FIELD_TYPES,
} ApFieldType;

typedef enum {
    AP_FIELD_ONE,     /* a value */
    AP_FIELD_SEVERAL, /* a C array of values, with a count beside it */
    AP_FIELD_ARRAY,   /* a GArray of values */
} ApFieldForm;

/** Enums that have words here. */
typedef enum {
    AP_WORDS_NONE,
    AP_WORDS_REASON,
    AP_WORDS_LINK_KIND,
    AP_WORDS_PATH_STATE,
    AP_WORDS_EVIDENCE,
    AP_WORDS_PRESENCE,
    AP_WORDS_PROOF,
    AP_WORDS_CHANGE,
    AP_WORDS_BACKEND,
    AP_WORDS_MANAGE,
    AP_WORDS_SCOPE,
    AP_WORDS_TRUST,
    AP_WORDS_PAUSE,
    AP_N_WORDS,
} ApWords;

/** A member of a struct. */
typedef struct {
    const char *name;
    ApFieldType type;
    ApFieldForm form;
    guint offset;       /* in the struct, in bytes */
    guint size;         /* of the member, in bytes */
    guint count_offset; /* AP_FIELD_SEVERAL: of the guint that tells how many are set */
    ApWords words;      /* AP_FIELD_WORD */
} ApField;

/** A struct. The first @n_ids fields tell which item it is; 0: only its place in a list does. */
typedef struct {
    const char *name; /* the first word of its lines */
    guint size;       /* in bytes */
    guint n_ids;
    guint n_fields;
    const ApField *fields;
} ApTable;

const char *ap_word(ApWords words, guint value) G_GNUC_CONST;
guint ap_field_unit(const ApField *self) G_GNUC_PURE;

void ap_field_write(const ApField *self, gconstpointer item, GString *out);
gboolean ap_field_read(const ApField *self, gpointer item, const char *text);
gboolean ap_field_equal(const ApField *self, gconstpointer a, gconstpointer b);

int ap_table_compare(const ApTable *self, gconstpointer a, gconstpointer b);
gboolean ap_table_equal(const ApTable *self, gconstpointer a, gconstpointer b);
void ap_table_write_ids(const ApTable *self, gconstpointer item, GString *out);
guint ap_table_write(const ApTable *self, gconstpointer old, gconstpointer item, GString *out);
gboolean ap_table_read(const ApTable *self, gpointer item, const char *token);

gpointer ap_table_new_item(const ApTable *self);
void ap_table_clear_item(const ApTable *self, gpointer item);

G_END_DECLS
