/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Who keeps the helper at work: each for its own life on the bus.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * Most callers that hold the helper at once. A user's tray is one; a seat has a handful of users.
 * Source: security.md 2.1, L2.
 */
#define AP_HOLDERS_MAX 16

typedef struct _ApHolders ApHolders;

/** Called when the first one comes and when the last one goes. */
typedef void (*ApHoldersFunc)(gboolean held, gpointer user_data);

ApHolders *ap_holders_new(ApHoldersFunc changed, gpointer user_data);
gboolean
ap_holders_add(ApHolders *self, GDBusConnection *connection, const char *sender, GError **error);
void ap_holders_remove(ApHolders *self, const char *sender);
void ap_holders_free(ApHolders *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApHolders, ap_holders_free)

G_END_DECLS
