/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where the contract is tested: real devices in namespaces of their own, or fake ones. The
 * bed plays the administrator; what is tested is the ApWireguard that it opens.
 */

#pragma once

#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

/** What an administrator does. Failing to do it ends the test. */
typedef struct {
    ApDeviceId (*add_device)(const char *name);
    void (*remove_device)(const ApDeviceId *id);
    void (*rename_device)(const ApDeviceId *id, const char *name);

    /* @private_key: base64 */
    void (*set_key)(const ApDeviceId *id, const char *private_key, guint16 port);

    /* @endpoint: (nullable); a preshared key is set when @with_psk. @allowed: one prefix */
    void (*add_peer)(const ApDeviceId *id,
                     const ApKey *key,
                     const char *endpoint,
                     gboolean with_psk,
                     const char *allowed);
} BedOps;

typedef struct {
    const BedOps *ops;
    ApWireguard *wireguard; /* (owned) */
    ApBackend backend;
    guint max_changes;         /* in one call, so that it ends in time on a busy machine */
    gboolean is_real;          /* in namespaces, so that permissions and processes matter */
    gboolean keeps_scope;      /* a link-local endpoint reads back with its scope */
    gboolean survives_renames; /* a device is still found after it got another name */
} Bed;

gboolean bed_open(Bed *out, const char *backend);
void bed_close(Bed *self);

void bed_open_fake(Bed *out);
gboolean bed_open_real(Bed *out, ApBackend backend);

G_END_DECLS
