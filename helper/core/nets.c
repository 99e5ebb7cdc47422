/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/nets.h"

#include "helper/core/uplink.h"

/** A prefix on one of our own interfaces. */
typedef struct {
    ApCidr network;
    guint32 ifindex;
} Net;

struct _ApNets {
    GArray *own;      /* (owned) (element-type ApAddr) of all links, sorted */
    GArray *reserved; /* (owned) (element-type ApAddr) gateways, name servers, hubs, sorted */
    GArray *lans;     /* (owned) (element-type Net) of uplinks */
    GArray *tunnels;  /* (owned) (element-type Net) of tunnels of any kind */
};

static int
compare_addrs(gconstpointer a, gconstpointer b)
{
    return ap_addr_compare(a, b);
}

static gboolean
has_addr(const GArray *sorted, const ApAddr *addr)
{
    return g_array_binary_search((GArray *) sorted, addr, compare_addrs, NULL);
}

static gboolean
is_tunnel(const ApLink *link)
{
    return link->kind == AP_LINK_KIND_WIREGUARD || link->kind == AP_LINK_KIND_TUNNEL;
}

/*
 * A LAN without a way out still holds the direct peers that were proven on it (decisions.md
 * 14), but only where there is no real uplink: otherwise it may be a bridge of containers.
 */
static gboolean
is_lan(const ApLink *link, const ApPolicy *policy, gboolean online)
{
    if (online)
        return ap_uplink_is_usable(link, policy);
    return link->running && !is_tunnel(link) && (policy->link_kinds & (1U << link->kind)) != 0;
}

static void
add_nets(GArray *nets, const ApLink *link)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, i);
        const Net net = {
            .network = ap_cidr_network(&address->addr, address->prefix_len),
            .ifindex = link->ifindex,
        };

        g_array_append_val(nets, net);
    }
}

static void
add_addr(GArray *addrs, const ApAddr *addr)
{
    if (addr->family != AF_UNSPEC)
        g_array_append_vals(addrs, addr, 1);
}

static void
learn_link(ApNets *self, const ApLink *link, const ApPolicy *policy, gboolean online)
{
    for (guint i = 0; i < link->addresses->len; i++)
        add_addr(self->own, &g_array_index(link->addresses, ApLinkAddress, i).addr);

    add_addr(self->reserved, &link->route4.gateway);
    add_addr(self->reserved, &link->route6.gateway);
    for (guint i = 0; i < link->dns->len; i++)
        add_addr(self->reserved, &g_array_index(link->dns, ApAddr, i));

    if (is_tunnel(link))
        add_nets(self->tunnels, link);
    else if (is_lan(link, policy, online))
        add_nets(self->lans, link);
}

/* The server's address, and where the hub is reached from outside. */
static void
learn_hub(ApNets *self, const ApWorld *world, const ApTunnel *tunnel)
{
    const ApDevice *device = ap_world_find_device(world, tunnel->ifindex);
    const ApDevicePeer *hub = tunnel->managed ? ap_device_find(device, &tunnel->hub) : NULL;

    add_addr(self->reserved, &tunnel->server.addr);
    if (hub != NULL)
        add_addr(self->reserved, &hub->endpoint.addr);
}

/**
 * Gathers where this host is.
 *
 * @world: sorted; borrowed for the call, as is @policy
 * @tunnels: (element-type ApTunnel) the verdicts on all devices of @world; not kept
 *
 * Returns: (transfer full)
 */
ApNets *
ap_nets_new(const ApWorld *world, const GArray *tunnels, const ApPolicy *policy)
{
    ApNets *self = g_new0(ApNets, 1);
    gboolean online = FALSE;

    self->own = g_array_new(FALSE, FALSE, sizeof(ApAddr));
    self->reserved = g_array_new(FALSE, FALSE, sizeof(ApAddr));
    self->lans = g_array_new(FALSE, FALSE, sizeof(Net));
    self->tunnels = g_array_new(FALSE, FALSE, sizeof(Net));

    for (guint i = 0; i < world->links->len && !online; i++)
        online = ap_uplink_is_usable(g_ptr_array_index(world->links, i), policy);
    for (guint i = 0; i < world->links->len; i++)
        learn_link(self, g_ptr_array_index(world->links, i), policy, online);
    for (guint i = 0; i < tunnels->len; i++)
        learn_hub(self, world, &g_array_index(tunnels, ApTunnel, i));

    g_array_sort(self->own, compare_addrs);
    g_array_sort(self->reserved, compare_addrs);
    return self;
}

