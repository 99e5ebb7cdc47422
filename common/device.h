/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a WireGuard device looks like, and what may be changed on it, as plain values.
 */

#pragma once

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"

#include <net/if.h>

G_BEGIN_DECLS

/** Where a device lives: decides how it is reached and what may be expected of it. */
typedef enum {
    AP_BACKEND_KERNEL,
    AP_BACKEND_USERSPACE,
    AP_BACKEND_FAKE,
} ApBackend;

/**
 * Names one device.
 *
 * Commands go by @ifindex; @name is for people and for the userspace socket. A device that
 * is deleted and made again under the same name has another index.
 */
typedef struct {
    guint32 ifindex;
    char name[IF_NAMESIZE];
    ApBackend backend;
} ApDeviceId;

/** A peer as the device reports it, ours or not. */
typedef struct {
    ApKey key;
    ApEndpoint endpoint;        /* family 0: none */
    gint64 handshake_real_usec; /* CLOCK_REALTIME; 0: never */
    guint64 rx_bytes;
    guint64 tx_bytes;
    guint16 keepalive_sec; /* 0: off */
    gboolean has_psk;
    GArray *allowed; /* (owned) (element-type ApCidr) sorted by ap_cidr_compare() */
} ApDevicePeer;

/** One complete reading of a device; a partial one is an error, never a short list. */
typedef struct {
    ApDeviceId id;
    ApKey public_key;
    gboolean has_key; /* FALSE: no private key was set yet, and @public_key is zero */
    guint16 listen_port;
    guint32 fwmark;
    GPtrArray *peers; /* (owned) (element-type ApDevicePeer) sorted by ap_key_compare() */
} ApDevice;

/**
 * Most prefixes that one change may carry: four tunnel addresses and the link-local one,
 * doubled.
 */
#define AP_CHANGE_MAX_ALLOWED 10

/** What one ApPeerChange asks for; the wire has a flag or attribute for each. */
typedef enum {
    AP_PEER_REMOVE = 1 << 0,          /* remove the peer; no other flag but UPDATE_ONLY */
    AP_PEER_UPDATE_ONLY = 1 << 1,     /* do nothing if the peer is not there */
    AP_PEER_REPLACE_ALLOWED = 1 << 2, /* @allowed is the whole list; only for peers that we added */
    AP_PEER_SET_ENDPOINT = 1 << 3,
    AP_PEER_SET_KEEPALIVE = 1 << 4,
} ApPeerChangeFlags;

/**
 * One edit of one peer. There is no way to say anything else to a device: no private key, no
 * port, no preshared key, no replacement of all peers (security rule S6).
 *
 * Without AP_PEER_REPLACE_ALLOWED the prefixes in @allowed are added to those of the peer.
 */
typedef struct {
    ApKey key;
    guint flags; /* of ApPeerChangeFlags */
    ApEndpoint endpoint;
    guint16 keepalive_sec;
    ApCidr allowed[AP_CHANGE_MAX_ALLOWED];
    guint n_allowed;
} ApPeerChange;

/** Words of ApBackend; NULL ends the list. */
extern const char *const ap_backend_names[];

ApDevice *ap_device_new(const ApDeviceId *id);
void ap_device_free(ApDevice *self);
void ap_device_sort(ApDevice *self);
const ApDevicePeer *ap_device_find(const ApDevice *self, const ApKey *key);

ApDevicePeer *ap_device_peer_new(const ApKey *key);
void ap_device_peer_free(ApDevicePeer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApDevice, ap_device_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApDevicePeer, ap_device_peer_free)

G_END_DECLS
