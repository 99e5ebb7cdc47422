/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/wireguard/fake.h"
#include "helper/engine/apply.h"

#include <glib/gstdio.h>

#include <dirent.h>
#include <string.h>

static const ApKey own_key = {{1}};
static const ApKey peer_key = {{2}};
static const ApKey other_key = {{3}};

/** A ledger in a directory of its own, two fake devices (7 and 8), and a plan to fill. */
typedef struct {
    char *directory;
    ApLedger *ledger;
    ApWireguard *wireguard;
    ApHoldings *holdings;
    ApPlan *plan;
    ApApplyStats stats;
    GPtrArray *links; /* (not owned) (nullable) (element-type ApLink) */
} Fixture;

/** Interfaces that have or get at most one address each, and remember how often they were asked. */
typedef struct {
    ApWireguard *wireguard;
    gboolean present; /* the address is on the interface */
    gboolean fails;   /* the next calls fail with @code */
    ApError code;
    guint n_added;
    guint n_removed;
    guint n_peer_edits; /* edits of peers that came before the latest call */
} Addresses;

static Addresses addresses;

static gboolean
may_edit(GError **error)
{
    addresses.n_peer_edits = ap_wireguard_fake_changes(addresses.wireguard)->len;
    if (!addresses.fails)
        return TRUE;

    g_set_error_literal(error, AP_ERROR, addresses.code, "as the test wants it");
    return FALSE;
}

static gboolean
fake_add(guint32 ifindex, const ApAddr *addr, gboolean *was_there, GError **error)
{
    g_assert_cmpuint(ifindex, ==, 7);
    g_assert_true(ap_addr_is_link_local(addr));
    if (!may_edit(error))
        return FALSE;

    *was_there = addresses.present;
    addresses.n_added += !addresses.present;
    addresses.present = TRUE;
    return TRUE;
}

static gboolean
fake_remove(guint32 ifindex, const ApAddr *addr, GError **error)
{
    g_assert_cmpuint(ifindex, ==, 7);
    g_assert_true(ap_addr_is_link_local(addr));
    if (!may_edit(error))
        return FALSE;

    addresses.n_removed++;
    addresses.present = FALSE;
    return TRUE;
}

static const ApAddressOps fake_addresses = {.add = fake_add, .remove = fake_remove};

static ApPlan *
new_plan(void)
{
    ApPlan *plan = g_new0(ApPlan, 1);

    plan->changes = g_array_new(FALSE, TRUE, sizeof(ApChange));
    plan->addresses = g_array_new(FALSE, TRUE, sizeof(ApAddressChange));
    plan->loans = g_array_new(FALSE, TRUE, sizeof(ApLoanChange));
    plan->sessions = g_array_new(FALSE, TRUE, sizeof(ApSessionWish));
    plan->verdicts = g_array_new(FALSE, TRUE, sizeof(ApVerdict));
    plan->refusals = g_array_new(FALSE, TRUE, sizeof(ApRefusal));
    plan->tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnel));
    plan->paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    return plan;
}

static void
set_up(Fixture *self, gconstpointer unused)
{
    GError *error = NULL;

    (void) unused;
    self->directory = g_dir_make_tmp("test-apply-XXXXXX", NULL);
    self->ledger = ap_ledger_open(self->directory, &error);
    g_assert_no_error(error);
    self->wireguard = ap_wireguard_fake_new();
    (void) ap_wireguard_fake_add_device(self->wireguard, 7, "wg0", &own_key, 51820);
    (void) ap_wireguard_fake_add_device(self->wireguard, 8, "wg1", &own_key, 51821);
    self->holdings = ap_holdings_new();
    addresses = (Addresses){0};
    self->plan = new_plan();
}

static void
remove_files(const char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        (void) g_unlink(path);
    }
    g_clear_pointer(&dir, g_dir_close);
    (void) g_rmdir(directory);
}

