/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim-net.h"

/* One way, in microseconds: across the LAN, and by the hub. */
#define LAN_USEC (1 * AP_USEC_PER_MSEC)
#define HUB_USEC (20 * AP_USEC_PER_MSEC)

/* Source of all times: drivers/net/wireguard/messages.h, Linux 6.1. */
#define REKEY_TIMEOUT_USEC (5 * AP_USEC_PER_SEC)
#define KEEPALIVE_TIMEOUT_USEC (10 * AP_USEC_PER_SEC)
#define REKEY_AFTER_USEC (120 * AP_USEC_PER_SEC)
#define REJECT_AFTER_USEC (180 * AP_USEC_PER_SEC)

#define DATA_LEN 128
#define BFD_LEN 112

typedef enum {
    PACKET_INITIATION,
    PACKET_RESPONSE,
    PACKET_KEEPALIVE,
    PACKET_DATA,
    PACKET_BFD,
    PACKET_BY_HUB,
} PacketKind;

static const guint packet_len[] = {
    [PACKET_INITIATION] = 148,
    [PACKET_RESPONSE] = 92,
    [PACKET_KEEPALIVE] = 32,
    [PACKET_DATA] = DATA_LEN,
    [PACKET_BFD] = BFD_LEN,
    [PACKET_BY_HUB] = 0,
};

typedef struct {
    gint64 at_usec;
    PacketKind kind;
    guint to;
    guint session;
    SimBfdPacket bfd;
} Packet;

static ApDevicePeer *
far_peer(SimHost *host)
{
    return ap_wireguard_fake_peer(host->sim->wireguard, SIM_NET_TUNNEL, &host->far_key);
}

static void
transmit_bfd(SimNet *self, guint from, PacketKind kind, guint session, SimBfdPacket bfd)
{
    const Packet packet = {
        .at_usec = self->now.boot_usec + (kind == PACKET_BY_HUB ? HUB_USEC : LAN_USEC),
        .kind = kind,
        .to = 1 - from,
        .session = session,
        .bfd = bfd,
    };
    SimHost *host = &self->hosts[from];

    if (kind != PACKET_BY_HUB) {
        far_peer(host)->tx_bytes += packet_len[kind];
        host->far.sent_usec = self->now.boot_usec;
    }
    if (kind != PACKET_BY_HUB && self->blocked[from])
        host->n_lost += kind == PACKET_DATA ? 1 : 0;
    else
        g_array_append_val(self->packets, packet);
}

static void
transmit(SimNet *self, guint from, PacketKind kind, guint session)
{
    transmit_bfd(self, from, kind, session, (SimBfdPacket){.state = SIM_BFD_DOWN});
}

static void
initiate(SimNet *self, guint from)
{
    SimFar *far = &self->hosts[from].far;

    if (!ap_endpoint_is_set(&far_peer(&self->hosts[from])->endpoint)
        || (far->initiation_usec != 0
            && self->now.boot_usec - far->initiation_usec < REKEY_TIMEOUT_USEC))
        return;

    far->initiation_usec = self->now.boot_usec;
    far->offered = ++self->n_sessions;
    transmit(self, from, PACKET_INITIATION, far->offered);
}

static void
send_keepalive(SimNet *self, guint from)
{
    const SimFar *far = &self->hosts[from].far;

    if (far->session != 0)
        transmit(self, from, PACKET_KEEPALIVE, far->session);
    else
        initiate(self, from);
}

static void
complete(SimNet *self, SimHost *host, guint session, gboolean is_initiator)
{
    host->far.session = session;
    host->far.pending = 0;
    host->far.offered = 0;
    host->far.is_initiator = is_initiator;
    host->far.session_usec = self->now.boot_usec;
    far_peer(host)->handshake_real_usec = self->now.real_usec;
}

/* Whoever answers an initiation forgets the one that it sent itself: that is the collision. */
static void
receive_handshake(SimNet *self, const Packet *packet)
{
    SimHost *host = &self->hosts[packet->to];

    if (packet->kind == PACKET_INITIATION) {
        far_peer(host)->rx_bytes += packet_len[packet->kind];
        far_peer(host)->endpoint =
            sim_endpoint(packet->to == 0 ? "192.168.77.12:51820" : "192.168.77.11:51820");
        host->far.offered = 0;
        host->far.pending = packet->session;
        transmit(self, packet->to, PACKET_RESPONSE, packet->session);
    } else if (host->far.offered == packet->session) {
        far_peer(host)->rx_bytes += packet_len[packet->kind];
        complete(self, host, packet->session, TRUE);
        transmit(self, packet->to, PACKET_KEEPALIVE, packet->session);
    }
}

