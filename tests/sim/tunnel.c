/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/tunnel.h"

#include "tests/sim/judge.h"
#include "tests/sim/wire.h"

#include <string.h>

/* Names and values of all times and lengths: messages.h. */
#define REKEY_TIMEOUT_USEC (5 * AP_USEC_PER_SEC)
#define REKEY_JITTER_USEC (333 * AP_USEC_PER_MSEC)
#define REKEY_AFTER_USEC (120 * AP_USEC_PER_SEC)
#define REJECT_AFTER_USEC (180 * AP_USEC_PER_SEC)
#define KEEPALIVE_TIMEOUT_USEC (10 * AP_USEC_PER_SEC)
#define MAX_TRIES 18
#define MAX_STAGED 128
#define INITIATION_BYTES 148
#define RESPONSE_BYTES 92
#define OVERHEAD_BYTES 32
#define PADDING_BYTES 16

/** How long a device that failed once may show, in microseconds: RETRY_USEC of turn.c, and more. */
#define FAILURE_USEC (5 * AP_USEC_PER_SEC)

/** BFD packets that wait in a socket, at most: SO_RCVBUF, net.core.rmem_default of Linux. */
#define MAX_INBOX 128

/* --- who is there --------------------------------------------------------------------------- */

Tie *
tunnel_find(const Node *node, const ApKey *key)
{
    for (guint i = 0; i < node->ties->len; i++) {
        Tie *tie = g_array_index(node->ties, Tie *, i);

        if (ap_key_equal(&tie->key, key))
            return tie;
    }
    return NULL;
}

Tie *
tunnel_hub(const Node *node)
{
    return g_array_index(node->ties, Tie *, 0);
}

ApDevicePeer *
tunnel_shown(const Node *node, const Tie *tie)
{
    return ap_wireguard_fake_peer(node->device, TUNNEL_IFINDEX, &tie->key);
}

static guint
node_of(const Stage *stage, const ApKey *key)
{
    for (guint i = 0; i < stage->n_nodes; i++) {
        if (ap_key_equal(&stage->nodes[i].key, key))
            return i;
    }
    return TIE_HUB;
}

static Tie *
add_tie(Node *node, const ApKey *key, gboolean is_foreign)
{
    Tie *tie = g_new0(Tie, 1);

    tie->key = *key;
    tie->to = node_of(node->stage, key);
    tie->is_foreign = is_foreign;
    tie->retry_usec = tie->owed_usec = tie->unanswered_usec = AP_NEVER;
    tie->staged = g_array_new(FALSE, TRUE, sizeof(Cargo));
    g_array_append_val(node->ties, tie);
    return tie;
}

static void
free_tie(Tie *tie)
{
    g_array_unref(tie->staged);
    g_free(tie);
}

static void
drop_tie(Node *node, const ApKey *key)
{
    for (guint i = 0; i < node->ties->len; i++) {
        Tie *tie = g_array_index(node->ties, Tie *, i);

        if (!ap_key_equal(&tie->key, key))
            continue;
        g_array_remove_index(node->ties, i);
        free_tie(tie);
        return;
    }
}

/* Length of the longest prefix of the peer that holds @addr, and one; 0: none does. */
static guint
match(const Node *node, const Tie *tie, const ApAddr *addr)
{
    const ApDevicePeer *peer = tunnel_shown(node, tie);
    guint best = 0;

    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);

        if (ap_cidr_holds(prefix, addr))
            best = MAX(best, prefix->prefix_len + 1U);
    }
    return best;
}

Tie *
tunnel_route(const Node *node, const ApAddr *addr)
{
    Tie *best = NULL;
    guint best_len = 0;

    for (guint i = 0; i < node->ties->len; i++) {
        Tie *tie = g_array_index(node->ties, Tie *, i);
        const guint len = match(node, tie, addr);

        if (len > best_len) {
            best = tie;
            best_len = len;
        }
    }
    return best;
}

gboolean
tunnel_holds(const Node *node, const Tie *tie, const ApAddr *addr)
{
    return tunnel_route(node, addr) == tie;
}

/* --- sending -------------------------------------------------------------------------------- */

static void
transmit(Node *node, Tie *tie, const Packet *packet, guint n_bytes)
{
    ApDevicePeer *peer = tunnel_shown(node, tie);

    tie->any_usec = node->stage->now_usec;
    if (!ap_endpoint_is_set(&peer->endpoint))
        return;
    peer->tx_bytes += n_bytes;
    wire_send(node, &peer->endpoint, packet, n_bytes);
}

