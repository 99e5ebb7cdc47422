/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/trouble.h"

#include "common/error.h"

#include <errno.h>

static ApError
code_of(int errnum)
{
    switch (errnum) {
    case ENODEV:
    case ENXIO:
    case EOPNOTSUPP: /* the index now names a device of another kind */
        return AP_ERROR_GONE;
    case EPERM:
    case EACCES:
        return AP_ERROR_DENIED;
    case EAGAIN:
    case ETIMEDOUT:
        return AP_ERROR_TIMED_OUT;
    case EBADMSG:
        return AP_ERROR_INVALID;
    case EFBIG:
        return AP_ERROR_LIMIT;
    default:
        return AP_ERROR_FAILED;
    }
}

/**
 * Translates what the kernel or a daemon said.
 *
 * @errnum: positive; EBADMSG and EFBIG are ours, for answers that break their format or are
 *     longer than AP_WIREGUARD_MAX_ANSWER
 * @what: what was tried; reads as the end of "could not"
 * @device: the name of what it was tried on
 */
void
ap_wireguard_set_error(GError **error, int errnum, const char *what, const char *device)
{
    g_set_error(error, AP_ERROR, code_of(errnum), "%s %s: %s", what, device, g_strerror(errnum));
}