static void
receive_bfd(SimNet *self, const Packet *packet)
{
    SimHost *host = &self->hosts[packet->to];

    far_peer(host)->rx_bytes += BFD_LEN;
    host->bfd.proof.rx_bytes += BFD_LEN;
    if (!self->bfd_blocked[1 - packet->to])
        sim_bfd_receive(&host->bfd, &packet->bfd, self->now);
}

static void
receive_data(SimNet *self, const Packet *packet)
{
    SimHost *host = &self->hosts[packet->to];
    SimHost *sender = &self->hosts[1 - packet->to];

    if (!sim_holds(host->sim, SIM_NET_TUNNEL, &host->far_key, host->far_address)) {
        sender->n_lost++;
        return;
    }
    far_peer(host)->rx_bytes += DATA_LEN;
    sender->n_delivered++;
}

/* The kernel owes a keepalive for data even when cryptokey routing drops it, uncounted. */
static void
receive_transport(SimNet *self, const Packet *packet)
{
    SimHost *host = &self->hosts[packet->to];

    if (packet->session == host->far.pending)
        complete(self, host, packet->session, FALSE);
    if (packet->session != host->far.session) {
        self->hosts[1 - packet->to].n_lost += packet->kind == PACKET_DATA ? 1 : 0;
        return;
    }

    host->far.unanswered_usec = 0;
    if (packet->kind != PACKET_KEEPALIVE && host->far.owed_usec == 0)
        host->far.owed_usec = self->now.boot_usec + KEEPALIVE_TIMEOUT_USEC;
    if (packet->kind == PACKET_DATA)
        receive_data(self, packet);
    else if (packet->kind == PACKET_BFD)
        receive_bfd(self, packet);
    else
        far_peer(host)->rx_bytes += packet_len[packet->kind];
}

static void
receive(SimNet *self, const Packet *packet)
{
    SimHost *host = &self->hosts[packet->to];
    SimHost *sender = &self->hosts[1 - packet->to];

    if (packet->kind == PACKET_BY_HUB) {
        if (sim_holds(host->sim, SIM_NET_TUNNEL, &host->far_key, host->far_address))
            sender->n_lost++;
        else
            sender->n_delivered++;
    } else if (!host->far.present) {
        sender->n_lost += packet->kind == PACKET_DATA ? 1 : 0;
    } else if (packet->kind <= PACKET_RESPONSE) {
        receive_handshake(self, packet);
    } else {
        receive_transport(self, packet);
    }
}

static void
note_data_sent(SimNet *self, SimHost *host)
{
    host->far.owed_usec = 0;
    if (host->far.unanswered_usec == 0)
        host->far.unanswered_usec = self->now.boot_usec;
}

/* A packet without a session to carry it starts one and waits for it; here only the latest. */
static void
send_bfd(SimNet *self, guint at, SimBfdPacket packet)
{
    SimHost *host = &self->hosts[at];
    SimFar *far = &host->far;

    far->has_staged = far->session == 0;
    far->staged = packet;
    if (far->session == 0) {
        initiate(self, at);
        return;
    }
    transmit_bfd(self, at, PACKET_BFD, far->session, packet);
    host->bfd.proof.tx_bytes += BFD_LEN;
    note_data_sent(self, host);
}

static void
run_bfd(SimNet *self, guint at)
{
    SimHost *host = &self->hosts[at];
    SimBfdPacket packet;

    if (host->far.has_staged && host->far.session != 0)
        send_bfd(self, at, host->far.staged);
    sim_bfd_advance(&host->bfd, self->now);
    while (sim_bfd_take(&host->bfd, &packet, self->now)) {
        if (host->far.present)
            send_bfd(self, at, packet);
    }
    if (sim_bfd_prove(&host->bfd, self->now))
        host->wake_usec = self->now.boot_usec;
}

