/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim.h"

#include <string.h>

ApKey
sim_key(guint n)
{
    ApKey key = {{0}};

    key.bytes[0] = (guint8) (n >> 8);
    key.bytes[1] = (guint8) n;
    key.bytes[15] = 0x5a;
    return key;
}

ApAddr
sim_addr(const char *text)
{
    ApAddr addr = {0};

    if (!ap_addr_parse(&addr, text, NULL))
        g_error("a test names the address '%s'", text);
    return addr;
}

ApCidr
sim_cidr(const char *text)
{
    ApCidr cidr = {.prefix_len = 0};

    if (!ap_cidr_parse(&cidr, text, NULL))
        g_error("a test names the network '%s'", text);
    return cidr;
}

ApEndpoint
sim_endpoint(const char *text)
{
    ApEndpoint endpoint = {.port = 0};

    if (!ap_endpoint_parse(&endpoint, text, NULL))
        g_error("a test names the endpoint '%s'", text);
    return endpoint;
}

Sim *
sim_new(void)
{
    Sim *self = g_new0(Sim, 1);

    self->wireguard = ap_wireguard_fake_new();
    self->links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    self->devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);
    self->owned = g_array_new(FALSE, TRUE, sizeof(ApOwned));
    self->loans = g_array_new(FALSE, TRUE, sizeof(ApLoan));
    self->addresses = g_array_new(FALSE, TRUE, sizeof(ApOwnedAddress));
    self->candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    self->proofs = g_array_new(FALSE, TRUE, sizeof(ApProof));
    self->mute = g_array_new(FALSE, TRUE, sizeof(guint32));
    self->hosts = g_array_new(FALSE, TRUE, sizeof(ApLanHost));
    self->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));

    self->policy = ap_policy_new();
    self->policy->enabled = TRUE;
    self->policy->max_peers = 256;
    self->policy->max_tunnels = 8;
    self->policy->keepalive_sec = 25;
    self->policy->coord_port = 80;
    self->policy->link_kinds = (1U << AP_N_LINK_KINDS) - 1;
    return self;
}

void
sim_free(Sim *self)
{
    if (self == NULL)
        return;

    ap_wireguard_free(self->wireguard);
    ap_policy_free(self->policy);
    g_ptr_array_unref(self->links);
    g_ptr_array_unref(self->devices);
    g_array_unref(self->owned);
    g_array_unref(self->loans);
    g_array_unref(self->addresses);
    g_array_unref(self->candidates);
    g_array_unref(self->proofs);
    g_array_unref(self->mute);
    g_array_unref(self->hosts);
    g_array_unref(self->paths);
    g_free(self);
}

/* "10.85.0.2/24": an address with its prefix length, which ap_cidr_parse() would refuse. */
void
sim_add_address(ApLink *link, const char *address)
{
    g_auto(GStrv) parts = g_strsplit(address, "/", 2);
    const ApLinkAddress value = {
        .addr = sim_addr(parts[0]),
        .prefix_len = (guint8) g_ascii_strtoull(parts[1], NULL, 10),
    };

    g_array_append_val(link->addresses, value);
    ap_link_sort(link);
}

ApLink *
sim_add_link(Sim *self, guint32 ifindex, ApLinkKind kind, const char *address)
{
    ApLink *link = ap_link_new(ifindex);

    g_snprintf(link->name, sizeof(link->name), "link%u", ifindex);
    link->kind = kind;
    link->running = TRUE;
    link->mtu = 1500;
    sim_add_address(link, address);
    g_ptr_array_add(self->links, link);
    return link;
}

ApLink *
sim_add_lan(Sim *self, guint32 ifindex, const char *address, const char *gateway)
{
    ApLink *link = sim_add_link(self, ifindex, AP_LINK_KIND_ETHERNET, address);

    if (gateway != NULL)
        link->route4 = (ApDefaultRoute){.gateway = sim_addr(gateway), .metric = 100};
    return link;
}

void
sim_add_tunnel(Sim *self, guint32 ifindex, const ApKey *key, const char *address)
{
    char name[IF_NAMESIZE];

    g_snprintf(name, sizeof(name), "wg%u", ifindex);
    (void) ap_wireguard_fake_add_device(self->wireguard, ifindex, name, key, 51820);
    (void) sim_add_link(self, ifindex, AP_LINK_KIND_WIREGUARD, address);
}

