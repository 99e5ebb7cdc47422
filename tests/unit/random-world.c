/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/random-world.h"

#include "helper/core/uplink.h"

#include <string.h>

/** Keys that everybody shares, so that they collide. */
#define N_KEYS 14

static const char *const tunnel_addresses[] = {
    "10.85.0.34",
    "10.85.0.35",
    "10.85.0.36",
    "10.85.0.1",
    "10.85.0.2",
    "10.85.0.255",
    "10.86.0.34",
    "10.86.0.35",
    "8.8.8.8",
    "fd85::34",
    "fd85::35",
    "fe80::34",
    "127.0.0.1",
    "10.85.0.40",
    "10.87.0.34",
    "10.87.0.2",
    "192.168.77.1",
};

static const char *const endpoints[] = {
    "192.168.77.34:51820",
    "192.168.77.35:51820",
    "192.168.77.1:51820",
    "192.168.77.34:53",
    "198.51.100.7:51820",
    "[fd77::34]:51820",
    "10.85.0.9:51820",
    "8.8.8.9:51820",
    "192.168.77.12:51820",
    "127.0.0.1:51820",
    "10.44.0.9:40001",
    "[fe80::9%2]:51820",
};

static const char *const lan_addresses[] = {
    "192.168.77.12/24",
    "10.44.0.5/16",
    "8.8.8.5/24",
    "10.85.0.77/24",
    "fd77::12/64",
    "2001:db8:77::12/64",
};

static const char *const prefixes[] = {
    "10.85.0.0/24",
    "10.86.0.0/24",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "10.85.0.34/32",
    "fd85::/64",
    "10.87.0.0/16",
    "10.85.0.35/32",
    "10.86.0.34/32",
    "192.168.0.0/16",
};

#define PICK(rand, array) ((array)[g_rand_int_range((rand), 0, G_N_ELEMENTS(array))])

gboolean
random_chance(GRand *rand, int percent)
{
    return g_rand_int_range(rand, 0, 100) < percent;
}

guint
random_below(GRand *rand, int n)
{
    return (guint) g_rand_int_range(rand, 0, n);
}

/* Key 0 is unsafe; the rest are ordinary and shared by everybody. */
static ApKey
random_key(GRand *rand)
{
    const guint n = random_below(rand, N_KEYS);

    return n == 0 ? (ApKey){{1}} : sim_key(n);
}

static guint32
random_tunnel(GRand *rand)
{
    return RANDOM_FIRST_TUNNEL + random_below(rand, RANDOM_N_TUNNELS);
}

static void
fill_policy(GRand *rand, ApPolicy *policy)
{
    policy->enabled = random_chance(rand, 90);
    policy->manage = random_chance(rand, 40) ? AP_MANAGE_YES : AP_MANAGE_AUTO;
    policy->scope = random_chance(rand, 30) ? AP_SCOPE_ANY : AP_SCOPE_LAN;
    policy->max_peers = random_chance(rand, 20) ? random_below(rand, 4) : 256;
    policy->max_tunnels = random_chance(rand, 10) ? random_below(rand, 3) : 8;
    policy->require_psk = random_chance(rand, 5);
    policy->allow_low_ports = random_chance(rand, 10);
    policy->allow_public_lan = random_chance(rand, 20);
    policy->gossip = random_chance(rand, 30);
    if (random_chance(rand, 20)) {
        const ApKey key = random_key(rand);

        g_array_append_val(policy->blocked, key);
    }
}

static void
fill_links(GRand *rand, Sim *sim)
{
    for (guint32 i = 2; i < 5; i++) {
        ApLink *link;

        if (random_chance(rand, i == 2 ? 10 : 50))
            continue;

        link = sim_add_lan(sim, i, i == 2 ? lan_addresses[0] : PICK(rand, lan_addresses), NULL);
        if (random_chance(rand, 60))
            sim_add_address(link, PICK(rand, lan_addresses));
        if (random_chance(rand, 85))
            link->route4 = (ApDefaultRoute){.gateway = sim_addr("192.168.77.1"), .metric = 100};
        link->running = random_chance(rand, 90);
    }
}

