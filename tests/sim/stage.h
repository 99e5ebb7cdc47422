/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Machines, LANs and a hub in memory, on one clock that is a variable. Everything is a function of
 * the seed and the faults: played twice, the same happens, byte for byte.
 */

#pragma once

#include "common/wireguard/fake.h"
#include "helper/engine/engine.h"
#include "helper/engine/gossiper.h"
#include "helper/engine/voice.h"
#include "helper/io/boot-timer.h"
#include "helper/io/netwatch.h"
#include "helper/io/passage.h"
#include "helper/io/sleep-watch.h"
#include "tests/sim/office.h"

G_BEGIN_DECLS

#define STAGE_MAX_NODES 6

/** Machines that are on no LAN are at this one. */
#define SITE_NONE G_MAXUINT

/** LANs, each behind a NAT. The first and the last have the same numbers. */
#define STAGE_N_SITES 3

#define LAN_IFINDEX 2
#define TUNNEL_IFINDEX 7
#define TUNNEL_MTU 1420
#define LISTEN_PORT 51820

/** A step of a run, in microseconds. Faults happen at its beginning. */
#define STEP_USEC (100 * AP_USEC_PER_MSEC)

typedef struct _Stage Stage;
typedef struct _Node Node;

typedef enum {
    CARGO_NONE, /* a keepalive */
    CARGO_DATA,
    CARGO_BFD,
    CARGO_GOSSIP,
} CargoKind;

/** What is inside a packet of WireGuard. */
typedef struct {
    CargoKind kind;
    ApAddr from, to;
    guint n_bytes;   /* of the inner packet */
    guint8 head[24]; /* of BFD; all after it is padding */
    guint letter;    /* of gossip: among the stage's letters */
} Cargo;

typedef enum {
    PACKET_INITIATION,
    PACKET_RESPONSE,
    PACKET_TRANSPORT,
    PACKET_BY_HUB,
} PacketKind;

typedef struct {
    gint64 at_usec;
    guint64 serial;
    PacketKind kind;
    guint from, to; /* nodes */
    ApEndpoint source;
    guint32 session;
    gint64 stamp_usec; /* of an initiation: the sender's wall clock */
    Cargo cargo;
} Packet;

typedef struct {
    guint32 id; /* 0: none */
    gint64 born_usec;
    gboolean is_initiator;
} Session;

/** What the kernel knows of one peer besides what it shows; the rest is in the fake device. */
typedef struct {
    ApKey key;
    guint to;            /* the node with that key; G_MAXUINT: the hub */
    gboolean is_foreign; /* the administrator's */
    Session current, previous, next;
    guint32 offered;        /* session of the initiation under way; 0: none */
    gint64 initiation_usec; /* the latest handshake packet of ours; 0: never */
    guint n_tries;
    gint64 retry_usec;      /* AP_NEVER: no initiation is under way */
    gint64 stamp_usec;      /* of the latest initiation of theirs */
    gint64 any_usec;        /* any packet either way */
    gint64 owed_usec;       /* when a keepalive is owed; AP_NEVER: none is */
    gint64 unanswered_usec; /* since when data goes unanswered; AP_NEVER: it does not */
    GArray *staged;         /* (owned) (element-type Cargo) waiting for a session */

    /* the judge's: what a watcher of the wire knows of the path */
    gint64 proof_usec;      /* when a packet last said that both ways work; 0: never */
    gint64 proof_idle_usec; /* @idle_usec of the node at that time */
    guint proof_n_idle;     /* and @n_idle */
    gint64 down_usec;       /* when the far end last said that it is down; 0: never */
    guint32 own_rx_usec, former_rx_usec;
    guint8 remote_mult;
    guint32 remote_tx_usec;
} Tie;

/** Traffic from one node to another. */
typedef struct {
    gint64 period_usec; /* 0: there is none */
    gint64 next_usec;
    gint64 since_usec;   /* when it began */
    gint64 arrived_usec; /* the latest packet that arrived; 0: none since @since_usec */
    guint n_missing;     /* packets since then */
    gint64 foreign_usec; /* when an administrator's peer was last in the way; 0: never */
} Flow;

/** What one direction between two nodes of a LAN does to packets. */
typedef struct {
    gint64 cut_until_usec; /* nothing passes before */
    guint loss_percent;
    gint64 delay_usec, jitter_usec;
    guint mtu;
} Lane;

typedef struct {
    gint64 cut_until_usec;
    guint loss_percent;
    gint64 delay_usec;
} HubLane;

/** An exchange with the server. */
typedef struct {
    Node *node;
    GTask *task; /* (owned) */
    char *body;  /* (owned) */
    gint64 arrive_usec;
    gint64 until_usec; /* when the one who asks gives up */
    gboolean is_there; /* at the server */
    gint64 reply_usec; /* when the answer is back; AP_NEVER: there is none yet */
    guint status;      /* 0: the connection was refused */
    char *reply;       /* (owned) (nullable) */
    guint serial;
} Question;

struct _Node {
    Stage *stage;
    guint index;
    ApSecretKey secret;
    ApKey key;
    ApAddr address;
    guint site;
    guint nat_generation;
    gint64 boot_offset_usec, real_offset_usec;

