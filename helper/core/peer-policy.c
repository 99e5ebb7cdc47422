/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/peer-policy.h"

const char *const ap_trust_names[AP_N_TRUSTS + 1] = {
    [AP_TRUST_AUTO] = "auto",
    [AP_TRUST_NOTHING] = "nothing",
    [AP_TRUST_ENDPOINTS] = "endpoints",
    [AP_TRUST_ALLOWED_IPS] = "allowed-ips",
    [AP_TRUST_MEMBERSHIP] = "membership",
};

/**
 * Makes an entry that says of a peer only that it is a member.
 *
 * Returns: (transfer full)
 */
ApPeerPolicy *
ap_peer_policy_new(const ApKey *key)
{
    ApPeerPolicy *self = g_new0(ApPeerPolicy, 1);

    self->key = *key;
    self->endpoints = g_array_new(FALSE, TRUE, sizeof(ApEndpoint));
    self->allowed = g_array_new(FALSE, TRUE, sizeof(ApCidr));
    return self;
}

void
ap_peer_policy_free(ApPeerPolicy *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->endpoints, g_array_unref);
    g_clear_pointer(&self->allowed, g_array_unref);
    g_free(self);
}