static void
fill_peer(GRand *rand, ApDevicePeer *peer)
{
    peer->endpoint =
        random_chance(rand, 85) ? sim_endpoint(PICK(rand, endpoints)) : (ApEndpoint){0};
    peer->handshake_real_usec = random_chance(rand, 60) ? 1 + random_below(rand, 3) : 0;
    peer->rx_bytes = random_chance(rand, 50) ? random_below(rand, 3) * 92 : 100000;
    peer->tx_bytes = random_chance(rand, 50) ? random_below(rand, 3) * 148 : 100000;
    peer->keepalive_sec = random_chance(rand, 50) ? 25 : 0;
    peer->has_psk = random_chance(rand, 5);
}

/* The first tunnel is often an ordinary one. */
static void
fill_tunnels(GRand *rand, Sim *sim)
{
    const gboolean is_ordinary = random_chance(rand, 50);
    const ApKey own_key = sim_key(40);
    const ApKey hub_key = sim_key(41);

    if (is_ordinary) {
        sim_add_tunnel(sim, RANDOM_FIRST_TUNNEL, &own_key, "10.85.0.2/24");
        sim_add_peer(sim, RANDOM_FIRST_TUNNEL, &hub_key, "10.85.0.0/24");
    }
    for (guint32 i = RANDOM_FIRST_TUNNEL + (is_ordinary ? 1 : 0);
         i < RANDOM_FIRST_TUNNEL + RANDOM_N_TUNNELS;
         i++) {
        const ApKey own = random_key(rand);
        g_autofree char *address = g_strdup_printf("10.%u.0.2/%u", 85 + random_below(rand, 3), 24U);
        g_autofree char *network = g_strdup_printf("10.%u.0.0/24", 85 + random_below(rand, 3));
        const ApKey hub = random_key(rand);

        if (random_chance(rand, i == RANDOM_FIRST_TUNNEL ? 5 : 50))
            continue;

        sim_add_tunnel(sim, i, random_chance(rand, 95) ? &own : NULL, address);
        sim_add_peer(sim, i, &hub, random_chance(rand, 70) ? "10.85.0.0/24,fd85::/64" : network);
        for (guint n = random_below(rand, 4); n > 0; n--) {
            const ApKey key = random_key(rand);

            sim_add_peer(sim, i, &key, PICK(rand, prefixes));
        }
    }
}

static void
give(Sim *sim, const ApOwned *owned, guint n_allowed)
{
    const ApDeviceId id = {.ifindex = owned->ifindex, .backend = AP_BACKEND_FAKE};
    ApPeerChange change = {.key = owned->key, .n_allowed = n_allowed};

    memcpy(change.allowed, owned->allowed, sizeof(change.allowed));
    g_assert_true(ap_wireguard_apply(sim->wireguard, &id, &change, 1, NULL));
}

static gboolean
ledger_has(const Sim *sim, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (owned->ifindex == ifindex && ap_key_equal(&owned->key, key))
            return TRUE;
    }
    return FALSE;
}

const ApDevice *
random_device(const Sim *sim, guint32 ifindex)
{
    for (guint i = 0; i < sim->devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(sim->devices, i);

        if (device->id.ifindex == ifindex)
            return device;
    }
    return NULL;
}

/* The entry is about this device; the peer is there or not, as it was left or edited since. */
static void
add_owned(GRand *rand, Sim *sim, ApInstant now)
{
    ApOwned owned = {
        .ifindex = random_tunnel(rand),
        .key = random_key(rand),
        .added_boot_usec = now.boot_usec - random_below(rand, 1000) * AP_USEC_PER_SEC,
    };
    const ApAddr link_local = ap_key_link_local(&owned.key);
    const ApDevice *device = random_device(sim, owned.ifindex);
    ApDevicePeer *peer;

    if (ledger_has(sim, owned.ifindex, &owned.key)
        || (device != NULL && ap_device_find(device, &owned.key) != NULL))
        return;

    owned.device_key =
        device != NULL && random_chance(rand, 90) ? device->public_key : random_key(rand);
    owned.allowed[owned.n_allowed++] = ap_cidr_host(&link_local);
    for (guint n = random_below(rand, 3); n > 0; n--) {
        const ApAddr addr = sim_addr(PICK(rand, tunnel_addresses));

        owned.allowed[owned.n_allowed++] = ap_cidr_host(&addr);
    }
    g_array_append_val(sim->owned, owned);

    if (device == NULL || random_chance(rand, 15))
        return;
    give(sim, &owned, random_chance(rand, 80) ? owned.n_allowed : 1);
    peer = ap_wireguard_fake_peer(sim->wireguard, owned.ifindex, &owned.key);
    if (peer != NULL)
        fill_peer(rand, peer);
}

