/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the helper may do: CAP_NET_ADMIN, and nothing else.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean ap_privileges_check(GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_privileges_prepare_directory(const char *path, const char *user, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_privileges_reduce(const char *user, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
