/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * May this caller do that? Root may; about everybody else polkit is asked, and whatever is not a
 * clear yes is a no.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** How long polkit may take when no person is asked, in milliseconds. Source: security.md L10. */
#define AP_AUTHORITY_TIMEOUT_MSEC 30000

/** The same when a person is asked for a password. Source: as above. */
#define AP_AUTHORITY_PROMPT_MSEC 120000

/**
 * Most questions under way: in all, so that no queue grows without end (security rule B4); of one
 * user, so that nobody can use up all of them; of one caller, whose wishes come one by one.
 */
#define AP_AUTHORITY_MAX 32
#define AP_AUTHORITY_MAX_OF_USER 8
#define AP_AUTHORITY_MAX_OF_SENDER 4

/** Most password dialogs of one user at once: the tray's and a command's. */
#define AP_AUTHORITY_MAX_PROMPTS 2

typedef struct _ApAuthority ApAuthority;

/** Why not, where ApError is not precise enough for the bus. */
typedef enum {
    AP_AUTHORITY_ERROR_CHALLENGE, /* a person could allow it, and the caller does not want that */
} ApAuthorityError;

#define AP_AUTHORITY_ERROR (ap_authority_error_quark())
GQuark ap_authority_error_quark(void);

ApAuthority *
ap_authority_new(GDBusConnection *connection, int timeout_msec, int prompt_timeout_msec);
void ap_authority_check_async(ApAuthority *self,
                              const char *sender,
                              const char *action,
                              gboolean may_prompt,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
gboolean ap_authority_check_finish(GAsyncResult *result, GError **error);
guint ap_authority_count(const ApAuthority *self);
void ap_authority_free(ApAuthority *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApAuthority, ap_authority_free)

G_END_DECLS
