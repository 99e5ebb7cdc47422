/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/listen.h"

#include "common/error.h"
#include "common/fd.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/**
 * Connections that the kernel completes before we accept them. All clients come at once when the
 * server starts again; who finds no room comes back after a second (net.ipv4.tcp_syn_retries).
 */
#define BACKLOG 1024

typedef struct ifaddrs Ifaddrs;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ifaddrs, freeifaddrs)

static guint8
prefix_length(const struct sockaddr *netmask, guint16 family)
{
    ApAddr mask;
    guint8 n = 0;

    if (netmask == NULL || !ap_addr_from_sockaddr(&mask, netmask))
        return (guint8) ap_addr_n_bits(family);

    for (guint i = 0; i < sizeof(mask.bytes); i++)
        n = (guint8) (n + __builtin_popcount(mask.bytes[i]));
    return n;
}

/**
 * Finds the addresses of an interface that clients can be told: hosts, tentative ones among them.
 *
 * @out: (out caller-allocates)
 *
 * Returns: how many; 0 also when there is no such interface
 */
guint
ap_listen_find_addresses(const char *interface, ApOwnAddress out[static AP_ROSTER_MAX_OWN])
{
    g_autoptr(Ifaddrs) all = NULL;
    guint n = 0;

    if (getifaddrs(&all) != 0)
        return 0;

    for (struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        ApAddr addr;

        if (n == AP_ROSTER_MAX_OWN || strcmp(entry->ifa_name, interface) != 0
            || entry->ifa_addr == NULL || !ap_addr_from_sockaddr(&addr, entry->ifa_addr)
            || !ap_addr_is_host(&addr))
            continue;

        out[n++] = (ApOwnAddress){addr, prefix_length(entry->ifa_netmask, addr.family)};
    }
    return n;
}

/*
 * FREEBIND takes an IPv6 address that is still tentative, which it is for a second after the
 * interface came up.
 */
static gboolean
set_options(int fd, guint16 family, const char *interface)
{
    const int one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
        return FALSE;
    if (interface != NULL
        && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t) strlen(interface) + 1)
               != 0)
        return FALSE;

    if (family == AF_INET)
        return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) == 0;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0
           && setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) == 0;
}

static int
fail(GError **error, const ApEndpoint *endpoint, const char *interface)
{
    const int saved = errno;
    char text[AP_ENDPOINT_TEXT_LEN];

    ap_endpoint_to_text(endpoint, text);
    if (saved == EADDRINUSE)
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not listen on %s: another program does already; "
                    "stop it or choose another port",
                    text);
    else if (saved == EACCES || saved == EPERM)
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_DENIED,
                    "could not listen on %s: CAP_NET_BIND_SERVICE is missing; start the server "
                    "as root or by its systemd unit",
                    text);
    else
        g_set_error(error,
                    AP_ERROR,
                    saved == ENODEV ? AP_ERROR_GONE : AP_ERROR_FAILED,
                    "could not listen on %s%s%s: %s",
                    text,
                    interface != NULL ? " by interface " : "",
                    interface != NULL ? interface : "",
                    g_strerror(saved));
    return -1;
}

/**
 * Opens a socket that accepts connections.
 *
 * @interface: (nullable): by which alone they may come
 * @error: AP_ERROR_DENIED without the capability for the port, AP_ERROR_GONE when the interface
 *     is not there, AP_ERROR_FAILED, for example when another program listens there
 *
 * Returns: (transfer full): non-blocking; -1 on failure
 */
int
ap_listen_open(const ApEndpoint *at, const char *interface, GError **error)
{
    struct sockaddr_storage sockaddr;
    const socklen_t n_bytes = ap_endpoint_to_sockaddr(at, &sockaddr);
    ap_autofd int fd =
        socket(at->addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

    if (fd < 0 || !set_options(fd, at->addr.family, interface)
        || bind(fd, (const struct sockaddr *) &sockaddr, n_bytes) != 0 || listen(fd, BACKLOG) != 0)
        return fail(error, at, interface);

    return ap_fd_steal(&fd);
}

/**
 * Opens a socket that becomes readable whenever an interface or an address comes, goes or
 * changes. What can be read there is of no interest.
 *
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full): non-blocking; -1 on failure
 */
int
ap_listen_watch(GError **error)
{
    const struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };
    ap_autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) != 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not watch the network: %s",
                    g_strerror(errno));
        return -1;
    }
    return ap_fd_steal(&fd);
}
