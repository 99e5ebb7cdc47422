/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether the administrator enabled the helper's unit, so that it is to run for good.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

void ap_unit_is_enabled_async(GDBusConnection *connection,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean ap_unit_is_enabled_finish(GAsyncResult *result, gboolean *enabled);

G_END_DECLS
