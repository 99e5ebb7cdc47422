/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Takes from this process everything that reading HTTP does not need.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Walls that a kernel, or a build with sanitizers, may not have. */
typedef enum {
    AP_SANDBOX_LANDLOCK = 1 << 0,
    AP_SANDBOX_SECCOMP = 1 << 1,
} ApSandboxWall;

gboolean ap_sandbox_enter(guint *missing, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
