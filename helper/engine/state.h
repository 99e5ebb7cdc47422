/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What must survive a reboot: whether the user switched the helper off, or paused it.
 */

#pragma once

#include "helper/core/mode.h"

G_BEGIN_DECLS

void ap_state_load(const char *directory, ApMode *mode, ApInstant now);
gboolean ap_state_save(const char *directory, const ApMode *mode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
