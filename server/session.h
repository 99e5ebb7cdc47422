/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One life of the server on one interface: a process that reads the device, one that speaks HTTP,
 * and the first process, which starts both, waits, and does nothing else.
 */

#pragma once

#include "common/wireguard/wireguard.h"
#include "server/listen.h"

G_BEGIN_DECLS

/** How a session ended. */
typedef enum {
    AP_SESSION_STOPPED, /* by a signal */
    AP_SESSION_AGAIN,   /* the interface or its addresses changed: start another one */
    AP_SESSION_FAILED,
} ApSessionEnd;

ApSessionEnd ap_session_run(const ApListen *listen,
                            ApWireguard *wireguard,
                            const ApDeviceId *id,
                            gboolean verbose);

G_END_DECLS
