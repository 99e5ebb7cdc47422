/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/random-world.h"

#include <string.h>

/*
 * The properties of a plan (architecture.md) on random worlds. AP_SEED=… runs the worlds of
 * an earlier run again, AP_WORLDS=… another number of them.
 */

/** How many worlds; each lives through TURNS turns, and every turn is checked. */
#define WORLDS 7000
#define TURNS 3

/** The seed is printed each so many worlds; a run of no more than these prints every one. */
#define STRIDE 100

/** How long a peer that leaves may stay, in microseconds; decisions.md 10. */
#define LEAVE_USEC (200 * AP_USEC_PER_MSEC)

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
    const ApDevice *device = random_device(sim, ifindex);

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
        const ApDevice *device = random_device(sim, change->ifindex);

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
        const ApDevice *device = random_device(sim, change->ifindex);

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
    const ApAddr link_local = ap_key_link_local(&peer->key);
    const ApCidr host = ap_cidr_host(&link_local);

    ap_key_to_text(&peer->key, key);
    ap_endpoint_to_text(&peer->endpoint, endpoint);
    g_string_append_printf(text, "%s %s %u:", key, endpoint, peer->keepalive_sec);
    for (guint i = 0; i < peer->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, i);

        ap_cidr_to_text(prefix, cidr);
        if (!ap_cidr_equal(prefix, &host))
            g_string_append_printf(text, " %s", cidr);
    }
    g_string_append_c(text, '\n');
}

/* All peers that are not in the ledger, to the byte, but for the address that may be lent. */
static char *
describe_foreign(const Sim *sim)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint32 i = RANDOM_FIRST_TUNNEL; i < RANDOM_FIRST_TUNNEL + RANDOM_N_TUNNELS; i++) {
        const ApDevice *device = random_device(sim, i);

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

/* What is said about BFD. */
static void
describe_speech(GString *text, const ApPlan *plan)
{
    char addr[AP_ADDR_TEXT_LEN];

    for (guint i = 0; i < plan->addresses->len; i++) {
        const ApAddressChange *change = &g_array_index(plan->addresses, ApAddressChange, i);

        ap_addr_to_text(&change->addr, addr);
        g_string_append_printf(text,
                               "address %s on %u: %s\n",
                               addr,
                               change->ifindex,
                               change->add ? "add" : "remove");
    }
    for (guint i = 0; i < plan->loans->len; i++) {
        const ApLoanChange *loan = &g_array_index(plan->loans, ApLoanChange, i);

        g_string_append_printf(text,
                               "loan to %02x on %u: %s\n",
                               loan->key.bytes[1],
                               loan->ifindex,
                               loan->add ? "give" : "take back");
    }
    for (guint i = 0; i < plan->sessions->len; i++) {
        const ApSessionWish *wish = &g_array_index(plan->sessions, ApSessionWish, i);

        ap_addr_to_text(&wish->remote, addr);
        g_string_append_printf(text,
                               "session on %u with %s:%s%s%s%s\n",
                               wish->ifindex,
                               addr,
                               wish->active ? " active" : "",
                               wish->fast ? " fast" : "",
                               wish->usable ? " usable" : "",
                               wish->leaving ? " leaving" : "");
    }
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
    describe_speech(text, plan);
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
        const guint j = random_below(rand, (int) i);

        memcpy(held, bytes + (i - 1) * size, size);
        memcpy(bytes + (i - 1) * size, bytes + j * size, size);
        memcpy(bytes + j * size, held, size);
    }
}

static ApWorld
world_of(const Sim *sim)
{
    return (ApWorld){
        .links = sim->links,
        .devices = sim->devices,
        .owned = sim->owned,
        .addresses = sim->addresses,
        .loans = sim->loans,
        .candidates = sim->candidates,
        .proofs = sim->proofs,
        .mute = sim->mute,
        .paths = sim->paths,
    };
}

