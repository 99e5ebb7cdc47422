/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the administrator allows, as values. helper/engine/config.c fills it from files.
 */

#pragma once

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/key.h"
#include "helper/core/mode.h"
#include "helper/core/peer-policy.h"

#include <net/if.h>

G_BEGIN_DECLS

/** How far away a direct peer may be. */
typedef enum {
    AP_SCOPE_LAN, /* in one of our own subnets */
    AP_SCOPE_ANY, /* anywhere that its endpoint can be reached */
} ApScope;

/** Whether a tunnel is ours to improve. */
typedef enum {
    AP_MANAGE_AUTO, /* decisions.md 15 */
    AP_MANAGE_YES,
    AP_MANAGE_NO,
} ApManage;

/** What is configured for one tunnel, by interface name. */
typedef struct {
    char name[IF_NAMESIZE];
    ApManage manage;
    ApManage gossip;   /* whether gossip is spoken; AP_MANAGE_AUTO: as everywhere */
    ApEndpoint server; /* family 0: find it as path-management.md says */
    GArray *networks; /* (owned) (element-type ApCidr) where peers may live besides the hub's own */
    GPtrArray *peers; /* (owned) (element-type ApPeerPolicy) in the order of the files */
} ApTunnelPolicy;

typedef struct {
    gboolean enabled;    /* Enabled=; then what comes of @mode */
    ApMode mode;         /* says why not, where @enabled is FALSE */
    gboolean persistent; /* at work though nobody holds the helper */
    ApManage manage;     /* for tunnels without an entry of their own */
    ApScope scope;
    gboolean require_psk;     /* keep tunnels with preshared keys on the hub (decisions.md 7) */
    gboolean allow_low_ports; /* endpoints below port 1024 (security rule E1) */
    gboolean gossip;          /* on tunnels without a word of their own */
    gboolean peers_tell_endpoints; /* each of all others (gossip-protocol.md 9) */
    gboolean allow_public_lan;     /* IPv4 LANs outside RFC 1918 and CGNAT (security rule E5) */
    guint max_peers;               /* per tunnel */
    guint max_tunnels;
    guint16 keepalive_sec; /* of direct peers */
    guint16 slower_sec;    /* how long a path may be clearly slower than the hub's; 0: for ever */
    guint16 coord_port;    /* TCP port of a server that was found, not configured */
    guint16 gossip_port;   /* UDP port of everybody's gossip on a tunnel */
    guint link_kinds;      /* bit set of 1 << ApLinkKind: which uplinks are told about */
    GArray *hidden;        /* (owned) (element-type ApCidr) networks never told to a server */
    GArray *blocked;       /* (owned) (element-type ApKey) keys that are never added */
    GPtrArray *tunnels;    /* (owned) (element-type ApTunnelPolicy) */
    GPtrArray *saved;      /* (owned) (element-type utf8) interfaces that wg-quick saves */
} ApPolicy;

/** Words of the configuration, in the order of the enums; NULL ends each list. */
extern const char *const ap_manage_names[];
extern const char *const ap_scope_names[];

ApPolicy *ap_policy_new(void);
void ap_policy_free(ApPolicy *self);
const ApTunnelPolicy *ap_policy_find_tunnel(const ApPolicy *self, const char *name);
gboolean ap_policy_is_saved(const ApPolicy *self, const char *name);
ApTunnelPolicy *ap_policy_add_tunnel(ApPolicy *self, const char *name);
ApPeerPolicy *ap_tunnel_policy_get_peer(ApTunnelPolicy *self, const ApKey *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApPolicy, ap_policy_free)

G_END_DECLS
