/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/reason.h"

#include <glib/gi18n.h>

/* Advice that several reasons share. */
#define NOTHING_TO_DO N_("Nothing needs to be done.")
#define JUST_WAIT N_("Wait a little; it goes on by itself.")
#define ASK_THE_HUB N_("Ask whoever runs the hub: what its server says of this peer is wrong.")
#define LOOK_AT_CONFIGURATION                                                                      \
    N_("Change it in the configuration if that is not what you want: see wg-autopeer.conf(5).")

/* The name is an interface: scripts compare it. The texts may be reworded at any time; they are
 * marked for translation, and whoever shows them to a person looks for that. */
typedef struct {
    const char *name;
    const char *sentence; /* why */
    const char *advice;   /* what a person can do about it */
    ApRemedy remedy;      /* with a line to copy */
} Words;

static const Words words[AP_N_REASONS] = {
    [AP_REASON_NONE] = {"none", N_("Nothing to report."), NOTHING_TO_DO},

    [AP_REASON_MANAGED] = {"managed", N_("This tunnel is looked after."), NOTHING_TO_DO},
    [AP_REASON_DISABLED] = {"disabled",
                            N_("Direct connections are switched off."),
                            N_("Switch them on: wg-autopeer enable.")},
    [AP_REASON_IDLE] = {"idle",
                        N_("Nobody asks for direct connections at the moment."),
                        N_("Start the tray, or run: wg-autopeer hold.")},
    [AP_REASON_PAUSED] = {"paused",
                          N_("Direct connections are paused."),
                          N_("Wait, or end the pause: wg-autopeer resume.")},
    [AP_REASON_EXCLUDED] = {"excluded",
                            N_("The configuration leaves this tunnel alone."),
                            LOOK_AT_CONFIGURATION},
    [AP_REASON_NO_KEY] = {"no-key",
                          N_("The tunnel has no private key yet."),
                          N_("Complete the tunnel: it needs a private key.")},
    [AP_REASON_NO_HUB] = {"no-hub",
                          N_("No configured peer leads to this tunnel's own network."),
                          N_("Let the allowed IPs of the hub hold the tunnel's own network; on the "
                             "hub itself nothing needs to be done.")},
    [AP_REASON_IS_HUB] = {"is-hub",
                          N_("This computer is the hub: it tells the others of each other, and "
                             "needs no direct paths."),
                          NOTHING_TO_DO},
    [AP_REASON_NOT_PRIVATE] =
        {"not-private",
         N_("The tunnel does not use private addresses; it is managed only when the configuration says so."),
         N_("Say Manage=yes for it in the configuration: see wg-autopeer.conf(5).")},
    [AP_REASON_NO_ADDRESS] = {"no-address",
                              N_("The tunnel has no address yet."),
                              N_("Complete the tunnel: it needs an address.")},
    [AP_REASON_DOWN] = {"down", N_("The tunnel is down."), N_("Switch the tunnel on.")},
    [AP_REASON_NO_UPLINK] = {"no-uplink",
                             N_("This computer is on no network with a way out."),
                             N_("Connect this computer to a network.")},
    [AP_REASON_NO_SERVER] =
        {"no-server",
         N_("No coordination server answers on this tunnel."),
         N_("Look whether the hub has such a server, and whether the tunnel reaches it.")},
    [AP_REASON_SERVER_ERROR] =
        {"server-error",
         N_("The coordination server does not give a usable answer."),
         N_("Ask whoever runs the hub: its server fails, or does not accept this computer.")},
    [AP_REASON_PSK_REQUIRED] =
        {"psk-required",
         N_("The configuration demands preshared keys, and direct connections have none."),
         LOOK_AT_CONFIGURATION},
    [AP_REASON_TOO_MANY_TUNNELS] = {"too-many-tunnels",
                                    N_("More tunnels are up than may be looked after."),
                                    LOOK_AT_CONFIGURATION},
    [AP_REASON_SAVE_CONFIG] = {"save-config",
                               N_("wg-quick saves this tunnel as it is when it goes down "
                                  "(SaveConfig = true), and direct peers with it; so there are "
                                  "none."),
                               N_("Set SaveConfig = false in the tunnel's file in "
                                  "/etc/wireguard.")},

    [AP_REASON_NEW] = {"new", N_("The peer was just announced."), JUST_WAIT},
    [AP_REASON_PROBING] = {"probing", N_("Trying to reach the peer directly."), JUST_WAIT},
    [AP_REASON_PASSIVE] = {"passive", N_("The peer is to start; waiting for it."), JUST_WAIT},
    [AP_REASON_PROVEN] = {"proven",
                          N_("The peer answered directly, from an acceptable place."),
                          NOTHING_TO_DO},
    [AP_REASON_NO_ENDPOINT] =
        {"no-endpoint",
         N_("Nobody said where the peer can be reached."),
         N_("Wait until the hub has heard of the peer: its tunnel has to be up.")},
    [AP_REASON_NOT_SAME_LAN] = {"not-same-lan",
                                N_("The peer is on none of this computer's networks."),
                                N_("Connect both computers to the same network.")},
    [AP_REASON_NO_HANDSHAKE] = {"no-handshake",
                                N_("The peer did not answer there in time."),
                                JUST_WAIT},
    [AP_REASON_NO_ANSWER] =
        {"no-answer",
         N_("The peer answered nowhere: a firewall drops what is sent, or it listens on another port."),
         N_("Let WireGuard's packets in on both computers, each at its own port."),
         AP_REMEDY_OPEN_WIREGUARD},
    [AP_REASON_NO_NEIGHBOUR] =
        {"no-neighbour",
         N_("Nobody on this network has the peer's address: it left, or the network keeps its clients apart."),
         N_("Connect both computers to the same network, and switch client isolation off at its access point.")},
    [AP_REASON_PEER_OFFLINE] =
        {"peer-offline",
         N_("The peer did not answer, and the server has not heard of it lately."),
         N_("Wake the peer up, or connect it to its network.")},
    [AP_REASON_SILENT] = {"silent",
                          N_("Data went out to the peer and nothing came back."),
                          JUST_WAIT},
    [AP_REASON_HANDSHAKE_OLD] = {"handshake-old",
                                 N_("The peer did not renew its session in time."),
                                 JUST_WAIT},
    [AP_REASON_SLOWER] =
        {"slower",
         N_("The way by the hub is clearly faster than the direct one."),
         N_("Look for what slows the local network down: a weak radio link, or one that is full.")},
    [AP_REASON_LOSSY] =
        {"lossy",
         N_("The direct path keeps breaking; it gets a longer pause each time."),
         N_("Look for what disturbs the local network: a weak radio link, a bad cable, or one that is full.")},
    [AP_REASON_HELD_DOWN] = {"held-down",
                             N_("The direct path broke; it gets a pause before the next attempt."),
                             JUST_WAIT},
    [AP_REASON_PROBE_BLOCKED] =
        {"probe-blocked",
         N_("The peer answers, but a firewall keeps its proof of the path (UDP port 3784 in the tunnel) from arriving."),
         N_("Let the proof of the path in on both computers."),
         AP_REMEDY_OPEN_PROBE},
    [AP_REASON_ONE_WAY] = {"one-way",
                           N_("Packets of the peer arrive, and ours do not reach it."),
                           N_("Let the proof of the path in on the peer."),
                           AP_REMEDY_OPEN_PROBE},
    [AP_REASON_MTU] =
        {"mtu",
         N_("Small packets pass, but full-size ones get lost on the way."),
         N_("Make the tunnel's MTU smaller on both computers, or let large packets pass on the local network.")},
    [AP_REASON_NO_IPV6] =
        {"no-ipv6",
         N_("The path cannot be proven, because IPv6 is switched off on this tunnel or UDP port 3784 is in use."),
         N_("Switch IPv6 on for this tunnel, and look who else uses the port: ss -ulnp sport 3784.")},
    [AP_REASON_FAR_END_DOWN] = {"far-end-down",
                                N_("The peer does not hear this computer any more."),
                                JUST_WAIT},
    [AP_REASON_FAR_END_WAITS] = {"far-end-waits",
                                 N_("The path works, and the peer is not ready to use it yet."),
                                 N_("Look on the peer for why it waits.")},

    [AP_REASON_NOT_OFFERED] =
        {"not-offered",
         N_("Nobody announces the peer: it is off, on another network, or does not run this software."),
         N_("Look on the peer whether its tunnel is up, this software runs, and it is on the same network.")},
    [AP_REASON_GONE] = {"gone", N_("The server said that the peer left."), NOTHING_TO_DO},
    [AP_REASON_POLICY] = {"policy",
                          N_("The hub keeps this computer and the peer apart."),
                          N_("Ask whoever runs the hub whether the two may talk directly.")},
    [AP_REASON_REVOKED] = {"revoked",
                           N_("The hub does not know the peer any more."),
                           N_("Ask whoever runs the hub whether the peer still belongs to it.")},
    [AP_REASON_FAR_END_LEFT] = {"far-end-left", N_("The peer said that it leaves."), NOTHING_TO_DO},
    [AP_REASON_NETWORK_CHANGED] = {"network-changed",
                                   N_("This computer's network changed."),
                                   JUST_WAIT},
    [AP_REASON_ROAMED] = {"roamed",
                          N_("The peer moved to a place that is not accepted."),
                          JUST_WAIT},
    [AP_REASON_TAKEN_OVER] = {"taken-over",
                              N_("An administrator changed the peer; it is left alone now."),
                              N_("Remove the peer by hand if it is to be looked after again.")},

    [AP_REASON_KEY_UNSAFE] = {"key-unsafe", N_("The key is not safe to use."), ASK_THE_HUB},
    [AP_REASON_KEY_OWN] = {"key-own",
                           N_("The key is this computer's own."),
                           N_("Give each computer a key of its own.")},
    [AP_REASON_KEY_FOREIGN] =
        {"key-foreign",
         N_("The key belongs to a peer that was configured."),
         N_("Remove the configured peer from the tunnel if it is to be looked after.")},
    [AP_REASON_KEY_BLOCKED] = {"key-blocked",
                               N_("The configuration blocks this key."),
                               LOOK_AT_CONFIGURATION},
    [AP_REASON_KEY_TWICE] = {"key-twice", N_("The key was announced twice."), ASK_THE_HUB},
    [AP_REASON_ADDRESS_CLASS] = {"address-class",
                                 N_("No single computer can have this address."),
                                 ASK_THE_HUB},
    [AP_REASON_ADDRESS_OWN] = {"address-own",
                               N_("The address is this computer's own."),
                               ASK_THE_HUB},
    [AP_REASON_ADDRESS_HUB] =
        {"address-hub",
         N_("The address belongs to the hub, a gateway, a name server or a whole network."),
         ASK_THE_HUB},
    [AP_REASON_ADDRESS_OUTSIDE] = {"address-outside",
                                   N_("The hub does not lead to this address."),
                                   ASK_THE_HUB},
    [AP_REASON_ADDRESS_DEFAULT] =
        {"address-default",
         N_("The address is outside the tunnel's own networks."),
         N_("Name the networks of the peers (Networks=) in the configuration: see wg-autopeer.conf(5).")},
    [AP_REASON_ADDRESS_TAKEN] =
        {"address-taken",
         N_("Another peer has this address."),
         N_("Take the address away from the other peer of the tunnel, or ask whoever runs the hub.")},
    [AP_REASON_ADDRESS_TWICE] = {"address-twice", N_("Two peers claim this address."), ASK_THE_HUB},
    [AP_REASON_ADDRESS_NONE] = {"address-none",
                                N_("The peer has no address that may be used."),
                                ASK_THE_HUB},
    [AP_REASON_ADDRESS_PINNED] = {"address-pinned",
                                  N_("The address belonged to another peer a moment ago."),
                                  JUST_WAIT},
    [AP_REASON_ENDPOINT_PORT] = {"endpoint-port",
                                 N_("The port is not one that may be used."),
                                 LOOK_AT_CONFIGURATION},
    [AP_REASON_ENDPOINT_CLASS] = {"endpoint-class",
                                  N_("No single computer can be reached at that place."),
                                  ASK_THE_HUB},
    [AP_REASON_ENDPOINT_OWN] = {"endpoint-own",
                                N_("The place is this computer itself."),
                                ASK_THE_HUB},
    [AP_REASON_ENDPOINT_OFF_LINK] = {"endpoint-off-link",
                                     N_("The place is in none of this computer's networks."),
                                     N_("Connect both computers to the same network.")},
    [AP_REASON_ENDPOINT_RESERVED] =
        {"endpoint-reserved",
         N_("The place is a gateway, a name server or a whole network."),
         ASK_THE_HUB},
    [AP_REASON_ENDPOINT_TUNNEL] = {"endpoint-tunnel",
                                   N_("The way there leads through a tunnel."),
                                   NOTHING_TO_DO},
    [AP_REASON_ENDPOINT_LAN] =
        {"endpoint-lan",
         N_("The network there is public, too large, or overlaps the tunnel."),
         LOOK_AT_CONFIGURATION},
    [AP_REASON_LIMIT] = {"limit",
                         N_("The tunnel has as many direct peers as it may have."),
                         LOOK_AT_CONFIGURATION},
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

/**
 * Tells a person what to do about @reason: one complete English sentence.
 *
 * Returns: (transfer none): a static string
 */
const char *
ap_reason_advice(ApReason reason)
{
    return words_of(reason)->advice;
}

/**
 * Returns: what a person may copy into a terminal about @reason; AP_REMEDY_NONE for most
 */
ApRemedy
ap_reason_remedy(ApReason reason)
{
    return words_of(reason)->remedy;
}