/* @allowed: networks with commas between them. */
void
sim_add_peer(Sim *self, guint32 ifindex, const ApKey *key, const char *allowed)
{
    g_autoptr(ApDevicePeer) peer = ap_device_peer_new(key);
    g_auto(GStrv) parts = g_strsplit(allowed, ",", -1);

    peer->endpoint = sim_endpoint("203.0.113.1:51820");
    for (guint i = 0; parts[i] != NULL; i++) {
        const ApCidr cidr = sim_cidr(parts[i]);

        g_array_append_val(peer->allowed, cidr);
    }
    ap_wireguard_fake_add_peer(self->wireguard, ifindex, peer);
}

/* @endpoint: (nullable). The answer lives until the next call. */
ApCandidate *
sim_offer(Sim *self, guint32 ifindex, const ApKey *key, const char *address, const char *endpoint)
{
    ApCandidate candidate = {
        .ifindex = ifindex,
        .key = *key,
        .sources = AP_SOURCE_SERVER,
        .addresses = {sim_addr(address)},
        .n_addresses = 1,
    };

    if (endpoint != NULL)
        candidate.endpoints[candidate.n_endpoints++] = sim_endpoint(endpoint);
    g_array_append_val(self->candidates, candidate);
    return &g_array_index(self->candidates, ApCandidate, self->candidates->len - 1);
}

/* BFD cannot be spoken on the tunnel: WireGuard's own signs decide. */
void
sim_set_mute(Sim *self, guint32 ifindex)
{
    g_array_append_val(self->mute, ifindex);
}

/* What BFD says of the peer, to be changed by the caller: nothing at first. The answer lives
 * until the next call. */
ApProof *
sim_proof(Sim *self, guint32 ifindex, const ApKey *key)
{
    const ApProof nothing = {.ifindex = ifindex, .key = *key};

    for (guint i = 0; i < self->proofs->len; i++) {
        ApProof *proof = &g_array_index(self->proofs, ApProof, i);

        if (proof->ifindex == ifindex && ap_key_equal(&proof->key, key))
            return proof;
    }
    g_array_append_val(self->proofs, nothing);
    return &g_array_index(self->proofs, ApProof, self->proofs->len - 1);
}

ApWorld
sim_read(Sim *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) list = ap_wireguard_list(self->wireguard, &error);

    g_assert_no_error(error);
    g_ptr_array_set_size(self->devices, 0);
    for (guint i = 0; i < list->len; i++) {
        const ApDeviceId *id = &g_array_index(list, ApDeviceId, i);
        ApDevice *device = ap_wireguard_read(self->wireguard, id, &error);

        g_assert_no_error(error);
        g_ptr_array_add(self->devices, device);
    }
    return (ApWorld){
        .links = self->links,
        .devices = self->devices,
        .owned = self->owned,
        .addresses = self->addresses,
        .loans = self->loans,
        .candidates = self->candidates,
        .proofs = self->proofs,
        .mute = self->mute,
        .hosts = self->hosts,
        .paths = self->paths,
    };
}

ApPlan *
sim_plan(Sim *self, ApInstant now)
{
    const ApWorld world = sim_read(self);

    return ap_plan_make(&world, self->policy, now);
}

static int
find_owned(const Sim *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < self->owned->len; i++) {
        const ApOwned *owned = &g_array_index(self->owned, ApOwned, i);

        if (owned->ifindex == ifindex && ap_key_equal(&owned->key, key))
            return (int) i;
    }
    return -1;
}

/* A removal strikes the entry off; everything else says what the peer was given. */
static void
keep_ledger(Sim *self, const ApChange *change, ApInstant now)
{
    const int at = find_owned(self, change->ifindex, &change->peer.key);
    ApOwned owned = {
        .ifindex = change->ifindex,
        .device_key = change->device_key,
        .key = change->peer.key,
        .n_allowed = change->peer.n_allowed,
        .added_boot_usec = now.boot_usec,
    };

    if (change->kind == AP_CHANGE_PROBE)
        return;

    memcpy(owned.allowed, change->peer.allowed, sizeof(owned.allowed));
    if (at >= 0)
        g_array_remove_index(self->owned, (guint) at);
    if (change->kind != AP_CHANGE_REMOVE_PEER)
        g_array_append_val(self->owned, owned);
}