static void
add_candidate(GRand *rand, Sim *sim)
{
    const ApKey key = random_key(rand);
    ApCandidate *candidate =
        sim_offer(sim, random_tunnel(rand), &key, PICK(rand, tunnel_addresses), NULL);

    candidate->n_addresses = random_chance(rand, 95) ? 1 : 0;
    for (guint n = random_below(rand, 3); n > 0 && candidate->n_addresses > 0; n--)
        candidate->addresses[candidate->n_addresses++] = sim_addr(PICK(rand, tunnel_addresses));
    for (guint n = random_below(rand, 4); n > 0; n--)
        candidate->endpoints[candidate->n_endpoints++] = sim_endpoint(PICK(rand, endpoints));
    candidate->speaks_bfd = random_chance(rand, 40);
    candidate->withdrawn = random_chance(rand, 10);
    candidate->why = random_chance(rand, 50) ? AP_REASON_GONE : AP_REASON_NONE;
}

/* What the planner may remember, and what it may not: nothing of it may do harm. */
static void
add_path(GRand *rand, Sim *sim, const ApOwned *owned, ApInstant now)
{
    static const ApReason troubles[] = {
        AP_REASON_NONE,
        AP_REASON_PROBE_BLOCKED,
        AP_REASON_ONE_WAY,
        AP_REASON_MTU,
    };
    const gint64 ago = random_below(rand, 400) * AP_USEC_PER_SEC / 2;
    ApPath path = {
        .ifindex = owned->ifindex,
        .key = owned->key,
        .state = (ApPathState) random_below(rand, 3),
        .reason = (ApReason) random_below(rand, AP_N_REASONS),
        .since_boot_usec = now.boot_usec - ago,
        .network = random_chance(rand, 80) ? ap_uplink_fingerprint(sim->links, sim->policy) : 1,
        .attempt_boot_usec = now.boot_usec - ago,
        .round_boot_usec = now.boot_usec - ago,
        .not_before_boot_usec = now.boot_usec + g_rand_int_range(rand, -10, 10) * AP_USEC_PER_SEC,
        .n_recent = random_below(rand, 10),
        .n_failures = random_below(rand, 5),
        .n_flaps = random_below(rand, 5),
        .try_boot_usec = now.boot_usec - random_below(rand, 4) * AP_USEC_PER_SEC,
        .n_again = random_below(rand, 3),
        .trouble = PICK(rand, troubles),
        .initiated = random_chance(rand, 50),
        .endpoint = sim_endpoint(PICK(rand, endpoints)),
        .handshake_base_usec = random_below(rand, 3),
        .handshake_usec = random_below(rand, 3),
        .handshake_boot_usec = now.boot_usec - ago,
        .rx_base = 92,
        .tx_base = 148,
        .speaks_bfd = random_chance(rand, 30),
        .evidence = random_chance(rand, 60) ? AP_EVIDENCE_BFD : AP_EVIDENCE_HANDSHAKE,
        .traffic_boot_usec = now.boot_usec - ago,
        .rx_boot_usec = now.boot_usec - ago,
        .pins = {{sim_addr(PICK(rand, tunnel_addresses)),
                  now.boot_usec + g_rand_int_range(rand, -50, 50) * AP_USEC_PER_SEC}},
        .n_pins = 1,
    };

    path.held = path.state == AP_PATH_WAITING && random_chance(rand, 30);
    path.speaks_bfd |= path.evidence == AP_EVIDENCE_BFD;
    if (random_chance(rand, 10)) {
        path.state = AP_PATH_WAITING;
        path.leaving_until_boot_usec =
            now.boot_usec + g_rand_int_range(rand, -100, 200) * AP_USEC_PER_MSEC;
    }
    g_array_append_val(sim->paths, path);
}

