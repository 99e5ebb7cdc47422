/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether the direct path is clearly worse than the way by the hub (path-management.md,
 * "Round-trip time").
 */

#pragma once

#include "helper/core/path.h"

G_BEGIN_DECLS

/**
 * How long before the end of its pause a path that was too slow is measured again, in
 * microseconds: 10 s. That makes ten samples, which count for three quarters of the smoothed round
 * trip (RFC 6298 section 2.3); meanwhile the session is quiet.
 */
#define AP_QUALITY_MEASURE_USEC (10 * AP_USEC_PER_SEC)

gboolean ap_quality_judge_direct(ApPath *path, const ApPathInput *in);
gboolean ap_quality_is_better(const ApPathInput *in) G_GNUC_PURE;

G_END_DECLS
