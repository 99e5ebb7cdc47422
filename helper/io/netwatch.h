/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Watches links, addresses and default routes through rtnetlink, and what NetworkManager adds
 * to them where it runs; reports one merged, settled list.
 */

#pragma once

#include "helper/core/link.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _ApNetwatch ApNetwatch;

/** Called from the main loop after the list of links changed, never from inside a call. */
typedef void (*ApNetwatchFunc)(gpointer user_data);

ApNetwatch *ap_netwatch_new(ApNetwatchFunc changed, gpointer user_data, GError **error);
const GPtrArray *ap_netwatch_get_links(ApNetwatch *self);
const char *ap_netwatch_get_manager_version(const ApNetwatch *self);
gboolean ap_netwatch_refresh(ApNetwatch *self, GError **error);
void ap_netwatch_free(ApNetwatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApNetwatch, ap_netwatch_free)

G_END_DECLS