/* A peer with which nothing is wrong, so that more than refusals is put to the test. */
static void
add_sound_peer(GRand *rand, Sim *sim, ApInstant now)
{
    const ApDevice *device = random_device(sim, RANDOM_FIRST_TUNNEL);
    const ApAddr addr = sim_addr("10.85.0.50");
    ApOwned owned = {.ifindex = RANDOM_FIRST_TUNNEL, .key = sim_key(50), .n_allowed = 2};
    const ApAddr link_local = ap_key_link_local(&owned.key);
    ApCandidate *candidate;
    ApDevicePeer *peer;

    if (device == NULL)
        return;

    owned.device_key = device->public_key;
    owned.allowed[0] = ap_cidr_host(&link_local);
    owned.allowed[1] = ap_cidr_host(&addr);
    g_array_append_val(sim->owned, owned);
    give(sim, &owned, random_chance(rand, 50) ? 2 : 1);
    peer = ap_wireguard_fake_peer(sim->wireguard, RANDOM_FIRST_TUNNEL, &owned.key);
    fill_peer(rand, peer);
    peer->has_psk = FALSE;
    peer->endpoint = sim_endpoint("192.168.77.34:51820");

    candidate = sim_offer(sim, owned.ifindex, &owned.key, "10.85.0.50", "192.168.77.34:51820");
    candidate->speaks_bfd = random_chance(rand, 40);
    add_path(rand, sim, &owned, now);
}

/* What BFD says of the peer, whether or not it can. */
static void
fill_proof(GRand *rand, ApProof *proof, ApInstant now)
{
    static const ApReason whys[] = {
        AP_REASON_NONE,
        AP_REASON_SILENT,
        AP_REASON_MTU,
        AP_REASON_FAR_END_DOWN,
        AP_REASON_FAR_END_LEFT,
    };

    proof->state = (ApProofState) random_below(rand, 3);
    proof->since_boot_usec = now.boot_usec - random_below(rand, 5) * AP_USEC_PER_SEC;
    proof->remote_usable = random_chance(rand, 80);
    proof->why = proof->state != AP_PROOF_PROVEN ? PICK(rand, whys) : AP_REASON_NONE;
    if (proof->state != AP_PROOF_NONE || random_chance(rand, 30))
        proof->heard_boot_usec = now.boot_usec - random_below(rand, 5) * AP_USEC_PER_SEC;
    proof->tx_bytes = random_below(rand, 3) * 1000;
    proof->rx_bytes = random_below(rand, 3) * 1000;
}

static void
add_proofs(GRand *rand, Sim *sim, ApInstant now)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (random_chance(rand, 60))
            fill_proof(rand, sim_proof(sim, owned->ifindex, &owned->key), now);
    }
}

/* An address that we once gave the interface, there or not; or one like it of somebody else. */
static void
add_address(GRand *rand, Sim *sim, const ApDevice *device)
{
    const ApKey key = random_chance(rand, 70) ? device->public_key : random_key(rand);
    const ApOwnedAddress owned = {
        .ifindex = device->id.ifindex,
        .device_key = random_chance(rand, 80) ? key : random_key(rand),
        .addr = ap_key_link_local(&key),
    };
    const ApLinkAddress on_link = {.addr = owned.addr, .prefix_len = 64};

    if (random_chance(rand, 70))
        g_array_append_val(sim->addresses, owned);
    for (guint i = 0; i < sim->links->len; i++) {
        ApLink *link = g_ptr_array_index(sim->links, i);

        if (link->ifindex != device->id.ifindex || random_chance(rand, 20))
            continue;
        g_array_append_val(link->addresses, on_link);
        ap_link_sort(link);
    }
}

