/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Errors as the bus names them.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

const char *ap_bus_error_name(const GError *error) G_GNUC_PURE;

G_END_DECLS
