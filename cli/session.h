/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The helper for a program that does one thing after the other: waits where ApClient calls back.
 */

#pragma once

#include "client/client.h"

G_BEGIN_DECLS

/** Exit codes of the command line: part of its contract. */
typedef enum {
    AP_EXIT_DONE = 0,
    AP_EXIT_FAILED = 1,
    AP_EXIT_USAGE = 2,
    AP_EXIT_UNREACHABLE = 3, /* no bus, or no helper on it, or no answer */
    AP_EXIT_DENIED = 4,
} ApExit;

/** Called when the client has something new. */
typedef void (*ApSessionFunc)(gpointer user_data);

typedef struct _ApSession ApSession;

ApSession *ap_session_open(GError **error);
ApClient *ap_session_get_client(ApSession *self);
gboolean ap_session_check(ApSession *self, gboolean needs_view, GError **error);
gboolean
ap_session_follow(ApSession *self, ApSessionFunc changed, gpointer user_data, GError **error);
void ap_session_stop(ApSession *self);
void ap_session_on_result(GObject *source, GAsyncResult *result, gpointer user_data);
GAsyncResult *ap_session_wait_result(ApSession *self);
void ap_session_free(ApSession *self);

ApExit ap_session_exit_code(const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSession, ap_session_free)

G_END_DECLS
