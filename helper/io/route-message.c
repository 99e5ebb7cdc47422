/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/route-message.h"

#include <libmnl/libmnl.h>

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* What a driver calls itself in IFLA_INFO_KIND. Source: rtnl_link_ops.kind in Linux 6.1. */
static const struct {
    const char *name;
    ApLinkKind kind;
} driver_kinds[] = {
    {"amt", AP_LINK_KIND_TUNNEL},          {"bareudp", AP_LINK_KIND_TUNNEL},
    {"bond", AP_LINK_KIND_BOND},           {"bridge", AP_LINK_KIND_BRIDGE},
    {"dsa", AP_LINK_KIND_ETHERNET},        {"dummy", AP_LINK_KIND_DUMMY},
    {"erspan", AP_LINK_KIND_TUNNEL},       {"geneve", AP_LINK_KIND_TUNNEL},
    {"gre", AP_LINK_KIND_TUNNEL},          {"gretap", AP_LINK_KIND_TUNNEL},
    {"gtp", AP_LINK_KIND_TUNNEL},          {"ip6erspan", AP_LINK_KIND_TUNNEL},
    {"ip6gre", AP_LINK_KIND_TUNNEL},       {"ip6gretap", AP_LINK_KIND_TUNNEL},
    {"ip6tnl", AP_LINK_KIND_TUNNEL},       {"ipip", AP_LINK_KIND_TUNNEL},
    {"ipvlan", AP_LINK_KIND_MACVLAN},      {"ipvtap", AP_LINK_KIND_MACVLAN},
    {"macvlan", AP_LINK_KIND_MACVLAN},     {"macvtap", AP_LINK_KIND_MACVLAN},
    {"netkit", AP_LINK_KIND_VETH},         {"ovpn", AP_LINK_KIND_TUNNEL},
    {"ovpn-dco", AP_LINK_KIND_TUNNEL},     {"ppp", AP_LINK_KIND_MOBILE},
    {"rmnet", AP_LINK_KIND_MOBILE},        {"sit", AP_LINK_KIND_TUNNEL},
    {"team", AP_LINK_KIND_BOND},           {"tun", AP_LINK_KIND_TUNNEL},
    {"veth", AP_LINK_KIND_VETH},           {"virt_wifi", AP_LINK_KIND_WIFI},
    {"vlan", AP_LINK_KIND_VLAN},           {"vti", AP_LINK_KIND_TUNNEL},
    {"vti6", AP_LINK_KIND_TUNNEL},         {"vxlan", AP_LINK_KIND_TUNNEL},
    {"wireguard", AP_LINK_KIND_WIREGUARD}, {"wwan", AP_LINK_KIND_MOBILE},
    {"xfrm", AP_LINK_KIND_TUNNEL},
};

/*
 * Files the attributes in @n bytes by their type; types above @max are left out. One that is
 * longer than what is left ends the list.
 */
static void
collect(const void *bytes, gsize n, const struct nlattr **table, guint16 max)
{
    const struct nlattr *attr = bytes;
    int left = (int) n;

    memset(table, 0, sizeof(*table) * (max + 1U));
    while (mnl_attr_ok(attr, left)) {
        if (mnl_attr_get_type(attr) <= max)
            table[mnl_attr_get_type(attr)] = attr;
        left -= MNL_ALIGN(attr->nla_len);
        attr = mnl_attr_next(attr);
    }
}

/* The same for the attributes of @message after its fixed part; FALSE: not even that is there. */
static gboolean
collect_message(const struct nlmsghdr *message,
                gsize n_fixed,
                const struct nlattr **table,
                guint16 max)
{
    const gsize n = mnl_nlmsg_get_payload_len(message);
    const guint8 *payload = mnl_nlmsg_get_payload(message);

    if (message->nlmsg_len < MNL_NLMSG_HDRLEN || n < n_fixed)
        return FALSE;

    n_fixed = MIN(MNL_ALIGN(n_fixed), n);
    collect(payload + n_fixed, n - n_fixed, table, max);
    return TRUE;
}

static gboolean
get_u32(const struct nlattr *attr, guint32 *out)
{
    if (attr == NULL || mnl_attr_get_payload_len(attr) < sizeof(*out))
        return FALSE;

    memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
    return TRUE;
}

