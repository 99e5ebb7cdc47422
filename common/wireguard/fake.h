/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * WireGuard devices in memory, for tests: they answer as the real ones do, and what happens
 * around them (an administrator, the network, failures) is up to the test.
 */

#pragma once

#include "common/error.h"
#include "common/wireguard/wireguard.h"

G_BEGIN_DECLS

/** How often the fake was called, failed calls included. */
typedef struct {
    guint n_list;
    guint n_read;
    guint n_apply;
} ApWireguardFakeCalls;

/** One change that was carried out. */
typedef struct {
    guint32 ifindex;
    ApPeerChange change;
} ApWireguardFakeChange;

ApWireguard *ap_wireguard_fake_new(void);

ApDeviceId ap_wireguard_fake_add_device(ApWireguard *wireguard,
                                        guint32 ifindex,
                                        const char *name,
                                        const ApKey *public_key,
                                        guint16 listen_port);
void ap_wireguard_fake_set_key(ApWireguard *wireguard, guint32 ifindex, const ApKey *public_key);
void
ap_wireguard_fake_set_secret(ApWireguard *wireguard, guint32 ifindex, const ApSecretKey *secret);
void ap_wireguard_fake_set_port(ApWireguard *wireguard, guint32 ifindex, guint16 listen_port);
void ap_wireguard_fake_rename_device(ApWireguard *wireguard, guint32 ifindex, const char *name);
void ap_wireguard_fake_remove_device(ApWireguard *wireguard, guint32 ifindex);

void ap_wireguard_fake_add_peer(ApWireguard *wireguard, guint32 ifindex, const ApDevicePeer *peer);
void ap_wireguard_fake_remove_peer(ApWireguard *wireguard, guint32 ifindex, const ApKey *key);
ApDevicePeer *ap_wireguard_fake_peer(ApWireguard *wireguard, guint32 ifindex, const ApKey *key);

void ap_wireguard_fake_fail_list(ApWireguard *wireguard, ApError code);
void ap_wireguard_fake_fail_read(ApWireguard *wireguard, ApError code);
void ap_wireguard_fake_fail_apply(ApWireguard *wireguard, guint n_before, ApError code);

const ApWireguardFakeCalls *ap_wireguard_fake_calls(const ApWireguard *wireguard);
const GArray *ap_wireguard_fake_changes(const ApWireguard *wireguard);
void ap_wireguard_fake_forget(ApWireguard *wireguard);

G_END_DECLS