/* 4: the order of inputs is irrelevant. */
static void
check_order(GRand *rand, Sim *sim, const char *expected, ApInstant now)
{
    const ApWorld world = world_of(sim);
    g_autoptr(ApPlan) plan = NULL;
    g_autofree char *text = NULL;

    shuffle(rand, sim->links->pdata, sizeof(gpointer), sim->links->len);
    shuffle(rand, sim->devices->pdata, sizeof(gpointer), sim->devices->len);
    shuffle(rand, sim->owned->data, sizeof(ApOwned), sim->owned->len);
    shuffle(rand, sim->candidates->data, sizeof(ApCandidate), sim->candidates->len);
    shuffle(rand, sim->addresses->data, sizeof(ApOwnedAddress), sim->addresses->len);
    shuffle(rand, sim->loans->data, sizeof(ApLoan), sim->loans->len);
    shuffle(rand, sim->proofs->data, sizeof(ApProof), sim->proofs->len);
    shuffle(rand, sim->mute->data, sizeof(guint32), sim->mute->len);
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

/* Whether a peer changes hands: what was ours is somebody else's then. */
static gboolean
has_taken_over(const ApPlan *plan)
{
    for (guint i = 0; i < plan->verdicts->len; i++) {
        if (g_array_index(plan->verdicts, ApVerdict, i).reason == AP_REASON_TAKEN_OVER)
            return TRUE;
    }
    return FALSE;
}

static const ApPath *
path_in(const GArray *paths, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < paths->len; i++) {
        const ApPath *path = &g_array_index(paths, ApPath, i);

        if (path->ifindex == ifindex && ap_key_equal(&path->key, key))
            return path;
    }
    return NULL;
}

static gboolean
is_mute(const Sim *sim, guint32 ifindex)
{
    for (guint i = 0; i < sim->mute->len; i++) {
        if (g_array_index(sim->mute, guint32, i) == ifindex)
            return TRUE;
    }
    return FALSE;
}

static const ApProof *
proof_in(const Sim *sim, guint32 ifindex, const ApKey *key)
{
    static const ApProof nothing = {.state = AP_PROOF_NONE};

    for (guint i = 0; i < sim->proofs->len && !is_mute(sim, ifindex); i++) {
        const ApProof *proof = &g_array_index(sim->proofs, ApProof, i);

        if (proof->ifindex == ifindex && ap_key_equal(&proof->key, key))
            return proof;
    }
    return &nothing;
}

/* Every peer of ours goes, at once or when the far end was told. @is_off: and gossip ends */
static void
check_departure(const Sim *sim, const ApPlan *plan, gboolean is_off, ApInstant now)
{
    for (guint i = 0; i < plan->changes->len; i++)
        g_assert_cmpint(g_array_index(plan->changes, ApChange, i).kind, <=, AP_CHANGE_DEMOTE);
    for (guint i = 0; is_off && i < plan->addresses->len; i++)
        g_assert_false(g_array_index(plan->addresses, ApAddressChange, i).add);
    for (guint i = 0; is_off && i < plan->loans->len; i++)
        g_assert_false(g_array_index(plan->loans, ApLoanChange, i).add);
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
        const ApPath *path = path_in(plan->paths, owned->ifindex, &owned->key);

        if (!is_ours(sim, owned->ifindex, &owned->key) || is_removed(plan, owned))
            continue;
        g_assert_cmpint(path->leaving_until_boot_usec, >, now.boot_usec);
        g_assert_cmpint(path->leaving_until_boot_usec, <=, now.boot_usec + LEAVE_USEC);
    }
}

/*
 * 6: without candidates every owned peer goes. 7: disabled, demotions and removals only. Some
 * go later, when the far end was told.
 */
static void
check_withdrawal(Sim *sim, ApInstant now)
{
    g_autoptr(GArray) nobody = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    const gboolean enabled = sim->policy->enabled;
    ApWorld world = world_of(sim);
    g_autoptr(ApPlan) disabled = NULL;
    g_autoptr(ApPlan) without = NULL;

    sim->policy->enabled = FALSE;
    disabled = ap_plan_make(&world, sim->policy, now);
    check_departure(sim, disabled, TRUE, now);

    sim->policy->enabled = enabled;
    world.candidates = nobody;
    without = ap_plan_make(&world, sim->policy, now);
    check_departure(sim, without, !enabled || !sim->policy->gossip, now);
}

