/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The configuration of wirelink as ours. Pure.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *ap_import_tunnel(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *ap_import_wirelink(const char *tunnel,
                         const char *text,
                         gsize n_bytes,
                         GPtrArray *warnings,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
