/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/find.h"

#include "common/error.h"

#include <net/if.h>

static char *
list_names(const GArray *devices)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < devices->len; i++)
        g_string_append_printf(out,
                               "%s%s",
                               i > 0 ? ", " : "",
                               g_array_index(devices, ApDeviceId, i).name);
    return g_strdup(out->str);
}

static gboolean
choose_only(const GArray *devices, ApDeviceId *out, GError **error)
{
    g_autofree char *names = NULL;

    if (devices->len == 1) {
        *out = g_array_index(devices, ApDeviceId, 0);
        return TRUE;
    }

    if (devices->len == 0) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_GONE, "there is no WireGuard interface");
        return FALSE;
    }
    names = list_names(devices);
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "there are several WireGuard interfaces (%s): choose one with --interface",
                names);
    return FALSE;
}

/**
 * Finds the interface to be served.
 *
 * @name: (nullable): NULL for the only one that there is
 * @error: AP_ERROR_GONE when it is not there, or is something else; AP_ERROR_INVALID when
 *     somebody has to choose; whatever listing the devices gives
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_find_device(ApWireguard *wireguard, const char *name, ApDeviceId *out, GError **error)
{
    g_autoptr(GArray) devices = ap_wireguard_list(wireguard, error);

    if (devices == NULL)
        return FALSE;
    if (name == NULL)
        return choose_only(devices, out, error);

    for (guint i = 0; i < devices->len; i++) {
        const ApDeviceId *id = &g_array_index(devices, ApDeviceId, i);

        if (g_str_equal(id->name, name)) {
            *out = *id;
            return TRUE;
        }
    }
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_GONE,
                if_nametoindex(name) == 0 ? "there is no interface %s"
                                          : "the interface %s is not a WireGuard interface",
                name);
    return FALSE;
}
