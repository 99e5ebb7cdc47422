/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Every method of the interface, what the caller must be allowed to, and what it does.
 */

#pragma once

#include "helper/dbus/holders.h"
#include "helper/dbus/service.h"

G_BEGIN_DECLS

/** What methods work with; all borrowed. */
typedef struct {
    const ApServiceOps *ops;
    gpointer user_data; /* for @ops */
    GDBusConnection *connection;
    const ApView *view; /* (nullable): NULL before the first turn */
    ApHolders *holders;
} ApMethodContext;

/**
 * One method.
 *
 * @action: polkit's; NULL: open to all, because it touches nothing but what the caller holds
 * @handle: sets @reply (transfer floating) or leaves it NULL for an answer without a value
 */
typedef struct {
    const char *name;
    const char *action;
    gboolean (*handle)(const ApMethodContext *context,
                       const char *sender,
                       GVariant *arguments,
                       GVariant **reply,
                       GError **error);
} ApMethod;

const ApMethod *ap_method_find(const char *name);
gboolean ap_method_call(const ApMethod *self,
                        const ApMethodContext *context,
                        const char *sender,
                        GVariant *arguments,
                        GVariant **reply,
                        GError **error);

G_END_DECLS
