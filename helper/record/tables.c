/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/tables.h"

#include "helper/core/plan.h"

#define SIZE_OF(type, member) sizeof(((type *) NULL)->member)

/* A member that is one value. */
#define ONE(struct_type, member, kind)                                                             \
    {                                                                                              \
        .name = #member, .type = AP_FIELD_##kind, .form = AP_FIELD_ONE,                            \
        .offset = offsetof(struct_type, member), .size = SIZE_OF(struct_type, member),             \
    }

#define WORD(struct_type, member, set)                                                             \
    {                                                                                              \
        .name = #member, .type = AP_FIELD_WORD, .form = AP_FIELD_ONE,                              \
        .offset = offsetof(struct_type, member), .size = SIZE_OF(struct_type, member),             \
        .words = AP_WORDS_##set,                                                                   \
    }

/* A C array, of whose elements @count are set. */
#define SEVERAL(struct_type, member, count, kind)                                                  \
    {                                                                                              \
        .name = #member, .type = AP_FIELD_##kind, .form = AP_FIELD_SEVERAL,                        \
        .offset = offsetof(struct_type, member), .size = SIZE_OF(struct_type, member),             \
        .count_offset = offsetof(struct_type, count),                                              \
    }

/* A GArray. */
#define ARRAY(struct_type, member, kind)                                                           \
    {                                                                                              \
        .name = #member, .type = AP_FIELD_##kind, .form = AP_FIELD_ARRAY,                          \
        .offset = offsetof(struct_type, member), .size = SIZE_OF(struct_type, member),             \
    }

#define TRIAL(struct_type)                                                                         \
    ONE(struct_type, trial.endpoint, ENDPOINT), ONE(struct_type, trial.began_boot_usec, TIME),     \
        ONE(struct_type, trial.tx_bytes, NUMBER), ONE(struct_type, trial.rx_bytes, NUMBER),        \
        WORD(struct_type, trial.presence, PRESENCE)

static const ApField link_fields[] = {
    ONE(ApLink, ifindex, NUMBER),
    ONE(ApLink, name, NAME),
    WORD(ApLink, kind, LINK_KIND),
    ONE(ApLink, running, FLAG),
    ONE(ApLink, mtu, NUMBER),
    ONE(ApLink, route4.gateway, ADDR),
    ONE(ApLink, route4.metric, NUMBER),
    ONE(ApLink, route6.gateway, ADDR),
    ONE(ApLink, route6.metric, NUMBER),
    ARRAY(ApLink, addresses, LINK_ADDRESS),
    ARRAY(ApLink, dns, ADDR),
};

static const ApField device_fields[] = {
    ONE(ApDevice, id.ifindex, NUMBER),
    ONE(ApDevice, id.name, NAME),
    WORD(ApDevice, id.backend, BACKEND),
    ONE(ApDevice, public_key, KEY),
    ONE(ApDevice, has_key, FLAG),
    ONE(ApDevice, listen_port, NUMBER),
    ONE(ApDevice, fwmark, NUMBER),
    ONE(ApDevice, peers, LINES),
};

static const ApField peer_fields[] = {
    ONE(ApDevicePeer, key, KEY),
    ONE(ApDevicePeer, endpoint, ENDPOINT),
    ONE(ApDevicePeer, handshake_real_usec, TIME),
    ONE(ApDevicePeer, rx_bytes, NUMBER),
    ONE(ApDevicePeer, tx_bytes, NUMBER),
    ONE(ApDevicePeer, keepalive_sec, NUMBER),
    ONE(ApDevicePeer, has_psk, FLAG),
    ARRAY(ApDevicePeer, allowed, CIDR),
};

static const ApField owned_fields[] = {
    ONE(ApOwned, ifindex, NUMBER),
    ONE(ApOwned, key, KEY),
    ONE(ApOwned, device_key, KEY),
    SEVERAL(ApOwned, allowed, n_allowed, CIDR),
    ONE(ApOwned, added_boot_usec, TIME),
};

