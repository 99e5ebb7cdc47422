/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The sockets that the server listens on: one per address of the tunnel interface, tied to that
 * interface, so that nothing that comes in by another one is ever accepted.
 */

#pragma once

#include "server/roster.h"

#include <net/if.h>

G_BEGIN_DECLS

/** What the server listens on, and the addresses that it found. */
typedef struct {
    char interface[IF_NAMESIZE];
    guint32 ifindex;
    guint16 port;
    ApOwnAddress own[AP_ROSTER_MAX_OWN];
    int fds[AP_ROSTER_MAX_OWN]; /* (owned) -1 when not open */
    guint n;
} ApListen;

guint ap_listen_find_addresses(const char *interface, ApOwnAddress out[static AP_ROSTER_MAX_OWN]);
gboolean ap_listen_open(ApListen *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_listen_close(ApListen *self);
gboolean ap_listen_covers(const ApListen *self, const ApAddr *addr);
char *ap_listen_to_text(const ApListen *self);
int ap_listen_watch(GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
