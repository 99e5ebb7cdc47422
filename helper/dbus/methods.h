/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Every method of the interface, what the caller must be allowed to, and what it does.
 */

#pragma once

#include "helper/dbus/holders.h"
#include "helper/dbus/service.h"

#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/**
 * Least time between two bundles, whoever asks, in microseconds: 1 s. One takes up to 50 ms of the main
 * loop (measured, with a full record), so that a flood of calls takes a twentieth of it at most, and
 * BFD is heard in time.
 */
#define AP_BUNDLE_GAP_USEC AP_USEC_PER_SEC

/** What methods work with; all borrowed. */
typedef struct {
    const ApServiceOps *ops;
    gpointer user_data; /* for @ops */
    GDBusConnection *connection;
    const ApView *view; /* (nullable): NULL before the first turn */
    ApHolders *holders;
    gint64 *bundle_boot_usec; /* when the last bundle was written; 0: never */
} ApMethodContext;

/** What a method answers with; all zero for an answer without a value. */
typedef struct {
    GVariant *value;    /* (transfer floating) (nullable) */
    GUnixFDList *files; /* (transfer full) (nullable) what @value's handles stand for */
} ApMethodReply;

/**
 * One method.
 *
 * @action: polkit's; NULL: open to all, because it touches nothing but what the caller holds
 * @handle: sets what it has of @reply
 */
typedef struct {
    const char *name;
    const char *action;
    gboolean (*handle)(const ApMethodContext *context,
                       const char *sender,
                       GVariant *arguments,
                       ApMethodReply *reply,
                       GError **error);
} ApMethod;

const ApMethod *ap_method_find(const char *name);
gboolean ap_method_call(const ApMethod *self,
                        const ApMethodContext *context,
                        const char *sender,
                        GVariant *arguments,
                        ApMethodReply *reply,
                        GError **error);

G_END_DECLS
