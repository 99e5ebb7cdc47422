/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/devices.h"

#include "common/error.h"

/**
 * Reads every device, in the order of their indexes.
 *
 * One that goes while we look is simply not there; one that cannot be read for another reason is
 * an error: nobody plans on a partial list.
 *
 * @error: as of ap_wireguard_read()
 *
 * Returns: (transfer full) (nullable) (element-type ApDevice)
 */
GPtrArray *
ap_devices_read(ApWireguard *wireguard, GError **error)
{
    g_autoptr(GArray) ids = ap_wireguard_list(wireguard, error);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);

    if (ids == NULL)
        return NULL;

    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(GError) reason = NULL;
        ApDevice *device =
            ap_wireguard_read(wireguard, &g_array_index(ids, ApDeviceId, i), &reason);

        if (device != NULL) {
            g_ptr_array_add(devices, device);
        } else if (!g_error_matches(reason, AP_ERROR, AP_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return NULL;
        }
    }
    return g_steal_pointer(&devices);
}
