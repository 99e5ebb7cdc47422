/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/uplink.h"
#include "tests/unit/sim.h"

#include <string.h>

/*
 * The properties of a plan (architecture.md) on random worlds. Everything is drawn from small
 * sets, so that things collide: keys of hosts, hubs and candidates, addresses of all of them.
 * AP_SEED=… runs the worlds of an earlier run again, AP_WORLDS=… another number of them.
 */

/** How many worlds; each lives through TURNS turns, and every turn is checked. */
#define WORLDS 7000
#define TURNS 3

/** The seed is printed each so many worlds; a run of no more than these prints every one. */
#define STRIDE 100

#define FIRST_TUNNEL 7
#define N_TUNNELS 3
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

static gboolean
chance(GRand *rand, int percent)
{
    return g_rand_int_range(rand, 0, 100) < percent;
}

static guint
below(GRand *rand, int n)
{
    return (guint) g_rand_int_range(rand, 0, n);
}

/* Key 0 is unsafe; the rest are ordinary and shared by everybody. */
static ApKey
random_key(GRand *rand)
{
    const guint n = below(rand, N_KEYS);

    return n == 0 ? (ApKey){{1}} : sim_key(n);
}

static guint32
random_tunnel(GRand *rand)
{
    return FIRST_TUNNEL + below(rand, N_TUNNELS);
}

static void
fill_policy(GRand *rand, ApPolicy *policy)
{
    policy->enabled = chance(rand, 90);
    policy->manage = chance(rand, 40) ? AP_MANAGE_YES : AP_MANAGE_AUTO;
    policy->scope = chance(rand, 30) ? AP_SCOPE_ANY : AP_SCOPE_LAN;
    policy->max_peers = chance(rand, 20) ? below(rand, 4) : 256;
    policy->max_tunnels = chance(rand, 10) ? below(rand, 3) : 8;
    policy->require_psk = chance(rand, 5);
    policy->allow_low_ports = chance(rand, 10);
    policy->allow_public_lan = chance(rand, 20);
    if (chance(rand, 20)) {
        const ApKey key = random_key(rand);

        g_array_append_val(policy->blocked, key);
    }
}

static void
fill_links(GRand *rand, Sim *sim)
{
    for (guint32 i = 2; i < 5; i++) {
        ApLink *link;

        if (chance(rand, i == 2 ? 10 : 50))
            continue;

        link = sim_add_lan(sim, i, i == 2 ? lan_addresses[0] : PICK(rand, lan_addresses), NULL);
        if (chance(rand, 60))
            sim_add_address(link, PICK(rand, lan_addresses));
        if (chance(rand, 85))
            link->route4 = (ApDefaultRoute){.gateway = sim_addr("192.168.77.1"), .metric = 100};
        link->running = chance(rand, 90);
    }
}

static void
fill_peer(GRand *rand, ApDevicePeer *peer)
{
    peer->endpoint = chance(rand, 85) ? sim_endpoint(PICK(rand, endpoints)) : (ApEndpoint){0};
    peer->handshake_real_usec = chance(rand, 60) ? 1 + below(rand, 3) : 0;
    peer->rx_bytes = chance(rand, 50) ? below(rand, 3) * 92 : 100000;
    peer->tx_bytes = chance(rand, 50) ? below(rand, 3) * 148 : 100000;
    peer->keepalive_sec = chance(rand, 50) ? 25 : 0;
    peer->has_psk = chance(rand, 5);
}

