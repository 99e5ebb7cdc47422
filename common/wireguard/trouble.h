/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the backends share: the limit on answers, and errno as an ApError.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Longest answer that is taken from a device: 64 MiB, in bytes.
 *
 * About 150,000 peers with a few prefixes each, fifteen times the largest hub that the tests
 * know (10,000 peers: 3.5 MB of UAPI text, 2 MB of netlink). It bounds what a broken or
 * malicious daemon can make us allocate; raising it raises that by about as much.
 */
#define AP_WIREGUARD_MAX_ANSWER (64 * 1024 * 1024)

void ap_wireguard_set_error(GError **error, int errnum, const char *what, const char *device);

G_END_DECLS
