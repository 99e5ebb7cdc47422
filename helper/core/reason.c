/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/reason.h"

#include <glib/gi18n.h>

/* The name is an interface: scripts compare it. The sentence may be reworded at any time; it is
 * marked for translation, and whoever shows it to a person looks for that. */
typedef struct {
    const char *name;
    const char *sentence;
} Words;

static const Words words[AP_N_REASONS] = {
    [AP_REASON_NONE] = {"none", N_("Nothing to report.")},

    [AP_REASON_MANAGED] = {"managed", N_("This tunnel is looked after.")},
    [AP_REASON_DISABLED] = {"disabled", N_("Direct connections are switched off.")},
    [AP_REASON_IDLE] = {"idle", N_("Nobody asks for direct connections at the moment.")},
    [AP_REASON_PAUSED] = {"paused", N_("Direct connections are paused.")},
    [AP_REASON_EXCLUDED] = {"excluded", N_("The configuration leaves this tunnel alone.")},
    [AP_REASON_NO_KEY] = {"no-key", N_("The tunnel has no private key yet.")},
    [AP_REASON_NO_HUB] = {"no-hub", N_("No configured peer leads to this tunnel's own network.")},
    [AP_REASON_NOT_PRIVATE] = {"not-private",
                               N_("The tunnel does not use private addresses; it is managed only "
                                  "when the configuration says so.")},
    [AP_REASON_NO_ADDRESS] = {"no-address", N_("The tunnel has no address yet.")},
    [AP_REASON_DOWN] = {"down", N_("The tunnel is down.")},
    [AP_REASON_NO_UPLINK] = {"no-uplink", N_("This computer is on no network with a way out.")},
    [AP_REASON_PSK_REQUIRED] = {"psk-required",
                                N_("The configuration demands preshared keys, and direct "
                                   "connections have none.")},
    [AP_REASON_TOO_MANY_TUNNELS] = {"too-many-tunnels",
                                    N_("More tunnels are up than may be looked after.")},

    [AP_REASON_NEW] = {"new", N_("The peer was just announced.")},
    [AP_REASON_PROBING] = {"probing", N_("Trying to reach the peer directly.")},
    [AP_REASON_PASSIVE] = {"passive", N_("The peer is to start; waiting for it.")},
    [AP_REASON_PROVEN] = {"proven", N_("The peer answered directly, from an acceptable place.")},
    [AP_REASON_NO_ENDPOINT] = {"no-endpoint", N_("Nobody said where the peer can be reached.")},
    [AP_REASON_NO_HANDSHAKE] = {"no-handshake", N_("The peer did not answer there in time.")},
    [AP_REASON_BACKING_OFF] = {"backing-off",
                               N_("The peer answered nowhere; the next attempt comes later.")},
    [AP_REASON_SILENT] = {"silent", N_("Data went out to the peer and nothing came back.")},
    [AP_REASON_HANDSHAKE_OLD] = {"handshake-old",
                                 N_("The peer did not renew its session in time.")},
    [AP_REASON_HELD_DOWN] = {"held-down",
                             N_("The direct path broke; it gets a pause before the next attempt.")},
    [AP_REASON_PROBE_BLOCKED] = {"probe-blocked",
                                 N_("The peer answers, but a firewall keeps its proof of the path "
                                    "(UDP port 3784 in the tunnel) from arriving.")},
    [AP_REASON_ONE_WAY] = {"one-way", N_("Packets of the peer arrive, and ours do not reach it.")},
    [AP_REASON_MTU] = {"mtu", N_("Small packets pass, but full-size ones get lost on the way.")},
    [AP_REASON_NO_IPV6] = {"no-ipv6",
                           N_("The path cannot be proven, because IPv6 is switched off on this "
                              "tunnel or UDP port 3784 is in use.")},
    [AP_REASON_FAR_END_DOWN] = {"far-end-down",
                                N_("The peer does not hear this computer any more.")},
    [AP_REASON_FAR_END_WAITS] = {"far-end-waits",
                                 N_("The path works, and the peer is not ready to use it yet.")},

    [AP_REASON_NOT_OFFERED] = {"not-offered", N_("Nobody announces the peer any more.")},
    [AP_REASON_GONE] = {"gone", N_("The server said that the peer left.")},
    [AP_REASON_FAR_END_LEFT] = {"far-end-left", N_("The peer said that it leaves.")},
    [AP_REASON_NETWORK_CHANGED] = {"network-changed", N_("This computer's network changed.")},
    [AP_REASON_ROAMED] = {"roamed", N_("The peer moved to a place that is not accepted.")},
    [AP_REASON_TAKEN_OVER] = {"taken-over",
                              N_("An administrator changed the peer; it is left alone now.")},

    [AP_REASON_KEY_UNSAFE] = {"key-unsafe", N_("The key is not safe to use.")},
    [AP_REASON_KEY_OWN] = {"key-own", N_("The key is this computer's own.")},
    [AP_REASON_KEY_FOREIGN] = {"key-foreign", N_("The key belongs to a peer that was configured.")},
    [AP_REASON_KEY_BLOCKED] = {"key-blocked", N_("The configuration blocks this key.")},
    [AP_REASON_KEY_TWICE] = {"key-twice", N_("The key was announced twice.")},
    [AP_REASON_ADDRESS_CLASS] = {"address-class", N_("No single computer can have this address.")},
    [AP_REASON_ADDRESS_OWN] = {"address-own", N_("The address is this computer's own.")},
    [AP_REASON_ADDRESS_HUB] = {"address-hub",
                               N_("The address belongs to the hub, a gateway, a name server or a "
                                  "whole network.")},
    [AP_REASON_ADDRESS_OUTSIDE] = {"address-outside", N_("The hub does not lead to this address.")},
    [AP_REASON_ADDRESS_DEFAULT] = {"address-default",
                                   N_("The address is outside the tunnel's own networks.")},
    [AP_REASON_ADDRESS_TAKEN] = {"address-taken", N_("Another peer has this address.")},
    [AP_REASON_ADDRESS_TWICE] = {"address-twice", N_("Two peers claim this address.")},
    [AP_REASON_ADDRESS_NONE] = {"address-none", N_("The peer has no address that may be used.")},
    [AP_REASON_ADDRESS_PINNED] = {"address-pinned",
                                  N_("The address belonged to another peer a moment ago.")},
    [AP_REASON_ENDPOINT_PORT] = {"endpoint-port", N_("The port is not one that may be used.")},
    [AP_REASON_ENDPOINT_CLASS] = {"endpoint-class",
                                  N_("No single computer can be reached at that place.")},
    [AP_REASON_ENDPOINT_OWN] = {"endpoint-own", N_("The place is this computer itself.")},
    [AP_REASON_ENDPOINT_OFF_LINK] = {"endpoint-off-link",
                                     N_("The place is in none of this computer's networks.")},
    [AP_REASON_ENDPOINT_RESERVED] =
        {"endpoint-reserved", N_("The place is a gateway, a name server or a whole network.")},
    [AP_REASON_ENDPOINT_TUNNEL] = {"endpoint-tunnel", N_("The way there leads through a tunnel.")},
    [AP_REASON_ENDPOINT_LAN] = {"endpoint-lan",
                                N_("The network there is public, too large, or overlaps the "
                                   "tunnel.")},
    [AP_REASON_LIMIT] = {"limit", N_("The tunnel has as many direct peers as it may have.")},
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
