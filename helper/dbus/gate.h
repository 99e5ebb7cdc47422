/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Keeps the queue of calls short: whoever has many calls waiting, or has used up its limit, is
 * refused before another one is queued, so that others are served soon, however much one shouts.
 */

#pragma once

#include "common/instant.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * Most calls of one sender that wait for the main loop: as many as it may make at once
 * (AP_SENDERS_BURST). With every connection that a user may have, about 10,000 calls wait, which
 * are refused within half a second.
 */
#define AP_GATE_MAX 40

typedef struct _ApGate ApGate;

ApGate *ap_gate_new(GDBusConnection *connection);
void ap_gate_close_for(ApGate *self, const char *sender, ApInstant now);
void ap_gate_free(ApGate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGate, ap_gate_free)

G_END_DECLS
