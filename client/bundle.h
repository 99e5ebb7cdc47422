/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a helper writes for those who are to find out what went wrong.
 */

#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/**
 * Longest bundle that is taken, in bytes: several times what a helper keeps for one, so that a
 * later version may keep more.
 */
#define AP_CLIENT_MAX_BUNDLE (4 * 1024 * 1024)

char *ap_client_bundle_read(GVariant *reply, GUnixFDList *files, GError **error);

G_END_DECLS
