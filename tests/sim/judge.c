/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/judge.h"

#include "helper/bfd/session.h"
#include "helper/record/mask.h"
#include "helper/record/replay.h"

/** After how many turns no further record of a run is decided again. */
#define REPLAY_TURNS 200
#include "tests/sim/tunnel.h"
#include "tests/sim/wire.h"

#include <string.h>

/** What a round trip on the worst LAN of ours takes, in microseconds. */
#define ROUND_TRIP_USEC (100 * AP_USEC_PER_MSEC)

/**
 * After how long traffic is surely known as such, in microseconds: a quiet path is looked at every
 * 7.5 s (AP_PLAN_GLANCE_USEC of helper/core/plan.h), and a second to spare.
 */
#define KNOWN_TRAFFIC_USEC (17 * AP_USEC_PER_SEC / 2)

/**
 * How long traffic may find no way that begins on a path which died while nobody used it, in
 * microseconds: AP_BFD_DETECT_MULT intervals of AP_BFD_IDLE_USEC, and one that was under way. The
 * sender is back with the hub much sooner, but the other end refuses what comes from there until
 * it has noticed, too.
 */
#define QUIET_DEATH_USEC (60 * AP_USEC_PER_SEC)

/**
 * The same where the server tells the other end, in microseconds: the sender notices within
 * KNOWN_TRAFFIC_USEC and as long as an outage takes, and tells within half a second and the way to
 * the hub and back; then the other end asks.
 */
#define TOLD_DEATH_USEC (KNOWN_TRAFFIC_USEC + 5 * AP_USEC_PER_SEC / 2)

/**
 * For how long both ends must have been with the server to count on that, in microseconds: two
 * long polls (AP_COORD_MAX_WAIT_SEC), of which the second tells what has come about.
 */
#define SERVED_USEC (60 * AP_USEC_PER_SEC)

/** Longest time between two long polls, in microseconds: two ways to the hub and back, and a pause. */
#define ASKING_USEC (3 * AP_USEC_PER_SEC)

/**
 * How long a path that BFD cannot watch may be dead, in microseconds: SILENCE_USEC (15 s) of
 * helper/core/life.c, a keepalive of WireGuard (10 s) and a look at a quiet path (7.5 s), and
 * some seconds for the other end, which may notice later.
 */
#define MUTE_USEC (45 * AP_USEC_PER_SEC)

/**
 * The same where the other end, which has to notice, sends nothing itself: what it lacks then is
 * WireGuard's next handshake, due after 120 s (REKEY_AFTER_TIME) or 180 s (REJECT_AFTER_TIME of its
 * specification) and asked for by its own keepalive, which comes each 25 s.
 */
#define MUTE_STILL_USEC (240 * AP_USEC_PER_SEC)

/**
 * The longest that traffic in use may find no way although the hub's is open, in microseconds:
 * 900 ms of detection, 150 ms for being late (AP_BFD_LATE_USEC), one more interval, and the way to
 * the hub and back.
 */
#define OUTAGE_USEC (1500 * AP_USEC_PER_MSEC)

/**
 * Packets in a row that are not lost by chance: of 35 in 100, the worst that the faults bring, so
 * many are once in 300,000.
 */
#define N_MISSING 12

/* --- proof of a path ------------------------------------------------------------------------ */

static gint64
latest(gint64 a, gint64 b)
{
    return MAX(a, b);
}

static gboolean
is_recent(const Stage *stage, gint64 usec)
{
    return usec != 0 && stage->now_usec - usec < MUTE_STILL_USEC;
}

/* BFD cannot be, or lately could not be, spoken between the two: a peer of the administrator's is
 * not spoken to either. */
static gboolean
is_mute(const Node *a, const Node *b)
{
    const Stage *stage = a->stage;

    return !a->has_ipv6 || !b->has_ipv6 || is_recent(stage, latest(a->mute_usec, b->mute_usec))
           || is_recent(stage, stage->flows[a->index][b->index].foreign_usec);
}

