/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which tunnels are ours to improve, who their hub is, and whom to ask.
 */

#pragma once

#include "common/device.h"
#include "helper/core/link.h"
#include "helper/core/policy.h"
#include "helper/core/reason.h"

G_BEGIN_DECLS

/** The verdict on one device. */
typedef struct {
    guint32 ifindex;
    gboolean managed;
    ApReason reason;   /* AP_REASON_MANAGED, or why not */
    ApKey hub;         /* valid when @managed */
    ApAddr local;      /* our own address on it, from which the server is asked */
    ApEndpoint server; /* family 0: nobody can be asked (path-management.md, "Whom to ask") */
    gboolean gossips;  /* gossip is to be spoken on it; also where no hub is, as on a hub itself */
} ApTunnel;

ApTunnel ap_tunnel_judge(const ApDevice *device,
                         const ApLink *link,
                         const GArray *owned,
                         const ApPolicy *policy);

ApAddr ap_tunnel_first_host(const ApCidr *network);

const ApDevicePeer *
ap_tunnel_route(const ApDevice *device, const GArray *owned, const ApAddr *addr, ApCidr *prefix);

G_END_DECLS
