/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/tunnel.h"

#include "helper/core/world.h"

/**
 * The shortest prefix, in bits, that counts as a network with a server in it; anything shorter
 * is a part of a default route (decisions.md 16, security rule A5).
 */
#define SHORTEST_NETWORK4 8
#define SHORTEST_NETWORK6 32

/* All that is looked at to judge one device; nothing is owned. */
typedef struct {
    const ApDevice *device;
    const ApLink *link;
    const GArray *owned;
    const ApPolicy *policy;
    const ApEndpoint *configured; /* the server; family 0: none */
    ApManage manage;
} Case;

/* A prefix, and the peer that holds it; peer NULL: nobody does. */
typedef struct {
    const ApDevicePeer *peer;
    ApCidr prefix;
} Match;

/* How long, in bits, a prefix has to be. */
typedef struct {
    guint min;
    guint max;
} Lengths;

static gboolean
is_owned(const ApDevice *device, const GArray *owned, const ApKey *key)
{
    for (guint i = 0; i < owned->len; i++) {
        const ApOwned *entry = &g_array_index(owned, ApOwned, i);

        if (entry->ifindex == device->id.ifindex && ap_key_equal(&entry->key, key))
            return TRUE;
    }
    return FALSE;
}

/* The longest prefix of @peer that holds @addr. */
static Match
match_peer(const ApDevicePeer *peer, const ApAddr *addr, Lengths lengths)
{
    Match best = {.peer = NULL};

    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);

        if (prefix->prefix_len < lengths.min || prefix->prefix_len > lengths.max
            || !ap_cidr_holds(prefix, addr))
            continue;
        if (best.peer == NULL || prefix->prefix_len > best.prefix.prefix_len)
            best = (Match){.peer = peer, .prefix = *prefix};
    }
    return best;
}

/* The longest prefix that holds @addr among all peers that the administrator configured. */
static Match
match_device(const ApDevice *device, const GArray *owned, const ApAddr *addr, Lengths lengths)
{
    Match best = {.peer = NULL};

    for (guint i = 0; i < device->peers->len; i++) {
        const Match match = match_peer(g_ptr_array_index(device->peers, i), addr, lengths);

        if (match.peer == NULL || is_owned(device, owned, &match.peer->key))
            continue;
        if (best.peer == NULL || match.prefix.prefix_len > best.prefix.prefix_len)
            best = match;
    }
    return best;
}

/**
 * Finds the configured peer to which the device sends packets for @addr: the one that holds
 * the longest prefix. Peers that we added do not count, wherever traffic goes by them now.
 *
 * @owned: (element-type ApOwned)
 * @prefix: (out caller-allocates) (optional): the prefix that decided; left as it was when
 *     there is none
 *
 * Returns: (transfer none) (nullable): lives as long as @device
 */
const ApDevicePeer *
ap_tunnel_route(const ApDevice *device, const GArray *owned, const ApAddr *addr, ApCidr *prefix)
{
    const Lengths any = {.min = 0, .max = ap_addr_n_bits(addr->family)};
    const Match match = match_device(device, owned, addr, any);

    if (match.peer != NULL && prefix != NULL)
        *prefix = match.prefix;
    return match.peer;
}

/* Prefixes that are networks: not a host alone, and no part of a default route. */
static Lengths
network_lengths(guint16 family)
{
    return (Lengths){
        .min = family == AF_INET ? SHORTEST_NETWORK4 : SHORTEST_NETWORK6,
        .max = ap_addr_n_bits(family) - 1,
    };
}

/* The own address of the tunnel at or after @at that a peer can be known by; NULL: no more. */
static const ApAddr *
next_own(const ApLink *link, guint *at)
{
    for (; *at < link->addresses->len; (*at)++) {
        const ApLinkAddress *address = &g_array_index(link->addresses, ApLinkAddress, *at);

        if ((address->flags & AP_LINK_ADDRESS_TENTATIVE) == 0 && ap_addr_is_host(&address->addr)
            && !ap_addr_is_link_local(&address->addr))
            return &address->addr;
    }
    return NULL;
}

static gboolean
is_own(const ApLink *link, const ApAddr *addr)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i).addr, addr))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_private_network(const ApCidr *network)
{
    const ApAddr last = ap_cidr_last(network);

    return ap_addr_is_private(&network->addr) && ap_addr_is_private(&last);
}

