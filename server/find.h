/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which WireGuard interface is to be served.
 */

#pragma once

#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

gboolean ap_find_device(ApWireguard *wireguard, const char *name, ApDeviceId *out, GError **error);

G_END_DECLS