/* How old the proof is, not counting the time in which nobody here could look at it. */
static gint64
age_of(const Node *node, const Tie *tie)
{
    return node->stage->now_usec - tie->proof_usec - (node_idle_usec(node) - tie->proof_idle_usec);
}

/* Each time that the helper did not run it may take one more interval to look around. */
static gint64
excuse(const Node *node, const Tie *tie)
{
    const guint n = node->n_idle - tie->proof_n_idle;

    return AP_BFD_LATE_USEC + n * (AP_BFD_FAST_USEC + AP_BFD_LATE_USEC);
}

static gboolean
is_known_traffic(const Node *node, const Tie *tie)
{
    const Flow *flow = &node->stage->flows[node->index][tie->to];

    return flow->period_usec > 0
           && node->stage->now_usec - latest(flow->since_usec, node->calm_usec)
                  > KNOWN_TRAFFIC_USEC;
}

/* As the two ends negotiated it; what we asked for counts from when we asked. */
static gint64
detection_of(const Tie *tie)
{
    const guint32 rx = MAX(tie->own_rx_usec, tie->former_rx_usec);

    return (gint64) tie->remote_mult * MAX(rx, tie->remote_tx_usec);
}

static void
judge_age(Node *node, const Tie *tie)
{
    const gint64 in_use = AP_BFD_DETECT_MULT * AP_BFD_FAST_USEC + ROUND_TRIP_USEC;
    const gint64 age = age_of(node, tie);
    gint64 bound = detection_of(tie);

    if (is_known_traffic(node, tie))
        bound = MIN(bound, in_use);
    if (age > bound + excuse(node, tie))
        stage_violate(node->stage,
                      "node %u sends to node %u, and the proof is %" G_GINT64_FORMAT
                      " ms old (%" G_GINT64_FORMAT " ms)",
                      node->index,
                      tie->to,
                      age / AP_USEC_PER_MSEC,
                      bound / AP_USEC_PER_MSEC);
}

/* The administrator's own direct path is the administrator's business. */
static gboolean
is_administrators(const Node *from, const Node *to)
{
    const Tie *there = tunnel_find(from, &to->key);
    const Tie *back = tunnel_find(to, &from->key);

    return (there != NULL && there->is_foreign) || (back != NULL && back->is_foreign);
}

/* A packet of the user's sets out by a direct path. */
void
judge_data(Node *node, Tie *tie)
{
    Stage *stage = node->stage;

    stage->n_direct++;
    if (tie->is_foreign || tie->to == TIE_HUB || !node_runs(node)
        || stage->now_usec < node->failing_usec || is_mute(node, &stage->nodes[tie->to])
        || is_administrators(node, &stage->nodes[tie->to]))
        return;

    if (tie->proof_usec == 0)
        stage_violate(stage,
                      "node %u sends to node %u by a path that was never proven",
                      node->index,
                      tie->to);
    else if (tie->down_usec > tie->proof_usec)
        stage_violate(stage,
                      "node %u sends to node %u, which said that the path is down",
                      node->index,
                      tie->to);
    else
        judge_age(node, tie);
}

void
judge_bfd_sent(Node *node, Tie *tie, const guint8 *payload, gsize n_bytes)
{
    ApBfdPacket sent;

    (void) node;
    if (ap_bfd_packet_decode(&sent, payload, n_bytes) != AP_BFD_REFUSAL_NONE)
        return;
    if (sent.required_min_rx_usec != tie->own_rx_usec)
        tie->former_rx_usec = MAX(tie->former_rx_usec, tie->own_rx_usec);
    tie->own_rx_usec = sent.required_min_rx_usec;
}

/* Init and Up mean that the far end hears us: with that the packet shows both ways. */
void
judge_bfd_heard(Node *node, Tie *tie, const ApBfdPacket *packet)
{
    if (packet->your_discriminator == 0 || packet->state == AP_BFD_STATE_DOWN
        || packet->state == AP_BFD_STATE_ADMIN_DOWN) {
        tie->down_usec = node->stage->now_usec;
        return;
    }
    tie->proof_usec = node->stage->now_usec;
    tie->proof_idle_usec = node_idle_usec(node);
    tie->proof_n_idle = node->n_idle;
    tie->down_usec = 0;
    tie->remote_mult = packet->detect_mult;
    tie->remote_tx_usec = packet->desired_min_tx_usec;
    if (packet->final)
        tie->former_rx_usec = tie->own_rx_usec;
}

