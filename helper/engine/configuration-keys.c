/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/configuration-keys.h"

#include "helper/core/policy.h"

#include <string.h>

/** The keys of a group stand together. */
/* clang-format off */
const ApConfigKey ap_config_keys[] = {
    {"General", "Enabled", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, enabled), 0, 0, "yes",
     "Whether peers are made direct at all. `wg-autopeer enable` and `disable` win over it."},
    {"General", "Manage", AP_CONFIG_MANAGE, offsetof(ApPolicy, manage), 0, 0, "auto",
     "Which tunnels: auto takes those whose own address is private and routed by a private\n"
     "prefix of the hub; yes takes all; no takes only those with Manage=yes of their own."},
    {"General", "MaxTunnels", AP_CONFIG_NUMBER, offsetof(ApPolicy, max_tunnels), 1, 256, "8",
     "How many tunnels are managed at most."},
    {"General", "Persistent", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, persistent), 0, 0, "no",
     "Whether the helper works though nobody holds it: no tray, no session. Enabling its unit\n"
     "does the same."},

    {"Network", "LinkKinds", AP_CONFIG_KINDS, offsetof(ApPolicy, link_kinds), 0, 0,
     "ethernet;wifi;mobile;vlan;bond",
     "Kinds of interfaces whose addresses a server may be told. Also known: bridge, veth,\n"
     "macvlan, dummy, other. Tunnels are never told."},
    {"Network", "HiddenNetworks", AP_CONFIG_NETWORKS, offsetof(ApPolicy, hidden), 0, 0, "",
     "Networks that no server is ever told about, as 192.168.7.0/24;fd00:7::/64"},

    {"Server", "Port", AP_CONFIG_NUMBER16, offsetof(ApPolicy, coord_port), 1, 65535, "80",
     "TCP port of the coordination server inside the tunnel."},

    {"Peers", "Scope", AP_CONFIG_SCOPE, offsetof(ApPolicy, scope), 0, 0, "lan",
     "How far away a direct peer may be: lan means in one of our own networks; any means\n"
     "wherever its endpoint can be reached."},
    {"Peers", "MaxPeers", AP_CONFIG_NUMBER, offsetof(ApPolicy, max_peers), 1, 1024, "256",
     "How many peers are added to one tunnel at most."},
    {"Peers", "Keepalive", AP_CONFIG_NUMBER16, offsetof(ApPolicy, keepalive_sec), 1, 3600, "25",
     "Seconds between keepalives of a direct peer."},
    {"Peers", "SlowerAfter", AP_CONFIG_NUMBER16, offsetof(ApPolicy, slower_sec), 0, 3600, "60",
     "Seconds for which a direct path may be clearly slower than the way by the hub: more than\n"
     "twice its round trip, and by more than 20 ms. Then its traffic goes back. 0: never."},
    {"Peers", "RequirePresharedKey", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, require_psk), 0, 0, "no",
     "Leaves tunnels alone whose hub has a preshared key: direct peers have none."},
    {"Peers", "LowPorts", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, allow_low_ports), 0, 0, "no",
     "Accepts endpoints with a port below 1024."},
    {"Peers", "PublicLans", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, allow_public_lan), 0, 0, "no",
     "Accepts endpoints in an IPv4 LAN with public addresses."},
    {"Peers", "BlockedKeys", AP_CONFIG_KEYS, offsetof(ApPolicy, blocked), 0, 0, "",
     "Public keys that are never added, separated by semicolons."},

    {"Gossip", "Enabled", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, gossip), 0, 0, "no",
     "Whether peers tell each other who and where they are, by the protocol of wirelink. It\n"
     "gives the hub, or on a hub each peer, its link-local address as one more allowed IP."},
    {"Gossip", "Port", AP_CONFIG_NUMBER16, offsetof(ApPolicy, gossip_port), 1, 65535, "51821",
     "UDP port of gossip inside the tunnel, the same for all peers."},
    {"Gossip", "TellEndpoints", AP_CONFIG_BOOLEAN, offsetof(ApPolicy, peers_tell_endpoints), 0, 0,
     "no",
     "Whether any peer may say where every other one is. Otherwise each peer says so of itself,\n"
     "and a hub of all."},

    {AP_GROUP_TUNNEL, "Manage", AP_CONFIG_MANAGE, offsetof(ApTunnelPolicy, manage), 0, 0, "auto",
     "Whether this tunnel is managed: auto, yes or no."},
    {AP_GROUP_TUNNEL, "Gossip", AP_CONFIG_MANAGE, offsetof(ApTunnelPolicy, gossip), 0, 0, "auto",
     "Whether gossip is spoken on it: yes, no, or auto for what [Gossip] Enabled= says."},
    {AP_GROUP_TUNNEL, "Server", AP_CONFIG_SERVER, offsetof(ApTunnelPolicy, server), 0, 0, "",
     "Address of its coordination server, as 10.9.0.1 or [fd09:9::1]:8080. Found by itself\n"
     "when empty: the first host of the network that the hub routes."},
    {AP_GROUP_TUNNEL, "Networks", AP_CONFIG_NETWORKS, offsetof(ApTunnelPolicy, networks), 0, 0, "",
     "Networks in which its peers may have addresses. Needed only where the hub routes\n"
     "everything (0.0.0.0/0) and the interface has a /32 address."},

    {AP_GROUP_PEER, "Trust", AP_CONFIG_TRUST, offsetof(ApPeerPolicy, trust), 0, 0, "auto",
     "What the peer may tell us by gossip: nothing; endpoints of peers that we know; their\n"
     "allowed-ips, too; or membership, who else is there. With auto a peer that routes a\n"
     "network may tell all that, and any other speaks for itself; as soon as one peer of the\n"
     "tunnel has another value, routing gives no right."},
    {AP_GROUP_PEER, "Name", AP_CONFIG_PEER_NAME, offsetof(ApPeerPolicy, name), 0, 0, "",
     "What to call the peer, 64 bytes at most."},
    {AP_GROUP_PEER, "Endpoints", AP_CONFIG_ENDPOINTS, offsetof(ApPeerPolicy, endpoints), 0, 0, "",
     "Where it can be reached, as 192.168.7.12:51820;[fd00:7::12]:51820"},
    {AP_GROUP_PEER, "AllowedIPs", AP_CONFIG_NETWORKS, offsetof(ApPeerPolicy, allowed), 0, 0, "",
     "Its addresses inside the tunnel, as 10.9.0.12/32;fd09:9::12/128"},
    {AP_GROUP_PEER, "Basic", AP_CONFIG_BOOLEAN, offsetof(ApPeerPolicy, is_basic), 0, 0, "no",
     "Whether it runs no gossip, so that its silence means nothing."},
    {AP_GROUP_PEER, "FactExchanger", AP_CONFIG_BOOLEAN, offsetof(ApPeerPolicy, is_exchanger), 0, 0,
     "no", "Whether it is told everything, as a hub is."},
};
/* clang-format on */

const gsize ap_config_n_keys = G_N_ELEMENTS(ap_config_keys);

/**
 * Finds a key.
 *
 * @group: as the table has it, without the name of a tunnel or a peer
 *
 * Returns: (nullable): static; NULL when there is no such key
 */
const ApConfigKey *
ap_config_find_key(const char *group, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ap_config_keys); i++) {
        if (strcmp(ap_config_keys[i].group, group) == 0 && strcmp(ap_config_keys[i].key, name) == 0)
            return &ap_config_keys[i];
    }
    return NULL;
}

/** Tells whether there may be many groups of this kind, each with a name of its own. */
gboolean
ap_config_is_many(const char *group)
{
    return strcmp(group, AP_GROUP_TUNNEL) == 0 || strcmp(group, AP_GROUP_PEER) == 0;
}
