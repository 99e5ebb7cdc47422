/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Why something is done or not done: a word for machines, a sentence for people, and what they
 * can do about it. Log, bus, CLI and tray all print these.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    AP_REASON_NONE,

    /* a tunnel */
    AP_REASON_MANAGED,
    AP_REASON_DISABLED,     /* switched off */
    AP_REASON_IDLE,         /* nobody holds the helper */
    AP_REASON_PAUSED,       /* switched on, but not for the moment */
    AP_REASON_EXCLUDED,     /* the configuration says Managed=no */
    AP_REASON_NO_KEY,       /* the device has no private key yet */
    AP_REASON_NO_HUB,       /* no configured peer routes a network that holds our address */
    AP_REASON_IS_HUB,       /* the same, because it is ours that the others route to */
    AP_REASON_NOT_PRIVATE,  /* own address or hub prefix is not private (decisions.md 15) */
    AP_REASON_NO_ADDRESS,   /* the interface has no address (yet) */
    AP_REASON_DOWN,         /* the interface is down */
    AP_REASON_NO_UPLINK,    /* no default route: nobody is asked */
    AP_REASON_NO_SERVER,    /* nobody can be asked, or nobody answers there */
    AP_REASON_SERVER_ERROR, /* the server answers, and with nothing that can be used */
    AP_REASON_PSK_REQUIRED, /* RequirePresharedKey=yes */
    AP_REASON_TOO_MANY_TUNNELS,
    AP_REASON_SAVE_CONFIG, /* wg-quick would save our peers with the tunnel */

    /* a peer on its way */
    AP_REASON_NEW,           /* just offered */
    AP_REASON_PROBING,       /* handshake under way */
    AP_REASON_PASSIVE,       /* the other side starts: its key is lower */
    AP_REASON_PROVEN,        /* a fresh handshake came from an endpoint that we accept */
    AP_REASON_NO_ENDPOINT,   /* offered without a usable address and port */
    AP_REASON_NOT_SAME_LAN,  /* offered in networks that are not ours */
    AP_REASON_NO_HANDSHAKE,  /* no answer at this endpoint in time */
    AP_REASON_NO_ANSWER,     /* every endpoint was silent; the next round comes later */
    AP_REASON_NO_NEIGHBOUR,  /* the same, and nobody on the LAN has that address */
    AP_REASON_PEER_OFFLINE,  /* the same, and the server has not heard of the peer for a while */
    AP_REASON_SILENT,        /* bytes go out and none come back */
    AP_REASON_HANDSHAKE_OLD, /* the session's keys are past their life */
    AP_REASON_SLOWER,        /* the way by the hub is clearly faster */
    AP_REASON_LOSSY,         /* the path keeps dying and coming back */
    AP_REASON_HELD_DOWN,     /* the path flapped; it must stay up for a while first */
    AP_REASON_PROBE_BLOCKED, /* a handshake, but no BFD packet of a peer that speaks it */
    AP_REASON_ONE_WAY,       /* we hear its BFD packets, it does not hear ours */
    AP_REASON_MTU,           /* small packets pass, full-size ones do not */
    AP_REASON_NO_IPV6,       /* BFD cannot be spoken on this tunnel, and the peer insists on it */
    AP_REASON_FAR_END_DOWN,  /* the far end says that the path is dead */
    AP_REASON_FAR_END_WAITS, /* the path is proven, and the far end does not use it yet */

    /* a peer that leaves */
    AP_REASON_NOT_OFFERED,     /* no answer names it */
    AP_REASON_GONE,            /* the server said that it left */
    AP_REASON_POLICY,          /* the server keeps the two apart */
    AP_REASON_REVOKED,         /* the hub does not know it any more */
    AP_REASON_FAR_END_LEFT,    /* the peer itself said that it leaves */
    AP_REASON_NETWORK_CHANGED, /* our uplink went or changed */
    AP_REASON_ROAMED,          /* its endpoint left the networks that we share */
    AP_REASON_TAKEN_OVER,      /* an administrator edited the peer: hands off */

    /* the guard: keys (K), addresses (A), endpoints (E), amounts */
    AP_REASON_KEY_UNSAFE,        /* K2 */
    AP_REASON_KEY_OWN,           /* K3 */
    AP_REASON_KEY_FOREIGN,       /* K3: hub's or an administrator's */
    AP_REASON_KEY_BLOCKED,       /* K3: in BlockedKeys= */
    AP_REASON_KEY_TWICE,         /* K4 */
    AP_REASON_ADDRESS_CLASS,     /* A3 */
    AP_REASON_ADDRESS_OWN,       /* A4: ours */
    AP_REASON_ADDRESS_HUB,       /* A4: hub, server, DNS, gateway, network or broadcast address */
    AP_REASON_ADDRESS_OUTSIDE,   /* A5: not strictly inside what the hub routes */
    AP_REASON_ADDRESS_DEFAULT,   /* A5: only a default route holds it, and no network of ours */
    AP_REASON_ADDRESS_TAKEN,     /* A6: another peer holds exactly this address */
    AP_REASON_ADDRESS_TWICE,     /* K4: two keys claim it */
    AP_REASON_ADDRESS_NONE,      /* no address is left */
    AP_REASON_ADDRESS_PINNED,    /* A8: belonged to another key a moment ago */
    AP_REASON_ENDPOINT_PORT,     /* E1 */
    AP_REASON_ENDPOINT_CLASS,    /* E2 */
    AP_REASON_ENDPOINT_OWN,      /* E2: one of our own addresses */
    AP_REASON_ENDPOINT_OFF_LINK, /* E3: in none of our networks */
    AP_REASON_ENDPOINT_RESERVED, /* E3: gateway, DNS server, network or broadcast address */
    AP_REASON_ENDPOINT_TUNNEL,   /* E4: would go through a tunnel */
    AP_REASON_ENDPOINT_LAN,      /* E5: LAN not private, too wide, or overlapping the tunnel */
    AP_REASON_LIMIT,             /* A7 */
    AP_N_REASONS,
} ApReason;

/** What a person may copy into a terminal; helper/dbus/remedy.h writes it out. */
typedef enum {
    AP_REMEDY_NONE,
    AP_REMEDY_OPEN_WIREGUARD, /* lets WireGuard's own packets in */
    AP_REMEDY_OPEN_PROBE,     /* lets BFD in, inside the tunnel */
} ApRemedy;

const char *ap_reason_name(ApReason reason) G_GNUC_CONST;
const char *ap_reason_sentence(ApReason reason) G_GNUC_CONST;
const char *ap_reason_advice(ApReason reason) G_GNUC_CONST;
ApRemedy ap_reason_remedy(ApReason reason) G_GNUC_CONST;

G_END_DECLS