/* --- what is not ours ----------------------------------------------------------------------- */

static guint64
hash_bytes(guint64 hash, gconstpointer bytes, gsize n)
{
    for (gsize i = 0; i < n; i++)
        hash = (hash ^ ((const guint8 *) bytes)[i]) * G_GUINT64_CONSTANT(1099511628211);
    return hash;
}

/* Whether @cidr is the one address that gossip may lend to a peer of others (decisions.md 3). */
static gboolean
is_loan(const ApKey *key, const ApCidr *cidr)
{
    const ApAddr addr = ap_key_link_local(key);
    const ApCidr host = ap_cidr_host(&addr);

    return ap_cidr_equal(cidr, &host);
}

static guint64
hash_peer(const ApDevicePeer *peer, gboolean may_borrow)
{
    guint64 sum = hash_bytes(14695981039346656037U, peer->key.bytes, AP_KEY_LEN);

    sum = hash_bytes(sum, &peer->endpoint.port, sizeof(peer->endpoint.port));
    sum = hash_bytes(sum, peer->endpoint.addr.bytes, sizeof(peer->endpoint.addr.bytes));
    sum = hash_bytes(sum, &peer->keepalive_sec, sizeof(peer->keepalive_sec));
    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *cidr = &g_array_index(peer->allowed, ApCidr, i);

        if (may_borrow && is_loan(&peer->key, cidr))
            continue;
        /* In whatever order the device has them. */
        sum += hash_bytes(hash_bytes(cidr->prefix_len, cidr->addr.bytes, 16), "/", 1);
    }
    return sum;
}

guint64
judge_hash_foreign(const Node *node)
{
    guint64 sum = 0;

    for (guint i = 0; i < node->ties->len; i++) {
        const Tie *tie = g_array_index(node->ties, Tie *, i);
        const ApDevicePeer *peer = tunnel_shown(node, tie);

        if (tie->is_foreign && tie->to == TIE_HUB)
            sum += peer != NULL ? hash_peer(peer, node->gossips && i == 0) : 1;
    }
    return sum;
}

/* Whatever the helper does, peers of the administrator stay as they are. */
void
judge_foreign(Node *node)
{
    if (judge_hash_foreign(node) != node->foreign_hash)
        stage_violate(node->stage, "node %u changed a peer of the administrator", node->index);
}

static gboolean
is_lending(const Node *node, const Tie *tie, const ApPeerChange *change)
{
    return node->gossips && tie == tunnel_hub(node) && change->flags == AP_PEER_UPDATE_ONLY
           && change->n_allowed == 1 && is_loan(&tie->key, &change->allowed[0]);
}

void
judge_edit(Node *node, const ApPeerChange *change)
{
    const Tie *tie = tunnel_find(node, &change->key);
    char key[AP_KEY_TEXT_LEN];

    ap_key_to_text(&change->key, key);
    stage_note(node->stage,
               "node %u: %s%s peer %.6s, %u prefixes",
               node->index,
               (change->flags & AP_PEER_REMOVE) != 0 ? "remove" : "edit",
               (change->flags & AP_PEER_UPDATE_ONLY) != 0 ? " (update)" : "",
               key,
               change->n_allowed);
    if (tie != NULL && tie->is_foreign && !is_lending(node, tie, change))
        stage_violate(node->stage, "node %u edits a peer of the administrator", node->index);
}

/* --- whether anything arrives --------------------------------------------------------------- */

void
judge_arrival(Node *node, const Cargo *cargo)
{
    Stage *stage = node->stage;

    for (guint i = 0; i < stage->n_nodes; i++) {
        Flow *flow = &stage->flows[i][node->index];

        if (!ap_addr_equal(&stage->nodes[i].address, &cargo->from))
            continue;
        flow->arrived_usec = stage->now_usec;
        flow->n_missing = 0;
    }
}