/* Lent by a helper before, there or not; or to somebody who is gone. */
static void
add_loan(GRand *rand, Sim *sim, const ApDevice *device)
{
    ApLoan loan = {.ifindex = device->id.ifindex, .key = random_key(rand)};

    if (device->peers->len > 0 && random_chance(rand, 80)) {
        const guint at = random_below(rand, (int) device->peers->len);
        ApDevicePeer *peer = g_ptr_array_index(device->peers, at);
        const ApAddr addr = ap_key_link_local(&peer->key);
        const ApPeerChange change = {
            .key = peer->key,
            .allowed = {ap_cidr_host(&addr)},
            .n_allowed = 1,
        };

        loan.key = peer->key;
        if (random_chance(rand, 80))
            g_assert_true(ap_wireguard_apply(sim->wireguard, &device->id, &change, 1, NULL));
    }
    g_array_append_val(sim->loans, loan);
}

static void
fill_speech(GRand *rand, Sim *sim)
{
    for (guint i = 0; i < sim->devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(sim->devices, i);

        if (random_chance(rand, 30))
            add_address(rand, sim, device);
        if (random_chance(rand, 15))
            add_loan(rand, sim, device);
        if (random_chance(rand, 25))
            sim_set_mute(sim, device->id.ifindex);
    }
}

/* A host as nobody would set it up. */
Sim *
random_world(GRand *rand, ApInstant now)
{
    Sim *sim = sim_new();

    fill_policy(rand, sim->policy);
    fill_links(rand, sim);
    fill_tunnels(rand, sim);
    (void) sim_read(sim);
    for (guint n = random_below(rand, 5); n > 0; n--)
        add_owned(rand, sim, now);
    for (guint n = random_below(rand, 8); n > 0; n--)
        add_candidate(rand, sim);
    for (guint i = 0; i < sim->owned->len && random_chance(rand, 90); i++)
        add_path(rand, sim, &g_array_index(sim->owned, ApOwned, i), now);
    /* What is owned is often also offered. */
    for (guint i = 0; i < sim->owned->len; i++) {
        if (random_chance(rand, 60))
            add_candidate(rand, sim);
        if (random_chance(rand, 60) && sim->candidates->len > 0) {
            const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
            ApCandidate *candidate =
                &g_array_index(sim->candidates, ApCandidate, sim->candidates->len - 1);

            candidate->key = owned->key;
            candidate->ifindex = owned->ifindex;
        }
    }
    if (random_chance(rand, 60))
        add_sound_peer(rand, sim, now);
    add_proofs(rand, sim, now);
    fill_speech(rand, sim);
    return sim;
}

/* The time goes on, and so do the far ends, the administrator and the server. */
void
random_pass(GRand *rand, Sim *sim, ApInstant *now)
{
    static const gint64 steps_msec[] = {1, 20, 300, 1000, 5000, 16000, 200000};
    const gint64 usec = PICK(rand, steps_msec) * AP_USEC_PER_MSEC;

    now->boot_usec += usec;
    now->real_usec += random_chance(rand, 90) ? usec : -usec;
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
        ApDevicePeer *peer =
            random_device(sim, owned->ifindex) != NULL
                ? ap_wireguard_fake_peer(sim->wireguard, owned->ifindex, &owned->key)
                : NULL;
        const ApCidr extra = sim_cidr("10.99.0.0/16");

        if (peer == NULL)
            continue;
        if (random_chance(rand, 60)) {
            fill_peer(rand, peer);
            peer->handshake_real_usec = now->real_usec;
        }
        if (random_chance(rand, 3))
            g_array_append_val(peer->allowed, extra);
        else if (random_chance(rand, 5))
            ap_wireguard_fake_remove_peer(sim->wireguard, owned->ifindex, &owned->key);
    }
    add_proofs(rand, sim, *now);
    if (random_chance(rand, 5))
        g_array_set_size(sim->mute, 0);
    if (random_chance(rand, 30))
        add_candidate(rand, sim);
    if (random_chance(rand, 20) && sim->candidates->len > 0)
        g_array_remove_index(sim->candidates, random_below(rand, (int) sim->candidates->len));
}
