/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The error domain of the whole project.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Everything that can go wrong in a way a caller may want to tell apart.
 *
 * @AP_ERROR_FAILED: no more precise code applies; the message says what happened
 * @AP_ERROR_INVALID: input from outside (network, file, user) breaks its own format
 * @AP_ERROR_LIMIT: the input is well-formed, but larger or more than we accept
 * @AP_ERROR_GONE: the device or peer is not there (any more)
 * @AP_ERROR_DENIED: the system does not let us (capability, permission)
 * @AP_ERROR_TIMED_OUT: nobody answered within the time given
 * @AP_ERROR_UNSUPPORTED: this machine or device cannot do it, or has it switched off
 * @AP_ERROR_BUSY: somebody else does it already
 */
typedef enum {
    AP_ERROR_FAILED,
    AP_ERROR_INVALID,
    AP_ERROR_LIMIT,
    AP_ERROR_GONE,
    AP_ERROR_DENIED,
    AP_ERROR_TIMED_OUT,
    AP_ERROR_UNSUPPORTED,
    AP_ERROR_BUSY,
} ApError;

#define AP_ERROR (ap_error_quark())
GQuark ap_error_quark(void);

G_END_DECLS