static void
ping(SimNet *self, guint from)
{
    SimHost *host = &self->hosts[from];

    if (!sim_holds(host->sim, SIM_NET_TUNNEL, &host->far_key, host->far_address)) {
        transmit(self, from, PACKET_BY_HUB, 0);
    } else if (host->far.session == 0) {
        host->n_lost++;
        initiate(self, from);
    } else {
        transmit(self, from, PACKET_DATA, host->far.session);
        note_data_sent(self, host);
    }
}

static void
run_timers(SimNet *self, guint at)
{
    SimHost *host = &self->hosts[at];
    SimFar *far = &host->far;
    const gint64 now = self->now.boot_usec;
    const gint64 age = now - far->session_usec;

    if (!far->present)
        return;

    if (far->owed_usec != 0 && now >= far->owed_usec) {
        far->owed_usec = 0;
        send_keepalive(self, at);
    }
    if (far_peer(host)->keepalive_sec != 0
        && now - far->sent_usec >= far_peer(host)->keepalive_sec * AP_USEC_PER_SEC)
        send_keepalive(self, at);
    if (far->unanswered_usec != 0
        && now - far->unanswered_usec >= KEEPALIVE_TIMEOUT_USEC + REKEY_TIMEOUT_USEC)
        initiate(self, at);
    if (far->session != 0 && far->is_initiator && age >= REKEY_AFTER_USEC
        && far->sent_usec > far->session_usec + REKEY_AFTER_USEC)
        initiate(self, at);
    if (far->session != 0 && age >= REJECT_AFTER_USEC)
        far->session = 0;
}

/* One host while its device is being changed. */
typedef struct {
    SimNet *net;
    guint at;
    guint16 keepalive_before;
} Touch;

/* What a device does because of a change: it forgets, or it sends. */
static void
feel(const ApChange *change, gboolean is_done, gpointer user_data)
{
    Touch *touch = user_data;
    SimHost *host = &touch->net->hosts[touch->at];
    const ApPeerChange *peer = &change->peer;

    if (!is_done) {
        touch->keepalive_before = host->far.present ? far_peer(host)->keepalive_sec : 0;
        return;
    }

    if ((peer->flags & AP_PEER_REMOVE) != 0)
        host->far = (SimFar){.present = FALSE};
    else
        host->far.present = TRUE;
    host->n_promoted += change->kind == AP_CHANGE_PROMOTE ? 1 : 0;
    if (touch->keepalive_before == 0 && (peer->flags & AP_PEER_SET_KEEPALIVE) != 0
        && peer->keepalive_sec != 0)
        send_keepalive(touch->net, touch->at);
}

static void
note_direct(SimNet *self, guint at)
{
    SimHost *host = &self->hosts[at];
    const gboolean is_direct = sim_net_is_direct(self, at);

    if (is_direct == (host->direct_usec != 0))
        return;
    host->direct_usec = is_direct ? self->now.boot_usec : 0;
    host->n_changes++;
}

static void
read_proof(SimHost *host)
{
    ApProof *proof = sim_proof(host->sim, SIM_NET_TUNNEL, &host->far_key);

    *proof = host->bfd.proof;
    proof->ifindex = SIM_NET_TUNNEL;
    proof->key = host->far_key;
}

static void
turn(SimNet *self, guint at)
{
    SimHost *host = &self->hosts[at];
    Touch touch = {.net = self, .at = at};
    g_autoptr(ApPlan) plan = NULL;
    g_autofree char *text = NULL;

    read_proof(host);
    plan = sim_plan(host->sim, self->now);
    text = sim_describe(plan);
    if (plan->changes->len > 0)
        g_test_message("%6" G_GINT64_FORMAT " ms, host %u: %s",
                       self->now.boot_usec / AP_USEC_PER_MSEC,
                       at,
                       text);

    sim_apply_feeling(host->sim, plan, feel, &touch, self->now);
    sim_bfd_wish(&host->bfd, sim_wish(plan, SIM_NET_TUNNEL, &host->far_key), self->now);
    host->wake_usec = MIN(plan->wake_at_boot_usec, plan->glance_at_boot_usec);
    note_direct(self, at);
}

