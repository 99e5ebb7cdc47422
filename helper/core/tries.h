/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which endpoint of a peer is tried, in what order and for how long (path-management.md,
 * "Endpoints").
 */

#pragma once

#include "helper/core/guard.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

const ApAdmittedEndpoint *
ap_tries_next(const ApPath *self, const ApAdmission *admission, const ApEndpoint *previous);
gint64 ap_tries_usec(const ApPath *self, const ApAdmission *admission);
guint64 ap_tries_fingerprint(const ApAdmission *admission);
gboolean ap_tries_is_worth(const ApPath *self, const ApAdmission *admission);

G_END_DECLS
