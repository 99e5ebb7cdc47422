/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/uplink.h"

#include "common/writer.h"

/**
 * Ranks of own candidates: the first gets 100, each further one 10 less, so that all eight are
 * above zero. Only the order means something (coordination-protocol.md 6 uses such numbers).
 */
#define PRIO_FIRST 100
#define PRIO_STEP 10

static const guint16 families[] = {AF_INET, AF_INET6};

static gboolean
is_hidden(const ApAddr *addr, const ApPolicy *policy)
{
    for (guint i = 0; i < policy->hidden->len; i++) {
        if (ap_cidr_holds(&g_array_index(policy->hidden, ApCidr, i), addr))
            return TRUE;
    }
    return FALSE;
}

/* Whether @address may be told to a server at all. */
static gboolean
may_be_told(const ApLinkAddress *address, const ApPolicy *policy)
{
    return (address->flags & AP_LINK_ADDRESS_TENTATIVE) == 0 && ap_addr_is_host(&address->addr)
           && !is_hidden(&address->addr, policy);
}

static const ApDefaultRoute *
route_of(const ApLink *link, guint16 family)
{
    return family == AF_INET ? &link->route4 : &link->route6;
}

/*
 * How well @address stands for its link in a request; the higher, the better. Servers compare
 * gateway and prefix length, so an address with a real network goes before a bare /32 or /128
 * (as DHCPv6 hands out), and one that holds the gateway before all others.
 */
static int
attachment_rank(const ApLinkAddress *address, const ApAddr *gateway)
{
    const ApCidr network = ap_cidr_network(&address->addr, address->prefix_len);
    int rank = 0;

    if ((address->flags & AP_LINK_ADDRESS_DEPRECATED) == 0)
        rank += 8;
    if (ap_cidr_holds(&network, gateway))
        rank += 4;
    if (!ap_cidr_is_host(&network))
        rank += 2;
    if ((address->flags & AP_LINK_ADDRESS_TEMPORARY) == 0)
        rank += 1;
    return rank;
}

/* The address that stands for @link in @family; NULL: it has none, or no gateway there. */
static const ApLinkAddress *
attached_address(const ApLink *link, guint16 family, const ApPolicy *policy)
{
    const ApAddr *gateway = &route_of(link, family)->gateway;
    const ApLinkAddress *best = NULL;
    int best_rank = -1;

    if (gateway->family == AF_UNSPEC)
        return NULL;

    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);
        const int rank = attachment_rank(address, gateway);

        if (address->addr.family == family && rank > best_rank && may_be_told(address, policy)) {
            best = address;
            best_rank = rank;
        }
    }
    return best;
}

static gboolean
may_be_uplink(ApLinkKind kind, const ApPolicy *policy)
{
    switch (kind) {
    case AP_LINK_KIND_WIREGUARD:
    case AP_LINK_KIND_TUNNEL:
    case AP_LINK_KIND_LOOPBACK:
    case AP_N_LINK_KINDS:
        return FALSE;
    case AP_LINK_KIND_ETHERNET:
    case AP_LINK_KIND_WIFI:
    case AP_LINK_KIND_MOBILE:
    case AP_LINK_KIND_VLAN:
    case AP_LINK_KIND_BOND:
    case AP_LINK_KIND_BRIDGE:
    case AP_LINK_KIND_VETH:
    case AP_LINK_KIND_MACVLAN:
    case AP_LINK_KIND_DUMMY:
    case AP_LINK_KIND_OTHER:
        return (policy->link_kinds & (1U << kind)) != 0;
    }
    return FALSE;
}

/**
 * Tells whether @link leads to a LAN that a server may be told about: it runs, the policy
 * allows its kind, and in one family it has a default route with a gateway and an address that
 * is ready, ordinary and not hidden.
 *
 * Tunnels, WireGuard and loopback are never uplinks, whatever the policy says.
 */
gboolean
ap_uplink_is_usable(const ApLink *link, const ApPolicy *policy)
{
    return link->running && may_be_uplink(link->kind, policy)
           && (attached_address(link, AF_INET, policy) != NULL
               || attached_address(link, AF_INET6, policy) != NULL);
}

