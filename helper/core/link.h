/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A network interface as the planner sees it: values only, merged from the kernel and
 * NetworkManager by helper/io/.
 */

#pragma once

#include "common/cidr.h"

#include <net/if.h>

G_BEGIN_DECLS

/** What an interface is. The kernel says so; a name says nothing. */
typedef enum {
    AP_LINK_KIND_ETHERNET, /* ARPHRD_ETHER without IFLA_INFO_KIND */
    AP_LINK_KIND_WIFI,     /* the same with a wireless extension, as far as can be told */
    AP_LINK_KIND_MOBILE,   /* WWAN, PPP */
    AP_LINK_KIND_VLAN,
    AP_LINK_KIND_BOND, /* bond and team */
    AP_LINK_KIND_BRIDGE,
    AP_LINK_KIND_VETH,
    AP_LINK_KIND_MACVLAN, /* and ipvlan, macvtap */
    AP_LINK_KIND_DUMMY,
    AP_LINK_KIND_TUNNEL, /* tun, gre, ipip, vxlan, xfrm, vti … but not WireGuard */
    AP_LINK_KIND_WIREGUARD,
    AP_LINK_KIND_LOOPBACK,
    AP_LINK_KIND_OTHER,
    AP_N_LINK_KINDS,
} ApLinkKind;

typedef enum {
    AP_LINK_ADDRESS_TENTATIVE = 1 << 0,  /* duplicate address detection goes on, or failed */
    AP_LINK_ADDRESS_DEPRECATED = 1 << 1, /* not to be used for anything new */
    AP_LINK_ADDRESS_TEMPORARY = 1 << 2,  /* RFC 8981 privacy address */
} ApLinkAddressFlags;

/** An address on an interface. @addr has its host bits; its network is ap_cidr_network(). */
typedef struct {
    ApAddr addr;
    guint8 prefix_len;
    guint8 flags; /* of ApLinkAddressFlags */
} ApLinkAddress;

/** The best default route by an interface in one family. */
typedef struct {
    ApAddr gateway; /* family 0: no default route, or one without a gateway */
    guint32 metric; /* the lower, the better */
} ApDefaultRoute;

typedef struct {
    guint32 ifindex;
    char name[IF_NAMESIZE];
    ApLinkKind kind;
    gboolean running; /* IFF_UP and IFF_RUNNING: somebody may listen at the other end */
    guint32 mtu;      /* bytes */
    ApDefaultRoute route4;
    ApDefaultRoute route6;
    GArray *addresses; /* (owned) (element-type ApLinkAddress) sorted by address */
    GArray *dns;       /* (owned) (element-type ApAddr) name servers that NetworkManager lists */
} ApLink;

ApLink *ap_link_new(guint32 ifindex);
ApLink *ap_link_copy(const ApLink *self);
void ap_link_free(ApLink *self);
void ap_link_sort(ApLink *self);
gboolean ap_link_equal(const ApLink *a, const ApLink *b);
const char *ap_link_kind_name(ApLinkKind kind) G_GNUC_CONST;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApLink, ap_link_free)

G_END_DECLS