static gboolean
get_addr(const struct nlattr *attr, guint16 family, ApAddr *out)
{
    const gsize n_bytes = ap_addr_n_bits(family) / 8;
    ApAddr addr = {.family = family};

    if (attr == NULL || n_bytes == 0 || mnl_attr_get_payload_len(attr) != n_bytes)
        return FALSE;

    memcpy(addr.bytes, mnl_attr_get_payload(attr), n_bytes);
    *out = addr;
    return TRUE;
}

/* Copies a text that may or may not end with NUL; FALSE when it does not fit. */
static gboolean
get_text(const struct nlattr *attr, char *out, gsize n_out)
{
    gsize n;

    if (attr == NULL)
        return FALSE;

    n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
    if (n == 0 || n >= n_out)
        return FALSE;

    memcpy(out, mnl_attr_get_payload(attr), n);
    out[n] = '\0';
    return TRUE;
}

/*
 * Without a driver's name only the hardware type is left. A point-to-point interface without
 * either may be a modem or anything else: NetworkManager may know better.
 */
static ApLinkKind
kind_of_hardware(guint16 type)
{
    switch (type) {
    case ARPHRD_LOOPBACK:
        return AP_LINK_KIND_LOOPBACK;
    case ARPHRD_ETHER:
        return AP_LINK_KIND_ETHERNET;
    case ARPHRD_IEEE80211:
    case ARPHRD_IEEE80211_PRISM:
    case ARPHRD_IEEE80211_RADIOTAP:
        return AP_LINK_KIND_WIFI;
    case ARPHRD_PPP:
    case ARPHRD_RAWIP:
        return AP_LINK_KIND_MOBILE;
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
        return AP_LINK_KIND_TUNNEL;
    default:
        return AP_LINK_KIND_OTHER;
    }
}

static ApLinkKind
kind_of(const struct nlattr *link_info, guint16 hardware)
{
    const struct nlattr *table[IFLA_INFO_KIND + 1];
    char name[32];

    if (link_info == NULL)
        return kind_of_hardware(hardware);

    collect(mnl_attr_get_payload(link_info),
            mnl_attr_get_payload_len(link_info),
            table,
            IFLA_INFO_KIND);
    if (!get_text(table[IFLA_INFO_KIND], name, sizeof(name)))
        return kind_of_hardware(hardware);

    for (gsize i = 0; i < G_N_ELEMENTS(driver_kinds); i++) {
        if (strcmp(driver_kinds[i].name, name) == 0)
            return driver_kinds[i].kind;
    }
    return AP_LINK_KIND_OTHER;
}

/**
 * Reads RTM_NEWLINK: index, name, kind, MTU, and whether the link runs.
 *
 * Names are copied, never interpreted. Addresses and routes come in other messages.
 *
 * @message: complete, as mnl_nlmsg_ok() checks it
 *
 * Returns: (transfer full) (nullable): NULL when the message is of another type or lacks what
 *     a link must have
 */
ApLink *
ap_route_message_read_link(const struct nlmsghdr *message)
{
    const struct nlattr *table[IFLA_LINKINFO + 1];
    struct ifinfomsg head;
    ApLink *link;

    if (message->nlmsg_type != RTM_NEWLINK
        || !collect_message(message, sizeof(head), table, IFLA_LINKINFO))
        return NULL;

    memcpy(&head, mnl_nlmsg_get_payload(message), sizeof(head));
    if (head.ifi_index <= 0)
        return NULL;

    link = ap_link_new((guint32) head.ifi_index);
    if (!get_text(table[IFLA_IFNAME], link->name, sizeof(link->name))) {
        ap_link_free(link);
        return NULL;
    }

    link->kind = kind_of(table[IFLA_LINKINFO], head.ifi_type);
    link->running = (head.ifi_flags & IFF_UP) != 0 && (head.ifi_flags & IFF_RUNNING) != 0;
    (void) get_u32(table[IFLA_MTU], &link->mtu);
    return link;
}