/* The metric of the best default route with a gateway. */
static guint32
best_metric(const ApLink *link)
{
    guint32 metric = G_MAXUINT32;

    if (link->route4.gateway.family != AF_UNSPEC)
        metric = MIN(metric, link->route4.metric);
    if (link->route6.gateway.family != AF_UNSPEC)
        metric = MIN(metric, link->route6.metric);
    return metric;
}

static int
compare_uplinks(gconstpointer a, gconstpointer b)
{
    const ApLink *const *x = a;
    const ApLink *const *y = b;
    const guint32 metric_x = best_metric(*x);
    const guint32 metric_y = best_metric(*y);

    if (metric_x != metric_y)
        return metric_x < metric_y ? -1 : 1;
    return (*x)->ifindex < (*y)->ifindex ? -1 : 1;
}

/* The usable links, best metric first. */
static GPtrArray *
usable_uplinks(const GPtrArray *links, const ApPolicy *policy)
{
    GPtrArray *usable = g_ptr_array_new();

    for (guint i = 0; i < links->len; i++) {
        ApLink *link = g_ptr_array_index(links, i);

        if (ap_uplink_is_usable(link, policy))
            g_ptr_array_add(usable, link);
    }
    g_ptr_array_sort(usable, compare_uplinks);
    return usable;
}

/**
 * Lists where we are attached, as a request says it: the link with the best metric first, on
 * each link IPv4 before IPv6, one address per link and family.
 *
 * The gateway is passed on as the kernel has it; an IPv6 one is normally link-local.
 *
 * @links: (element-type ApLink)
 * @out: (out caller-allocates)
 *
 * Returns: how many elements of @out were set
 */
guint
ap_uplink_attachments(const GPtrArray *links,
                      const ApPolicy *policy,
                      ApAttachment out[static AP_COORD_MAX_ATTACHMENTS])
{
    g_autoptr(GPtrArray) uplinks = usable_uplinks(links, policy);
    guint n = 0;

    for (guint i = 0; i < uplinks->len * G_N_ELEMENTS(families); i++) {
        const ApLink *link = g_ptr_array_index(uplinks, i / G_N_ELEMENTS(families));
        const guint16 family = families[i % G_N_ELEMENTS(families)];
        const ApLinkAddress *address = attached_address(link, family, policy);

        if (address == NULL || n == AP_COORD_MAX_ATTACHMENTS)
            continue;

        out[n++] = (ApAttachment){
            .ip = address->addr,
            .prefix_len = address->prefix_len,
            .gateway = route_of(link, family)->gateway,
        };
    }
    return n;
}

/* Whether @link has an address of @family that will stay: no privacy address is then told. */
static gboolean
has_stable_address(const ApLink *link, guint16 family, const ApPolicy *policy)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);

        if (address->addr.family == family && may_be_told(address, policy)
            && (address->flags & (AP_LINK_ADDRESS_TEMPORARY | AP_LINK_ADDRESS_DEPRECATED)) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_listed(const ApAddr *addr, const ApRankedEndpoint *list, guint n)
{
    for (guint i = 0; i < n; i++) {
        if (ap_addr_equal(&list[i].endpoint.addr, addr))
            return TRUE;
    }
    return FALSE;
}

/* Appends the addresses of @family on @link at which we may be reached; returns the new length. */
static guint
add_candidates(const ApLink *link,
               guint16 family,
               const ApPolicy *policy,
               guint16 port,
               ApRankedEndpoint out[static AP_COORD_MAX_CANDIDATES],
               guint n)
{
    const guint8 unwanted = has_stable_address(link, family, policy)
                                ? AP_LINK_ADDRESS_DEPRECATED | AP_LINK_ADDRESS_TEMPORARY
                                : AP_LINK_ADDRESS_DEPRECATED;

    for (guint i = 0; i < link->addresses->len && n < AP_COORD_MAX_CANDIDATES; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);

        if (address->addr.family != family || (address->flags & unwanted) != 0
            || !may_be_told(address, policy) || is_listed(&address->addr, out, n))
            continue;

        out[n] = (ApRankedEndpoint){
            .endpoint = {.addr = address->addr, .port = port},
            .prio = PRIO_FIRST - PRIO_STEP * n,
        };
        n++;
    }
    return n;
}

