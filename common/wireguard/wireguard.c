/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/wireguard.h"

#include "common/error.h"

static int
compare_ids(gconstpointer a, gconstpointer b)
{
    const ApDeviceId *ia = a;
    const ApDeviceId *ib = b;

    if (ia->ifindex != ib->ifindex)
        return ia->ifindex < ib->ifindex ? -1 : 1;
    return 0;
}

/**
 * Finds every WireGuard device in this network namespace.
 *
 * @error: AP_ERROR_DENIED, AP_ERROR_TIMED_OUT or AP_ERROR_FAILED; then nothing is known, and
 *     a device that was there before may well be there still
 *
 * That a device is listed does not say that it can be read: a userspace daemon may hang, or
 * its socket may belong to somebody else.
 *
 * Returns: (transfer full) (element-type ApDeviceId): sorted by ifindex; empty when there is
 *     none, also when this kernel has no WireGuard; NULL on error
 */
GArray *
ap_wireguard_list(ApWireguard *self, GError **error)
{
    g_autoptr(GArray) out = g_array_new(FALSE, TRUE, sizeof(ApDeviceId));

    g_return_val_if_fail(self != NULL, NULL);

    if (!self->ops->list(self, out, error))
        return NULL;

    g_array_sort(out, compare_ids);
    return g_steal_pointer(&out);
}

static gboolean
has_twin(const ApDevice *device)
{
    for (guint i = 1; i < device->peers->len; i++) {
        const ApDevicePeer *before = g_ptr_array_index(device->peers, i - 1);
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

        if (ap_key_equal(&before->key, &peer->key))
            return TRUE;
    }
    return FALSE;
}

/**
 * Reads a device with all its peers, whole or not at all.
 *
 * @error: AP_ERROR_GONE when there is no such device (any more), AP_ERROR_DENIED,
 *     AP_ERROR_TIMED_OUT, AP_ERROR_INVALID when the answer breaks its format, AP_ERROR_LIMIT
 *     when it is longer than AP_WIREGUARD_MAX_ANSWER, AP_ERROR_FAILED when the device
 *     changed during each of several readings
 *
 * A kernel device is found by its index alone, and the name in the result is its present one.
 * A userspace device must also still have the name: its socket is known by nothing else.
 *
 * wireguard-go (0.0.20220316) does not report the scope of a link-local endpoint: it reads
 * back with scope 0.
 *
 * Returns: (transfer full): sorted; no private or preshared key is left in memory. NULL on
 *     error
 */
ApDevice *
ap_wireguard_read(ApWireguard *self, const ApDeviceId *id, GError **error)
{
    g_autoptr(ApDevice) device = NULL;

    g_return_val_if_fail(self != NULL && id != NULL, NULL);

    device = self->ops->read(self, id, error);
    if (device == NULL)
        return NULL;

    ap_device_sort(device);
    if (has_twin(device)) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "%s lists a peer twice", id->name);
        return NULL;
    }
    return g_steal_pointer(&device);
}

/**
 * Hands out the private key of a device: gossip shares secrets with it, and nothing else may have
 * it.
 *
 * @public_key: the one that is expected; a device that was given another key meanwhile is an error
 * @out: (out caller-allocates): belongs in a g_auto(ApSecretKey), which wipes it
 * @error: as ap_wireguard_read(), and AP_ERROR_GONE when the device has no key, or another
 */
gboolean
ap_wireguard_read_secret(ApWireguard *self,
                         const ApDeviceId *id,
                         const ApKey *public_key,
                         ApSecretKey *out,
                         GError **error)
{
    g_auto(ApSecretKey) secret = {0};
    ApKey own;

    g_return_val_if_fail(self != NULL && id != NULL, FALSE);

    if (!self->ops->read_secret(self, id, &secret, error))
        return FALSE;

    ap_secret_key_public(&secret, &own);
    if (!ap_key_equal(&own, public_key)) {
        g_set_error(error, AP_ERROR, AP_ERROR_GONE, "%s has another key", id->name);
        return FALSE;
    }
    *out = secret;
    return TRUE;
}

static gboolean
is_valid_change(const ApPeerChange *change)
{
    if ((change->flags & AP_PEER_REMOVE) != 0)
        return (change->flags & ~(guint) (AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY)) == 0
               && change->n_allowed == 0;

    return change->n_allowed <= AP_CHANGE_MAX_ALLOWED
           && ((change->flags & AP_PEER_SET_ENDPOINT) == 0
               || ap_endpoint_is_set(&change->endpoint));
}

/**
 * Makes changes on a device, one by one in the order given, and stops at the first that fails.
 *
 * @changes: (array length=n_changes)
 * @error: as ap_wireguard_read(); which change failed is not told, nor what was done before
 *     it: read the device again
 *
 * What a device does by itself, all backends alike:
 * - a prefix given to one peer is taken from the peer that held exactly the same prefix;
 * - a change that names the device's own key is ignored, with success;
 * - a keepalive interval that goes from 0 to more makes a device that is up send a packet at
 *   once, which starts a handshake when there is no session (set_peer() in Linux
 *   drivers/net/wireguard/netlink.c, handlePostConfig() in wireguard-go). That, or a packet
 *   for one of its prefixes, is how we start a peer; setting the same interval again is not.
 *
 * So success does not prove that the device looks as asked. Nor is anything compared with the
 * device before it is written: what may be changed is decided elsewhere.
 *
 * Returns: TRUE when the device accepted every change
 */
gboolean
ap_wireguard_apply(ApWireguard *self,
                   const ApDeviceId *id,
                   const ApPeerChange *changes,
                   guint n_changes,
                   GError **error)
{
    g_return_val_if_fail(self != NULL && id != NULL, FALSE);
    for (guint i = 0; i < n_changes; i++)
        g_return_val_if_fail(is_valid_change(&changes[i]), FALSE);

    return n_changes == 0 || self->ops->apply(self, id, changes, n_changes, error);
}

void
ap_wireguard_free(ApWireguard *self)
{
    if (self != NULL)
        self->ops->free(self);
}