static gboolean
is_calm(const Node *node)
{
    return node_runs(node) && wire_reaches_hub(node) && wire_is_known_to_hub(node)
           && node->stage->now_usec >= node->failing_usec;
}

static gint64
mute_bound(const Stage *stage, const Flow *back)
{
    const gboolean talks =
        back->period_usec > 0 && stage->now_usec - back->since_usec > MUTE_STILL_USEC;

    return talks ? MUTE_USEC : MUTE_STILL_USEC;
}

static void
note_served(Node *node)
{
    const Stage *stage = node->stage;

    for (guint i = 0; i < stage->questions->len; i++) {
        const Question *question = g_ptr_array_index(stage->questions, i);

        if (question->node == node && question->is_there)
            node->asked_usec = stage->now_usec;
    }
    if (stage->now_usec - node->asked_usec > ASKING_USEC)
        node->unserved_usec = stage->now_usec;
}

static gboolean
is_served(const Node *node, gint64 usec)
{
    return usec - node->unserved_usec > SERVED_USEC;
}

/* How long it may take until the first packet arrives. */
static gint64
grace_of(const Node *from, const Node *to, const Flow *flow, gint64 begun)
{
    if (flow->arrived_usec != 0)
        return KNOWN_TRAFFIC_USEC;
    return is_served(from, begun) && is_served(to, begun) ? TOLD_DEATH_USEC : QUIET_DEATH_USEC;
}

static void
judge_flow(Stage *stage, guint a, guint b)
{
    const Node *from = &stage->nodes[a];
    const Node *to = &stage->nodes[b];
    Flow *flow = &stage->flows[a][b];
    const gint64 calm = latest(from->calm_usec, to->calm_usec);
    const gint64 since = latest(calm, flow->since_usec);
    const gint64 begun = since + grace_of(from, to, flow, since);
    const gint64 outage = stage->now_usec - latest(begun, flow->arrived_usec);
    gint64 bound = OUTAGE_USEC + 2 * flow->period_usec;

    if (is_administrators(from, to))
        flow->since_usec = flow->foreign_usec = stage->now_usec;
    if (flow->period_usec == 0 || is_administrators(from, to))
        return;
    if (is_mute(from, to))
        bound = mute_bound(stage, &stage->flows[b][a]);
    else if (outage > stage->longest_outage_usec)
        stage->longest_outage_usec = outage;
    if (outage > bound && flow->n_missing >= N_MISSING)
        stage_violate(stage,
                      "nothing of node %u reaches node %u for %" G_GINT64_FORMAT
                      " ms, and the way by the hub is open",
                      a,
                      b,
                      outage / AP_USEC_PER_MSEC);
}

/* To be called every step. */
void
judge_step(Stage *stage)
{
    for (guint i = 0; i < stage->n_nodes; i++) {
        if (!is_calm(&stage->nodes[i]))
            stage->nodes[i].calm_usec = stage->now_usec;
        if (!stage->nodes[i].has_ipv6)
            stage->nodes[i].mute_usec = stage->now_usec;
        note_served(&stage->nodes[i]);
    }
    for (guint a = 0; a < stage->n_nodes; a++) {
        for (guint b = 0; b < stage->n_nodes; b++) {
            if (a != b)
                judge_flow(stage, a, b);
        }
    }
}

/* --- where it ends -------------------------------------------------------------------------- */

typedef enum {
    EXPECT_HUB,
    EXPECT_DIRECT,
    EXPECT_EITHER, /* but both the same */
    EXPECT_NOTHING,
} Expectation;

static gboolean
is_open(const Stage *stage, guint a, guint b)
{
    return stage->lanes[a][b].cut_until_usec <= stage->now_usec
           && stage->lanes[b][a].cut_until_usec <= stage->now_usec;
}

