/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/error-name.h"

#include "common/error.h"
#include "common/names.h"
#include "helper/dbus/authority.h"
#include "helper/dbus/find.h"

static const char *
find_error_name(int code)
{
    switch ((ApFindError) code) {
    case AP_FIND_ERROR_NOT_FOUND:
        return AP_BUS_ERROR_NOT_FOUND;
    case AP_FIND_ERROR_AMBIGUOUS:
        return AP_BUS_ERROR_AMBIGUOUS;
    }

    return AP_BUS_ERROR_FAILED;
}

/**
 * Tells by which name an error goes on the bus.
 *
 * Returns: static; AP_BUS_ERROR_FAILED for every domain but those of this helper
 */
const char *
ap_bus_error_name(const GError *error)
{
    if (error->domain == AP_FIND_ERROR)
        return find_error_name(error->code);
    if (error->domain == AP_AUTHORITY_ERROR)
        return "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
    if (error->domain != AP_ERROR)
        return AP_BUS_ERROR_FAILED;

    switch ((ApError) error->code) {
    case AP_ERROR_FAILED:
        return AP_BUS_ERROR_FAILED;
    case AP_ERROR_INVALID:
        return "org.freedesktop.DBus.Error.InvalidArgs";
    case AP_ERROR_LIMIT:
        return "org.freedesktop.DBus.Error.LimitsExceeded";
    case AP_ERROR_GONE:
        return AP_BUS_ERROR_NOT_FOUND;
    case AP_ERROR_DENIED:
        return "org.freedesktop.DBus.Error.AccessDenied";
    case AP_ERROR_TIMED_OUT:
        return AP_BUS_ERROR_TIMED_OUT;
    case AP_ERROR_UNSUPPORTED:
        return "org.freedesktop.DBus.Error.NotSupported";
    case AP_ERROR_BUSY:
        return AP_BUS_ERROR_FAILED;
    }

    return AP_BUS_ERROR_FAILED;
}