/* Time for those who leave: then nothing of ours is left, and everybody else as before. */
static void
check_end(GRand *rand, Sim *sim, ApInstant now)
{
    g_autofree char *foreign = NULL;
    g_autofree char *foreign_after = NULL;

    if (random_chance(rand, 50))
        sim->policy->enabled = FALSE;
    else
        g_array_set_size(sim->candidates, 0);

    for (guint i = 0; i < 2; i++) {
        g_autoptr(ApPlan) plan = sim_plan(sim, now);

        g_clear_pointer(&foreign, g_free);
        foreign = describe_foreign(sim);
        sim_apply(sim, plan, now);
        (void) sim_read(sim);
        foreign_after = describe_foreign(sim);
        if (!has_taken_over(plan))
            g_assert_cmpstr(foreign, ==, foreign_after);
        g_clear_pointer(&foreign_after, g_free);
        now.boot_usec += LEAVE_USEC;
    }
    g_assert_cmpuint(sim->owned->len, ==, 0);
    if (sim->policy->enabled && sim->policy->gossip)
        return;
    for (guint i = 0; i < sim->loans->len; i++)
        g_assert_null(random_device(sim, g_array_index(sim->loans, ApLoan, i).ifindex));
    for (guint i = 0; i < sim->addresses->len; i++)
        g_assert_null(random_device(sim, g_array_index(sim->addresses, ApOwnedAddress, i).ifindex));
}

/*
 * 8: a peer holds tunnel addresses only while its path is proven alive: by BFD, once that has
 * been heard, or else by a handshake.
 */
static void
check_proof(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < sim->owned->len; i++) {
        const ApOwned *owned = &g_array_index(sim->owned, ApOwned, i);
        const ApDevice *device = random_device(sim, owned->ifindex);
        const ApDevicePeer *peer = device != NULL ? ap_device_find(device, &owned->key) : NULL;
        const ApProof *proof = proof_in(sim, owned->ifindex, &owned->key);
        const ApPath *path = path_in(plan->paths, owned->ifindex, &owned->key);

        if (peer == NULL || !is_ours(sim, owned->ifindex, &owned->key) || peer->allowed->len <= 1)
            continue;
        g_assert_cmpint(path->state, ==, AP_PATH_DIRECT);
        g_assert_cmpint(peer->handshake_real_usec, !=, 0);
        if (path->evidence == AP_EVIDENCE_HANDSHAKE)
            continue;
        g_assert_cmpint(proof->state, ==, AP_PROOF_PROVEN);
        g_assert_true(proof->remote_usable);
    }
}

/* 9: whoever is known to speak BFD becomes direct by BFD alone. */
static void
check_evidence(const Sim *sim, const ApPlan *plan, const GArray *before)
{
    for (guint i = 0; i < plan->paths->len; i++) {
        const ApPath *path = &g_array_index(plan->paths, ApPath, i);
        const ApPath *old = path_in(before, path->ifindex, &path->key);
        const ApProof *proof = proof_in(sim, path->ifindex, &path->key);
        const gboolean is_known = proof->heard_boot_usec != 0 || (old != NULL && old->speaks_bfd);

        if (path->state != AP_PATH_DIRECT || (old != NULL && old->state == AP_PATH_DIRECT))
            continue;
        if (is_known)
            g_assert_cmpint(path->evidence, ==, AP_EVIDENCE_BFD);
    }
}

/*
 * 10: BFD is spoken with the peers that are on the device and with nobody else, from our own
 * link-local address, and not where it cannot be. What is said is what is done: a direct path
 * is usable, one that is being left is not, and holds no tunnel address.
 */
static void
check_sessions(const Sim *sim, const ApPlan *plan)
{
    for (guint i = 0; i < plan->sessions->len; i++) {
        const ApSessionWish *wish = &g_array_index(plan->sessions, ApSessionWish, i);
        const ApDevice *device = random_device(sim, wish->ifindex);
        const ApDevicePeer *peer = ap_device_find(device, &wish->key);
        const ApAddr local = ap_key_link_local(&device->public_key);
        const ApAddr remote = ap_key_link_local(&wish->key);
        const ApPath *path = path_in(plan->paths, wish->ifindex, &wish->key);

        g_assert_nonnull(peer);
        g_assert_true(is_ours(sim, wish->ifindex, &wish->key));
        g_assert_false(is_mute(sim, wish->ifindex));
        g_assert_true(ap_addr_equal(&wish->local, &local));
        g_assert_true(ap_addr_equal(&wish->remote, &remote));
        g_assert_true(sim_has_address(sim, wish->ifindex, &local));
        g_assert_true(path->state != AP_PATH_DIRECT || wish->usable);
        g_assert_cmpint(wish->leaving, ==, path->leaving_until_boot_usec != 0);
        if (wish->leaving)
            g_assert_false(wish->usable || peer->allowed->len > 1);
        if (i > 0) {
            const ApSessionWish *last = wish - 1;

            g_assert_true(
                last->ifindex < wish->ifindex
                || (last->ifindex == wish->ifindex && ap_key_compare(&last->key, &wish->key) < 0));
        }
    }
}