void
ap_nets_free(ApNets *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->own, g_array_unref);
    g_clear_pointer(&self->reserved, g_array_unref);
    g_clear_pointer(&self->lans, g_array_unref);
    g_clear_pointer(&self->tunnels, g_array_unref);
    g_free(self);
}

/**
 * Tells whether @addr is one of our own, on whichever link.
 */
gboolean
ap_nets_is_own(const ApNets *self, const ApAddr *addr)
{
    return has_addr(self->own, addr);
}

/**
 * Tells whether @addr belongs to a gateway, a name server, a coordination server or the outside
 * of a hub.
 */
gboolean
ap_nets_is_reserved(const ApNets *self, const ApAddr *addr)
{
    return has_addr(self->reserved, addr);
}

/**
 * Finds the narrowest of our LANs that holds @endpoint.
 *
 * Returns: (transfer none) (nullable): NULL when it is in none of them
 */
const ApCidr *
ap_nets_find_lan(const ApNets *self, const ApEndpoint *endpoint)
{
    const ApCidr *best = NULL;

    for (guint i = 0; i < self->lans->len; i++) {
        const Net *net = &g_array_index(self->lans, Net, i);

        if ((endpoint->scope_id != 0 && endpoint->scope_id != net->ifindex)
            || !ap_cidr_holds(&net->network, &endpoint->addr))
            continue;
        if (best == NULL || net->network.prefix_len > best->prefix_len)
            best = &net->network;
    }
    return best;
}

static gboolean
is_of_tunnel(const Net *net, guint32 ifindex)
{
    return ifindex == AP_NETS_ANY_TUNNEL || net->ifindex == ifindex;
}

/**
 * Tells whether @addr is in a network on the tunnel @ifindex, or on any.
 */
gboolean
ap_nets_tunnel_holds(const ApNets *self, guint32 ifindex, const ApAddr *addr)
{
    const ApCidr host = ap_cidr_host(addr);

    for (guint i = 0; i < self->tunnels->len; i++) {
        const Net *net = &g_array_index(self->tunnels, Net, i);

        if (is_of_tunnel(net, ifindex) && ap_cidr_contains(&net->network, &host))
            return TRUE;
    }
    return FALSE;
}

/**
 * Tells whether some address is in @network and in a network on the tunnel @ifindex, or on any.
 */
gboolean
ap_nets_tunnel_overlaps(const ApNets *self, guint32 ifindex, const ApCidr *network)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        const Net *net = &g_array_index(self->tunnels, Net, i);

        if (is_of_tunnel(net, ifindex) && ap_cidr_overlaps(&net->network, network))
            return TRUE;
    }
    return FALSE;
}

/**
 * Tells whether @addr is the first or the broadcast address of @network; in IPv6 the first one
 * is the anycast address of its routers (RFC 4291 2.6.1).
 *
 * Returns: FALSE for networks of two hosts or one, which have neither
 */
gboolean
ap_nets_is_edge(const ApCidr *network, const ApAddr *addr)
{
    const ApAddr last = ap_cidr_last(network);

    if (network->prefix_len + 2U > ap_addr_n_bits(network->addr.family))
        return FALSE;
    return ap_addr_equal(addr, &network->addr)
           || (addr->family == AF_INET && ap_addr_equal(addr, &last));
}

/**
 * Tells whether @addr is an edge (see ap_nets_is_edge()) of a network on the tunnel @ifindex.
 */
gboolean
ap_nets_is_edge_of_tunnel(const ApNets *self, guint32 ifindex, const ApAddr *addr)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        const Net *net = &g_array_index(self->tunnels, Net, i);

        if (is_of_tunnel(net, ifindex) && ap_nets_is_edge(&net->network, addr))
            return TRUE;
    }
    return FALSE;
}