static void
initiate(Node *node, Tie *tie, gboolean is_retry)
{
    Stage *stage = node->stage;
    Packet packet = {.kind = PACKET_INITIATION};

    if (!is_retry)
        tie->n_tries = 0;
    if (tie->initiation_usec != 0 && stage->now_usec - tie->initiation_usec < REKEY_TIMEOUT_USEC)
        return;

    tie->initiation_usec = stage->now_usec;
    tie->offered = ++stage->n_sessions;
    tie->retry_usec =
        stage->now_usec + REKEY_TIMEOUT_USEC + stage_random(stage, (guint) REKEY_JITTER_USEC);
    packet.session = tie->offered;
    packet.stamp_usec = node_now(node).real_usec;
    transmit(node, tie, &packet, INITIATION_BYTES);
}

static gboolean
is_alive(const Node *node, const Session *session)
{
    return session->id != 0 && node->stage->now_usec - session->born_usec < REJECT_AFTER_USEC;
}

static guint
sealed_bytes(const Cargo *cargo)
{
    const guint filled = (cargo->n_bytes + PADDING_BYTES - 1) / PADDING_BYTES * PADDING_BYTES;

    return OVERHEAD_BYTES + MAX(cargo->n_bytes, MIN(filled, TUNNEL_MTU));
}

static void
note_sent(Node *node, Tie *tie, const Cargo *cargo)
{
    const gint64 now = node->stage->now_usec;

    if (cargo->kind != CARGO_NONE) {
        tie->owed_usec = AP_NEVER;
        if (tie->unanswered_usec == AP_NEVER)
            tie->unanswered_usec = now;
    }
    if (tie->current.is_initiator && now - tie->current.born_usec >= REKEY_AFTER_USEC)
        initiate(node, tie, FALSE);
}

static void
send_sealed(Node *node, Tie *tie, const Cargo *cargo)
{
    const Packet packet = {
        .kind = PACKET_TRANSPORT,
        .session = tie->current.id,
        .cargo = *cargo,
    };

    if (cargo->kind == CARGO_DATA)
        judge_data(node, tie);
    transmit(node, tie, &packet, sealed_bytes(cargo));
    note_sent(node, tie, cargo);
}

/* A packet without a session to carry it waits for one. */
static void
send_by(Node *node, Tie *tie, const Cargo *cargo)
{
    if (is_alive(node, &tie->current)) {
        send_sealed(node, tie, cargo);
        return;
    }
    if (cargo->kind == CARGO_DATA)
        judge_data(node, tie);
    if (cargo->kind != CARGO_NONE && tie->staged->len < MAX_STAGED)
        g_array_append_val(tie->staged, *cargo);
    initiate(node, tie, FALSE);
}

/* Returns: FALSE when no peer has the destination */
gboolean
tunnel_send(Node *node, const Cargo *cargo)
{
    Tie *tie = tunnel_route(node, &cargo->to);

    if (tie == NULL)
        return FALSE;
    node->passed.n_out++;
    if (tie == tunnel_hub(node)) {
        tunnel_shown(node, tie)->tx_bytes += sealed_bytes(cargo);
        for (guint i = 0; i < node->stage->n_nodes; i++) {
            if (ap_addr_equal(&node->stage->nodes[i].address, &cargo->to))
                wire_send_by_hub(node, i, cargo);
        }
        return TRUE;
    }
    send_by(node, tie, cargo);
    return TRUE;
}

static void
send_keepalive(Node *node, Tie *tie)
{
    const Cargo nothing = {.kind = CARGO_NONE};

    if (tie->staged->len == 0)
        send_by(node, tie, &nothing);
    else
        initiate(node, tie, FALSE);
}

static void
send_staged(Node *node, Tie *tie)
{
    g_autoptr(GArray) staged = g_array_ref(tie->staged);

    tie->staged = g_array_new(FALSE, TRUE, sizeof(Cargo));
    for (guint i = 0; i < staged->len; i++) {
        const Cargo *cargo = &g_array_index(staged, Cargo, i);

        if (cargo->kind != CARGO_DATA || tunnel_holds(node, tie, &cargo->to))
            send_sealed(node, tie, cargo);
    }
}

