/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The one door to WireGuard devices: list, read, apply; and, for gossip, the private key. Behind
 * it are the kernel (generic netlink), userspace daemons (UAPI socket) and, for tests, a fake.
 *
 * Every call answers before it returns and takes no longer than a netlink reply, or
 * AP_WIREGUARD_UAPI_TIMEOUT_USEC (uapi.h) with a userspace daemon that hangs.
 */

#pragma once

#include "common/device.h"

G_BEGIN_DECLS

typedef struct _ApWireguard ApWireguard;

/** What a backend implements. tests/contract runs the same cases against each. */
typedef struct {
    gboolean (*list)(ApWireguard *self, GArray *out, GError **error);
    ApDevice *(*read)(ApWireguard *self, const ApDeviceId *id, GError **error);
    gboolean (*read_secret)(ApWireguard *self,
                            const ApDeviceId *id,
                            ApSecretKey *out,
                            GError **error);
    gboolean (*apply)(ApWireguard *self,
                      const ApDeviceId *id,
                      const ApPeerChange *changes,
                      guint n_changes,
                      GError **error);
    void (*free)(ApWireguard *self);
} ApWireguardOps;

/** The common part; a backend embeds it as its first member. */
struct _ApWireguard {
    const ApWireguardOps *ops; /* (not owned) static */
};

ApWireguard *ap_wireguard_new_system(void);

GArray *ap_wireguard_list(ApWireguard *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
ApDevice *ap_wireguard_read(ApWireguard *self, const ApDeviceId *id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_wireguard_read_secret(ApWireguard *self,
                                  const ApDeviceId *id,
                                  const ApKey *public_key,
                                  ApSecretKey *out,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_wireguard_apply(ApWireguard *self,
                            const ApDeviceId *id,
                            const ApPeerChange *changes,
                            guint n_changes,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_wireguard_free(ApWireguard *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApWireguard, ap_wireguard_free)

G_END_DECLS
