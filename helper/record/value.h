/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One value as one word of text, in the form in which people know it, and back.
 */

#pragma once

#include "helper/record/fields.h"

G_BEGIN_DECLS

/** Longest text of one value, with its final NUL: an endpoint has 66, a key 44 characters. */
#define AP_VALUE_TEXT_LEN 128

/** Which kind of value: what a field says of its elements. */
typedef struct {
    ApFieldType type;
    guint size; /* in bytes */
    ApWords words;
} ApValueKind;

void ap_value_write(const ApValueKind *kind, gconstpointer value, GString *out);
gboolean ap_value_read(const ApValueKind *kind, const char *text, gpointer out);
gboolean ap_value_equal(const ApValueKind *kind, gconstpointer a, gconstpointer b);
int ap_value_compare(const ApValueKind *kind, gconstpointer a, gconstpointer b);

void ap_value_write_name(const char *name, GString *out);
char *ap_value_read_name(const char *text, gsize max_len);

G_END_DECLS