/* The sessions of a plan, one a line. */
static char *
describe_sessions(const ApPlan *plan)
{
    g_autoptr(GString) text = g_string_new(NULL);

    describe_speech(text, plan);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What was met on the way: a property that was never put to the test has not been tested. */
typedef struct {
    guint n_by_bfd; /* paths that became direct by either evidence */
    guint n_by_handshake;
    guint n_waiting_for_far_end;
    guint n_held;
    guint n_leaving;
    guint n_sessions;
    guint n_addresses;
} Met;

static void
count_met(Met *self, const ApPlan *plan)
{
    for (guint i = 0; i < plan->paths->len; i++) {
        const ApPath *path = &g_array_index(plan->paths, ApPath, i);
        const gboolean is_direct = path->state == AP_PATH_DIRECT;

        self->n_by_bfd += is_direct && path->evidence == AP_EVIDENCE_BFD;
        self->n_by_handshake += is_direct && path->evidence == AP_EVIDENCE_HANDSHAKE;
        self->n_waiting_for_far_end += path->reason == AP_REASON_FAR_END_WAITS;
        self->n_held += path->held;
        self->n_leaving += path->leaving_until_boot_usec != 0;
    }
    self->n_sessions += plan->sessions->len;
    self->n_addresses += plan->addresses->len;
}

static void
check_met(const Met *self)
{
    g_test_message("direct by BFD %u and by handshake %u, far end waits %u, held %u, leaving %u, "
                   "sessions %u, addresses %u",
                   self->n_by_bfd,
                   self->n_by_handshake,
                   self->n_waiting_for_far_end,
                   self->n_held,
                   self->n_leaving,
                   self->n_sessions,
                   self->n_addresses);
    g_assert_cmpuint(MIN(self->n_by_bfd, self->n_by_handshake), >, 0);
    g_assert_cmpuint(MIN(self->n_waiting_for_far_end, self->n_held), >, 0);
    g_assert_cmpuint(MIN(self->n_leaving, MIN(self->n_sessions, self->n_addresses)), >, 0);
}

static void
check_turn(GRand *rand, Sim *sim, Met *met, ApInstant now)
{
    g_autoptr(GArray) before = g_array_copy(sim->paths);
    g_autoptr(ApPlan) plan = sim_plan(sim, now);
    g_autofree char *text = describe(plan);
    g_autofree char *foreign = NULL;
    g_autofree char *foreign_after = NULL;
    g_autofree char *more = NULL;
    g_autofree char *speech = NULL;
    g_autofree char *more_speech = NULL;
    g_autoptr(ApPlan) again = NULL;

    count_met(met, plan);
    check_ownership(sim, plan);
    check_no_theft(sim, plan);
    check_evidence(sim, plan, before);
    g_assert_cmpint(plan->wake_at_boot_usec, >, now.boot_usec); /* 5 */
    check_order(rand, sim, text, now);
    check_withdrawal(sim, now);

    /* 3: what is done is done; and nobody else's peer changed on the way. */
    foreign = describe_foreign(sim);
    sim_apply(sim, plan, now);
    again = sim_plan(sim, now);
    more = sim_describe(again);
    g_array_set_size(plan->addresses, 0);
    g_array_set_size(plan->loans, 0);
    speech = describe_sessions(plan);
    more_speech = describe_sessions(again);
    if (more[0] != '\0' || strcmp(speech, more_speech) != 0) {
        g_autofree char *more_text = describe(again);

        g_test_message("first plan:\n%sthen:\n%s", text, more_text);
    }
    g_assert_cmpstr(more, ==, "");
    g_assert_cmpstr(more_speech, ==, speech);
    foreign_after = describe_foreign(sim);
    if (!has_taken_over(plan))
        g_assert_cmpstr(foreign, ==, foreign_after);
    check_proof(sim, plan);
    check_sessions(sim, plan);
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
    Met met = {0};

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
            check_turn(rand, sim, &met, now);
            random_pass(rand, sim, &now);
        }
        check_end(rand, sim, now);
    }
    if (n_worlds >= WORLDS)
        check_met(&met);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/properties", test_properties);
    return g_test_run();
}