/* --- receiving ------------------------------------------------------------------------------ */

static void
note_received(Node *node, Tie *tie, const Packet *packet, guint n_bytes)
{
    ApDevicePeer *peer = tunnel_shown(node, tie);

    peer->rx_bytes += n_bytes;
    peer->endpoint = packet->source;
    tie->any_usec = node->stage->now_usec;
}

static void
note_session(Node *node, Tie *tie)
{
    tunnel_shown(node, tie)->handshake_real_usec = node_now(node).real_usec;
    tie->retry_usec = AP_NEVER;
    tie->n_tries = 0;
}

/* Whoever answers an initiation forgets the one that it sent itself: that is the collision. */
static void
receive_initiation(Node *node, Tie *tie, const Packet *packet)
{
    const Packet answer = {.kind = PACKET_RESPONSE, .session = packet->session};

    if (packet->stamp_usec <= tie->stamp_usec)
        return;
    tie->stamp_usec = packet->stamp_usec;
    tie->offered = 0;
    tie->next = (Session){.id = packet->session, .born_usec = node->stage->now_usec};
    tie->initiation_usec = node->stage->now_usec;
    note_received(node, tie, packet, INITIATION_BYTES);
    transmit(node, tie, &answer, RESPONSE_BYTES);
}

static void
receive_response(Node *node, Tie *tie, const Packet *packet)
{
    if (tie->offered != packet->session)
        return;
    tie->offered = 0;
    tie->previous = tie->current;
    tie->current = (Session){packet->session, node->stage->now_usec, TRUE};
    tie->next = (Session){.id = 0};
    note_received(node, tie, packet, RESPONSE_BYTES);
    note_session(node, tie);
    if (tie->staged->len > 0)
        send_staged(node, tie);
    else
        send_keepalive(node, tie);
}

static void
hear(Node *node, const Packet *packet)
{
    const gboolean is_open =
        packet->cargo.kind == CARGO_BFD ? node->hear != NULL : node->gossip_hear != NULL;
    const ApAddr own = ap_key_link_local(&node->key);

    if (is_open && ap_addr_equal(&packet->cargo.to, &own) && node->inbox->len < MAX_INBOX)
        g_array_append_val(node->inbox, *packet);
}

void
tunnel_take_data(Node *node, Tie *tie, const Cargo *cargo)
{
    if (tunnel_holds(node, tie, &cargo->from))
        judge_arrival(node, cargo);
}

static gboolean
accepts(Node *node, Tie *tie, guint32 id)
{
    if (tie->next.id == id && id != 0) {
        tie->previous = tie->current;
        tie->current = tie->next;
        tie->next = (Session){.id = 0};
        note_session(node, tie);
        send_staged(node, tie);
    }
    return (tie->current.id == id && is_alive(node, &tie->current))
           || (tie->previous.id == id && is_alive(node, &tie->previous));
}

static void
receive_transport(Node *node, Tie *tie, const Packet *packet)
{
    const Cargo *cargo = &packet->cargo;

    if (!accepts(node, tie, packet->session))
        return;
    note_received(node, tie, packet, sealed_bytes(cargo));
    tie->unanswered_usec = AP_NEVER;
    if (cargo->kind == CARGO_NONE)
        return;
    node->passed.n_in++;
    if (tie->owed_usec == AP_NEVER)
        tie->owed_usec = node->stage->now_usec + KEEPALIVE_TIMEOUT_USEC;
    if (cargo->kind == CARGO_DATA)
        tunnel_take_data(node, tie, cargo);
    else if (tunnel_holds(node, tie, &cargo->from))
        hear(node, packet);
}

void
tunnel_receive(Node *node, const Packet *packet)
{
    Tie *tie = tunnel_find(node, &node->stage->nodes[packet->from].key);

    if (tie == NULL)
        return;
    switch (packet->kind) {
    case PACKET_INITIATION:
        receive_initiation(node, tie, packet);
        break;
    case PACKET_RESPONSE:
        receive_response(node, tie, packet);
        break;
    case PACKET_TRANSPORT:
        receive_transport(node, tie, packet);
        break;
    case PACKET_BY_HUB:
        break;
    }
}

/* --- timers --------------------------------------------------------------------------------- */

