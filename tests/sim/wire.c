/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/wire.h"

#include "common/json/offer-json.h"
#include "tests/sim/edges.h"
#include "tests/sim/tunnel.h"

#include <string.h>

/** What carries the packets of WireGuard: IPv4 and UDP, in bytes. */
#define OUTER_BYTES 28

/**
 * Nobody renews a session with the hub sooner, in microseconds: REKEY_AFTER_TIME, 120 s. Source:
 * drivers/net/wireguard/messages.h, Linux 6.1.
 */
#define RENEWAL_USEC (120 * AP_USEC_PER_SEC)

/** Third numbers of the LANs: two home routers of the same make, and another one. */
static const guint8 site_numbers[STAGE_N_SITES] = {77, 78, 77};

ApEndpoint
wire_lan_endpoint(const Node *node)
{
    const guint8 number = site_numbers[node->site];

    return (ApEndpoint){
        .addr = {AF_INET, {192, 168, number, (guint8) (11 + node->index)}},
        .port = LISTEN_PORT,
    };
}

/* What the hub sees, as long as the NAT keeps its mapping. */
ApEndpoint
wire_public_endpoint(const Node *node)
{
    return (ApEndpoint){
        .addr = {AF_INET, {198, 51, 100, (guint8) (1 + node->site)}},
        .port = (guint16) (40000 + node->index * 1000 + node->nat_generation % 1000),
    };
}

gboolean
wire_share_lan(const Node *a, const Node *b)
{
    return a->site != SITE_NONE && a->site == b->site;
}

/* The place of a packet among those that are on their way: the latest first. */
static void
put(Stage *stage, Packet *packet)
{
    guint at = stage->packets->len;

    packet->serial = ++stage->n_packets;
    while (at > 0 && g_array_index(stage->packets, Packet, at - 1).at_usec <= packet->at_usec)
        at--;
    g_array_insert_val(stage->packets, at, *packet);
}

static gboolean
is_lost(Stage *stage, guint percent)
{
    return percent > 0 && stage_random(stage, 100) < percent;
}

static guint
find_on_lan(const Node *from, const ApEndpoint *to)
{
    const Stage *stage = from->stage;

    for (guint i = 0; i < stage->n_nodes; i++) {
        const Node *node = &stage->nodes[i];

        if (i != from->index && wire_share_lan(from, node)) {
            const ApEndpoint endpoint = wire_lan_endpoint(node);

            if (ap_endpoint_equal(&endpoint, to))
                return i;
        }
    }
    return STAGE_MAX_NODES;
}

/* Only what is on the same LAN is reached: NATs let nobody in who was not asked. */
void
wire_send(Node *from, const ApEndpoint *to, const Packet *packet, guint n_bytes)
{
    Stage *stage = from->stage;
    const guint i = from->site != SITE_NONE ? find_on_lan(from, to) : STAGE_MAX_NODES;
    const Lane *lane;
    Packet sent = *packet;

    if (i == STAGE_MAX_NODES)
        return;

    lane = &stage->lanes[from->index][i];
    if (lane->cut_until_usec > stage->now_usec || n_bytes + OUTER_BYTES > lane->mtu
        || is_lost(stage, lane->loss_percent))
        return;

    sent.from = from->index;
    sent.to = i;
    sent.source = wire_lan_endpoint(from);
    sent.at_usec = stage->now_usec + lane->delay_usec;
    if (lane->jitter_usec > 0)
        sent.at_usec += stage_random(stage, (guint) lane->jitter_usec);
    put(stage, &sent);
}

/* --- the hub -------------------------------------------------------------------------------- */

gboolean
wire_reaches_hub(const Node *node)
{
    return node->site != SITE_NONE
           && node->stage->hub_lanes[node->index].cut_until_usec <= node->stage->now_usec;
}

/* The hub knows where a node is from the packets that it sends; answers go there. */
gboolean
wire_is_known_to_hub(const Node *node)
{
    const HubPeer *peer = &node->stage->hub_peers[node->index];

    return peer->is_known && peer->site == node->site && peer->generation == node->nat_generation;
}

/* Something of @from arrives at the hub. Returns FALSE when it does not. */
gboolean
wire_touch_hub(Node *from)
{
    Stage *stage = from->stage;
    HubPeer *peer = &stage->hub_peers[from->index];
    ApDevicePeer *shown = tunnel_shown(from, tunnel_hub(from));

    shown->tx_bytes += 32;
    if (!wire_reaches_hub(from))
        return FALSE;

    peer->is_known = TRUE;
    peer->site = from->site;
    peer->generation = from->nat_generation;
    if (stage->now_usec - peer->handshake_real_usec >= RENEWAL_USEC
        || peer->handshake_real_usec == 0) {
        peer->handshake_real_usec = stage->now_usec;
        shown->handshake_real_usec = node_now(from).real_usec;
        shown->rx_bytes += 92;
    }
    return TRUE;
}

/* It is the way without us: two links that may lose and delay. */
void
wire_send_by_hub(Node *from, guint to, const Cargo *cargo)
{
    Stage *stage = from->stage;
    const HubLane *up = &stage->hub_lanes[from->index];
    const HubLane *down = &stage->hub_lanes[to];
    Packet packet = {.kind = PACKET_BY_HUB, .from = from->index, .to = to, .cargo = *cargo};

    if (!wire_touch_hub(from) || is_lost(stage, up->loss_percent)
        || is_lost(stage, down->loss_percent))
        return;
    packet.at_usec = stage->now_usec + up->delay_usec + down->delay_usec;
    put(stage, &packet);
}