    /* the kernel */
    ApWireguard *device; /* (owned) the fake, which outlives every helper */
    GArray *ties;        /* (owned) (element-type Tie *) */
    GPtrArray *links;    /* (owned) (element-type ApLink) never changed, only replaced */
    ApPassed passed;     /* packets through the tunnel */
    gboolean has_ipv6;
    gint64 hub_keepalive_usec;

    /* the helper, and what stands in for its edges */
    ApEngine *engine;      /* (owned) (nullable) */
    char *ledger;          /* (owned) (nullable) the record of the tunnel */
    GPtrArray *seen_links; /* (owned) (nullable) (element-type ApLink) as the watch has them */
    gint64 news_usec;      /* when the watch hears of other links; AP_NEVER: there are none */
    ApNetwatchFunc network_changed;
    gpointer network_data;
    ApBootTimerFunc fired;
    gpointer timer_data;
    gint64 timer_boot_usec;
    ApSleepWatchFunc sleeps;
    gpointer sleep_data;
    ApBfdSocketFunc hear; /* NULL: no socket is open */
    gpointer hear_data;
    ApAddr hear_local;
    ApGossipSocketFunc gossip_hear; /* NULL: no socket is open */
    gpointer gossip_data;
    gboolean gossips;
    GArray *inbox;         /* (owned) (element-type Packet) BFD and gossip that nobody has read */
    gboolean is_dead;      /* the helper is killed: whatever it still does has no effect */
    gint64 edits_to_die;   /* it is killed at this edit; 0: it is not */
    gboolean is_deaf;      /* the helper does nothing any more, and should: FAULT_DEAFEN */
    gboolean is_stopped;   /* in good order */
    gboolean wake_is_news; /* the helper has not heard that the machine is awake */
    gboolean stop_is_news; /* the helper has not heard that it is to stop */
    gboolean is_enabled;
    gboolean mode_is_news; /* the helper has not heard of @is_enabled */
    gboolean is_new_here; /* the server has not answered since the helper or its place is another */
    gint64 stalled_until_usec;
    gint64 asleep_until_usec;
    gint64 sleep_at_usec; /* AP_NEVER: it does not fall asleep */
    gint64 sleep_usec;
    gint64 undo_usec;   /* when ExecStopPost= runs; AP_NEVER: it does not */
    gint64 start_usec;  /* when the helper starts; AP_NEVER: it does not */
    gboolean has_ended; /* the helper is done with stopping */

    /* the judge's */
    gint64 idle_usec;       /* for how long no helper ran here, in all */
    gint64 idle_since_usec; /* AP_NEVER: one runs */
    guint n_idle;           /* how often that was */
    gint64 calm_usec;       /* since when nothing on this machine or to the hub is wrong */
    gint64 failing_usec;    /* until then edits fail */
    gint64 mute_usec;       /* when it was last without IPv6; 0: never */
    gint64 asked_usec;      /* when a question of it was last with the server */
    gint64 unserved_usec;   /* when it was last without the server */
    guint64 foreign_hash;
};

typedef struct {
    guint site, generation;
    gboolean is_known;
    gint64 handshake_real_usec;
} HubPeer;

struct _Stage {
    gint64 now_usec;
    guint32 seed;
    GRand *rand; /* (owned) */
    guint n_nodes;
    Node nodes[STAGE_MAX_NODES];
    Lane lanes[STAGE_MAX_NODES][STAGE_MAX_NODES];
    HubLane hub_lanes[STAGE_MAX_NODES];
    HubPeer hub_peers[STAGE_MAX_NODES];
    Flow flows[STAGE_MAX_NODES][STAGE_MAX_NODES];
    GArray *packets;      /* (owned) (element-type Packet) latest first */
    GPtrArray *questions; /* (owned) (element-type Question) */
    GPtrArray *letters;   /* (owned) (element-type GBytes) all that gossip ever sent */
    Office *office;       /* (owned) (nullable) NULL: the server is down */
    guint32 n_sessions;
    guint64 n_packets;
    guint n_questions;
    guint64 n_events;
    guint64 n_data, n_direct;
    guint64 n_replayed; /* turns that were decided again */
    GString *trace;     /* (owned) (nullable) */
    char *violation;    /* (owned) (nullable) the first one */
    gint64 longest_outage_usec;
    gboolean settling;
};

/** The node whose code runs at this moment. */
extern Node *stage_current;

Stage *stage_new(guint32 seed, guint n_nodes);
void stage_free(Stage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stage, stage_free)
void stage_run(Stage *self, gint64 until_usec);
void stage_note(Stage *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void stage_violate(Stage *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
guint stage_random(Stage *self, guint below);

ApInstant node_now(const Node *self);
void node_start(Node *self);
void node_kill(Node *self, gint64 undo_after_usec, gint64 start_after_usec);
void node_stop(Node *self);
void node_reboot(Node *self);
void node_set_enabled(Node *self, gboolean enabled);
void node_set_site(Node *self, guint site);
void node_set_ipv6(Node *self, gboolean has_ipv6);
void node_resync(Node *self);
void node_sleep(Node *self, gint64 usec, gboolean is_told);
void node_stall(Node *self, gint64 usec);
void node_wake(Node *self);
gboolean node_is_asleep(const Node *self);
gint64 node_idle_usec(const Node *self);
gboolean node_runs(const Node *self);
gboolean node_is_up(const Node *self);
void node_enter(Node *self);
void node_leave(Node *self);

G_END_DECLS
