/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The few keys of the configuration that may be set over the bus, and the file that keeps them.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *ap_settings_path(const char *directory);
gboolean ap_settings_set(const char *directory, const char *name, GVariant *value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