/* IFA_F_TEMPORARY has the number of IFA_F_SECONDARY, which is all that it means for IPv4. */
static guint8
address_flags(guint32 flags, guint16 family)
{
    guint8 out = 0;

    if ((flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0)
        out |= AP_LINK_ADDRESS_TENTATIVE;
    if ((flags & IFA_F_DEPRECATED) != 0)
        out |= AP_LINK_ADDRESS_DEPRECATED;
    if ((flags & IFA_F_TEMPORARY) != 0 && family == AF_INET6)
        out |= AP_LINK_ADDRESS_TEMPORARY;
    return out;
}

/**
 * Reads RTM_NEWADDR: our own address, not that of the other end of a point-to-point link.
 *
 * @message: complete, as mnl_nlmsg_ok() checks it
 *
 * Returns: FALSE when the message is of another type or family, or malformed; @out is then
 *     left as it was
 */
gboolean
ap_route_message_read_address(ApRouteAddress *out, const struct nlmsghdr *message)
{
    const struct nlattr *table[IFA_FLAGS + 1];
    struct ifaddrmsg head;
    ApAddr addr;
    guint32 flags;

    if (message->nlmsg_type != RTM_NEWADDR
        || !collect_message(message, sizeof(head), table, IFA_FLAGS))
        return FALSE;

    memcpy(&head, mnl_nlmsg_get_payload(message), sizeof(head));
    if (head.ifa_prefixlen > ap_addr_n_bits(head.ifa_family))
        return FALSE;
    if (!get_addr(table[IFA_LOCAL], head.ifa_family, &addr)
        && !get_addr(table[IFA_ADDRESS], head.ifa_family, &addr))
        return FALSE;

    flags = head.ifa_flags;
    (void) get_u32(table[IFA_FLAGS], &flags);
    *out = (ApRouteAddress){
        .ifindex = head.ifa_index,
        .address = {.addr = addr,
                    .prefix_len = head.ifa_prefixlen,
                    .flags = address_flags(flags, head.ifa_family)},
    };
    return TRUE;
}

/* The first next hop of a route over several; FALSE when there is none that works. */
static gboolean
read_multipath(const struct nlattr *attr, guint16 family, ApRouteDefault *out)
{
    const struct nlattr *table[RTA_GATEWAY + 1];
    const guint8 *payload;
    struct rtnexthop hop;

    if (attr == NULL || mnl_attr_get_payload_len(attr) < sizeof(hop))
        return FALSE;

    payload = mnl_attr_get_payload(attr);
    memcpy(&hop, payload, sizeof(hop));
    if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > mnl_attr_get_payload_len(attr)
        || hop.rtnh_ifindex <= 0 || (hop.rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0)
        return FALSE;

    collect(payload + sizeof(hop), hop.rtnh_len - sizeof(hop), table, RTA_GATEWAY);
    out->ifindex = (guint32) hop.rtnh_ifindex;
    (void) get_addr(table[RTA_GATEWAY], family, &out->route.gateway);
    return TRUE;
}

/* A route from a router advertisement stays in the table for a while after its lifetime. */
static gboolean
is_expired(const struct nlattr *attr)
{
    struct rta_cacheinfo info;

    if (attr == NULL || mnl_attr_get_payload_len(attr) < sizeof(info))
        return FALSE;

    memcpy(&info, mnl_attr_get_payload(attr), sizeof(info));
    return info.rta_expires < 0;
}

static gboolean
is_main_default(const struct rtmsg *head, const struct nlattr *table_attr)
{
    guint32 table = head->rtm_table;

    (void) get_u32(table_attr, &table);
    return table == RT_TABLE_MAIN && head->rtm_dst_len == 0 && head->rtm_type == RTN_UNICAST
           && (head->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN)) == 0;
}

/**
 * Reads RTM_NEWROUTE when it is a working default route of the main table.
 *
 * A route by several next hops counts for the first. An IPv4 route by an IPv6 gateway
 * (RTA_VIA) counts as one without a gateway.
 *
 * @message: complete, as mnl_nlmsg_ok() checks it
 *
 * Returns: FALSE for any other message; @out is then left as it was
 */
gboolean
ap_route_message_read_default(ApRouteDefault *out, const struct nlmsghdr *message)
{
    const struct nlattr *table[RTA_TABLE + 1];
    struct rtmsg head;
    ApRouteDefault route = {.ifindex = 0};

    if (message->nlmsg_type != RTM_NEWROUTE
        || !collect_message(message, sizeof(head), table, RTA_TABLE))
        return FALSE;

    memcpy(&head, mnl_nlmsg_get_payload(message), sizeof(head));
    if (ap_addr_n_bits(head.rtm_family) == 0 || !is_main_default(&head, table[RTA_TABLE])
        || is_expired(table[RTA_CACHEINFO]))
        return FALSE;

    route.family = head.rtm_family;
    (void) get_u32(table[RTA_PRIORITY], &route.route.metric);
    (void) get_addr(table[RTA_GATEWAY], route.family, &route.route.gateway);
    if (!get_u32(table[RTA_OIF], &route.ifindex)
        && !read_multipath(table[RTA_MULTIPATH], route.family, &route))
        return FALSE;

    *out = route;
    return TRUE;
}
