/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of a path share: path.c, which looks at everything that is not its state;
 * path-step.c, what each state does; path-state.c, how one becomes another.
 */

#pragma once

#include "helper/core/life.h"
#include "helper/core/path.h"

G_BEGIN_DECLS

void ap_path_enter(ApPath *self, ApPathState state, ApReason reason, ApInstant now);
void ap_path_note_trial(ApPath *self, const ApPathInput *in);
void ap_path_start(ApPath *self, const ApPathInput *in, const ApEndpoint *endpoint);
void ap_path_resume(ApPath *self, const ApPathInput *in);
void ap_path_promote(ApPath *self, const ApPathInput *in, ApEvidence evidence);
void ap_path_await(ApPath *self, const ApPathInput *in);
void ap_path_back_off(ApPath *self, const ApPathInput *in);
void ap_path_part(ApPath *self, const ApPathInput *in);
void ap_path_hold_on(ApPath *self, const ApPathInput *in);
void ap_path_fall(ApPath *self, const ApPathInput *in, ApReason why);
gboolean ap_path_stays_while_held(const ApPath *self, const ApPathInput *in) G_GNUC_PURE;

ApPathStep ap_path_absent(ApReason why, gint64 next_boot_usec) G_GNUC_CONST;
ApPathStep ap_path_step_waiting(ApPath *self, const ApPathInput *in, ApReason anew);
ApPathStep ap_path_step_probing(ApPath *self, const ApPathInput *in);
ApPathStep ap_path_step_direct(ApPath *self, const ApPathInput *in);
ApPathStep ap_path_step_wiped(ApPath *self, const ApPathInput *in);

G_END_DECLS