static void
fill_tunnels(GRand *rand, Sim *sim)
{
    for (guint32 i = FIRST_TUNNEL; i < FIRST_TUNNEL + N_TUNNELS; i++) {
        const ApKey own = random_key(rand);
        g_autofree char *address = g_strdup_printf("10.%u.0.2/%u", 85 + below(rand, 3), 24U);
        g_autofree char *network = g_strdup_printf("10.%u.0.0/24", 85 + below(rand, 3));
        const ApKey hub = random_key(rand);

        if (chance(rand, i == FIRST_TUNNEL ? 5 : 50))
            continue;

        sim_add_tunnel(sim, i, chance(rand, 95) ? &own : NULL, address);
        sim_add_peer(sim, i, &hub, chance(rand, 70) ? "10.85.0.0/24,fd85::/64" : network);
        for (guint n = below(rand, 4); n > 0; n--) {
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

static const ApDevice *
device_of(const Sim *sim, guint32 ifindex)
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
        .added_boot_usec = now.boot_usec - below(rand, 1000) * AP_USEC_PER_SEC,
    };
    const ApAddr link_local = ap_key_link_local(&owned.key);
    const ApDevice *device = device_of(sim, owned.ifindex);
    ApDevicePeer *peer;

    if (ledger_has(sim, owned.ifindex, &owned.key)
        || (device != NULL && ap_device_find(device, &owned.key) != NULL))
        return;

    owned.device_key = device != NULL && chance(rand, 90) ? device->public_key : random_key(rand);
    owned.allowed[owned.n_allowed++] = ap_cidr_host(&link_local);
    for (guint n = below(rand, 3); n > 0; n--) {
        const ApAddr addr = sim_addr(PICK(rand, tunnel_addresses));

        owned.allowed[owned.n_allowed++] = ap_cidr_host(&addr);
    }
    g_array_append_val(sim->owned, owned);

    if (device == NULL || chance(rand, 15))
        return;
    give(sim, &owned, chance(rand, 80) ? owned.n_allowed : 1);
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

    candidate->n_addresses = chance(rand, 95) ? 1 : 0;
    for (guint n = below(rand, 3); n > 0 && candidate->n_addresses > 0; n--)
        candidate->addresses[candidate->n_addresses++] = sim_addr(PICK(rand, tunnel_addresses));
    for (guint n = below(rand, 4); n > 0; n--)
        candidate->endpoints[candidate->n_endpoints++] = sim_endpoint(PICK(rand, endpoints));
    candidate->withdrawn = chance(rand, 10);
    candidate->why = chance(rand, 50) ? AP_REASON_GONE : AP_REASON_NONE;
}

/* What the planner may remember, and what it may not: nothing of it may do harm. */
static void
add_path(GRand *rand, Sim *sim, const ApOwned *owned, ApInstant now)
{
    const gint64 ago = below(rand, 400) * AP_USEC_PER_SEC / 2;
    ApPath path = {
        .ifindex = owned->ifindex,
        .key = owned->key,
        .state = (ApPathState) below(rand, 3),
        .reason = (ApReason) below(rand, AP_N_REASONS),
        .since_boot_usec = now.boot_usec - ago,
        .network = chance(rand, 80) ? ap_uplink_fingerprint(sim->links, sim->policy) : 1,
        .attempt_boot_usec = now.boot_usec - ago,
        .round_boot_usec = now.boot_usec - ago,
        .not_before_boot_usec = now.boot_usec + g_rand_int_range(rand, -10, 10) * AP_USEC_PER_SEC,
        .n_recent = below(rand, 10),
        .n_failures = below(rand, 5),
        .n_flaps = below(rand, 5),
        .initiated = chance(rand, 50),
        .endpoint = sim_endpoint(PICK(rand, endpoints)),
        .handshake_base_usec = below(rand, 3),
        .handshake_usec = below(rand, 3),
        .handshake_boot_usec = now.boot_usec - ago,
        .rx_base = 92,
        .tx_base = 148,
        .rx_boot_usec = now.boot_usec - ago,
        .pins = {{sim_addr(PICK(rand, tunnel_addresses)),
                  now.boot_usec + g_rand_int_range(rand, -50, 50) * AP_USEC_PER_SEC}},
        .n_pins = 1,
    };

    g_array_append_val(sim->paths, path);
}

static Sim *
random_world(GRand *rand, ApInstant now)
{
    Sim *sim = sim_new();

    fill_policy(rand, sim->policy);
    fill_links(rand, sim);
    fill_tunnels(rand, sim);
    (void) sim_read(sim);
    for (guint n = below(rand, 5); n > 0; n--)
        add_owned(rand, sim, now);
    for (guint n = below(rand, 8); n > 0; n--)
        add_candidate(rand, sim);
    for (guint i = 0; i < sim->owned->len && chance(rand, 90); i++)
        add_path(rand, sim, &g_array_index(sim->owned, ApOwned, i), now);
    /* What is owned is often also offered. */
    for (guint i = 0; i < sim->owned->len; i++) {
        if (chance(rand, 60))
            add_candidate(rand, sim);
        if (chance(rand, 60) && sim->candidates->len > 0) {
            const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
            ApCandidate *candidate =
                &g_array_index(sim->candidates, ApCandidate, sim->candidates->len - 1);

            candidate->key = owned->key;
            candidate->ifindex = owned->ifindex;
        }
    }
    return sim;
}

/* The time goes on, and so do the far ends, the administrator and the server. */
static void
pass(GRand *rand, Sim *sim, ApInstant *now)
{
    static const gint64 steps_msec[] = {1, 20, 300, 1000, 5000, 16000, 200000};
    const gint64 usec = PICK(rand, steps_msec) * AP_USEC_PER_MSEC;

    now->boot_usec += usec;
    now->real_usec += chance(rand, 90) ? usec : -usec;
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
        ApDevicePeer *peer =
            device_of(sim, owned->ifindex) != NULL
                ? ap_wireguard_fake_peer(sim->wireguard, owned->ifindex, &owned->key)
                : NULL;
        const ApCidr extra = sim_cidr("10.99.0.0/16");

        if (peer == NULL)
            continue;
        if (chance(rand, 60)) {
            fill_peer(rand, peer);
            peer->handshake_real_usec = now->real_usec;
        }
        if (chance(rand, 3))
            g_array_append_val(peer->allowed, extra);
        else if (chance(rand, 5))
            ap_wireguard_fake_remove_peer(sim->wireguard, owned->ifindex, &owned->key);
    }
    if (chance(rand, 30))
        add_candidate(rand, sim);
    if (chance(rand, 20) && sim->candidates->len > 0)
        g_array_remove_index(sim->candidates, below(rand, (int) sim->candidates->len));
}