static void
tear_down(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_plan_free(self->plan);
    ap_holdings_free(self->holdings);
    ap_wireguard_free(self->wireguard);
    ap_ledger_free(self->ledger);
    remove_files(self->directory);
    g_free(self->directory);
}

static void
plan_change(Fixture *self, guint32 ifindex, ApChangeKind kind, const ApKey *key)
{
    ApChange change = {.kind = kind, .ifindex = ifindex, .device_key = own_key, .peer.key = *key};

    if (kind == AP_CHANGE_REMOVE_PEER) {
        change.peer.flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY;
    } else {
        const ApAddr addr = ap_key_link_local(key);

        change.peer.flags = AP_PEER_REPLACE_ALLOWED;
        change.peer.allowed[0] = ap_cidr_host(&addr);
        change.peer.n_allowed = 1;
    }
    g_array_append_val(self->plan->changes, change);
}

static void
plan_address(Fixture *self, gboolean add)
{
    const ApAddressChange change = {
        .ifindex = 7,
        .device_key = own_key,
        .addr = ap_key_link_local(&own_key),
        .add = add,
    };

    g_array_set_size(self->plan->addresses, 0);
    g_array_append_val(self->plan->addresses, change);
}

static gboolean
apply(Fixture *self, GError **error)
{
    g_autoptr(GArray) ids = ap_wireguard_list(self->wireguard, NULL);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);

    for (guint i = 0; i < ids->len; i++)
        g_ptr_array_add(
            devices,
            ap_wireguard_read(self->wireguard, &g_array_index(ids, ApDeviceId, i), NULL));

    const ApWorld world = {
        .links = self->links,
        .devices = devices,
        .owned = self->holdings->peers,
    };
    const ApApplyTools tools = {
        .wireguard = self->wireguard,
        .ledger = self->ledger,
        .addresses = &fake_addresses,
    };
    addresses.wireguard = self->wireguard;
    return ap_apply_plan(&tools, &world, self->plan, self->holdings, &self->stats, error);
}

/* What a helper after us would find. */
static guint
count_recorded(Fixture *self)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(ApHoldings) loaded = ap_ledger_load(self->ledger, warnings, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 0);
    return loaded->peers->len + loaded->addresses->len + loaded->loans->len;
}

static void
test_addition_is_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(self->holdings->peers->len, ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 1);
    g_assert_cmpuint(self->stats.n_changes, ==, 1);
}

static void
test_failed_edit_stays_an_intent(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &other_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 1, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &other_key));
    g_assert_cmpuint(count_recorded(self), ==, 2);
    g_assert_cmpuint(self->stats.n_failed, ==, 1);
}

static void
test_one_device_does_not_stop_another(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 8, AP_CHANGE_ADD_PEER, &other_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 8, &other_key));
}

static void
test_removal_leaves_the_record_last(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_clear_error(&error);
    g_assert_cmpuint(count_recorded(self), ==, 1);

    g_assert_true(apply(self, &error));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(count_recorded(self), ==, 0);
    g_assert_cmpuint(self->holdings->peers->len, ==, 0);
}

