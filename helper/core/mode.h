/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the people of this machine want of the helper: at work, switched off, paused.
 */

#pragma once

#include "common/instant.h"
#include "helper/core/reason.h"

G_BEGIN_DECLS

/** Longest pause by time, in seconds: a year. Who wants more switches off. */
#define AP_PAUSE_MAX_SEC (366 * 24 * 3600)

/** What ends a pause by itself. */
typedef enum {
    AP_PAUSE_NONE,    /* there is no pause */
    AP_PAUSE_NETWORK, /* another network */
    AP_PAUSE_TIME,    /* time */
    AP_PAUSE_RESUME,  /* nothing */
} ApPauseScope;

typedef struct {
    gboolean switched_on; /* the switch; a pause leaves it as it is */
    gboolean wanted;      /* somebody holds the helper, or it is here for good */
    ApPauseScope pause;
    gint64 until_boot_usec; /* of AP_PAUSE_TIME: this decides … */
    gint64 until_real_usec; /* … and this is shown, and kept beyond a restart */
    guint64 network; /* of AP_PAUSE_NETWORK: ap_uplink_fingerprint(); 0: the next one counts */
} ApMode;

/** On which network we are. */
typedef struct {
    guint64 network; /* ap_uplink_fingerprint(); 0: on none */
    gint64 since_boot_usec;
} ApWhere;

ApReason ap_mode_why_off(const ApMode *self);
gboolean ap_mode_start_pause(ApMode *self, ApPauseScope scope, guint64 sec, ApInstant now);
void ap_mode_end_pause(ApMode *self);
void ap_mode_restore_pause(ApMode *self, ApInstant now);
gint64 ap_mode_wake_at(const ApMode *self, const ApWhere *where);
gboolean ap_mode_step(ApMode *self, const ApWhere *where, ApInstant now);

const char *ap_pause_scope_name(ApPauseScope scope);
gboolean ap_pause_scope_parse(const char *name, ApPauseScope *out);

G_END_DECLS
