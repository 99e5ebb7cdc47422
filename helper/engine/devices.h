/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * All WireGuard devices as they are at this moment.
 */

#pragma once

#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

GPtrArray *ap_devices_read(ApWireguard *wireguard, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
