/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One call of a method of the helper, with the errors of the bus in our own words.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * How long a call may take, in milliseconds: the helper answers from memory, and a person waits.
 */
#define AP_REMOTE_TIMEOUT_MSEC 5000

void ap_remote_call_async(GDBusConnection *connection,
                          const char *owner,
                          const char *interface,
                          const char *method,
                          GVariant *arguments,
                          const char *reply_type,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
GVariant *ap_remote_call_finish(GAsyncResult *result, GError **error);

G_END_DECLS
