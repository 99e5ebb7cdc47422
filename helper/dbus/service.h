/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper on the system bus: asks polkit, answers from the last view, hands wishes to the
 * engine.
 */

#pragma once

#include "helper/core/view.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _ApService ApService;

/** What the engine can be asked to do; each returns at once. */
typedef struct {
    void (*resync)(gpointer user_data);
    gboolean (*set_enabled)(gboolean enabled, gpointer user_data, GError **error);
    gboolean (*pause)(const char *scope, guint64 seconds, gpointer user_data, GError **error);
    gboolean (*set_option)(const char *name, GVariant *value, gpointer user_data, GError **error);
    void (*set_held)(gboolean held, gpointer user_data); /* somebody, or nobody any more */
    char *(*diagnose)(gpointer user_data); /* (transfer full) UTF-8 that everybody may read */
} ApServiceOps;

ApService *ap_service_new(const ApServiceOps *ops, gpointer user_data);
gboolean ap_service_export(ApService *self, GDBusConnection *connection, GError **error);
void ap_service_publish(ApService *self, ApView *view);
guint ap_service_count_senders(const ApService *self);
guint ap_service_count_pending(const ApService *self);
void ap_service_free(ApService *self);

void ap_service_own_async(GDBusConnection *connection,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
gboolean ap_service_own_finish(GAsyncResult *result, GError **error);
void ap_service_disown_async(GDBusConnection *connection,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
gboolean ap_service_disown_finish(GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApService, ap_service_free)

G_END_DECLS