static void
receive_by_hub(Node *node, const Packet *packet)
{
    Tie *hub = tunnel_hub(node);
    ApDevicePeer *shown = tunnel_shown(node, hub);

    if (!wire_reaches_hub(node) || !wire_is_known_to_hub(node))
        return;
    shown->rx_bytes += packet->cargo.n_bytes + 32;
    node->passed.n_in++;
    tunnel_take_data(node, hub, &packet->cargo);
}

static void
deliver_one(Stage *stage, const Packet *packet)
{
    Node *node = &stage->nodes[packet->to];

    if (!node_is_up(node))
        return;
    if (packet->kind == PACKET_BY_HUB)
        receive_by_hub(node, packet);
    else if (wire_share_lan(&stage->nodes[packet->from], node))
        tunnel_receive(node, packet);
}

gint64
wire_deadline(const Stage *stage)
{
    const guint n = stage->packets->len;

    return n > 0 ? g_array_index(stage->packets, Packet, n - 1).at_usec : AP_NEVER;
}

/* Packets that are due arrive in the order of their times. */
void
wire_deliver(Stage *stage)
{
    while (wire_deadline(stage) <= stage->now_usec) {
        const guint last = stage->packets->len - 1;
        const Packet packet = g_array_index(stage->packets, Packet, last);

        g_array_remove_index(stage->packets, last);
        deliver_one(stage, &packet);
    }
}

/* --- the coordination server ---------------------------------------------------------------- */

static ApInstant
hub_now(const Stage *stage)
{
    return (ApInstant){.boot_usec = stage->now_usec, .real_usec = stage->now_usec};
}

static gint64
delay_to_hub(const Node *node)
{
    return node->stage->hub_lanes[node->index].delay_usec;
}

static Question *
find_question(const Stage *stage, guint serial)
{
    for (guint i = 0; i < stage->questions->len; i++) {
        Question *question = g_ptr_array_index(stage->questions, i);

        if (question->serial == serial)
            return question;
    }
    return NULL;
}

/* The answer of the server sets out for the one who asked. */
static void
on_answer(gpointer data, guint serial, guint status, const char *body)
{
    Stage *stage = data;
    Question *question = find_question(stage, serial);

    if (question == NULL)
        return;
    question->is_there = FALSE;
    if (!wire_reaches_hub(question->node) || !wire_is_known_to_hub(question->node))
        return; /* until it gives up */
    edges_answer(question, status, body, delay_to_hub(question->node));
}

static void
on_look(gpointer data)
{
    Stage *stage = data;

    for (guint i = 0; i < stage->n_nodes; i++) {
        const HubPeer *peer = &stage->hub_peers[i];
        const Node *node = &stage->nodes[i];
        Node seen = *node;
        ApEndpoint endpoint;

        if (!peer->is_known)
            continue;
        seen.site = peer->site;
        seen.nat_generation = peer->generation;
        endpoint = wire_public_endpoint(&seen);
        office_show(stage->office,
                    &node->key,
                    &node->address,
                    &endpoint,
                    peer->handshake_real_usec,
                    hub_now(stage));
    }
}

void
wire_open_office(Stage *stage)
{
    static const OfficeOps ops = {.answer = on_answer, .look = on_look};

    if (stage->office == NULL)
        stage->office = office_new(++stage->n_questions, &ops, stage);
}

/* Whoever waits there waits in vain. */
void
wire_close_office(Stage *stage)
{
    Office *office = g_steal_pointer(&stage->office);

    if (office == NULL)
        return;
    for (guint i = 0; i < stage->questions->len; i++) {
        Question *question = g_ptr_array_index(stage->questions, i);

        if (question->is_there)
            office_withdraw(office, question->serial);
        question->is_there = FALSE;
    }
    office_free(office, hub_now(stage));
}

/* Questions arrive, and those who asked give up. */
gint64
wire_office_deadline(const Stage *stage)
{
    gint64 deadline = stage->office != NULL ? office_deadline(stage->office) : AP_NEVER;

    for (guint i = 0; i < stage->questions->len; i++) {
        const Question *question = g_ptr_array_index(stage->questions, i);

        deadline = MIN(deadline, question->arrive_usec);
    }
    return deadline;
}

void
wire_run_office(Stage *stage)
{
    for (guint i = stage->questions->len; i > 0; i--) {
        Question *question = g_ptr_array_index(stage->questions, i - 1);

        if (question->arrive_usec > stage->now_usec)
            continue;
        question->arrive_usec = AP_NEVER;
        if (!wire_touch_hub(question->node))
            continue;
        if (stage->office == NULL) {
            edges_answer(question, 0, NULL, delay_to_hub(question->node));
            continue;
        }
        question->is_there = TRUE;
        office_submit(stage->office,
                      question->serial,
                      &question->node->address,
                      question->body,
                      hub_now(stage));
    }
    if (stage->office != NULL && office_deadline(stage->office) <= stage->now_usec)
        office_turn(stage->office, hub_now(stage));
}
