/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a server or a peer may and may not make us do: rules K2 to K4, A3 to A8 and E1 to E5 of
 * security.md 3.4.
 */

#pragma once

#include "helper/core/policy.h"
#include "helper/core/tunnel.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

/** An endpoint that may be tried. */
typedef struct {
    ApEndpoint endpoint;
    gboolean on_link; /* in one of our own LANs */
} ApAdmittedEndpoint;

/** What the guard let through of one candidate. */
typedef struct {
    ApReason reason; /* AP_REASON_NONE, or why all of it is refused */
    ApAddr link_local;
    ApAddr addresses[AP_COORD_MAX_ADDRESSES]; /* at least one when not refused */
    guint n_addresses;
    ApAdmittedEndpoint endpoints[AP_CANDIDATE_MAX_ENDPOINTS]; /* in the order of the offer */
    guint n_endpoints;
    gboolean is_elsewhere;  /* endpoints were offered, and all of them lie in networks of others */
    gint64 retry_boot_usec; /* when a refusal ends by itself; AP_NEVER: with an event only */
} ApAdmission;

typedef struct _ApGuard ApGuard;

ApGuard *
ap_guard_new(const ApWorld *world, const GArray *tunnels, const ApPolicy *policy, ApInstant now);
ApAdmission ap_guard_admit(const ApGuard *self,
                           const ApTunnel *tunnel,
                           const ApCandidate *candidate,
                           GArray *refusals);
ApReason ap_guard_judge_endpoint(const ApGuard *self,
                                 const ApTunnel *tunnel,
                                 const ApEndpoint *endpoint,
                                 gboolean *on_link);
void ap_guard_free(ApGuard *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApGuard, ap_guard_free)

G_END_DECLS
