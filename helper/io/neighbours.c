/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/neighbours.h"

#include "helper/io/rtnetlink-socket.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

/** Room for a request, in bytes. */
#define REQUEST_LEN 64

/**
 * Most entries that are taken, so that a LAN full of addresses does not make us slow. The kernel
 * keeps 1,024 of each family. Source: gc_thresh3, Documentation/networking/ip-sysctl.rst.
 */
#define MAX_HOSTS 2048

/* What the kernel has found out. Source: include/uapi/linux/neighbour.h, Linux 6.1. */
#define ABSENT_STATES (NUD_INCOMPLETE | NUD_FAILED)
#define THERE_STATES (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

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

/**
 * Reads the table as it is at this moment. One that changes meanwhile may be incomplete.
 *
 * @error: AP_ERROR_DENIED, AP_ERROR_TIMED_OUT or AP_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable) (element-type ApLanHost): in no order
 */
GArray *
ap_neighbours_read(GError **error)
{
    guint8 buffer[REQUEST_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(ApLanHost));
    int code;

    request->nlmsg_type = RTM_GETNEIGH;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    (void) mnl_nlmsg_put_extra_header(request, sizeof(struct ndmsg));
    code = ap_rtnetlink_socket_ask(request, take, hosts);
    if (code == 0)
        return g_steal_pointer(&hosts);

    g_set_error(error,
                AP_ERROR,
                ap_rtnetlink_socket_translate(code),
                "could not read the neighbour table: %s",
                g_strerror(code));
    return NULL;
}
