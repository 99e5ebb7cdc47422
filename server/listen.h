/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The sockets that the server listens on. Those for clients are tied to the tunnel interface, so
 * that nothing that comes in by another one is ever accepted.
 */

#pragma once

#include "server/roster.h"

G_BEGIN_DECLS

guint ap_listen_find_addresses(const char *interface, ApOwnAddress out[static AP_ROSTER_MAX_OWN]);
int ap_listen_open(const ApEndpoint *at, const char *interface, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
int ap_listen_watch(GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
