/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The one stateful orchestrator: an event makes a turn, and a turn looks at the world, plans,
 * carries the plan out and publishes the picture.
 */

#pragma once

#include "common/wireguard/wireguard.h"
#include "helper/core/policy.h"
#include "helper/core/view.h"
#include "helper/io/ledger.h"

G_BEGIN_DECLS

typedef struct _ApEngine ApEngine;

/** Called after a turn, with the picture that it left. */
typedef void (*ApEngineViewFunc)(ApView *view, gpointer user_data);

/** What an engine works with. */
typedef struct {
    ApPolicy *policy;          /* (transfer full) */
    ApWireguard *wireguard;    /* (transfer full) */
    ApLedger *ledger;          /* (transfer full) */
    const char *fetch_program; /* (not owned) absolute; static or from argv */
    ApEngineViewFunc publish;
    gpointer user_data; /* (not owned) for @publish */
} ApEngineSetup;

ApEngine *ap_engine_new(const ApEngineSetup *setup, GError **error);
void ap_engine_set_policy(ApEngine *self, ApPolicy *policy);
void ap_engine_set_mode(ApEngine *self, const ApMode *mode);
void ap_engine_resync(ApEngine *self);
char *ap_engine_write_record(const ApEngine *self);
char *ap_engine_diagnose(const ApEngine *self);
void ap_engine_stop(ApEngine *self, GSourceFunc stopped, gpointer user_data);
void ap_engine_free(ApEngine *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApEngine, ap_engine_free)

G_END_DECLS