static const ApField address_fields[] = {
    ONE(ApOwnedAddress, ifindex, NUMBER),
    ONE(ApOwnedAddress, addr, ADDR),
    ONE(ApOwnedAddress, device_key, KEY),
};

static const ApField loan_fields[] = {
    ONE(ApLoan, ifindex, NUMBER),
    ONE(ApLoan, key, KEY),
};

static const ApField candidate_fields[] = {
    ONE(ApCandidate, ifindex, NUMBER),
    ONE(ApCandidate, key, KEY),
    ONE(ApCandidate, sources, NUMBER),
    SEVERAL(ApCandidate, addresses, n_addresses, ADDR),
    SEVERAL(ApCandidate, endpoints, n_endpoints, ENDPOINT),
    ONE(ApCandidate, speaks_bfd, FLAG),
    ONE(ApCandidate, gossips, FLAG),
    ONE(ApCandidate, alive_until_boot_usec, TIME),
    ONE(ApCandidate, seen_boot_usec, TIME),
    ONE(ApCandidate, hub_rtt_usec, TIME),
    ONE(ApCandidate, relay_rtt_usec, TIME),
    ONE(ApCandidate, doubted_boot_usec, TIME),
    ONE(ApCandidate, withdrawn, FLAG),
    WORD(ApCandidate, why, REASON),
};

static const ApField proof_fields[] = {
    ONE(ApProof, ifindex, NUMBER),
    ONE(ApProof, key, KEY),
    WORD(ApProof, state, PROOF),
    ONE(ApProof, since_boot_usec, TIME),
    ONE(ApProof, remote_usable, FLAG),
    WORD(ApProof, why, REASON),
    ONE(ApProof, heard_boot_usec, TIME),
    ONE(ApProof, rtt_usec, TIME),
    ONE(ApProof, tx_bytes, NUMBER),
    ONE(ApProof, rx_bytes, NUMBER),
    ONE(ApProof, sent_boot_usec, TIME),
    ONE(ApProof, burst_bytes, NUMBER),
};

/* The element is the number itself. */
static const ApField mute_fields[] = {
    {.name = "ifindex", .type = AP_FIELD_NUMBER, .form = AP_FIELD_ONE, .size = sizeof(guint32)},
};

static const ApField host_fields[] = {
    ONE(ApLanHost, addr, ADDR),
    WORD(ApLanHost, presence, PRESENCE),
};

static const ApField path_fields[] = {
    ONE(ApPath, ifindex, NUMBER),
    ONE(ApPath, key, KEY),
    WORD(ApPath, state, PATH_STATE),
    WORD(ApPath, reason, REASON),
    ONE(ApPath, since_boot_usec, TIME),
    ONE(ApPath, network, FINGERPRINT),
    ONE(ApPath, attempt_boot_usec, TIME),
    ONE(ApPath, try_boot_usec, TIME),
    ONE(ApPath, round_boot_usec, TIME),
    ONE(ApPath, not_before_boot_usec, TIME),
    ONE(ApPath, held, FLAG),
    WORD(ApPath, death, REASON),
    ONE(ApPath, n_recent, NUMBER),
    ONE(ApPath, n_failures, NUMBER),
    ONE(ApPath, n_flaps, NUMBER),
    ONE(ApPath, n_losses, NUMBER),
    ONE(ApPath, n_again, NUMBER),
    WORD(ApPath, presence, PRESENCE),
    WORD(ApPath, trouble, REASON),
    ONE(ApPath, initiated, FLAG),
    ONE(ApPath, offer, FINGERPRINT),
    ONE(ApPath, endpoint, ENDPOINT),
    ONE(ApPath, last_good, ENDPOINT),
    TRIAL(ApPath),
    ONE(ApPath, handshake_base_usec, TIME),
    ONE(ApPath, handshake_usec, TIME),
    ONE(ApPath, handshake_boot_usec, TIME),
    ONE(ApPath, tx_handshake, NUMBER),
    ONE(ApPath, moved, FLAG),
    ONE(ApPath, tx_base, NUMBER),
    ONE(ApPath, rx_base, NUMBER),
    ONE(ApPath, rx_boot_usec, TIME),
    ONE(ApPath, tx_boot_usec, TIME),
    ONE(ApPath, speaks_bfd, FLAG),
    WORD(ApPath, evidence, EVIDENCE),
    ONE(ApPath, tx_mark, NUMBER),
    ONE(ApPath, rx_mark, NUMBER),
    ONE(ApPath, traffic_boot_usec, TIME),
    ONE(ApPath, slower_boot_usec, TIME),
    ONE(ApPath, leaving_until_boot_usec, TIME),
    SEVERAL(ApPath, pins, n_pins, PIN),
};