/* What is not ours any more leaves the ledger, and the device stays as it is. */
static void
give_up(Sim *self, const ApPlan *plan)
{
    for (guint i = self->owned->len; i > 0; i--) {
        const ApOwned *owned = &g_array_index(self->owned, ApOwned, i - 1);
        const ApVerdict *verdict = sim_verdict(plan, owned->ifindex, &owned->key);
        const ApWorld world = {.devices = self->devices};
        const ApDevice *device = NULL;

        for (guint j = 0; j < world.devices->len; j++) {
            const ApDevice *each = g_ptr_array_index(world.devices, j);

            if (each->id.ifindex == owned->ifindex)
                device = each;
        }
        if (device == NULL || !ap_key_equal(&device->public_key, &owned->device_key)
            || (verdict != NULL && verdict->reason == AP_REASON_TAKEN_OVER))
            g_array_remove_index(self->owned, i - 1);
    }
}

static ApLink *
find_link(const Sim *self, guint32 ifindex)
{
    for (guint i = 0; i < self->links->len; i++) {
        ApLink *link = g_ptr_array_index(self->links, i);

        if (link->ifindex == ifindex)
            return link;
    }
    return NULL;
}

static void
add_own_address(Sim *self, const ApAddressChange *change)
{
    const ApLinkAddress on_link = {.addr = change->addr, .prefix_len = 64};
    const ApOwnedAddress owned = {
        .ifindex = change->ifindex,
        .device_key = change->device_key,
        .addr = change->addr,
    };
    ApLink *link = find_link(self, change->ifindex);

    g_assert_nonnull(link);
    g_assert_false(sim_has_address(self, change->ifindex, &change->addr));
    g_array_append_val(link->addresses, on_link);
    ap_link_sort(link);
    for (guint i = 0; i < self->addresses->len; i++) {
        const ApOwnedAddress *each = &g_array_index(self->addresses, ApOwnedAddress, i);

        if (each->ifindex == owned.ifindex && ap_addr_equal(&each->addr, &owned.addr)) {
            g_array_remove_index(self->addresses, i);
            break;
        }
    }
    g_array_append_val(self->addresses, owned);
}

/* Only what is on record is removed. */
static void
remove_own_address(Sim *self, const ApAddressChange *change)
{
    ApLink *link = find_link(self, change->ifindex);
    gboolean is_on_record = FALSE;

    for (guint i = self->addresses->len; i > 0; i--) {
        const ApOwnedAddress *owned = &g_array_index(self->addresses, ApOwnedAddress, i - 1);

        if (owned->ifindex != change->ifindex || !ap_addr_equal(&owned->addr, &change->addr))
            continue;
        is_on_record = TRUE;
        g_array_remove_index(self->addresses, i - 1);
    }
    g_assert_true(is_on_record);
    for (guint i = link != NULL ? link->addresses->len : 0; i > 0; i--) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i - 1).addr,
                          &change->addr))
            g_array_remove_index(link->addresses, i - 1);
    }
}

static void
change_addresses(Sim *self, const ApPlan *plan, gboolean add)
{
    for (guint i = 0; i < plan->addresses->len; i++) {
        const ApAddressChange *change = &g_array_index(plan->addresses, ApAddressChange, i);

        if (change->add != add)
            continue;
        if (add)
            add_own_address(self, change);
        else
            remove_own_address(self, change);
    }
}

static void
strike_loan(Sim *self, const ApLoanChange *change)
{
    for (guint i = self->loans->len; i > 0; i--) {
        const ApLoan *loan = &g_array_index(self->loans, ApLoan, i - 1);

        if (loan->ifindex == change->ifindex && ap_key_equal(&loan->key, &change->key))
            g_array_remove_index(self->loans, i - 1);
    }
}

static gboolean
is_on_record(const Sim *self, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < self->owned->len; i++) {
        const ApOwned *owned = &g_array_index(self->owned, ApOwned, i);

        if (owned->ifindex == ifindex && ap_key_equal(&owned->key, key))
            return TRUE;
    }
    return FALSE;
}