/* Packets that are due arrive in the order in which they were sent. */
static void
deliver(SimNet *self)
{
    for (guint i = 0; i < self->packets->len;) {
        const Packet packet = g_array_index(self->packets, Packet, i);

        if (packet.at_usec > self->now.boot_usec) {
            i++;
            continue;
        }
        g_array_remove_index(self->packets, i);
        receive(self, &packet);
    }
}

static void
note_apart(SimNet *self)
{
    const gboolean are_apart =
        (self->hosts[0].direct_usec == 0) != (self->hosts[1].direct_usec == 0);

    self->apart_msec = are_apart ? self->apart_msec + 1 : 0;
    self->longest_apart_msec = MAX(self->longest_apart_msec, self->apart_msec);
}

void
sim_net_run(SimNet *self, gint64 msec)
{
    for (gint64 i = 0; i < msec; i++) {
        const gint64 now_msec = self->now.boot_usec / AP_USEC_PER_MSEC;

        deliver(self);
        for (guint at = 0; at < 2; at++) {
            run_bfd(self, at);
            if (self->hosts[at].wake_usec <= self->now.boot_usec) {
                turn(self, at);
                run_bfd(self, at);
            }
            run_timers(self, at);
            if (self->ping_msec != 0 && now_msec % self->ping_msec == 0)
                ping(self, at);
        }
        note_apart(self);
        self->now.boot_usec += AP_USEC_PER_MSEC;
        self->now.real_usec += AP_USEC_PER_MSEC;
    }
}

SimNet *
sim_net_new(void)
{
    static const char *const lan[] = {"192.168.77.11/24", "192.168.77.12/24"};
    static const char *const tunnel[] = {"10.85.0.11/24", "10.85.0.12/24"};
    static const char *const address[] = {"10.85.0.11/32", "10.85.0.12/32"};
    const ApKey hub = sim_key(1);
    SimNet *self = g_new0(SimNet, 1);

    self->now = (ApInstant){.boot_usec = 1000 * AP_USEC_PER_SEC, .real_usec = 1};
    self->packets = g_array_new(FALSE, TRUE, sizeof(Packet));
    for (guint i = 0; i < 2; i++) {
        SimHost *host = &self->hosts[i];

        host->sim = sim_new();
        host->key = sim_key(20 + i);
        host->far_key = sim_key(21 - i);
        host->address = address[i];
        host->far_address = address[1 - i];
        (void) sim_add_lan(host->sim, 2, lan[i], "192.168.77.1");
        sim_add_tunnel(host->sim, SIM_NET_TUNNEL, &host->key, tunnel[i]);
        sim_set_mute(host->sim, SIM_NET_TUNNEL);
        sim_add_peer(host->sim, SIM_NET_TUNNEL, &hub, "10.85.0.0/24");
    }
    return self;
}

void
sim_net_free(SimNet *self)
{
    if (self == NULL)
        return;

    for (guint i = 0; i < 2; i++)
        sim_free(self->hosts[i].sim);
    g_array_unref(self->packets);
    g_free(self);
}

/* The host can speak BFD; @is_known: the far end is told that it does. */
void
sim_net_speak(SimNet *self, guint host, gboolean is_known)
{
    g_array_set_size(self->hosts[host].sim->mute, 0);
    self->hosts[1 - host].far_speaks = is_known;
}

/* Host @to learns of the other one. */
void
sim_net_introduce(SimNet *self, guint to)
{
    SimHost *host = &self->hosts[to];
    ApCandidate *candidate = sim_offer(host->sim,
                                       SIM_NET_TUNNEL,
                                       &host->far_key,
                                       to == 0 ? "10.85.0.12" : "10.85.0.11",
                                       to == 0 ? "192.168.77.12:51820" : "192.168.77.11:51820");

    candidate->speaks_bfd = host->far_speaks;
    sim_net_wake(self, to);
}

void
sim_net_wake(SimNet *self, guint host)
{
    self->hosts[host].wake_usec = self->now.boot_usec;
}

gboolean
sim_net_is_direct(SimNet *self, guint host)
{
    SimHost *at = &self->hosts[host];

    return sim_holds(at->sim, SIM_NET_TUNNEL, &at->far_key, at->far_address);
}

/* Data packets that did not arrive, both ways. */
guint
sim_net_lost(const SimNet *self)
{
    return self->hosts[0].n_lost + self->hosts[1].n_lost;
}
