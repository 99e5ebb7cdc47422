/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How everybody here speaks rtnetlink: how sockets are opened, one question asked, a datagram
 * received, and what the kernel's errors mean.
 */

#pragma once

#include "common/error.h"

#include <libmnl/libmnl.h>

G_BEGIN_DECLS

/**
 * Room for one datagram of an answer: 32 KiB, in bytes. The kernel makes those of a dump at most
 * this long, and no longer than we offer; what describes one interface takes some 2 KiB, and more
 * where it has queues and virtual functions. Source: netlink_dump(), net/netlink/af_netlink.c,
 * Linux 6.1.
 */
#define AP_RTNETLINK_DATAGRAM_LEN (32 * 1024)

typedef struct mnl_socket ApRtnetlinkSocket;

ApRtnetlinkSocket *ap_rtnetlink_socket_open(int flags, guint groups);
gssize ap_rtnetlink_socket_receive(const ApRtnetlinkSocket *self, guint8 *datagram);
int ap_rtnetlink_socket_ask(const struct nlmsghdr *request, mnl_cb_t take, gpointer user_data);
ApError ap_rtnetlink_socket_translate(int code) G_GNUC_CONST;
void ap_rtnetlink_socket_close(ApRtnetlinkSocket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRtnetlinkSocket, ap_rtnetlink_socket_close)

G_END_DECLS
