/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/netlink-message.h"

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

/** Bytes of one attribute with a payload of @n bytes, padded. */
#define ATTR_SIZE(n) ((gsize) (MNL_ATTR_HDRLEN + MNL_ALIGN(n)))

/** Bytes of one prefix: its nest, and family, address and length in it. */
#define ALLOWED_SIZE (ATTR_SIZE(0) + ATTR_SIZE(2) + ATTR_SIZE(16) + ATTR_SIZE(1))

/** Bytes of the largest change: its nest, key, flags, endpoint, keepalive, prefixes. */
#define CHANGE_SIZE                                                                                \
    (ATTR_SIZE(0) + ATTR_SIZE(AP_KEY_LEN) + ATTR_SIZE(4) + ATTR_SIZE(sizeof(struct sockaddr_in6))  \
     + ATTR_SIZE(2) + ATTR_SIZE(0) + AP_CHANGE_MAX_ALLOWED * ALLOWED_SIZE)

/** Bytes in front of the first change: headers, interface index, nest of all peers. */
#define PREFACE_SIZE (MNL_NLMSG_HDRLEN + MNL_ALIGN(GENL_HDRLEN) + ATTR_SIZE(4) + ATTR_SIZE(0))

G_STATIC_ASSERT(PREFACE_SIZE + CHANGE_SIZE <= AP_NETLINK_REQUEST_SIZE);

static struct nlmsghdr *
put_header(ApNetlinkRequest *out, guint16 type, guint16 flags, guint32 seq)
{
    struct nlmsghdr *header;

    memset(out, 0, sizeof(*out));
    header = mnl_nlmsg_put_header(out->bytes);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = seq;
    return header;
}

static struct nlmsghdr *
put_genl_header(ApNetlinkRequest *out,
                guint16 type,
                guint16 flags,
                guint32 seq,
                guint8 command,
                guint8 version)
{
    struct nlmsghdr *header = put_header(out, type, flags, seq);
    struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));

    genl->cmd = command;
    genl->version = version;
    return header;
}

/**
 * Asks for the number of a generic-netlink family. The answer is one message, see
 * ap_netlink_take_family(), or the error ENOENT.
 */
void
ap_netlink_build_get_family(ApNetlinkRequest *out, guint32 seq, const char *name)
{
    struct nlmsghdr *header =
        put_genl_header(out, GENL_ID_CTRL, NLM_F_ACK, seq, CTRL_CMD_GETFAMILY, 1);

    mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, name);
}

/**
 * Asks for all links of kind "wireguard". A kernel may ignore the filter; see
 * ap_netlink_take_link().
 */
void
ap_netlink_build_list_links(ApNetlinkRequest *out, guint32 seq)
{
    struct nlmsghdr *header = put_header(out, RTM_GETLINK, NLM_F_DUMP, seq);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
    struct nlattr *nest;

    info->ifi_family = AF_UNSPEC;
    mnl_attr_put_u32(header, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    nest = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, WG_GENL_NAME);
    mnl_attr_nest_end(header, nest);
}

/**
 * Asks for a whole WireGuard device; see ap_netlink_take_device().
 *
 * @family: what ap_netlink_take_family() gave for WG_GENL_NAME
 */
void
ap_netlink_build_get_device(ApNetlinkRequest *out, guint32 seq, guint16 family, guint32 ifindex)
{
    struct nlmsghdr *header =
        put_genl_header(out, family, NLM_F_DUMP, seq, WG_CMD_GET_DEVICE, WG_GENL_VERSION);

    mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, ifindex);
}

static void
put_allowed(struct nlmsghdr *header, const ApCidr *cidr)
{
    struct nlattr *nest = mnl_attr_nest_start(header, 0);

    mnl_attr_put_u16(header, WGALLOWEDIP_A_FAMILY, cidr->addr.family);
    mnl_attr_put(header,
                 WGALLOWEDIP_A_IPADDR,
                 ap_addr_n_bits(cidr->addr.family) / 8,
                 cidr->addr.bytes);
    mnl_attr_put_u8(header, WGALLOWEDIP_A_CIDR_MASK, cidr->prefix_len);
    mnl_attr_nest_end(header, nest);
}

static void
put_endpoint(struct nlmsghdr *header, const ApEndpoint *endpoint)
{
    struct sockaddr_storage addr;
    const socklen_t len = ap_endpoint_to_sockaddr(endpoint, &addr);

    mnl_attr_put(header, WGPEER_A_ENDPOINT, len, &addr);
}

static guint32
wire_flags(guint flags)
{
    guint32 wire = 0;

    if ((flags & AP_PEER_REMOVE) != 0)
        wire |= WGPEER_F_REMOVE_ME;
    if ((flags & AP_PEER_UPDATE_ONLY) != 0)
        wire |= WGPEER_F_UPDATE_ONLY;
    if ((flags & AP_PEER_REPLACE_ALLOWED) != 0)
        wire |= WGPEER_F_REPLACE_ALLOWEDIPS;
    return wire;
}

static void
put_change(struct nlmsghdr *header, const ApPeerChange *change)
{
    struct nlattr *peer = mnl_attr_nest_start(header, 0);
    const guint32 flags = wire_flags(change->flags);

    mnl_attr_put(header, WGPEER_A_PUBLIC_KEY, sizeof(change->key.bytes), change->key.bytes);
    if ((change->flags & AP_PEER_SET_ENDPOINT) != 0)
        put_endpoint(header, &change->endpoint);
    if ((change->flags & AP_PEER_SET_KEEPALIVE) != 0)
        mnl_attr_put_u16(header, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, change->keepalive_sec);
    if (flags != 0)
        mnl_attr_put_u32(header, WGPEER_A_FLAGS, flags);
    if (change->n_allowed > 0) {
        struct nlattr *nest = mnl_attr_nest_start(header, WGPEER_A_ALLOWEDIPS);

        for (guint i = 0; i < change->n_allowed; i++)
            put_allowed(header, &change->allowed[i]);
        mnl_attr_nest_end(header, nest);
    }
    mnl_attr_nest_end(header, peer);
}

/**
 * Asks for the first of @changes, as many as fit into one message; the answer is an
 * acknowledgement.
 *
 * These attributes and no others can be written (security rule S6). A change is never cut in
 * two: the largest fits into a message, so when the kernel stops at an error, it stops
 * between two changes.
 *
 * @n_changes: at least 1; each within AP_CHANGE_MAX_ALLOWED
 *
 * Returns: how many changes the message holds, at least 1
 */
guint
ap_netlink_build_set_device(ApNetlinkRequest *out,
                            guint32 seq,
                            guint16 family,
                            guint32 ifindex,
                            const ApPeerChange *changes,
                            guint n_changes)
{
    struct nlmsghdr *header =
        put_genl_header(out, family, NLM_F_ACK, seq, WG_CMD_SET_DEVICE, WG_GENL_VERSION);
    struct nlattr *peers;
    guint n = 0;

    mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, ifindex);
    peers = mnl_attr_nest_start(header, WGDEVICE_A_PEERS);
    while (n < n_changes && header->nlmsg_len + CHANGE_SIZE <= sizeof(out->bytes))
        put_change(header, &changes[n++]);
    mnl_attr_nest_end(header, peers);
    return n;
}
