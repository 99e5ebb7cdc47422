/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of a client share: client.c, the mirror, and client-wishes.c.
 */

#pragma once

#include "client/client.h"

G_BEGIN_DECLS

/** Whether we keep the helper at work; calls under way share it, and outlive the client. */
typedef struct {
    gboolean wanted;
    gboolean held;
    guint n_calls; /* Activate under way */
} ApClientHold;

struct _ApClient {
    GDBusConnection *connection; /* (owned) */
    ApClientHold *hold;          /* (owned) reference-counted */
    ApClientFunc changed;
    gpointer user_data;
    guint name_watch;
    ApClientState state;
    ApClientView *view; /* (owned) (nullable) */
    GError *error;      /* (owned) (nullable) */

    /* of the helper that is there now */
    char *owner; /* (owned) (nullable) unique name */
    guint subscription;
    GCancellable *cancellable; /* (owned) (nullable) for fetches under way */
    GVariant *properties;      /* (owned) (nullable) of the fetch under way */
    gboolean fetching;
    gboolean stale; /* something changed since the fetch under way began */
    guint timer;    /* 0: none; runs for FETCH_GAP_MSEC after a fetch began */
};

ApClientHold *ap_client_hold_new(void);
void ap_client_hold_unref(gpointer hold);
void ap_client_lose_hold(ApClient *self);
void ap_client_renew_hold(ApClient *self);

G_END_DECLS