/*
 * Which configured peer is the hub: the one that routes the network around an own address, or,
 * where the administrator said that the tunnel is to be managed, at least a default route.
 */
static ApReason
find_hub_by_address(const Case *self, const ApDevicePeer **hub)
{
    ApReason reason = AP_REASON_NO_HUB;
    const ApDevicePeer *last_resort = NULL;
    const ApAddr *own;

    for (guint at = 0; (own = next_own(self->link, &at)) != NULL; at++) {
        const Lengths strict = {.min = 0, .max = ap_addr_n_bits(own->family) - 1};
        const Match network =
            match_device(self->device, self->owned, own, network_lengths(own->family));
        const Match any = match_device(self->device, self->owned, own, strict);

        if (any.peer == NULL)
            continue;

        reason = AP_REASON_NOT_PRIVATE;
        if (last_resort == NULL)
            last_resort = any.peer;
        if (network.peer == NULL)
            continue;

        if (self->manage == AP_MANAGE_YES
            || (ap_addr_is_private(own) && is_private_network(&network.prefix))) {
            *hub = network.peer;
            return AP_REASON_MANAGED;
        }
    }

    if (self->manage != AP_MANAGE_YES || last_resort == NULL)
        return reason;
    *hub = last_resort;
    return AP_REASON_MANAGED;
}

/* A configured server says more about who the hub is than an address of ours. */
static ApReason
find_hub(const Case *self, const ApDevicePeer **hub)
{
    const ApDevicePeer *asked =
        ap_tunnel_route(self->device, self->owned, &self->configured->addr, NULL);
    ApReason reason;

    if (asked != NULL && self->manage == AP_MANAGE_YES) {
        *hub = asked;
        return AP_REASON_MANAGED;
    }

    reason = find_hub_by_address(self, hub);
    if (asked != NULL && reason == AP_REASON_MANAGED)
        *hub = asked;
    return reason;
}

/* Packets for a server must go to the hub, and end neither here nor at everybody. */
static gboolean
may_be_server(const Case *self, const ApDevicePeer *hub, const ApAddr *addr)
{
    return ap_addr_is_host(addr) && !is_own(self->link, addr)
           && ap_tunnel_route(self->device, self->owned, addr, NULL) == hub;
}

/* The own address from which @addr is asked: in its network if there is one; NULL: none. */
static const ApAddr *
local_for(const ApLink *link, const ApAddr *addr)
{
    const ApAddr *local = NULL;
    const ApAddr *own;

    for (guint at = 0; (own = next_own(link, &at)) != NULL; at++) {
        const guint8 prefix_len = g_array_index(link->addresses, ApLinkAddress, at).prefix_len;
        const ApCidr network = ap_cidr_network(own, prefix_len);

        if (own->family != addr->family)
            continue;
        if (ap_cidr_holds(&network, addr))
            return own;
        if (local == NULL)
            local = own;
    }
    return local;
}

/** The first address of @network that a host may have: where a server is looked for. */
ApAddr
ap_tunnel_first_host(const ApCidr *network)
{
    ApAddr addr = network->addr;

    if (!ap_cidr_is_host(network))
        addr.bytes[ap_addr_n_bits(addr.family) / 8 - 1] |= 1;
    return addr;
}

/* The server that the own address number @at points to; family 0: none. */
static ApAddr
guess_server(const Case *self, const ApDevicePeer *hub, guint at)
{
    const ApLinkAddress *own = &g_array_index(self->link->addresses, ApLinkAddress, at);
    const Match routed = match_peer(hub, &own->addr, network_lengths(own->addr.family));
    const ApCidr network = ap_cidr_network(&own->addr, own->prefix_len);
    ApAddr addr;

    if (routed.peer != NULL) {
        addr = ap_tunnel_first_host(&routed.prefix);
        if (may_be_server(self, hub, &addr))
            return addr;
    }

    addr = ap_tunnel_first_host(&network);
    return may_be_server(self, hub, &addr) ? addr : (ApAddr){.family = AF_UNSPEC};
}

static void
take_configured_server(const Case *self, const ApDevicePeer *hub, ApTunnel *tunnel)
{
    const ApAddr *local = local_for(self->link, &self->configured->addr);

    if (local == NULL || !may_be_server(self, hub, &self->configured->addr))
        return;

    tunnel->local = *local;
    tunnel->server = *self->configured;
    if (tunnel->server.port == 0)
        tunnel->server.port = self->policy->coord_port;
}

