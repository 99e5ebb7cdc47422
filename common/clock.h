/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The only place that reads the clocks; deciding code never includes it.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

ApInstant ap_clock_now(void);

G_END_DECLS