static const ApField policy_fields[] = {
    ONE(ApPolicy, enabled, FLAG),
    ONE(ApPolicy, mode.switched_on, FLAG),
    ONE(ApPolicy, mode.wanted, FLAG),
    WORD(ApPolicy, mode.pause, PAUSE),
    ONE(ApPolicy, mode.until_boot_usec, TIME),
    ONE(ApPolicy, mode.until_real_usec, TIME),
    ONE(ApPolicy, mode.network, FINGERPRINT),
    ONE(ApPolicy, persistent, FLAG),
    WORD(ApPolicy, manage, MANAGE),
    WORD(ApPolicy, scope, SCOPE),
    ONE(ApPolicy, require_psk, FLAG),
    ONE(ApPolicy, allow_low_ports, FLAG),
    ONE(ApPolicy, gossip, FLAG),
    ONE(ApPolicy, peers_tell_endpoints, FLAG),
    ONE(ApPolicy, allow_public_lan, FLAG),
    ONE(ApPolicy, max_peers, NUMBER),
    ONE(ApPolicy, max_tunnels, NUMBER),
    ONE(ApPolicy, keepalive_sec, NUMBER),
    ONE(ApPolicy, slower_sec, NUMBER),
    ONE(ApPolicy, coord_port, NUMBER),
    ONE(ApPolicy, gossip_port, NUMBER),
    ONE(ApPolicy, link_kinds, NUMBER),
    ARRAY(ApPolicy, hidden, CIDR),
    ARRAY(ApPolicy, blocked, KEY),
    ONE(ApPolicy, tunnels, LINES),
    ONE(ApPolicy, saved, NAMES),
};

static const ApField policy_tunnel_fields[] = {
    ONE(ApTunnelPolicy, name, NAME),
    WORD(ApTunnelPolicy, manage, MANAGE),
    WORD(ApTunnelPolicy, gossip, MANAGE),
    ONE(ApTunnelPolicy, server, ENDPOINT),
    ARRAY(ApTunnelPolicy, networks, CIDR),
    ONE(ApTunnelPolicy, peers, LINES),
};

/* The name is a person's, more often than not. */
static const ApField policy_peer_fields[] = {
    ONE(ApPeerPolicy, key, KEY),
    WORD(ApPeerPolicy, trust, TRUST),
    ONE(ApPeerPolicy, name, UNREAD),
    ARRAY(ApPeerPolicy, endpoints, ENDPOINT),
    ARRAY(ApPeerPolicy, allowed, CIDR),
    ONE(ApPeerPolicy, is_basic, FLAG),
    ONE(ApPeerPolicy, is_exchanger, FLAG),
};

static const ApField turn_fields[] = {
    ONE(ApTurnHead, boot_usec, TIME),
    ONE(ApTurnHead, real_usec, TIME),
    ONE(ApTurnHead, network, FINGERPRINT),
};

/* Its lists stand on lines of their own; the reader makes no ApPlan. */
static const ApField plan_fields[] = {
    ONE(ApPlan, changes, UNREAD),
    ONE(ApPlan, addresses, UNREAD),
    ONE(ApPlan, loans, UNREAD),
    ONE(ApPlan, sessions, UNREAD),
    ONE(ApPlan, verdicts, UNREAD),
    ONE(ApPlan, refusals, UNREAD),
    ONE(ApPlan, tunnels, UNREAD),
    ONE(ApPlan, paths, UNREAD),
    ONE(ApPlan, wake_at_boot_usec, TIME),
    ONE(ApPlan, glance_at_boot_usec, TIME),
};

