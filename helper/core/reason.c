/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/reason.h"

/* The name is an interface: scripts compare it. The sentence may be reworded at any time. */
typedef struct {
    const char *name;
    const char *sentence;
} Words;

static const Words words[AP_N_REASONS] = {
    [AP_REASON_NONE] = {"none", "Nothing to report."},

    [AP_REASON_MANAGED] = {"managed", "This tunnel is looked after."},
    [AP_REASON_DISABLED] = {"disabled", "Direct connections are switched off."},
    [AP_REASON_IDLE] = {"idle", "Nobody asks for direct connections at the moment."},
    [AP_REASON_PAUSED] = {"paused", "Direct connections are paused."},
    [AP_REASON_EXCLUDED] = {"excluded", "The configuration leaves this tunnel alone."},
    [AP_REASON_NO_KEY] = {"no-key", "The tunnel has no private key yet."},
    [AP_REASON_NO_HUB] = {"no-hub", "No configured peer leads to this tunnel's own network."},
    [AP_REASON_NOT_PRIVATE] = {"not-private",
                               "The tunnel does not use private addresses; it is managed only "
                               "when the configuration says so."},
    [AP_REASON_NO_ADDRESS] = {"no-address", "The tunnel has no address yet."},
    [AP_REASON_DOWN] = {"down", "The tunnel is down."},
    [AP_REASON_NO_UPLINK] = {"no-uplink", "This computer is on no network with a way out."},
    [AP_REASON_PSK_REQUIRED] = {"psk-required",
                                "The configuration demands preshared keys, and direct "
                                "connections have none."},
    [AP_REASON_TOO_MANY_TUNNELS] = {"too-many-tunnels",
                                    "More tunnels are up than may be looked after."},

    [AP_REASON_NEW] = {"new", "The peer was just announced."},
    [AP_REASON_PROBING] = {"probing", "Trying to reach the peer directly."},
    [AP_REASON_PASSIVE] = {"passive", "The peer is to start; waiting for it."},
    [AP_REASON_PROVEN] = {"proven", "The peer answered directly, from an acceptable place."},
    [AP_REASON_NO_ENDPOINT] = {"no-endpoint", "Nobody said where the peer can be reached."},
    [AP_REASON_NO_HANDSHAKE] = {"no-handshake", "The peer did not answer there in time."},
    [AP_REASON_BACKING_OFF] = {"backing-off",
                               "The peer answered nowhere; the next attempt comes later."},
    [AP_REASON_SILENT] = {"silent", "Data went out to the peer and nothing came back."},
    [AP_REASON_HANDSHAKE_OLD] = {"handshake-old", "The peer did not renew its session in time."},
    [AP_REASON_HELD_DOWN] = {"held-down",
                             "The direct path broke; it gets a pause before the next attempt."},
    [AP_REASON_PROBE_BLOCKED] = {"probe-blocked",
                                 "The peer answers, but a firewall keeps its proof of the path "
                                 "(UDP port 3784 in the tunnel) from arriving."},
    [AP_REASON_ONE_WAY] = {"one-way", "Packets of the peer arrive, and ours do not reach it."},
    [AP_REASON_MTU] = {"mtu", "Small packets pass, but full-size ones get lost on the way."},
    [AP_REASON_NO_IPV6] = {"no-ipv6",
                           "The path cannot be proven, because IPv6 is switched off on this "
                           "tunnel or UDP port 3784 is in use."},
    [AP_REASON_FAR_END_DOWN] = {"far-end-down", "The peer does not hear this computer any more."},
    [AP_REASON_FAR_END_WAITS] = {"far-end-waits",
                                 "The path works, and the peer is not ready to use it yet."},

    [AP_REASON_NOT_OFFERED] = {"not-offered", "Nobody announces the peer any more."},
    [AP_REASON_GONE] = {"gone", "The server said that the peer left."},
    [AP_REASON_FAR_END_LEFT] = {"far-end-left", "The peer said that it leaves."},
    [AP_REASON_NETWORK_CHANGED] = {"network-changed", "This computer's network changed."},
    [AP_REASON_ROAMED] = {"roamed", "The peer moved to a place that is not accepted."},
    [AP_REASON_TAKEN_OVER] = {"taken-over",
                              "An administrator changed the peer; it is left alone now."},

    [AP_REASON_KEY_UNSAFE] = {"key-unsafe", "The key is not safe to use."},
    [AP_REASON_KEY_OWN] = {"key-own", "The key is this computer's own."},
    [AP_REASON_KEY_FOREIGN] = {"key-foreign", "The key belongs to a peer that was configured."},
    [AP_REASON_KEY_BLOCKED] = {"key-blocked", "The configuration blocks this key."},
    [AP_REASON_KEY_TWICE] = {"key-twice", "The key was announced twice."},
    [AP_REASON_ADDRESS_CLASS] = {"address-class", "No single computer can have this address."},
    [AP_REASON_ADDRESS_OWN] = {"address-own", "The address is this computer's own."},
    [AP_REASON_ADDRESS_HUB] = {"address-hub",
                               "The address belongs to the hub, a gateway, a name server or a "
                               "whole network."},
    [AP_REASON_ADDRESS_OUTSIDE] = {"address-outside", "The hub does not lead to this address."},
    [AP_REASON_ADDRESS_DEFAULT] = {"address-default",
                                   "The address is outside the tunnel's own networks."},
    [AP_REASON_ADDRESS_TAKEN] = {"address-taken", "Another peer has this address."},
    [AP_REASON_ADDRESS_TWICE] = {"address-twice", "Two peers claim this address."},
    [AP_REASON_ADDRESS_NONE] = {"address-none", "The peer has no address that may be used."},
    [AP_REASON_ADDRESS_PINNED] = {"address-pinned",
                                  "The address belonged to another peer a moment ago."},
    [AP_REASON_ENDPOINT_PORT] = {"endpoint-port", "The port is not one that may be used."},
    [AP_REASON_ENDPOINT_CLASS] = {"endpoint-class",
                                  "No single computer can be reached at that place."},
    [AP_REASON_ENDPOINT_OWN] = {"endpoint-own", "The place is this computer itself."},
    [AP_REASON_ENDPOINT_OFF_LINK] = {"endpoint-off-link",
                                     "The place is in none of this computer's networks."},
    [AP_REASON_ENDPOINT_RESERVED] = {"endpoint-reserved",
                                     "The place is a gateway, a name server or a whole network."},
    [AP_REASON_ENDPOINT_TUNNEL] = {"endpoint-tunnel", "The way there leads through a tunnel."},
    [AP_REASON_ENDPOINT_LAN] = {"endpoint-lan",
                                "The network there is public, too large, or overlaps the "
                                "tunnel."},
    [AP_REASON_LIMIT] = {"limit", "The tunnel has as many direct peers as it may have."},
};

static const Words *
words_of(ApReason reason)
{
    return (guint) reason < AP_N_REASONS ? &words[reason] : &words[AP_REASON_NONE];
}

/**
 * Names @reason for machines: lower-case words with hyphens, the same in every version.
 *
 * Returns: (transfer none): a static string; "none" for a number that is no reason
 */
const char *
ap_reason_name(ApReason reason)
{
    return words_of(reason)->name;
}

/**
 * Tells @reason to a person: one complete English sentence.
 *
 * Returns: (transfer none): a static string
 */
const char *
ap_reason_sentence(ApReason reason)
{
    return words_of(reason)->sentence;
}
