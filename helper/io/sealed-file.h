/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Text for somebody else to read: a file in memory that nobody can change any more.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

int ap_sealed_file_new(const char *name, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
