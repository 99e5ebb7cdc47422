/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Sockets that systemd, or whoever speaks its protocol, has opened for us: sd_listen_fds(3).
 */

#pragma once

#include "common/endpoint.h"

#include <net/if.h>

G_BEGIN_DECLS

/** Most sockets that are taken over. Design rule: AP_ROSTER_MAX_OWN and one for metrics. */
#define AP_INHERIT_MAX 17

/** The name of the socket for those who watch the server (FileDescriptorName=). */
#define AP_INHERIT_METRICS "metrics"

/**
 * A listening TCP socket.
 *
 * @interface: by which alone connections may come; empty: by any
 */
typedef struct {
    int fd; /* (owned) */
    ApEndpoint at;
    char interface[IF_NAMESIZE];
    gboolean is_metrics;
} ApInherited;

guint ap_inherit_count(void);
gboolean ap_inherit_sockets(GArray *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
