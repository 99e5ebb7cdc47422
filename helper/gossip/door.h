/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a datagram passes before anybody reads facts of it: its size, whose it is, how many come,
 * its signature, and whether it came before. Cheap questions are asked first: a datagram from
 * nobody we know costs one look-up, a forged one that and a checksum.
 */

#pragma once

#include "common/device.h"
#include "helper/gossip/group.h"
#include "helper/gossip/replay.h"
#include "helper/gossip/told.h"

G_BEGIN_DECLS

/** Longest datagram that is looked at, in bytes: an Ethernet frame without the headers of IPv4
 * and UDP. Security rule G3. */
#define AP_DOOR_MAX_BYTES 1472

/**
 * What is kept of one peer of the device beside its facts.
 *
 * @may_name_members: it may send much at once: see ap_trust_may_name_members()
 * @boot_id: of its latest sign of life
 * @alive_until_usec: until when that holds, in microseconds of the boot clock; 0: there was none
 * @pinged_until_usec: until when our latest sign of life holds for it; 0: it has none
 * @told: what it knows
 */
typedef struct {
    ApKey key;
    ApAddr link_local;
    gboolean may_name_members;
    ApBootId boot_id;
    gint64 alive_until_usec;
    gint64 pinged_until_usec;
    ApTold told;

    /* private to door.c */
    guint64 host; /* the second half of @link_local: its name in the table */
    ApSharedSecret secret;
    guint8 secret_state;
    gint64 rate_usec;
    ApReplay replay;
} ApDoorPeer;

typedef struct _ApDoor ApDoor;

ApDoor *ap_door_new(const ApSecretKey *own) G_GNUC_WARN_UNUSED_RESULT;
void ap_door_free(ApDoor *self);

void ap_door_set_peers(ApDoor *self, const ApDevice *device);
ApGossipRefusal ap_door_pass(ApDoor *self,
                             const ApAddr *source,
                             const guint8 *datagram,
                             gsize n_bytes,
                             ApGroupFacts *facts,
                             ApDoorPeer **from,
                             ApInstant now) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_door_seal(ApDoor *self, ApDoorPeer *to, const ApGroupNonce *nonce, GByteArray *datagram)
    G_GNUC_WARN_UNUSED_RESULT;

const ApKey *ap_door_own_key(const ApDoor *self);
ApDoorPeer *ap_door_find(const ApDoor *self, const ApKey *key);
const GPtrArray *ap_door_peers(const ApDoor *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApDoor, ap_door_free)

G_END_DECLS