static gboolean
is_wide(const Stage *stage, guint a, guint b)
{
    return MIN(stage->lanes[a][b].mtu, stage->lanes[b][a].mtu) >= 1500;
}

static Expectation
expect(const Stage *stage, guint a, guint b)
{
    const Node *from = &stage->nodes[a];
    const Node *to = &stage->nodes[b];

    if (is_administrators(from, to))
        return EXPECT_NOTHING;
    if (!node_runs(from) || !node_runs(to) || !from->is_enabled || !to->is_enabled
        || !wire_share_lan(from, to) || !is_open(stage, a, b))
        return EXPECT_HUB;
    /* Who was known to speak BFD and cannot any more stays with the hub. */
    if (!from->has_ipv6 || !to->has_ipv6)
        return EXPECT_EITHER;
    return is_wide(stage, a, b) ? EXPECT_DIRECT : EXPECT_HUB;
}

static gboolean
is_direct(const Node *from, const Node *to)
{
    const Tie *tie = tunnel_route(from, &to->address);

    return tie != NULL && tie->to == to->index;
}

/* Returns: (transfer full) (nullable): what is wrong between the two */
static char *
judge_pair(const Stage *stage, guint a, guint b)
{
    const gboolean found = is_direct(&stage->nodes[a], &stage->nodes[b]);
    const gboolean back = is_direct(&stage->nodes[b], &stage->nodes[a]);

    switch (expect(stage, a, b)) {
    case EXPECT_HUB:
        return found ? g_strdup_printf("node %u reaches node %u directly", a, b) : NULL;
    case EXPECT_DIRECT:
        return found ? NULL : g_strdup_printf("node %u reaches node %u by the hub only", a, b);
    case EXPECT_EITHER:
        return found == back ? NULL : g_strdup_printf("nodes %u and %u do not agree", a, b);
    case EXPECT_NOTHING:
        break;
    }
    return NULL;
}

/* Whether everybody is where they should be. @why: (out) (transfer full): who is not */
gboolean
judge_is_settled(Stage *stage, char **why)
{
    for (guint a = 0; a < stage->n_nodes; a++) {
        for (guint b = 0; b < stage->n_nodes; b++) {
            *why = a != b ? judge_pair(stage, a, b) : NULL;
            if (*why != NULL)
                return FALSE;
        }
    }
    return TRUE;
}

/* After a stop in good order. */
void
judge_nothing_left(Node *node)
{
    const ApLink *link = g_ptr_array_index(node->links, node->links->len - 1);

    for (guint i = 0; i < node->ties->len; i++) {
        if (!g_array_index(node->ties, Tie *, i)->is_foreign)
            stage_violate(node->stage, "node %u left a peer behind", node->index);
    }
    if (tunnel_shown(node, tunnel_hub(node))->allowed->len != 1)
        stage_violate(node->stage, "node %u left its hub with a loan", node->index);
    if (link->addresses->len > 1)
        stage_violate(node->stage, "node %u left an address behind", node->index);
    if (node->ledger != NULL)
        stage_violate(node->stage, "node %u left a record behind", node->index);
}

/**
 * What a helper did in its last minutes, masked and decided again, is what it did. One machine of
 * each run is looked at, and no more than REPLAY_TURNS of its turns, for it takes as long as they.
 */
void
judge_record(Node *node)
{
    static const guint8 secret[AP_MASK_KEY_LEN] = {1};
    g_autofree char *record = NULL;
    g_autofree char *masked = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(ApRecordReplay) replay = {.n_turns = 0};

    if (node->index != node->stage->seed % node->stage->n_nodes
        || node->stage->n_replayed > REPLAY_TURNS)
        return;

    record = ap_engine_write_record(node->engine);
    masked = ap_mask_text(record, secret);
    if (!ap_record_replay_run(&replay, masked, NULL, &error))
        stage_violate(node->stage, "node %u: its record: %s", node->index, error->message);
    else if (replay.difference != NULL)
        stage_violate(node->stage, "node %u: its record: %s", node->index, replay.difference);
    node->stage->n_replayed += replay.n_turns;
}
