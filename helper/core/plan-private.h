/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of a plan share: plan.c, which leads through it; subjects.c, who may be used;
 * speech.c, from which address BFD is spoken, and with whom; loans.c, which peers of others
 * get an address for gossip.
 */

#pragma once

#include "helper/core/guard.h"
#include "helper/core/path.h"
#include "helper/core/plan.h"

G_BEGIN_DECLS

/** One candidate, owned peer or both, on its way through the plan. */
typedef struct {
    guint32 ifindex;
    ApKey key;
    const ApDevice *device;       /* (nullable) */
    const ApTunnel *tunnel;       /* (nullable) with @device */
    const ApOwned *owned;         /* (nullable) what the ledger says, if that device is meant */
    const ApCandidate *candidate; /* (nullable) */
    const ApDevicePeer *peer;     /* (nullable) ours, as the device has it */
    const ApProof *proof;
    ApAdmission admission;
    ApReason refusal; /* why it may not be used; AP_REASON_NONE: it may */
    ApPath path;
    ApPathStep step;
} ApSubject;

/** Everything that one call works on. */
typedef struct {
    ApWorld world;          /* (owned) sorted */
    const ApPolicy *policy; /* (not owned) outlives us: lives for one call */
    ApInstant now;
    guint64 network;  /* fingerprint of the uplinks; 0: none */
    ApGuard *guard;   /* (owned) */
    GArray *subjects; /* (owned) (element-type ApSubject) by index, key */
    guint n_starts;   /* tries that may still be started */
    ApPlan *plan;     /* (not owned) outlives us: it is what the call returns */
} ApTurn;

void ap_subjects_gather(ApTurn *self);
void ap_subjects_judge(ApTurn *self);
gboolean ap_subjects_name(const ApTurn *self, guint32 ifindex, const ApKey *key);
void ap_speech_plan(ApTurn *self);
void ap_loans_plan(ApTurn *self);

G_END_DECLS
