/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the tray remembers of its person, in a key file of theirs.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    gboolean notifications; /* they are wanted */
    gboolean told_no_icon;  /* it was said why there is no icon */
} ApSettings;

void ap_settings_load(ApSettings *self);
gboolean ap_settings_save(const ApSettings *self, GError **error);

G_END_DECLS
