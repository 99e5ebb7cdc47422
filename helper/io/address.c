/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/address.h"

#include "helper/io/rtnetlink-socket.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <string.h>

/**
 * Bits of the prefix: 64. All link-local addresses are on it, so that one route leads to every
 * peer's. RFC 4291 section 2.5.6.
 */
#define PREFIX_BITS 64

/** Room for a request, in bytes. */
#define REQUEST_LEN 128

/* Without duplicate address detection, which no tunnel can do: usable at once. */
static struct nlmsghdr *
build_edit(guint8 *buffer, guint16 type, guint16 flags, guint32 ifindex, const ApAddr *addr)
{
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
    struct ifaddrmsg *body;

    head->nlmsg_type = type;
    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
    body->ifa_family = AF_INET6;
    body->ifa_prefixlen = PREFIX_BITS;
    body->ifa_flags = IFA_F_NODAD;
    body->ifa_scope = RT_SCOPE_LINK;
    body->ifa_index = ifindex;
    mnl_attr_put(head, IFA_LOCAL, sizeof(addr->bytes), addr->bytes);
    mnl_attr_put(head, IFA_ADDRESS, sizeof(addr->bytes), addr->bytes);
    return head;
}

static int
edit(guint16 type, guint16 flags, guint32 ifindex, const ApAddr *addr)
{
    guint8 buffer[REQUEST_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));

    return ap_rtnetlink_socket_ask(build_edit(buffer, type, flags, ifindex, addr), NULL, NULL);
}

/*
 * EACCES: disable_ipv6 is set; EINVAL: the MTU is below 1,280; EOPNOTSUPP: the kernel has no IPv6.
 * Source: addrconf_add_dev(), ipv6_find_idev() and rtnl_newaddr() in Linux 6.1.
 */
static ApError
translate(int code)
{
    if (code == EACCES || code == EINVAL || code == EOPNOTSUPP || code == EAFNOSUPPORT)
        return AP_ERROR_UNSUPPORTED;
    return ap_rtnetlink_socket_translate(code);
}

static gboolean
fail(GError **error, int code, const char *what, const ApAddr *addr)
{
    char text[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(addr, text);
    g_set_error(error,
                AP_ERROR,
                translate(code),
                "could not %s %s: %s",
                what,
                text,
                g_strerror(code));
    return FALSE;
}

/**
 * Gives an interface a link-local address with its /64, usable at once.
 *
 * @was_there: (out): TRUE: somebody had added it before; nothing was changed
 * @error: AP_ERROR_UNSUPPORTED when the interface has no IPv6, AP_ERROR_GONE without such an
 *     interface, AP_ERROR_DENIED, AP_ERROR_TIMED_OUT when it is not known what happened, otherwise
 *     AP_ERROR_FAILED
 *
 * Does not switch IPv6 on.
 */
gboolean
ap_address_add(guint32 ifindex, const ApAddr *addr, gboolean *was_there, GError **error)
{
    int code;

    g_return_val_if_fail(ap_addr_is_link_local(addr) && addr->family == AF_INET6, FALSE);

    code = edit(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);
    if (code != 0 && code != EEXIST)
        return fail(error, code, "add the address", addr);

    *was_there = code == EEXIST;
    return TRUE;
}

/**
 * Takes a link-local address off an interface; one that is not there is no error.
 *
 * @error: AP_ERROR_GONE without such an interface, AP_ERROR_DENIED, AP_ERROR_TIMED_OUT when it is
 *     not known what happened, otherwise AP_ERROR_FAILED
 */
gboolean
ap_address_remove(guint32 ifindex, const ApAddr *addr, GError **error)
{
    const int code = edit(RTM_DELADDR, 0, ifindex, addr);

    /* Without IPv6 there is no address either. */
    if (code == 0 || code == EADDRNOTAVAIL || translate(code) == AP_ERROR_UNSUPPORTED)
        return TRUE;
    return fail(error, code, "remove the address", addr);
}

/* IFLA_INET6_CONF: the settings of an interface, by number. */
static int
take_ipv6_part(const struct nlattr *attribute, void *data)
{
    const guint8 *values = mnl_attr_get_payload(attribute);
    gboolean *possible = data;
    gint32 disabled;

    if (mnl_attr_get_type(attribute) != IFLA_INET6_CONF
        || mnl_attr_get_payload_len(attribute) < (DEVCONF_DISABLE_IPV6 + 1) * sizeof(disabled))
        return MNL_CB_OK;

    memcpy(&disabled, values + DEVCONF_DISABLE_IPV6 * sizeof(disabled), sizeof(disabled));
    *possible = disabled == 0;
    return MNL_CB_OK;
}

/* An interface whose MTU is too small has no part about IPv6. */
static int
take_family(const struct nlattr *attribute, void *data)
{
    if (mnl_attr_get_type(attribute) == AF_INET6)
        return mnl_attr_parse_nested(attribute, take_ipv6_part, data);
    return MNL_CB_OK;
}

static int
take_attribute(const struct nlattr *attribute, void *data)
{
    if (mnl_attr_get_type(attribute) == IFLA_AF_SPEC)
        return mnl_attr_parse_nested(attribute, take_family, data);
    return MNL_CB_OK;
}

static int
take_link(const struct nlmsghdr *message, void *data)
{
    if (message->nlmsg_type != RTM_NEWLINK)
        return MNL_CB_OK;
    return mnl_attr_parse(message, sizeof(struct ifinfomsg), take_attribute, data);
}

/**
 * Tells whether an interface has IPv6, so that it can be given an address.
 *
 * @error: AP_ERROR_UNSUPPORTED when it has not, AP_ERROR_GONE without such an interface, otherwise
 *     as ap_address_add()
 */
gboolean
ap_address_is_possible(guint32 ifindex, GError **error)
{
    guint8 buffer[REQUEST_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
    gboolean possible = FALSE;
    int code;

    head->nlmsg_type = RTM_GETLINK;
    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    body->ifi_index = (int) ifindex;
    code = ap_rtnetlink_socket_ask(head, take_link, &possible);
    if (code == 0 && !possible)
        code = EAFNOSUPPORT;
    if (code == 0)
        return TRUE;

    g_set_error(error,
                AP_ERROR,
                translate(code),
                "interface %u has no IPv6: %s",
                ifindex,
                g_strerror(code));
    return FALSE;
}

/** On the interfaces of this machine. */
const ApAddressOps ap_address_system = {.add = ap_address_add, .remove = ap_address_remove};
