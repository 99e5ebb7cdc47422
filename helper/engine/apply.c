/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/apply.h"

#include "common/clock.h"
#include "common/error.h"
#include "helper/engine/lending.h"

#include <string.h>

/** One device on its way through the plan. Borrowed. */
typedef struct {
    const ApApplyTools *tools;
    const ApDevice *device;
    const ApPlan *plan;
    ApHoldings *holdings;
    ApApplyStats *stats;
    gint64 now_boot_usec;
} Job;

static gboolean
holds(const ApOwned *entry, const ApCidr *prefix)
{
    for (guint i = 0; i < entry->n_allowed; i++) {
        if (ap_cidr_equal(&entry->allowed[i], prefix))
            return TRUE;
    }
    return FALSE;
}

/*
 * Puts on record what @change is going to do. Until it is done both may be found on the device,
 * what the peer had and what it gets, so the record has both: a prefix that it did not know
 * would make the peer look like an administrator's. A removal stays on record until it is done.
 */
static void
note_intent(ApHoldings *holdings, const ApChange *change, gint64 now_boot_usec)
{
    ApOwned *entry = ap_holdings_find_peer(holdings, change->ifindex, &change->peer.key);

    if (change->kind == AP_CHANGE_REMOVE_PEER)
        return;

    if (entry == NULL) {
        const ApOwned fresh = {
            .ifindex = change->ifindex,
            .device_key = change->device_key,
            .key = change->peer.key,
            .added_boot_usec = now_boot_usec,
        };

        g_array_append_val(holdings->peers, fresh);
        entry = &g_array_index(holdings->peers, ApOwned, holdings->peers->len - 1);
    }

    for (guint i = 0; i < change->peer.n_allowed; i++) {
        const ApCidr *prefix = &change->peer.allowed[i];

        if (!holds(entry, prefix) && entry->n_allowed < G_N_ELEMENTS(entry->allowed))
            entry->allowed[entry->n_allowed++] = *prefix;
    }
}

/* The device took @change: what it does not have any more goes off the record. */
static void
note_done(ApHoldings *holdings, const ApChange *change)
{
    ApOwned *entry = ap_holdings_find_peer(holdings, change->ifindex, &change->peer.key);

    if (change->kind == AP_CHANGE_REMOVE_PEER) {
        ap_holdings_strike_peer(holdings, change->ifindex, &change->peer.key);
    } else if (entry != NULL && change->peer.n_allowed > 0) {
        memcpy(entry->allowed, change->peer.allowed, sizeof(entry->allowed));
        entry->n_allowed = change->peer.n_allowed;
    }
}

/* Writes the entries of one device as they stand. */
static gboolean
store(const ApApplyTools *tools, const ApDevice *device, ApHoldings *holdings, GError **error)
{
    ap_holdings_sort(holdings);
    return ap_ledger_store(tools->ledger, &device->id, &device->public_key, holdings, error);
}

static gboolean
concerns(const Job *job, const ApAddressChange *change, gboolean add)
{
    return change->ifindex == job->device->id.ifindex && change->add == add
           && ap_key_equal(&change->device_key, &job->device->public_key);
}

/* Returns: (transfer full): for each address of the plan, whether it was on record before */
static gboolean *
note_intents(const Job *job)
{
    const GArray *addresses = job->plan->addresses;
    gboolean *known = g_new0(gboolean, addresses->len);

    for (guint i = 0; i < job->plan->changes->len; i++) {
        const ApChange *change = &g_array_index(job->plan->changes, ApChange, i);

        if (change->ifindex == job->device->id.ifindex)
            note_intent(job->holdings, change, job->now_boot_usec);
    }

    for (guint i = 0; i < addresses->len; i++) {
        const ApAddressChange *change = &g_array_index(addresses, ApAddressChange, i);
        const ApOwnedAddress fresh = {.ifindex = change->ifindex,
                                      .device_key = change->device_key,
                                      .addr = change->addr};

        known[i] = ap_holdings_find_address(job->holdings, change->ifindex, &change->addr) != NULL;
        if (!known[i] && concerns(job, change, TRUE))
            g_array_append_val(job->holdings->addresses, fresh);
    }
    return known;
}

/*
 * An address that somebody else added meanwhile is theirs. Where there is no IPv6 the tunnel does
 * without: that is no failure, and whoever needs the address notices by itself.
 */
static gboolean
add_address(const Job *job, const ApAddressChange *change, gboolean known, GError **error)
{
    g_autoptr(GError) reason = NULL;
    gboolean was_there = FALSE;

    if (job->tools->addresses->add(change->ifindex, &change->addr, &was_there, &reason)) {
        job->stats->n_changes += !was_there;
        job->stats->n_addresses += !was_there;
        if (was_there && !known)
            ap_holdings_strike_address(job->holdings, change->ifindex, &change->addr);
        return TRUE;
    }

    if (!g_error_matches(reason, AP_ERROR, AP_ERROR_TIMED_OUT))
        ap_holdings_strike_address(job->holdings, change->ifindex, &change->addr);
    if (g_error_matches(reason, AP_ERROR, AP_ERROR_UNSUPPORTED))
        return TRUE;

    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
}