static gint64
keepalive_at(const Node *node, const Tie *tie)
{
    const guint16 sec = tunnel_shown(node, tie)->keepalive_sec;

    return sec != 0 ? tie->any_usec + sec * AP_USEC_PER_SEC : AP_NEVER;
}

static gint64
rekey_at(const Tie *tie)
{
    return tie->unanswered_usec != AP_NEVER
               ? tie->unanswered_usec + KEEPALIVE_TIMEOUT_USEC + REKEY_TIMEOUT_USEC
               : AP_NEVER;
}

gint64
tunnel_deadline(const Node *node)
{
    gint64 deadline = node->hub_keepalive_usec;

    for (guint i = 1; i < node->ties->len; i++) {
        const Tie *tie = g_array_index(node->ties, Tie *, i);
        const gint64 keepalive = keepalive_at(node, tie);
        const gint64 rekey = rekey_at(tie);

        deadline = MIN(deadline, MIN(tie->retry_usec, tie->owed_usec));
        deadline = MIN(deadline, MIN(keepalive, rekey));
    }
    return deadline;
}

static void
run_retry(Node *node, Tie *tie)
{
    tie->retry_usec = AP_NEVER;
    if (++tie->n_tries > MAX_TRIES)
        g_array_set_size(tie->staged, 0);
    else
        initiate(node, tie, TRUE);
}

static void
run_tie(Node *node, Tie *tie)
{
    const gint64 now = node->stage->now_usec;

    if (tie->retry_usec <= now)
        run_retry(node, tie);
    if (tie->owed_usec <= now) {
        tie->owed_usec = AP_NEVER;
        send_keepalive(node, tie);
    }
    if (rekey_at(tie) <= now) {
        tie->unanswered_usec = AP_NEVER;
        initiate(node, tie, FALSE);
    }
    if (keepalive_at(node, tie) <= now) {
        tie->any_usec = now;
        send_keepalive(node, tie);
    }
}

void
tunnel_run(Node *node)
{
    if (node->hub_keepalive_usec <= node->stage->now_usec) {
        node->hub_keepalive_usec = node->stage->now_usec + 25 * AP_USEC_PER_SEC;
        (void) wire_touch_hub(node);
    }
    for (guint i = 1; i < node->ties->len; i++)
        run_tie(node, g_array_index(node->ties, Tie *, i));
}

/* --- the administrator ---------------------------------------------------------------------- */

void
tunnel_configure(Node *node, const ApKey *key, const char *allowed)
{
    g_autoptr(ApDevicePeer) peer = ap_device_peer_new(key);
    g_auto(GStrv) parts = g_strsplit(allowed, ",", -1);
    Tie *tie = tunnel_find(node, key);

    peer->endpoint = (ApEndpoint){.addr = {AF_INET, {203, 0, 113, 1}}, .port = LISTEN_PORT};
    for (guint i = 0; parts[i] != NULL; i++) {
        ApCidr cidr;

        if (!ap_cidr_parse(&cidr, parts[i], NULL))
            g_error("a test names the network '%s'", parts[i]);
        g_array_append_val(peer->allowed, cidr);
    }
    ap_wireguard_fake_add_peer(node->device, TUNNEL_IFINDEX, peer);
    if (tie == NULL)
        (void) add_tie(node, key, TRUE);
    else
        tie->is_foreign = TRUE;
    node->foreign_hash = judge_hash_foreign(node);
}

void
tunnel_remove(Node *node, const ApKey *key)
{
    drop_tie(node, key);
    ap_wireguard_fake_remove_peer(node->device, TUNNEL_IFINDEX, key);
    node->foreign_hash = judge_hash_foreign(node);
}

/* A device as the administrator configured it: the hub, and a printer that no node knows. */
void
tunnel_make(Node *node)
{
    const ApKey hub = {.bytes = {250, 250, [15] = 0x5a}};
    const ApKey printer = {.bytes = {250, 251, [15] = 0x5a}};

    node->device = ap_wireguard_fake_new();
    node->ties = g_array_new(FALSE, TRUE, sizeof(Tie *));
    (void)
        ap_wireguard_fake_add_device(node->device, TUNNEL_IFINDEX, "wg0", &node->key, LISTEN_PORT);
    tunnel_configure(node, &hub, "10.85.0.0/24");
    tunnel_configure(node, &printer, "10.85.0.200/32");
    node->hub_keepalive_usec = node->stage->now_usec;
}

