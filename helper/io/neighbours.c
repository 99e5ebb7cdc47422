/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/neighbours.h"

#include "common/error.h"

#include <libmnl/libmnl.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

/** Room for a request, in bytes. */
#define REQUEST_LEN 64

/** Room for one datagram of a dump, in bytes. Source: netlink_dump(), Linux 6.1. */
#define DATAGRAM_LEN (32 * 1024)

/**
 * Most entries that are taken, so that a LAN full of addresses does not make us slow. The kernel
 * keeps 1,024 of each family. Source: gc_thresh3, Documentation/networking/ip-sysctl.rst.
 */
#define MAX_HOSTS 2048

/** How long the kernel may take to answer, in seconds; it does so within the system call. */
#define ANSWER_LIMIT_SEC 1

/* What the kernel has found out. Source: include/uapi/linux/neighbour.h, Linux 6.1. */
#define ABSENT_STATES (NUD_INCOMPLETE | NUD_FAILED)
#define THERE_STATES (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

typedef struct mnl_socket MnlSocket;

static void
close_socket(MnlSocket *socket)
{
    (void) mnl_socket_close(socket);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MnlSocket, close_socket)

static MnlSocket *
open_socket(void)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_SEC};
    g_autoptr(MnlSocket) socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0
        || setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))
               != 0)
        return NULL;
    return g_steal_pointer(&socket);
}

static ApPresence
presence_of(guint16 state)
{
    if (state & THERE_STATES)
        return AP_PRESENCE_THERE;
    return state & ABSENT_STATES ? AP_PRESENCE_ABSENT : AP_PRESENCE_UNKNOWN;
}

static int
find_destination(const struct nlattr *attr, void *data)
{
    const struct nlattr **found = data;

    if (mnl_attr_get_type(attr) == NDA_DST)
        *found = attr;
    return MNL_CB_OK;
}

/**
 * Reads one entry of the table.
 *
 * @message: complete, as mnl_nlmsg_ok() checks it
 * @out: (out): left as it was when the function fails
 *
 * Returns: FALSE for a message that says nothing about the presence of an IP address
 */
gboolean
ap_neighbours_parse(const struct nlmsghdr *message, ApLanHost *out)
{
    const struct ndmsg *body = mnl_nlmsg_get_payload(message);
    const struct nlattr *destination = NULL;
    ApLanHost host;

    if (message->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(message) < sizeof(*body)
        || (body->ndm_family != AF_INET && body->ndm_family != AF_INET6)
        || mnl_attr_parse(message, sizeof(*body), find_destination, &destination) < 0)
        return FALSE;

    host = (ApLanHost){
        .addr = {.family = body->ndm_family},
        .presence = presence_of(body->ndm_state),
    };
    if (destination == NULL || host.presence == AP_PRESENCE_UNKNOWN
        || mnl_attr_get_payload_len(destination) != ap_addr_n_bits(body->ndm_family) / 8)
        return FALSE;

    memcpy(host.addr.bytes,
           mnl_attr_get_payload(destination),
           mnl_attr_get_payload_len(destination));
    *out = host;
    return TRUE;
}

static int
take(const struct nlmsghdr *message, void *data)
{
    GArray *hosts = data;
    ApLanHost host;

    if (hosts->len < MAX_HOSTS && ap_neighbours_parse(message, &host))
        g_array_append_val(hosts, host);
    return MNL_CB_OK;
}

static gboolean
ask(MnlSocket *socket)
{
    guint8 buffer[REQUEST_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);

    head->nlmsg_type = RTM_GETNEIGH;
    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    (void) mnl_nlmsg_put_extra_header(head, sizeof(struct ndmsg));
    return mnl_socket_sendto(socket, head, head->nlmsg_len) >= 0;
}

/* Returns: FALSE with errno */
static gboolean
read_answer(MnlSocket *socket, GArray *hosts)
{
    g_autofree guint8 *datagram = g_malloc(DATAGRAM_LEN);
    int more = MNL_CB_OK;

    while (more == MNL_CB_OK) {
        const gssize n = mnl_socket_recvfrom(socket, datagram, DATAGRAM_LEN);

        if (n < 0)
            return FALSE;
        more = mnl_cb_run(datagram, (gsize) n, 0, mnl_socket_get_portid(socket), take, hosts);
    }
    return more == MNL_CB_STOP;
}

/**
 * Reads the table as it is at this moment. One that changes meanwhile may be incomplete.
 *
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable) (element-type ApLanHost): in no order
 */
GArray *
ap_neighbours_read(GError **error)
{
    g_autoptr(MnlSocket) socket = open_socket();
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(ApLanHost));

    if (socket != NULL && ask(socket) && read_answer(socket, hosts))
        return g_steal_pointer(&hosts);

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_FAILED,
                "could not read the neighbour table: %s",
                g_strerror(errno));
    return NULL;
}
