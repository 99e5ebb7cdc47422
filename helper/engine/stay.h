/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether the helper is wanted, and when it leaves: somebody holds it, or it is here for good.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * How long a helper that nobody wants stays, in seconds. Not less: a tray that is restarted, or a
 * user who logs in again, would start it more often than systemd lets it (StartLimitBurst= of the
 * unit). Source: decisions.md 24.
 */
#define AP_STAY_IDLE_SEC 30

typedef struct _ApStay ApStay;

/** Both are called from the main loop or from inside a function of ApStay. */
typedef struct {
    void (*wanted)(gboolean wanted, gpointer user_data); /* it became other than it was */
    void (*leave)(gpointer user_data);                   /* unwanted for the whole time */
} ApStayOps;

ApStay *ap_stay_new(const ApStayOps *ops, guint idle_sec, gpointer user_data);
void ap_stay_set_for_good(ApStay *self, gboolean for_good);
void ap_stay_set_held(ApStay *self, gboolean held);
void ap_stay_begin(ApStay *self, GDBusConnection *bus);
gboolean ap_stay_is_wanted(const ApStay *self);
void ap_stay_free(ApStay *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApStay, ap_stay_free)

G_END_DECLS
