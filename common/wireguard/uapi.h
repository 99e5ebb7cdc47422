/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The userspace backend: daemons such as wireguard-go, by their control sockets.
 */

#pragma once

#include "common/instant.h"
#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

/** Where the daemons put their sockets. Source: wireguard-go ipc/uapi_unix.go. */
#define AP_WIREGUARD_UAPI_DIR "/var/run/wireguard"

/**
 * How long one call may take with one daemon, from connecting to the last byte: 1 s, in
 * microseconds.
 *
 * wireguard-go answers a reading of 10,000 peers in 50 ms here (lab.md), so the limit leaves
 * twenty times that to a slow machine. It is how long a daemon that hangs can stop our main
 * loop; lowering it makes big devices on slow machines unreadable.
 */
#define AP_WIREGUARD_UAPI_TIMEOUT_USEC (1 * AP_USEC_PER_SEC)

ApWireguard *ap_wireguard_uapi_new(const char *dir);

G_END_DECLS