/**
 * Lists our own addresses at which a neighbour may reach the device, best first: the link with
 * the best metric first, on each link IPv6 before IPv4 (path-management.md, "Endpoints").
 *
 * @links: (element-type ApLink)
 * @port: the device's listen port; 0 gives an empty list
 * @out: (out caller-allocates)
 *
 * Returns: how many elements of @out were set
 */
guint
ap_uplink_candidates(const GPtrArray *links,
                     const ApPolicy *policy,
                     guint16 port,
                     ApRankedEndpoint out[static AP_COORD_MAX_CANDIDATES])
{
    g_autoptr(GPtrArray) uplinks = usable_uplinks(links, policy);
    guint n = 0;

    if (port == 0)
        return 0;

    for (guint i = 0; i < uplinks->len; i++) {
        const ApLink *link = g_ptr_array_index(uplinks, i);

        n = add_candidates(link, AF_INET6, policy, port, out, n);
        n = add_candidates(link, AF_INET, policy, port, out, n);
    }
    return n;
}

static void
put_addr(GByteArray *bytes, const ApAddr *addr, guint8 prefix_len)
{
    ap_writer_put_be16(bytes, addr->family);
    ap_writer_put(bytes, addr->bytes, sizeof(addr->bytes));
    ap_writer_put_u8(bytes, prefix_len);
}

/* Whether a lasting or an earlier address of @link already stands for the network of number @at. */
static gboolean
network_is_told(const ApLink *link, guint at, const ApCidr *network, const ApPolicy *policy)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *other = &g_array_index(link->addresses, ApLinkAddress, i);
        const gboolean lasting = (other->flags & AP_LINK_ADDRESS_TEMPORARY) == 0;

        if (i != at && (lasting || i < at) && may_be_told(other, policy)
            && ap_cidr_holds(network, &other->addr))
            return TRUE;
    }
    return FALSE;
}

/*
 * A lasting address stands for itself. A temporary one is replaced every few hours on the same
 * network (RFC 8981 3.4): it stands for its network, and only where nothing else does.
 */
static void
put_address(GByteArray *bytes, const ApLink *link, guint at, const ApPolicy *policy)
{
    const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, at);
    const ApCidr network = ap_cidr_network(&address->addr, address->prefix_len);

    if (!may_be_told(address, policy))
        return;

    if ((address->flags & AP_LINK_ADDRESS_TEMPORARY) == 0)
        put_addr(bytes, &address->addr, address->prefix_len);
    else if (!network_is_told(link, at, &network, policy))
        put_addr(bytes, &network.addr, network.prefix_len);
}

/*
 * Wi-Fi counts as Ethernet here: NetworkManager alone tells them apart, and that it comes or
 * goes is no change of network.
 */
static void
put_link(GByteArray *bytes, const ApLink *link, const ApPolicy *policy)
{
    const ApLinkKind kind = link->kind == AP_LINK_KIND_WIFI ? AP_LINK_KIND_ETHERNET : link->kind;

    ap_writer_put_be32(bytes, link->ifindex);
    ap_writer_put_u8(bytes, (guint8) kind);
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
        if (attached_address(link, families[i], policy) != NULL)
            put_addr(bytes, &route_of(link, families[i])->gateway, 0);
    }
    for (guint i = 0; i < link->addresses->len; i++)
        put_address(bytes, link, i, policy);
}

/**
 * Boils the usable uplinks down to one number that changes whenever we are on another network:
 * with the set of links, their addresses and their gateways. Counters, MTU, metrics, name
 * servers and the rotation of temporary addresses do not change it.
 *
 * @links: (element-type ApLink) sorted by index, each sorted itself
 *
 * Returns: the number; 0 when no link is usable
 */
guint64
ap_uplink_fingerprint(const GPtrArray *links, const ApPolicy *policy)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize n_digest = sizeof(digest);
    guint64 fingerprint = 0;

    for (guint i = 0; i < links->len; i++) {
        const ApLink *link = g_ptr_array_index(links, i);

        if (ap_uplink_is_usable(link, policy))
            put_link(bytes, link, policy);
    }
    if (bytes->len == 0)
        return 0;

    g_checksum_update(checksum, bytes->data, bytes->len);
    g_checksum_get_digest(checksum, digest, &n_digest);
    for (guint i = 0; i < sizeof(fingerprint); i++)
        fingerprint = fingerprint << 8 | digest[i];
    return fingerprint;
}