static const ApField change_fields[] = {
    WORD(ApChange, kind, CHANGE),
    WORD(ApChange, reason, REASON),
    ONE(ApChange, ifindex, NUMBER),
    ONE(ApChange, device_key, KEY),
    ONE(ApChange, peer.key, KEY),
    ONE(ApChange, peer.flags, NUMBER),
    ONE(ApChange, peer.endpoint, ENDPOINT),
    ONE(ApChange, peer.keepalive_sec, NUMBER),
    SEVERAL(ApChange, peer.allowed, peer.n_allowed, CIDR),
};

static const ApField address_change_fields[] = {
    ONE(ApAddressChange, ifindex, NUMBER),
    ONE(ApAddressChange, device_key, KEY),
    ONE(ApAddressChange, addr, ADDR),
    ONE(ApAddressChange, add, FLAG),
};

static const ApField loan_change_fields[] = {
    ONE(ApLoanChange, ifindex, NUMBER),
    ONE(ApLoanChange, device_key, KEY),
    ONE(ApLoanChange, key, KEY),
    ONE(ApLoanChange, add, FLAG),
};

static const ApField session_fields[] = {
    ONE(ApSessionWish, ifindex, NUMBER),
    ONE(ApSessionWish, key, KEY),
    ONE(ApSessionWish, local, ADDR),
    ONE(ApSessionWish, remote, ADDR),
    ONE(ApSessionWish, mtu, NUMBER),
    ONE(ApSessionWish, active, FLAG),
    ONE(ApSessionWish, fast, FLAG),
    ONE(ApSessionWish, usable, FLAG),
    ONE(ApSessionWish, leaving, FLAG),
    ONE(ApSessionWish, doubted_boot_usec, TIME),
};

static const ApField verdict_fields[] = {
    ONE(ApVerdict, ifindex, NUMBER),
    ONE(ApVerdict, key, KEY),
    WORD(ApVerdict, state, PATH_STATE),
    WORD(ApVerdict, reason, REASON),
    ONE(ApVerdict, since_boot_usec, TIME),
    ONE(ApVerdict, next_boot_usec, TIME),
    ONE(ApVerdict, endpoint, ENDPOINT),
    TRIAL(ApVerdict),
    ONE(ApVerdict, n_breaks, NUMBER),
    SEVERAL(ApVerdict, addresses, n_addresses, ADDR),
    ONE(ApVerdict, sources, NUMBER),
    ONE(ApVerdict, seen_boot_usec, TIME),
    ONE(ApVerdict, relay_rtt_usec, TIME),
};

static const ApField refusal_fields[] = {
    ONE(ApRefusal, ifindex, NUMBER),
    ONE(ApRefusal, key, KEY),
    WORD(ApRefusal, reason, REASON),
};

static const ApField tunnel_fields[] = {
    ONE(ApTunnel, ifindex, NUMBER),
    ONE(ApTunnel, managed, FLAG),
    WORD(ApTunnel, reason, REASON),
    ONE(ApTunnel, hub, KEY),
    ONE(ApTunnel, local, ADDR),
    ONE(ApTunnel, server, ENDPOINT),
    ONE(ApTunnel, gossips, FLAG),
};

#define TABLE(line, struct_type, ids, list)                                                        \
    {                                                                                              \
        .name = line, .size = sizeof(struct_type), .n_ids = ids, .n_fields = G_N_ELEMENTS(list),   \
        .fields = list,                                                                            \
    }

