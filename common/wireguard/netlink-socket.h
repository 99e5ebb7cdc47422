/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One question to the kernel and its whole answer.
 */

#pragma once

#include "common/instant.h"
#include "common/wireguard/netlink-message.h"

G_BEGIN_DECLS

/**
 * How long to wait for the next datagram of an answer: 1 s, in microseconds.
 *
 * The kernel works on a request inside sendmsg() and on the rest of a dump inside recvmsg(),
 * so the next datagram is there at once or was lost (netlink_dump(), Linux 6.1
 * net/netlink/af_netlink.c). The limit keeps a lost one from stopping our main loop for ever.
 */
#define AP_NETLINK_TIMEOUT_USEC (1 * AP_USEC_PER_SEC)

/**
 * Size of the receive buffer, in bytes: the kernel makes the datagrams of a dump as long as
 * the reader's buffer, up to 32 KiB (netlink_dump(), Linux 6.1), and long ones are fewer calls.
 */
#define AP_NETLINK_ANSWER_SIZE 32768

/** Asks one question; ap_netlink_ask() for everybody but tests. */
typedef ApNetlinkResult (*ApNetlinkAsk)(int protocol,
                                        const ApNetlinkRequest *request,
                                        ApNetlinkTaker take,
                                        gpointer user_data);

ApNetlinkResult ap_netlink_ask(int protocol,
                               const ApNetlinkRequest *request,
                               ApNetlinkTaker take,
                               gpointer user_data) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