static void
test_remove_and_add_stays_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(self->holdings->peers->len, ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

static void
test_no_record_no_edit(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    remove_files(self->directory);
    g_assert_false(apply(self, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(ap_wireguard_fake_changes(self->wireguard)->len, ==, 0);
}

/* Of a device that went, or of a former identity without its peer, nothing is left to undo. */
static void
test_void_entries_are_struck_off(Fixture *self, gconstpointer unused)
{
    const ApKey new_key = {{9}};
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_change(self, 8, AP_CHANGE_ADD_PEER, &other_key);
    g_assert_true(apply(self, &error));

    const ApPeerChange gone = {.key = other_key, .flags = AP_PEER_REMOVE};
    const ApDeviceId id = {.ifindex = 8, .name = "wg1", .backend = AP_BACKEND_FAKE};
    g_assert_true(ap_wireguard_apply(self->wireguard, &id, &gone, 1, &error));

    g_array_set_size(self->plan->changes, 0);
    ap_wireguard_fake_forget(self->wireguard);
    ap_wireguard_fake_remove_device(self->wireguard, 7);
    ap_wireguard_fake_set_key(self->wireguard, 8, &new_key);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(self->holdings->peers->len, ==, 0);
    g_assert_cmpuint(count_recorded(self), ==, 0);
    g_assert_cmpuint(ap_wireguard_fake_changes(self->wireguard)->len, ==, 0);
}

/* wireguard-go's socket is out of sight while somebody renames it with the interface. */
static void
test_device_out_of_sight_stays_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    g_autoptr(GError) error = NULL;
    ApLink *link = ap_link_new(7);

    (void) unused;
    link->kind = AP_LINK_KIND_TUNNEL;
    g_ptr_array_add(links, link);
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));
    g_array_set_size(self->plan->changes, 0);

    self->links = links;
    ap_wireguard_fake_remove_device(self->wireguard, 7);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(count_recorded(self), ==, 1);

    link->kind = AP_LINK_KIND_DUMMY; /* the number now belongs to another interface */
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

/* A helper that dies between the record and the edit must find both, before and after, its own. */
static void
test_record_covers_before_and_after(Fixture *self, gconstpointer unused)
{
    const ApAddr addr = {.family = AF_INET, .bytes = {10, 9, 0, 12}};
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_PROMOTE, &peer_key);
    g_array_index(self->plan->changes, ApChange, 0).peer.allowed[0] = ap_cidr_host(&addr);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_clear_error(&error);
    g_assert_cmpuint(g_array_index(self->holdings->peers, ApOwned, 0).n_allowed, ==, 2);

    g_assert_true(apply(self, &error));
    g_assert_cmpuint(g_array_index(self->holdings->peers, ApOwned, 0).n_allowed, ==, 1);
}

