/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Text that is kept in less room than it has letters.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

GBytes *ap_packed_text_new(const char *text, gsize n_bytes);
void ap_packed_text_append_to(GBytes *self, GString *out);

G_END_DECLS
