/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which peers a person means. Pure.
 */

#pragma once

#include "helper/core/view.h"

G_BEGIN_DECLS

/** Least characters of a key that name it: four tell 16 million keys apart. */
#define AP_FIND_MIN_PREFIX 4

/** Why nothing was found, where ApError is not precise enough for the bus. */
typedef enum {
    AP_FIND_ERROR_NOT_FOUND,
    AP_FIND_ERROR_AMBIGUOUS,
} ApFindError;

#define AP_FIND_ERROR (ap_find_error_quark())
GQuark ap_find_error_quark(void);

GPtrArray *ap_find_peers(const ApView *view, const char *text, GError **error);

G_END_DECLS
