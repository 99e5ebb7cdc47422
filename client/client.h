/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A mirror of the helper on the system bus: finds it, loses it, finds it again, and has its last
 * view at hand. Nothing but ap_client_activate_async() starts the helper.
 */

#pragma once

#include "client/view.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _ApClient ApClient;

/** What is known of the helper. */
typedef enum {
    AP_CLIENT_LOOKING, /* the first answer is not there yet */
    AP_CLIENT_ABSENT,  /* nobody has the helper's name */
    AP_CLIENT_READY,   /* ap_client_get_view() has a view */
    AP_CLIENT_FAILED,  /* it is there, and ap_client_get_error() says why there is no view */
} ApClientState;

/** Called from the main loop after the state or the view changed, never from inside a call. */
typedef void (*ApClientFunc)(ApClient *self, gpointer user_data);

ApClient *ap_client_new(GDBusConnection *connection, ApClientFunc changed, gpointer user_data);
ApClientState ap_client_get_state(const ApClient *self);
ApClientView *ap_client_get_view(const ApClient *self);
const GError *ap_client_get_error(const ApClient *self);
void ap_client_look_again(ApClient *self);
void ap_client_free(ApClient *self);

void ap_client_activate_async(ApClient *self,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
void ap_client_release(ApClient *self);
gboolean ap_client_is_holding(const ApClient *self);

void ap_client_resync_async(ApClient *self,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
void ap_client_set_enabled_async(ApClient *self,
                                 gboolean enabled,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
void ap_client_pause_async(ApClient *self,
                           const char *scope,
                           guint64 seconds,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
void ap_client_set_option_async(ApClient *self,
                                const char *name,
                                GVariant *value,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean ap_client_wish_finish(GAsyncResult *result, GError **error);

void ap_client_explain_async(ApClient *self,
                             const char *peer,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
GPtrArray *ap_client_explain_finish(GAsyncResult *result, GError **error);

void ap_client_diagnose_async(ApClient *self,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
char *ap_client_diagnose_finish(GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApClient, ap_client_free)

G_END_DECLS
