/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What must survive a reboot: whether the user switched the helper off.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean ap_state_load_enabled(const char *directory, gboolean otherwise);
gboolean ap_state_save_enabled(const char *directory, gboolean enabled, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