static void
test_given_up_is_struck_off(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    const ApVerdict verdict = {.ifindex = 7, .key = peer_key, .reason = AP_REASON_TAKEN_OVER};
    g_array_append_val(self->plan->verdicts, verdict);
    g_array_set_size(self->plan->changes, 0);
    g_assert_true(apply(self, &error));
    g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

/* A removal that failed must be tried again, by whichever helper comes next. */
static void
test_former_identity_stays_until_its_peer_is_gone(Fixture *self, gconstpointer unused)
{
    const ApKey new_key = {{9}};
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    ap_wireguard_fake_set_key(self->wireguard, 7, &new_key);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_clear_error(&error);
    g_assert_cmpuint(count_recorded(self), ==, 1);

    g_assert_true(apply(self, &error));
    g_assert_null(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

static void
test_address_comes_before_peers_and_is_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(addresses.n_added, ==, 1);
    g_assert_cmpuint(addresses.n_peer_edits, ==, 0);
    g_assert_cmpuint(count_recorded(self), ==, 2);
    g_assert_cmpuint(self->stats.n_addresses, ==, 1);
}

static void
test_address_goes_after_peers(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->changes, 0);
    plan_change(self, 7, AP_CHANGE_REMOVE_PEER, &peer_key);
    plan_address(self, FALSE);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(addresses.n_removed, ==, 1);
    g_assert_cmpuint(addresses.n_peer_edits, ==, 2);
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

static void
test_address_of_somebody_else_stays_theirs(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    addresses.present = TRUE;
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(count_recorded(self), ==, 0);

    plan_address(self, FALSE);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(addresses.n_removed, ==, 0);
}

/* A helper that died after the edit finds its own address, and it is still its own. */
static void
test_address_on_record_stays_ours(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(addresses.n_added, ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

static const struct {
    ApError code;
    gboolean ok;
    guint n_recorded; /* with the peer */
} address_failures[] = {
    {AP_ERROR_UNSUPPORTED, TRUE, 1},
    {AP_ERROR_FAILED, FALSE, 1},
    {AP_ERROR_GONE, FALSE, 1},
    {AP_ERROR_DENIED, FALSE, 1},
    {AP_ERROR_TIMED_OUT, FALSE, 2},
};

static void
test_address_that_fails_holds_nothing_up(Fixture *self, gconstpointer unused)
{
    for (gsize i = 0; i < G_N_ELEMENTS(address_failures); i++) {
        g_autoptr(GError) error = NULL;

        if (i > 0) {
            tear_down(self, unused);
            set_up(self, unused);
        }
        g_test_message("error %d", address_failures[i].code);
        addresses.fails = TRUE;
        addresses.code = address_failures[i].code;
        plan_change(self, 7, AP_CHANGE_ADD_PEER, &peer_key);
        plan_address(self, TRUE);
        g_assert_cmpint(apply(self, &error), ==, address_failures[i].ok);
        g_assert_cmpint(error == NULL, ==, address_failures[i].ok);
        g_assert_nonnull(ap_wireguard_fake_peer(self->wireguard, 7, &peer_key));
        g_assert_cmpuint(count_recorded(self), ==, address_failures[i].n_recorded);
    }
}

static void
test_address_that_cannot_go_stays_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));

    addresses.fails = TRUE;
    addresses.code = AP_ERROR_DENIED;
    plan_address(self, FALSE);
    g_assert_false(apply(self, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_DENIED);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

static void
test_address_goes_with_its_interface(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    plan_address(self, TRUE);
    g_assert_true(apply(self, &error));

    g_array_set_size(self->plan->addresses, 0);
    ap_wireguard_fake_remove_device(self->wireguard, 7);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(addresses.n_removed, ==, 0);
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

/* --- peers of others that get an address ---------------------------------------------------- */

static ApCidr
link_local(const ApKey *key)
{
    const ApAddr addr = ap_key_link_local(key);

    return ap_cidr_host(&addr);
}

/* A hub, as the administrator configured it. */
static void
add_hub(Fixture *self)
{
    const ApDeviceId id = {.ifindex = 7, .name = "wg0", .backend = AP_BACKEND_FAKE};
    ApPeerChange change = {.key = peer_key, .n_allowed = 1};

    g_assert_true(ap_cidr_parse(&change.allowed[0], "10.9.0.0/24", NULL));
    g_assert_true(ap_wireguard_apply(self->wireguard, &id, &change, 1, NULL));
}

static void
plan_loan(Fixture *self, gboolean add)
{
    const ApLoanChange change = {
        .ifindex = 7,
        .device_key = own_key,
        .key = peer_key,
        .add = add,
    };

    g_array_set_size(self->plan->loans, 0);
    g_array_append_val(self->plan->loans, change);
}

static void
assert_hub_has(Fixture *self, gboolean link_local_too)
{
    const ApDevicePeer *hub = ap_wireguard_fake_peer(self->wireguard, 7, &peer_key);
    const ApCidr lent = link_local(&peer_key);

    g_assert_nonnull(hub);
    g_assert_cmpuint(hub->allowed->len, ==, link_local_too ? 2 : 1);
    if (link_local_too)
        g_assert_true(ap_cidr_equal(&g_array_index(hub->allowed, ApCidr, 1), &lent));
}

static guint
count_peers(Fixture *self)
{
    const ApDeviceId id = {.ifindex = 7, .name = "wg0", .backend = AP_BACKEND_FAKE};
    g_autoptr(ApDevice) device = ap_wireguard_read(self->wireguard, &id, NULL);

    return device->peers->len;
}

static void
test_loan_is_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    add_hub(self);
    plan_loan(self, TRUE);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    assert_hub_has(self, TRUE);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

static void
test_loan_is_taken_back_without_a_trace(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    add_hub(self);
    plan_loan(self, TRUE);
    g_assert_true(apply(self, &error));
    plan_loan(self, FALSE);
    g_assert_true(apply(self, &error));
    g_assert_no_error(error);
    assert_hub_has(self, FALSE);
    g_assert_cmpuint(count_peers(self), ==, 1);
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

static void
test_loan_that_cannot_be_taken_back_stays_on_record(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    add_hub(self);
    plan_loan(self, TRUE);
    g_assert_true(apply(self, &error));
    plan_loan(self, FALSE);
    ap_wireguard_fake_fail_apply(self->wireguard, 0, AP_ERROR_FAILED);
    g_assert_false(apply(self, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_assert_cmpuint(count_recorded(self), ==, 1);
}

/* The administrator removed the peer, or wrote its list anew: then there is nothing to take back. */
static void
test_loan_that_is_gone_is_struck_off(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    add_hub(self);
    plan_loan(self, TRUE);
    g_assert_true(apply(self, &error));
    ap_wireguard_fake_remove_peer(self->wireguard, 7, &peer_key);
    plan_loan(self, FALSE);
    ap_wireguard_fake_forget(self->wireguard);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(ap_wireguard_fake_changes(self->wireguard)->len, ==, 0);
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

static void
test_loan_goes_with_its_interface(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    add_hub(self);
    plan_loan(self, TRUE);
    g_assert_true(apply(self, &error));
    g_array_set_size(self->plan->loans, 0);
    ap_wireguard_fake_remove_device(self->wireguard, 7);
    g_assert_true(apply(self, &error));
    g_assert_cmpuint(count_recorded(self), ==, 0);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *self, gconstpointer unused);
    } cases[] = {
        {"/apply/addition-is-on-record", test_addition_is_on_record},
        {"/apply/failed-edit-stays-an-intent", test_failed_edit_stays_an_intent},
        {"/apply/one-device-does-not-stop-another", test_one_device_does_not_stop_another},
        {"/apply/removal-leaves-the-record-last", test_removal_leaves_the_record_last},
        {"/apply/remove-and-add-stays-on-record", test_remove_and_add_stays_on_record},
        {"/apply/no-record-no-edit", test_no_record_no_edit},
        {"/apply/void-entries-are-struck-off", test_void_entries_are_struck_off},
        {"/apply/device-out-of-sight", test_device_out_of_sight_stays_on_record},
        {"/apply/record-covers-before-and-after", test_record_covers_before_and_after},
        {"/apply/given-up-is-struck-off", test_given_up_is_struck_off},
        {"/apply/former-identity-stays-until-its-peer-is-gone",
         test_former_identity_stays_until_its_peer_is_gone},
        {"/apply/address-comes-before-peers-and-is-on-record",
         test_address_comes_before_peers_and_is_on_record},
        {"/apply/address-goes-after-peers", test_address_goes_after_peers},
        {"/apply/address-of-somebody-else-stays-theirs",
         test_address_of_somebody_else_stays_theirs},
        {"/apply/address-on-record-stays-ours", test_address_on_record_stays_ours},
        {"/apply/address-that-fails-holds-nothing-up", test_address_that_fails_holds_nothing_up},
        {"/apply/address-that-cannot-go-stays-on-record",
         test_address_that_cannot_go_stays_on_record},
        {"/apply/address-goes-with-its-interface", test_address_goes_with_its_interface},
        {"/apply/loan-is-on-record", test_loan_is_on_record},
        {"/apply/loan-is-taken-back-without-a-trace", test_loan_is_taken_back_without_a_trace},
        {"/apply/loan-that-cannot-be-taken-back-stays-on-record",
         test_loan_that_cannot_be_taken_back_stays_on_record},
        {"/apply/loan-that-is-gone-is-struck-off", test_loan_that_is_gone_is_struck_off},
        {"/apply/loan-goes-with-its-interface", test_loan_goes_with_its_interface},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
