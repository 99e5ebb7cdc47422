/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/policy.h"

#include <string.h>

const char *const ap_manage_names[] = {
    [AP_MANAGE_AUTO] = "auto",
    [AP_MANAGE_YES] = "yes",
    [AP_MANAGE_NO] = "no",
    NULL,
};
const char *const ap_scope_names[] = {
    [AP_SCOPE_LAN] = "lan",
    [AP_SCOPE_ANY] = "any",
    NULL,
};

static void
tunnel_policy_free(ApTunnelPolicy *self)
{
    g_clear_pointer(&self->networks, g_array_unref);
    g_clear_pointer(&self->peers, g_ptr_array_unref);
    g_free(self);
}

/**
 * Makes a policy that allows nothing: not enabled, all limits zero, all lists empty.
 *
 * Defaults belong to the table of configuration keys, so that they are written down once.
 *
 * Returns: (transfer full)
 */
ApPolicy *
ap_policy_new(void)
{
    ApPolicy *self = g_new0(ApPolicy, 1);

    self->hidden = g_array_new(FALSE, TRUE, sizeof(ApCidr));
    self->blocked = g_array_new(FALSE, TRUE, sizeof(ApKey));
    self->tunnels = g_ptr_array_new_with_free_func((GDestroyNotify) tunnel_policy_free);
    self->saved = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void
ap_policy_free(ApPolicy *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->hidden, g_array_unref);
    g_clear_pointer(&self->blocked, g_array_unref);
    g_clear_pointer(&self->tunnels, g_ptr_array_unref);
    g_clear_pointer(&self->saved, g_ptr_array_unref);
    g_free(self);
}

/**
 * Finds what is configured for the tunnel @name.
 *
 * Returns: (transfer none) (nullable): NULL when nothing is
 */
const ApTunnelPolicy *
ap_policy_find_tunnel(const ApPolicy *self, const char *name)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        const ApTunnelPolicy *tunnel = g_ptr_array_index(self->tunnels, i);

        if (strcmp(tunnel->name, name) == 0)
            return tunnel;
    }
    return NULL;
}

/** Tells whether wg-quick saves the tunnel @name, and what we add with it, when it goes down. */
gboolean
ap_policy_is_saved(const ApPolicy *self, const char *name)
{
    return g_ptr_array_find_with_equal_func(self->saved, name, g_str_equal, NULL);
}

/**
 * Appends an entry for the tunnel @name, managed as by default.
 *
 * @name: an interface name, shorter than IF_NAMESIZE
 *
 * Returns: (transfer none): to be filled by the caller
 */
ApTunnelPolicy *
ap_policy_add_tunnel(ApPolicy *self, const char *name)
{
    ApTunnelPolicy *tunnel = g_new0(ApTunnelPolicy, 1);

    (void) g_strlcpy(tunnel->name, name, sizeof(tunnel->name));
    tunnel->networks = g_array_new(FALSE, TRUE, sizeof(ApCidr));
    tunnel->peers = g_ptr_array_new_with_free_func((GDestroyNotify) ap_peer_policy_free);
    g_ptr_array_add(self->tunnels, tunnel);
    return tunnel;
}

/**
 * Finds what is configured for one peer of the tunnel, or appends an entry that says nothing.
 *
 * Returns: (transfer none): to be filled by the caller
 */
ApPeerPolicy *
ap_tunnel_policy_get_peer(ApTunnelPolicy *self, const ApKey *key)
{
    for (guint i = 0; i < self->peers->len; i++) {
        ApPeerPolicy *peer = g_ptr_array_index(self->peers, i);

        if (ap_key_equal(&peer->key, key))
            return peer;
    }

    g_ptr_array_add(self->peers, ap_peer_policy_new(key));
    return g_ptr_array_index(self->peers, self->peers->len - 1);
}