/* Sets server and local of @tunnel; IPv4 comes first, as links are sorted. */
static void
choose_server(const Case *self, const ApDevicePeer *hub, ApTunnel *tunnel)
{
    const ApAddr *own;

    if (self->configured->addr.family != AF_UNSPEC) {
        take_configured_server(self, hub, tunnel);
        return;
    }

    for (guint at = 0; (own = next_own(self->link, &at)) != NULL; at++) {
        const ApAddr addr = guess_server(self, hub, at);

        if (addr.family == AF_UNSPEC)
            continue;

        tunnel->local = *own;
        tunnel->server = (ApEndpoint){.addr = addr, .port = self->policy->coord_port};
        return;
    }
}

static gboolean
has_psk(const ApDevice *device, const GArray *owned)
{
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

        if (peer->has_psk && !is_owned(device, owned, &peer->key))
            return TRUE;
    }
    return FALSE;
}

/* What stands against managing the device before anybody looks for its hub. */
static ApReason
judge_device(const Case *self)
{
    const ApReason why_off = ap_mode_why_off(&self->policy->mode);
    guint at = 0;

    if (!self->policy->enabled)
        return why_off != AP_REASON_NONE ? why_off : AP_REASON_DISABLED;
    if (self->manage == AP_MANAGE_NO)
        return AP_REASON_EXCLUDED;
    if (ap_policy_is_saved(self->policy, self->device->id.name))
        return AP_REASON_SAVE_CONFIG;
    if (self->link == NULL || !self->link->running)
        return AP_REASON_DOWN;
    if (!self->device->has_key)
        return AP_REASON_NO_KEY;
    if (next_own(self->link, &at) == NULL)
        return AP_REASON_NO_ADDRESS;
    if (self->policy->require_psk && has_psk(self->device, self->owned))
        return AP_REASON_PSK_REQUIRED;
    return AP_REASON_MANAGED;
}

/* An entry that leaves Managed= open means what is configured for all tunnels. */
static ApManage
manage_of(const ApTunnelPolicy *entry, const ApPolicy *policy)
{
    return entry != NULL && entry->manage != AP_MANAGE_AUTO ? entry->manage : policy->manage;
}

static gboolean
wants_gossip(const ApTunnelPolicy *entry, const ApPolicy *policy)
{
    if (entry == NULL || entry->gossip == AP_MANAGE_AUTO)
        return policy->gossip;
    return entry->gossip == AP_MANAGE_YES;
}

/**
 * Judges one device: whether it is ours to improve, which configured peer is its hub, and
 * which server can be asked from which own address (decisions.md 15 and 16, path-management.md
 * "Whom to ask").
 *
 * @link: (nullable): the device's own interface, sorted; NULL: the kernel does not list it
 * @owned: (element-type ApOwned): of all devices; every other peer is the administrator's
 *
 * A configured server that the hub does not route is not asked, and nobody else in its place.
 * Does not look at uplinks or at the number of tunnels.
 *
 * Where nobody routes our address we may be the hub ourselves: such a tunnel has nothing to
 * improve, but its gossip is worth hearing.
 *
 * Returns: the verdict; the hub is set when it is managed, server and local when also somebody
 * can be asked
 */
ApTunnel
ap_tunnel_judge(const ApDevice *device,
                const ApLink *link,
                const GArray *owned,
                const ApPolicy *policy)
{
    static const ApEndpoint none = {.port = 0};
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(policy, device->id.name);
    const Case self = {
        .device = device,
        .link = link,
        .owned = owned,
        .policy = policy,
        .configured = entry != NULL ? &entry->server : &none,
        .manage = manage_of(entry, policy),
    };
    const ApDevicePeer *hub = NULL;
    ApTunnel tunnel = {.ifindex = device->id.ifindex, .reason = judge_device(&self)};

    if (tunnel.reason != AP_REASON_MANAGED)
        return tunnel;

    tunnel.reason = find_hub(&self, &hub);
    tunnel.gossips = wants_gossip(entry, policy)
                     && (tunnel.reason == AP_REASON_MANAGED || tunnel.reason == AP_REASON_NO_HUB);
    if (tunnel.reason != AP_REASON_MANAGED)
        return tunnel;

    tunnel.managed = TRUE;
    tunnel.hub = hub->key;
    choose_server(&self, hub, &tunnel);
    return tunnel;
}