/* Only what is on record: an address that is not was given by somebody else. */
static gboolean
remove_address(const Job *job, const ApAddressChange *change, GError **error)
{
    if (ap_holdings_find_address(job->holdings, change->ifindex, &change->addr) == NULL)
        return TRUE;
    if (!job->tools->addresses->remove(change->ifindex, &change->addr, error))
        return FALSE;

    ap_holdings_strike_address(job->holdings, change->ifindex, &change->addr);
    job->stats->n_changes++;
    job->stats->n_addresses++;
    return TRUE;
}

/* Every one is tried: an address that cannot be had must not keep a peer where it is. */
static gboolean
edit_addresses(const Job *job, gboolean add, const gboolean *known, GError **error)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < job->plan->addresses->len; i++) {
        const ApAddressChange *change = &g_array_index(job->plan->addresses, ApAddressChange, i);
        GError **first = ok ? error : NULL;

        if (!concerns(job, change, add))
            continue;
        if (add ? !add_address(job, change, known[i], first) : !remove_address(job, change, first))
            ok = FALSE;
    }
    return ok;
}

static gboolean
edit_peers(const Job *job, GError **error)
{
    for (guint i = 0; i < job->plan->changes->len; i++) {
        const ApChange *change = &g_array_index(job->plan->changes, ApChange, i);

        if (change->ifindex != job->device->id.ifindex)
            continue;
        /* Again: a removal in the same plan took it off. */
        note_intent(job->holdings, change, job->now_boot_usec);
        if (!ap_wireguard_apply(job->tools->wireguard, &job->device->id, &change->peer, 1, error))
            return FALSE;
        note_done(job->holdings, change);
        job->stats->n_changes++;
    }
    return TRUE;
}

/*
 * One device: intent on record, edits one by one, outcome on record. An edit of a peer that fails
 * ends it; what was not done stays in the ledger as an intent, and the next turn reads the device.
 */
static gboolean
apply_device(const Job *job, GError **error)
{
    const ApLending lending = {
        .tools = job->tools,
        .plan = job->plan,
        .device = job->device,
        .holdings = job->holdings,
        .stats = job->stats,
    };
    g_autofree gboolean *known = note_intents(job);
    gboolean ok;

    ap_lending_note(&lending);
    if (!store(job->tools, job->device, job->holdings, error))
        return FALSE;

    ok = edit_addresses(job, TRUE, known, error);
    if (!ap_lending_give(&lending, ok ? error : NULL))
        ok = FALSE;
    if (!edit_peers(job, ok ? error : NULL))
        return FALSE;
    if (!ap_lending_take_back(&lending, ok ? error : NULL))
        ok = FALSE;
    if (!edit_addresses(job, FALSE, known, ok ? error : NULL))
        ok = FALSE;
    return store(job->tools, job->device, job->holdings, ok ? error : NULL) && ok;
}

static gboolean
has_work(const ApPlan *plan, guint32 ifindex)
{
    for (guint i = 0; i < plan->changes->len; i++) {
        if (g_array_index(plan->changes, ApChange, i).ifindex == ifindex)
            return TRUE;
    }
    for (guint i = 0; i < plan->addresses->len; i++) {
        if (g_array_index(plan->addresses, ApAddressChange, i).ifindex == ifindex)
            return TRUE;
    }
    return ap_lending_has_work(plan, ifindex);
}

/*
 * Whether a device went for good. Where its interface is still there it may only be out of sight:
 * the control socket of wireguard-go goes by the interface's name, and whoever renames the one moves
 * the other a moment later. Forgotten then, our peers would be left on it.
 */
static gboolean
is_gone(const ApWorld *world, guint32 ifindex)
{
    const ApLink *link = world->links != NULL ? ap_world_find_link(world, ifindex) : NULL;

    if (ap_world_find_device(world, ifindex) != NULL)
        return FALSE;
    return link == NULL
           || (link->kind != AP_LINK_KIND_WIREGUARD && link->kind != AP_LINK_KIND_TUNNEL);
}

/*
 * TRUE when nothing is left to undo: the device went, or it has another identity and the peer is
 * not on it, or not as we left it. A peer of a former identity whose removal failed stays on
 * record.
 */
static gboolean
is_void(const ApOwned *entry, const ApWorld *world, const ApHoldings *holdings)
{
    const ApDevice *device = ap_world_find_device(world, entry->ifindex);
    const ApWorld recorded = {.owned = holdings->peers};

    if (device == NULL)
        return is_gone(world, entry->ifindex);
    return ap_world_is_left_over(entry, device)
           && (ap_device_find(device, &entry->key) == NULL
               || ap_world_find_ours(&recorded, device, &entry->key) == NULL);
}