/* Taking back goes by a peer that nobody is, as in the real thing. */
static void
change_loan(Sim *self, const ApLoanChange *change)
{
    const ApDeviceId id = {.ifindex = change->ifindex, .backend = AP_BACKEND_FAKE};
    const ApLoan loan = {.ifindex = change->ifindex, .key = change->key};
    const ApAddr addr = ap_key_link_local(&change->key);
    const ApKey nobody = sim_key(0xffff);
    const ApPeerChange lend = {
        .key = change->key,
        .flags = AP_PEER_UPDATE_ONLY,
        .allowed = {ap_cidr_host(&addr)},
        .n_allowed = 1,
    };
    const ApPeerChange take_back[] = {
        {.key = nobody, .allowed = {ap_cidr_host(&addr)}, .n_allowed = 1},
        {.key = nobody, .flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY},
    };

    strike_loan(self, change);
    if (change->add) {
        g_assert_true(ap_wireguard_apply(self->wireguard, &id, &lend, 1, NULL));
        g_array_append_val(self->loans, loan);
    } else if (!is_on_record(self, change->ifindex, &change->key)
               && ap_wireguard_fake_peer(self->wireguard, change->ifindex, &change->key) != NULL) {
        g_assert_true(ap_wireguard_apply(self->wireguard, &id, take_back, 2, NULL));
    }
}

static void
feel_nothing(G_GNUC_UNUSED const ApChange *change,
             G_GNUC_UNUSED gboolean is_done,
             G_GNUC_UNUSED gpointer user_data)
{
}

void
sim_apply(Sim *self, const ApPlan *plan, ApInstant now)
{
    sim_apply_feeling(self, plan, feel_nothing, NULL, now);
}

void
sim_apply_feeling(Sim *self,
                  const ApPlan *plan,
                  SimFeelFunc feel,
                  gpointer user_data,
                  ApInstant now)
{
    change_addresses(self, plan, TRUE);
    for (guint i = 0; i < plan->loans->len; i++)
        change_loan(self, &g_array_index(plan->loans, ApLoanChange, i));
    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);
        const ApDeviceId id = {.ifindex = change->ifindex, .backend = AP_BACKEND_FAKE};
        g_autoptr(GError) error = NULL;

        feel(change, FALSE, user_data);
        keep_ledger(self, change, now);
        g_assert_true(ap_wireguard_apply(self->wireguard, &id, &change->peer, 1, &error));
        g_assert_no_error(error);
        feel(change, TRUE, user_data);
    }
    change_addresses(self, plan, FALSE);
    give_up(self, plan);
    g_array_set_size(self->paths, 0);
    g_array_append_vals(self->paths, plan->paths->data, plan->paths->len);
}

const ApVerdict *
sim_verdict(const ApPlan *plan, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const ApVerdict *verdict = &g_array_index(plan->verdicts, ApVerdict, i);

        if (verdict->ifindex == ifindex && ap_key_equal(&verdict->key, key))
            return verdict;
    }
    return NULL;
}

const ApSessionWish *
sim_wish(const ApPlan *plan, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < plan->sessions->len; i++) {
        const ApSessionWish *wish = &g_array_index(plan->sessions, ApSessionWish, i);

        if (wish->ifindex == ifindex && ap_key_equal(&wish->key, key))
            return wish;
    }
    return NULL;
}

gboolean
sim_has_address(const Sim *self, guint32 ifindex, const ApAddr *addr)
{
    const ApLink *link = find_link(self, ifindex);

    for (guint i = 0; link != NULL && i < link->addresses->len; i++) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i).addr, addr))
            return TRUE;
    }
    return FALSE;
}

gboolean
sim_holds(Sim *self, guint32 ifindex, const ApKey *key, const char *allowed)
{
    const ApDevicePeer *peer = ap_wireguard_fake_peer(self->wireguard, ifindex, key);
    const ApCidr wanted = sim_cidr(allowed);

    for (guint i = 0; peer != NULL && i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), &wanted))
            return TRUE;
    }
    return FALSE;
}

static const char *const kind_names[] = {
    [AP_CHANGE_REMOVE_PEER] = "remove",
    [AP_CHANGE_DEMOTE] = "demote",
    [AP_CHANGE_ADD_PEER] = "add",
    [AP_CHANGE_PROBE] = "probe",
    [AP_CHANGE_PROMOTE] = "promote",
};

/* "add(new) promote(proven)": for messages, and for tests that expect exactly that. */
char *
sim_describe(const ApPlan *plan)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);

        g_string_append_printf(text,
                               "%s%s(%s)",
                               i > 0 ? " " : "",
                               kind_names[change->kind],
                               ap_reason_name(change->reason));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