void
tunnel_clear(Node *node)
{
    for (guint i = 0; i < node->ties->len; i++)
        free_tie(g_array_index(node->ties, Tie *, i));
    g_clear_pointer(&node->ties, g_array_unref);
    g_clear_pointer(&node->device, ap_wireguard_free);
}

/* --- the door that the helper has ----------------------------------------------------------- */

typedef struct {
    ApWireguard parent;
    Node *node;
} Door;

static gboolean
refuse_dead(const Node *node, GError **error)
{
    if (node->is_dead)
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "the helper is dead");
    return node->is_dead;
}

static gboolean
door_list(ApWireguard *base, GArray *out, GError **error)
{
    const Node *node = ((Door *) base)->node;
    g_autoptr(GArray) list = NULL;

    if (refuse_dead(node, error))
        return FALSE;
    list = ap_wireguard_list(node->device, error);
    if (list == NULL)
        return FALSE;
    g_array_append_vals(out, list->data, list->len);
    return TRUE;
}

/* A device that fails is tried again: the helper has a few seconds for it. */
static void
note_failure(Node *node)
{
    node->failing_usec = node->stage->now_usec + FAILURE_USEC;
}

static ApDevice *
door_read(ApWireguard *base, const ApDeviceId *id, GError **error)
{
    Node *node = ((Door *) base)->node;
    ApDevice *device;

    if (refuse_dead(node, error))
        return NULL;
    device = ap_wireguard_read(node->device, id, error);
    if (device == NULL)
        note_failure(node);
    return device;
}

/* What a device does because of a change: it forgets, or it sends. */
static void
feel(Node *node, const ApPeerChange *change, guint16 keepalive_before)
{
    Tie *tie = tunnel_find(node, &change->key);
    const ApDevicePeer *peer = ap_wireguard_fake_peer(node->device, TUNNEL_IFINDEX, &change->key);

    if (peer == NULL) {
        drop_tie(node, &change->key);
        return;
    }
    if (tie == NULL)
        tie = add_tie(node, &change->key, FALSE);
    if ((change->flags & AP_PEER_SET_KEEPALIVE) != 0 && change->keepalive_sec != 0
        && keepalive_before == 0)
        send_keepalive(node, tie);
}

static gboolean
door_edit(Node *node, const ApDeviceId *id, const ApPeerChange *change, GError **error)
{
    const ApDevicePeer *before = ap_wireguard_fake_peer(node->device, TUNNEL_IFINDEX, &change->key);
    const guint16 keepalive_before = before != NULL ? before->keepalive_sec : 0;

    judge_edit(node, change);
    if (!ap_wireguard_apply(node->device, id, change, 1, error)) {
        note_failure(node);
        return FALSE;
    }
    feel(node, change, keepalive_before);
    return TRUE;
}

/* Killed at a call: its edits are made, and nothing after them. A message fails before its first
 * edit, or not at all. */
static gboolean
door_apply(ApWireguard *base,
           const ApDeviceId *id,
           const ApPeerChange *changes,
           guint n_changes,
           GError **error)
{
    Node *node = ((Door *) base)->node;

    for (guint i = 0; i < n_changes; i++) {
        if (refuse_dead(node, error))
            return FALSE;
        if (!door_edit(node, id, &changes[i], i == 0 ? error : NULL)
            && (i == 0 || !door_edit(node, id, &changes[i], error)))
            return FALSE;
    }
    judge_foreign(node);
    if (n_changes > 0 && node->edits_to_die > 0 && --node->edits_to_die == 0)
        node->is_dead = TRUE;
    return TRUE;
}

static gboolean
door_read_secret(ApWireguard *base, const ApDeviceId *id, ApSecretKey *out, GError **error)
{
    const Node *node = ((Door *) base)->node;

    return !refuse_dead(node, error)
           && ap_wireguard_read_secret(node->device, id, &node->key, out, error);
}

static void
door_free(ApWireguard *base)
{
    g_free(base);
}

static const ApWireguardOps door_ops = {
    .list = door_list,
    .read = door_read,
    .read_secret = door_read_secret,
    .apply = door_apply,
    .free = door_free,
};

ApWireguard *
tunnel_open(Node *node)
{
    Door *self = g_new0(Door, 1);

    self->parent.ops = &door_ops;
    self->node = node;
    return &self->parent;
}