/* --- what must hold ------------------------------------------------------------------------- */

/* Whatever key the device had then: enough for a removal. */
static gboolean
is_on_record(const Sim *sim, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (owned->ifindex == ifindex && ap_key_equal(&owned->key, key))
            return TRUE;
    }
    return FALSE;
}

static gboolean
holds_all(const ApOwned *owned, const ApDevicePeer *peer)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        gboolean found = FALSE;

        for (guint j = 0; j < owned->n_allowed && !found; j++)
            found = ap_cidr_equal(&owned->allowed[j], &g_array_index(peer->allowed, ApCidr, i));
        if (!found)
            return FALSE;
    }
    return TRUE;
}

/* Of a time when the device had another key, and as we left it. */
static gboolean
is_left_over(const Sim *sim, const ApDevice *device, const ApDevicePeer *peer)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (owned->ifindex == device->id.ifindex && ap_key_equal(&owned->key, &peer->key))
            return !peer->has_psk && holds_all(owned, peer);
    }
    return FALSE;
}

static gboolean
is_ours(const Sim *sim, guint32 ifindex, const ApKey *key)
{
    const ApDevice *device = device_of(sim, ifindex);

    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (owned->ifindex == ifindex && ap_key_equal(&owned->key, key))
            return device != NULL && ap_key_equal(&owned->device_key, &device->public_key);
    }
    return FALSE;
}

/*
 * 1: no change names a key outside the ledger, except an addition, and that names none that is
 * on the device.
 */
static void
check_ownership(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);
        const ApDevice *device = device_of(sim, change->ifindex);

        g_assert_nonnull(device);
        g_assert_true(ap_key_equal(&change->device_key, &device->public_key));
        if (change->kind == AP_CHANGE_REMOVE_PEER) {
            g_assert_true(is_on_record(sim, change->ifindex, &change->peer.key));
        } else if (change->kind != AP_CHANGE_ADD_PEER) {
            g_assert_true(is_ours(sim, change->ifindex, &change->peer.key));
            g_assert_true(change->peer.flags & AP_PEER_UPDATE_ONLY);
        } else if (!is_on_record(sim, change->ifindex, &change->peer.key)) {
            g_assert_null(ap_device_find(device, &change->peer.key));
            g_assert_false(ap_key_equal(&change->peer.key, &device->public_key));
        }
    }
}

static gboolean
has_prefix(const ApDevicePeer *peer, const ApCidr *prefix)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), prefix))
            return TRUE;
    }
    return FALSE;
}

/* 2: no addition or promotion takes a prefix that any other peer holds, nor more than a host. */
static void
check_no_theft(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);
        const ApDevice *device = device_of(sim, change->ifindex);

        for (guint j = 0; j < change->peer.n_allowed; j++) {
            g_assert_true(ap_cidr_is_host(&change->peer.allowed[j]));
            for (guint k = 0; k < device->peers->len; k++) {
                const ApDevicePeer *peer = g_ptr_array_index(device->peers, k);

                g_assert_true(ap_key_equal(&peer->key, &change->peer.key)
                              || !has_prefix(peer, &change->peer.allowed[j]));
            }
        }
    }
}

static void
describe_peer(GString *text, const ApDevicePeer *peer)
{
    char key[AP_KEY_TEXT_LEN], endpoint[AP_ENDPOINT_TEXT_LEN], cidr[AP_CIDR_TEXT_LEN];

    ap_key_to_text(&peer->key, key);
    ap_endpoint_to_text(&peer->endpoint, endpoint);
    g_string_append_printf(text, "%s %s %u:", key, endpoint, peer->keepalive_sec);
    for (guint i = 0; i < peer->allowed->len; i++) {
        ap_cidr_to_text(&g_array_index(peer->allowed, ApCidr, i), cidr);
        g_string_append_printf(text, " %s", cidr);
    }
    g_string_append_c(text, '\n');
}

