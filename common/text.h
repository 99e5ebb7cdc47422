/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Text of others on its way to a person. Pure.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

char *ap_text_escape(const char *text);
char *ap_text_instant(gint64 real_usec);
char *ap_text_shorten(const char *text, glong max_chars);
gboolean ap_text_is_harmless(const char *text, gsize n_bytes);

G_END_DECLS
