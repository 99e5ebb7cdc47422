/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Two hosts on one LAN, their hub, and a clock. WireGuard is modelled as far as the planner can
 * feel it: handshakes and their collision, sessions and their age, keepalives asked for and
 * keepalives owed, cryptokey routing in both directions, what is counted and what is not. The
 * hosts speak BFD when they are told to.
 */

#pragma once

#include "tests/unit/sim-bfd.h"
#include "tests/unit/sim.h"

G_BEGIN_DECLS

#define SIM_NET_TUNNEL 7

/** The far end as one host's device has it. Times in microseconds, 0: never. */
typedef struct {
    gboolean present;
    guint session; /* 0: none */
    guint pending; /* session that we answered, not confirmed yet */
    guint offered; /* session that we asked for, not answered yet */
    gboolean is_initiator;
    gint64 session_usec;
    gint64 initiation_usec;
    gint64 sent_usec;
    gint64 owed_usec;       /* when a keepalive is due for data that came in */
    gint64 unanswered_usec; /* since when data has had no answer */
    gboolean has_staged;
    SimBfdPacket staged; /* waits for a session */
} SimFar;

typedef struct {
    Sim *sim; /* (owned) */
    ApKey key;
    ApKey far_key;
    const char *address; /* in the tunnel */
    const char *far_address;
    gboolean far_speaks; /* the offer of the far end says that it speaks BFD */
    SimFar far;
    SimBfd bfd;
    gint64 wake_usec;
    gint64 direct_usec; /* since when the far end has its address here; 0: it has not */
    guint n_changes;    /* of that */
    guint n_lost;       /* data packets to the far end that did not arrive */
    guint n_delivered;  /* those that did */
    guint n_promoted;
} SimHost;

typedef struct {
    ApInstant now;
    SimHost hosts[2];        /* the first has the lower key */
    gboolean blocked[2];     /* the LAN drops what this host sends */
    gboolean bfd_blocked[2]; /* a firewall in the tunnel drops what this host says by BFD */
    GArray *packets;         /* (owned) in flight */
    guint n_sessions;
    guint ping_msec;  /* one data packet each way so often; 0: none */
    guint apart_msec; /* for how long only one end has been direct */
    guint longest_apart_msec;
} SimNet;

SimNet *sim_net_new(void);
void sim_net_free(SimNet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimNet, sim_net_free)

void sim_net_speak(SimNet *self, guint host, gboolean is_known);
void sim_net_introduce(SimNet *self, guint to);
void sim_net_wake(SimNet *self, guint host);
void sim_net_run(SimNet *self, gint64 msec);
gboolean sim_net_is_direct(SimNet *self, guint host);
guint sim_net_lost(const SimNet *self);

G_END_DECLS