/* All peers that are not in the ledger, to the byte. */
static char *
describe_foreign(const Sim *sim)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint32 i = FIRST_TUNNEL; i < FIRST_TUNNEL + N_TUNNELS; i++) {
        const ApDevice *device = device_of(sim, i);

        for (guint j = 0; device != NULL && j < device->peers->len; j++) {
            const ApDevicePeer *peer = g_ptr_array_index(device->peers, j);

            if (!is_ours(sim, device->id.ifindex, &peer->key) && !is_left_over(sim, device, peer))
                describe_peer(text, peer);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
describe_change(GString *text, const ApChange *change)
{
    char key[AP_KEY_TEXT_LEN], endpoint[AP_ENDPOINT_TEXT_LEN], cidr[AP_CIDR_TEXT_LEN];

    ap_key_to_text(&change->peer.key, key);
    ap_endpoint_to_text(&change->peer.endpoint, endpoint);
    g_string_append_printf(text,
                           "change %d %s on %u: %s flags %x %s keepalive %u:",
                           change->kind,
                           ap_reason_name(change->reason),
                           change->ifindex,
                           key,
                           change->peer.flags,
                           endpoint,
                           change->peer.keepalive_sec);
    for (guint i = 0; i < change->peer.n_allowed; i++) {
        ap_cidr_to_text(&change->peer.allowed[i], cidr);
        g_string_append_printf(text, " %s", cidr);
    }
    g_string_append_c(text, '\n');
}

/* Everything that a plan says. */
static char *
describe(const ApPlan *plan)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < plan->changes->len; i++)
        describe_change(text, &g_array_index(plan->changes, ApChange, i));
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const ApVerdict *verdict = &g_array_index(plan->verdicts, ApVerdict, i);

        g_string_append_printf(text,
                               "verdict %u %02x %d %s %u\n",
                               verdict->ifindex,
                               verdict->key.bytes[1],
                               verdict->state,
                               ap_reason_name(verdict->reason),
                               verdict->n_addresses);
    }
    for (guint i = 0; i < plan->refusals->len; i++) {
        const ApRefusal *refusal = &g_array_index(plan->refusals, ApRefusal, i);

        g_string_append_printf(text,
                               "refusal %u %02x %s\n",
                               refusal->ifindex,
                               refusal->key.bytes[1],
                               ap_reason_name(refusal->reason));
    }
    g_string_append_printf(text,
                           "%u paths, wake at %" G_GINT64_FORMAT "\n",
                           plan->paths->len,
                           plan->wake_at_boot_usec);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
shuffle(GRand *rand, gpointer data, gsize size, guint n)
{
    guint8 *bytes = data;
    g_autofree guint8 *held = g_malloc(size);

    for (guint i = n; i > 1; i--) {
        const guint j = below(rand, (int) i);

        memcpy(held, bytes + (i - 1) * size, size);
        memcpy(bytes + (i - 1) * size, bytes + j * size, size);
        memcpy(bytes + j * size, held, size);
    }
}

/* 4: the order of inputs is irrelevant. */
static void
check_order(GRand *rand, Sim *sim, const char *expected, ApInstant now)
{
    const ApWorld world = {
        .links = sim->links,
        .devices = sim->devices,
        .owned = sim->owned,
        .addresses = sim->addresses,
        .candidates = sim->candidates,
        .proofs = sim->proofs,
        .mute = sim->mute,
        .paths = sim->paths,
    };
    g_autoptr(ApPlan) plan = NULL;
    g_autofree char *text = NULL;

    shuffle(rand, sim->links->pdata, sizeof(gpointer), sim->links->len);
    shuffle(rand, sim->devices->pdata, sizeof(gpointer), sim->devices->len);
    shuffle(rand, sim->owned->data, sizeof(ApOwned), sim->owned->len);
    shuffle(rand, sim->candidates->data, sizeof(ApCandidate), sim->candidates->len);
    shuffle(rand, sim->paths->data, sizeof(ApPath), sim->paths->len);
    plan = ap_plan_make(&world, sim->policy, now);
    text = describe(plan);
    g_assert_cmpstr(text, ==, expected);
}

