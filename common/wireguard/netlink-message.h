/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * PURE. Netlink messages: the few that we send, and the answers to them.
 *
 * The messages of WireGuard are described in linux/wireguard.h.
 */

#pragma once

#include "common/device.h"

#include <libmnl/libmnl.h>

#include <linux/netlink.h>

G_BEGIN_DECLS

/**
 * Size of every buffer that a message is built in, in bytes.
 *
 * wireguard-tools sends messages of this size (MNL_SOCKET_BUFFER_SIZE), so that every kernel
 * with WireGuard is known to take them.
 */
#define AP_NETLINK_REQUEST_SIZE 8192

/** A message under construction; netlink wants it aligned. */
typedef union {
    struct nlmsghdr header;
    char bytes[AP_NETLINK_REQUEST_SIZE];
} ApNetlinkRequest;

/** How far a datagram, or a whole exchange, got. */
typedef enum {
    AP_NETLINK_MORE,        /* the answer goes on */
    AP_NETLINK_DONE,        /* the answer is complete */
    AP_NETLINK_INTERRUPTED, /* what was listed changed meanwhile, or a part is lost: ask again */
    AP_NETLINK_REFUSED,     /* errnum tells why; EBADMSG: the answer breaks its format */
} ApNetlinkVerdict;

typedef struct {
    ApNetlinkVerdict verdict;
    int errnum; /* positive; only with AP_NETLINK_REFUSED */
} ApNetlinkResult;

/** Takes the payload of one message of an answer; FALSE: it breaks its format. */
typedef gboolean (*ApNetlinkTaker)(guint16 type,
                                   const guint8 *payload,
                                   gsize n,
                                   gpointer user_data);

void ap_netlink_build_get_family(ApNetlinkRequest *out, guint32 seq, const char *name);
void ap_netlink_build_list_links(ApNetlinkRequest *out, guint32 seq);
void
ap_netlink_build_get_device(ApNetlinkRequest *out, guint32 seq, guint16 family, guint32 ifindex);
guint ap_netlink_build_set_device(ApNetlinkRequest *out,
                                  guint32 seq,
                                  guint16 family,
                                  guint32 ifindex,
                                  const ApPeerChange *changes,
                                  guint n_changes);

ApNetlinkResult ap_netlink_walk(const guint8 *bytes,
                                gsize n,
                                guint32 seq,
                                guint32 portid,
                                ApNetlinkTaker take,
                                gpointer user_data);

gboolean ap_netlink_take_family(guint16 type, const guint8 *payload, gsize n, gpointer id);
gboolean ap_netlink_take_link(guint16 type, const guint8 *payload, gsize n, gpointer ids);
gboolean ap_netlink_take_device(guint16 type, const guint8 *payload, gsize n, gpointer device);
gboolean ap_netlink_take_secret(guint16 type, const guint8 *payload, gsize n, gpointer secret);

G_END_DECLS