static const ApTable tables[AP_N_TABLES] = {
    [AP_TABLE_LINK] = TABLE("link", ApLink, 1, link_fields),
    [AP_TABLE_DEVICE] = TABLE("device", ApDevice, 1, device_fields),
    [AP_TABLE_PEER] = TABLE("peer", ApDevicePeer, 1, peer_fields),
    [AP_TABLE_OWNED] = TABLE("owned", ApOwned, 2, owned_fields),
    [AP_TABLE_ADDRESS] = TABLE("address", ApOwnedAddress, 2, address_fields),
    [AP_TABLE_LOAN] = TABLE("loan", ApLoan, 2, loan_fields),
    [AP_TABLE_CANDIDATE] = TABLE("candidate", ApCandidate, 2, candidate_fields),
    [AP_TABLE_PROOF] = TABLE("proof", ApProof, 2, proof_fields),
    [AP_TABLE_MUTE] = TABLE("mute", guint32, 1, mute_fields),
    [AP_TABLE_HOST] = TABLE("host", ApLanHost, 1, host_fields),
    [AP_TABLE_PATH] = TABLE("path", ApPath, 2, path_fields),
    [AP_TABLE_POLICY] = TABLE("policy", ApPolicy, 0, policy_fields),
    [AP_TABLE_POLICY_TUNNEL] = TABLE("policy-tunnel", ApTunnelPolicy, 1, policy_tunnel_fields),
    [AP_TABLE_POLICY_PEER] = TABLE("policy-peer", ApPeerPolicy, 1, policy_peer_fields),
    [AP_TABLE_TURN] = TABLE("turn", ApTurnHead, 0, turn_fields),
    [AP_TABLE_PLAN] = TABLE("plan", ApPlan, 0, plan_fields),
    [AP_TABLE_CHANGE] = TABLE("change", ApChange, 0, change_fields),
    [AP_TABLE_ADDRESS_CHANGE] = TABLE("address-change", ApAddressChange, 0, address_change_fields),
    [AP_TABLE_LOAN_CHANGE] = TABLE("loan-change", ApLoanChange, 0, loan_change_fields),
    [AP_TABLE_SESSION] = TABLE("session", ApSessionWish, 2, session_fields),
    [AP_TABLE_VERDICT] = TABLE("verdict", ApVerdict, 2, verdict_fields),
    [AP_TABLE_REFUSAL] = TABLE("refusal", ApRefusal, 0, refusal_fields),
    [AP_TABLE_TUNNEL] = TABLE("tunnel", ApTunnel, 1, tunnel_fields),
};

const ApListPlace ap_world_lists[AP_N_WORLD_LISTS] = {
    {AP_TABLE_LINK, offsetof(ApWorld, links), TRUE},
    {AP_TABLE_DEVICE, offsetof(ApWorld, devices), TRUE},
    {AP_TABLE_OWNED, offsetof(ApWorld, owned), FALSE},
    {AP_TABLE_ADDRESS, offsetof(ApWorld, addresses), FALSE},
    {AP_TABLE_LOAN, offsetof(ApWorld, loans), FALSE},
    {AP_TABLE_CANDIDATE, offsetof(ApWorld, candidates), FALSE},
    {AP_TABLE_PROOF, offsetof(ApWorld, proofs), FALSE},
    {AP_TABLE_MUTE, offsetof(ApWorld, mute), FALSE},
    {AP_TABLE_HOST, offsetof(ApWorld, hosts), FALSE},
    {AP_TABLE_PATH, offsetof(ApWorld, paths), FALSE},
};

const ApListPlace ap_plan_lists[AP_N_PLAN_LISTS] = {
    {AP_TABLE_CHANGE, offsetof(ApPlan, changes), FALSE},
    {AP_TABLE_ADDRESS_CHANGE, offsetof(ApPlan, addresses), FALSE},
    {AP_TABLE_LOAN_CHANGE, offsetof(ApPlan, loans), FALSE},
    {AP_TABLE_SESSION, offsetof(ApPlan, sessions), FALSE},
    {AP_TABLE_VERDICT, offsetof(ApPlan, verdicts), FALSE},
    {AP_TABLE_REFUSAL, offsetof(ApPlan, refusals), FALSE},
    {AP_TABLE_TUNNEL, offsetof(ApPlan, tunnels), FALSE},
    {AP_TABLE_PATH, offsetof(ApPlan, paths), FALSE},
};

/** Returns: (transfer none): the description of one struct */
const ApTable *
ap_table_get(ApTableId id)
{
    return &tables[id];
}
