/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/device.h"

const char *const ap_backend_names[] = {
    [AP_BACKEND_KERNEL] = "kernel",
    [AP_BACKEND_USERSPACE] = "userspace",
    [AP_BACKEND_FAKE] = "fake",
    NULL,
};

/**
 * Makes a device without key and peers.
 *
 * Returns: (transfer full)
 */
ApDevice *
ap_device_new(const ApDeviceId *id)
{
    ApDevice *self = g_new0(ApDevice, 1);

    self->id = *id;
    self->peers = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_peer_free);
    return self;
}

void
ap_device_free(ApDevice *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->peers, g_ptr_array_unref);
    g_free(self);
}

/**
 * Makes a peer without allowed prefixes.
 *
 * Returns: (transfer full)
 */
ApDevicePeer *
ap_device_peer_new(const ApKey *key)
{
    ApDevicePeer *self = g_new0(ApDevicePeer, 1);

    self->key = *key;
    self->allowed = g_array_new(FALSE, TRUE, sizeof(ApCidr));
    return self;
}

void
ap_device_peer_free(ApDevicePeer *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->allowed, g_array_unref);
    g_free(self);
}

static int
compare_peers(gconstpointer a, gconstpointer b)
{
    const ApDevicePeer *const *pa = a;
    const ApDevicePeer *const *pb = b;

    return ap_key_compare(&(*pa)->key, &(*pb)->key);
}

static int
compare_allowed(gconstpointer a, gconstpointer b)
{
    return ap_cidr_compare(a, b);
}

/**
 * Puts peers and their prefixes into the order that the header promises.
 *
 * A backend calls it once, after the last peer was read.
 */
void
ap_device_sort(ApDevice *self)
{
    g_ptr_array_sort(self->peers, compare_peers);
    for (guint i = 0; i < self->peers->len; i++) {
        ApDevicePeer *peer = g_ptr_array_index(self->peers, i);

        g_array_sort(peer->allowed, compare_allowed);
    }
}

/**
 * Finds a peer in a sorted device.
 *
 * Returns: (transfer none) (nullable): NULL when the device has no such peer
 */
const ApDevicePeer *
ap_device_find(const ApDevice *self, const ApKey *key)
{
    guint low = 0, high = self->peers->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const ApDevicePeer *peer = g_ptr_array_index(self->peers, middle);
        const int order = ap_key_compare(key, &peer->key);

        if (order == 0)
            return peer;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