static gboolean
is_removed(const ApPlan *plan, const ApOwned *owned)
{
    const ApVerdict *verdict = sim_verdict(plan, owned->ifindex, &owned->key);

    if (verdict != NULL && verdict->reason == AP_REASON_TAKEN_OVER)
        return TRUE;
    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);

        if (change->kind == AP_CHANGE_REMOVE_PEER && change->ifindex == owned->ifindex
            && ap_key_equal(&change->peer.key, &owned->key))
            return TRUE;
    }
    return FALSE;
}

static void
check_removals_only(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < plan->changes->len; i++)
        g_assert_cmpint(g_array_index(plan->changes, ApChange, i).kind, ==, AP_CHANGE_REMOVE_PEER);
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);

        if (is_ours(sim, owned->ifindex, &owned->key))
            g_assert_true(is_removed(plan, owned));
    }
}

/* 6: without candidates every owned peer goes. 7: disabled, removals only. */
static void
check_withdrawal(Sim *sim, ApInstant now)
{
    g_autoptr(GArray) nobody = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    const gboolean enabled = sim->policy->enabled;
    ApWorld world = {
        .links = sim->links,
        .devices = sim->devices,
        .owned = sim->owned,
        .addresses = sim->addresses,
        .candidates = sim->candidates,
        .proofs = sim->proofs,
        .mute = sim->mute,
        .paths = sim->paths,
    };
    g_autoptr(ApPlan) disabled = NULL;
    g_autoptr(ApPlan) without = NULL;

    sim->policy->enabled = FALSE;
    disabled = ap_plan_make(&world, sim->policy, now);
    check_removals_only(sim, disabled);

    sim->policy->enabled = enabled;
    world.candidates = nobody;
    without = ap_plan_make(&world, sim->policy, now);
    check_removals_only(sim, without);
}

/* 8: a peer holds tunnel addresses only while its path is proven alive. */
static void
check_proof(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
        const ApDevice *device = device_of(sim, owned->ifindex);
        const ApDevicePeer *peer = device != NULL ? ap_device_find(device, &owned->key) : NULL;

        if (peer == NULL || !is_ours(sim, owned->ifindex, &owned->key) || peer->allowed->len <= 1)
            continue;
        g_assert_cmpint(sim_verdict(plan, owned->ifindex, &owned->key)->state, ==, AP_PATH_DIRECT);
        g_assert_cmpint(peer->handshake_real_usec, !=, 0);
    }
}

static void
check_turn(GRand *rand, Sim *sim, ApInstant now)
{
    g_autoptr(ApPlan) plan = sim_plan(sim, now);
    g_autofree char *text = describe(plan);
    g_autofree char *foreign = NULL;
    g_autofree char *foreign_after = NULL;
    g_autofree char *more = NULL;
    g_autoptr(ApPlan) again = NULL;

    check_ownership(sim, plan);
    check_no_theft(sim, plan);
    g_assert_cmpint(plan->wake_at_boot_usec, >, now.boot_usec); /* 5 */
    check_order(rand, sim, text, now);
    check_withdrawal(sim, now);

    /* 3: what is done is done; and nobody else's peer changed on the way. */
    foreign = describe_foreign(sim);
    sim_apply(sim, plan, now);
    again = sim_plan(sim, now);
    more = sim_describe(again);
    if (more[0] != '\0')
        g_test_message("first plan:\n%s", text);
    g_assert_cmpstr(more, ==, "");
    foreign_after = describe_foreign(sim);
    if (strstr(text, "taken-over") == NULL)
        g_assert_cmpstr(foreign, ==, foreign_after);
    check_proof(sim, plan);
}

static guint
number_from(const char *name, guint otherwise)
{
    const char *text = g_getenv(name);

    return text != NULL ? (guint) g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void
test_properties(void)
{
    const guint seed = number_from("AP_SEED", (guint) g_test_rand_int());
    const guint n_worlds = number_from("AP_WORLDS", WORLDS);
    g_autoptr(GRand) rand = g_rand_new();

    for (guint i = 0; i < n_worlds; i++) {
        ApInstant now = {
            .boot_usec = 5000 * AP_USEC_PER_SEC,
            .real_usec = 1700000000 * AP_USEC_PER_SEC,
        };
        g_autoptr(Sim) sim = NULL;

        /* Each world has its own seed, so that a failure can be run again without the others. */
        g_rand_set_seed(rand, seed + i);
        if (i % STRIDE == 0 || n_worlds <= STRIDE)
            g_test_message("AP_SEED=%u AP_WORLDS=%u", seed + i, n_worlds <= STRIDE ? 1 : STRIDE);
        sim = random_world(rand, now);
        for (guint turn = 0; turn < TURNS; turn++) {
            check_turn(rand, sim, now);
            pass(rand, sim, &now);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/properties", test_properties);
    return g_test_run();
}
