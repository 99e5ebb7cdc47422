/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which tunnels wg-quick writes back into its configuration when it takes them down
 * (SaveConfig=true): peers that we had added would stay there for good.
 *
 * The helper cannot read those files, which hold private keys. It reads the names of the tunnels,
 * written by a program that can, and does nothing else.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Where wg-quick(8) looks for NAME.conf. */
#define AP_SURVEY_DIR "/etc/wireguard"

gboolean ap_survey_says_save(const char *text);
gboolean ap_survey_write(const char *directory, const char *path, GError **error);
GPtrArray *ap_survey_load(const char *path);

G_END_DECLS
