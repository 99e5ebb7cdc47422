/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How often each caller on the bus may call: one token bucket a unique name (security rule B4).
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/** Calls that a sender may make at once. Source: security.md 3.4, B4. */
#define AP_SENDERS_BURST 40

/** Calls a second that a sender may make in the long run. Source: security.md 3.4, B4. */
#define AP_SENDERS_PER_SEC 10

/**
 * Most senders that are remembered: as many as one user may have connections to the system bus
 * (max_connections_per_user of dbus-daemon), so that one user alone cannot fill the table.
 */
#define AP_SENDERS_MAX 256

typedef struct _ApSenders ApSenders;

/** How the owner learns whom to watch; each is called once for each sender in the table. */
typedef struct {
    guint (*watch)(const char *sender, gpointer user_data);
    void (*unwatch)(guint watch, gpointer user_data);
} ApSendersOps;

ApSenders *ap_senders_new(const ApSendersOps *ops, gpointer user_data);
gboolean ap_senders_take(ApSenders *self, const char *sender, ApInstant now);
void ap_senders_forget(ApSenders *self, const char *sender);
guint ap_senders_count(const ApSenders *self);
void ap_senders_free(ApSenders *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApSenders, ap_senders_free)

G_END_DECLS