static gboolean
is_given_up(const ApOwned *entry, const ApPlan *plan)
{
    for (guint i = 0; i < plan->verdicts->len; i++) {
        const ApVerdict *verdict = &g_array_index(plan->verdicts, ApVerdict, i);

        if (verdict->ifindex == entry->ifindex && ap_key_equal(&verdict->key, &entry->key))
            return verdict->reason == AP_REASON_TAKEN_OVER;
    }
    return FALSE;
}

/* Writes the record of a device that may be gone. */
static gboolean
store_void(const ApApplyTools *tools,
           const ApWorld *world,
           ApHoldings *holdings,
           guint32 ifindex,
           const ApKey *device_key,
           GError **error)
{
    const ApDevice *device = ap_world_find_device(world, ifindex);
    g_autoptr(ApDevice) gone = NULL;

    if (device == NULL) {
        gone = ap_device_new(&(ApDeviceId){.ifindex = ifindex});
        gone->public_key = *device_key;
    }
    return store(tools, device != NULL ? device : gone, holdings, error);
}

/* Strikes peers that are not ours any more off the record, without touching any device. */
static gboolean
drop_void_peers(const ApApplyTools *tools,
                const ApWorld *world,
                const ApPlan *plan,
                ApHoldings *holdings,
                GError **error)
{
    ap_holdings_sort(holdings);
    for (guint i = 0; i < holdings->peers->len;) {
        const ApOwned entry = g_array_index(holdings->peers, ApOwned, i);

        if (!is_void(&entry, world, holdings) && !is_given_up(&entry, plan)) {
            i++;
            continue;
        }

        g_array_remove_index(holdings->peers, i);
        if (!store_void(tools, world, holdings, entry.ifindex, &entry.device_key, error))
            return FALSE;
    }
    return TRUE;
}

/* An address goes with its interface, and only with it. */
static gboolean
drop_void_addresses(const ApApplyTools *tools,
                    const ApWorld *world,
                    ApHoldings *holdings,
                    GError **error)
{
    for (guint i = 0; i < holdings->addresses->len;) {
        const ApOwnedAddress entry = g_array_index(holdings->addresses, ApOwnedAddress, i);

        if (!is_gone(world, entry.ifindex)) {
            i++;
            continue;
        }

        g_array_remove_index(holdings->addresses, i);
        if (!store_void(tools, world, holdings, entry.ifindex, &entry.device_key, error))
            return FALSE;
    }
    return TRUE;
}

/* What was lent went with the device. */
static gboolean
drop_void_loans(const ApApplyTools *tools,
                const ApWorld *world,
                ApHoldings *holdings,
                GError **error)
{
    static const ApKey none = {{0}};

    for (guint i = 0; i < holdings->loans->len;) {
        const ApLoan entry = g_array_index(holdings->loans, ApLoan, i);

        if (!is_gone(world, entry.ifindex)) {
            i++;
            continue;
        }

        g_array_remove_index(holdings->loans, i);
        if (!store_void(tools, world, holdings, entry.ifindex, &none, error))
            return FALSE;
    }
    return TRUE;
}

/**
 * Carries out @plan on the devices of @world.
 *
 * There is no rollback: on each device the first edit of a peer that fails ends it, the others go
 * on, and the next turn plans from what is there then.
 *
 * @world: its devices in order
 * @holdings: what the ledger holds; brought up to date
 * @stats: counts added up
 * @error: the first thing that failed, on whichever device
 *
 * Returns: TRUE when every edit was made, save the addition of an address to an interface that
 *     has no IPv6
 */
gboolean
ap_apply_plan(const ApApplyTools *tools,
              const ApWorld *world,
              const ApPlan *plan,
              ApHoldings *holdings,
              ApApplyStats *stats,
              GError **error)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < world->devices->len; i++) {
        const Job job = {
            .tools = tools,
            .device = g_ptr_array_index(world->devices, i),
            .plan = plan,
            .holdings = holdings,
            .stats = stats,
            .now_boot_usec = ap_clock_now().boot_usec,
        };

        if (!has_work(plan, job.device->id.ifindex))
            continue;
        if (!apply_device(&job, ok ? error : NULL)) {
            stats->n_failed++;
            ok = FALSE;
        }
    }

    /* Last: what an identity before this one left on a device is removed first. */
    if (!drop_void_peers(tools, world, plan, holdings, ok ? error : NULL))
        ok = FALSE;
    if (!drop_void_addresses(tools, world, holdings, ok ? error : NULL))
        ok = FALSE;
    return drop_void_loans(tools, world, holdings, ok ? error : NULL) && ok;
}
