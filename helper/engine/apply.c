/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/apply.h"

#include "common/clock.h"

#include <string.h>

static int
compare_owned(gconstpointer a, gconstpointer b)
{
    const ApOwned *oa = a, *ob = b;

    if (oa->ifindex != ob->ifindex)
        return oa->ifindex < ob->ifindex ? -1 : 1;
    return ap_key_compare(&oa->key, &ob->key);
}

static ApOwned *
find_owned(GArray *owned, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < owned->len; i++) {
        ApOwned *entry = &g_array_index(owned, ApOwned, i);

        if (entry->ifindex == ifindex && ap_key_equal(&entry->key, key))
            return entry;
    }
    return NULL;
}

static void
forget(GArray *owned, guint32 ifindex, const ApKey *key)
{
    const ApOwned *entry = find_owned(owned, ifindex, key);

    if (entry != NULL)
        g_array_remove_index(owned, (guint) (entry - (const ApOwned *) (gpointer) owned->data));
}

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
note_intent(GArray *owned, const ApChange *change, gint64 now_boot_usec)
{
    ApOwned *entry = find_owned(owned, change->ifindex, &change->peer.key);

    if (change->kind == AP_CHANGE_REMOVE_PEER)
        return;

    if (entry == NULL) {
        const ApOwned fresh = {
            .ifindex = change->ifindex,
            .device_key = change->device_key,
            .key = change->peer.key,
            .added_boot_usec = now_boot_usec,
        };

        g_array_append_val(owned, fresh);
        entry = &g_array_index(owned, ApOwned, owned->len - 1);
    }

    for (guint i = 0; i < change->peer.n_allowed; i++) {
        const ApCidr *prefix = &change->peer.allowed[i];

        if (!holds(entry, prefix) && entry->n_allowed < G_N_ELEMENTS(entry->allowed))
            entry->allowed[entry->n_allowed++] = *prefix;
    }
}

/* The device took @change: what it does not have any more goes off the record. */
static void
note_done(GArray *owned, const ApChange *change)
{
    ApOwned *entry = find_owned(owned, change->ifindex, &change->peer.key);

    if (change->kind == AP_CHANGE_REMOVE_PEER) {
        forget(owned, change->ifindex, &change->peer.key);
    } else if (entry != NULL && change->peer.n_allowed > 0) {
        memcpy(entry->allowed, change->peer.allowed, sizeof(entry->allowed));
        entry->n_allowed = change->peer.n_allowed;
    }
}

/* Writes the entries of one device as they stand in @owned. */
static gboolean
store(ApLedger *ledger, const ApDevice *device, GArray *owned, GError **error)
{
    guint first = 0, end;

    g_array_sort(owned, compare_owned);
    while (first < owned->len && g_array_index(owned, ApOwned, first).ifindex < device->id.ifindex)
        first++;
    for (end = first;
         end < owned->len && g_array_index(owned, ApOwned, end).ifindex == device->id.ifindex;)
        end++;

    return ap_ledger_store(ledger,
                           &device->id,
                           &device->public_key,
                           (const ApOwned *) (gpointer) owned->data + first,
                           end - first,
                           error);
}

static guint
count_changes(const ApPlan *plan, guint32 ifindex)
{
    guint n = 0;

    for (guint i = 0; i < plan->changes->len; i++)
        n += g_array_index(plan->changes, ApChange, i).ifindex == ifindex;
    return n;
}

/*
 * One device: intent on record, edits one by one, outcome on record. An edit that fails ends
 * it; what was not done stays in the ledger as an intent, and the next turn reads the device.
 */
static gboolean
apply_device(ApWireguard *wireguard,
             ApLedger *ledger,
             const ApDevice *device,
             const ApPlan *plan,
             GArray *owned,
             ApApplyStats *stats,
             GError **error)
{
    const gint64 now_boot_usec = ap_clock_now().boot_usec;

    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);

        if (change->ifindex == device->id.ifindex)
            note_intent(owned, change, now_boot_usec);
    }
    if (!store(ledger, device, owned, error))
        return FALSE;

    for (guint i = 0; i < plan->changes->len; i++) {
        const ApChange *change = &g_array_index(plan->changes, ApChange, i);

        if (change->ifindex != device->id.ifindex)
            continue;
        /* Again: a removal in the same plan took it off. */
        note_intent(owned, change, now_boot_usec);
        if (!ap_wireguard_apply(wireguard, &device->id, &change->peer, 1, error))
            return FALSE;
        note_done(owned, change);
        stats->n_changes++;
    }
    return store(ledger, device, owned, error);
}

/* TRUE when nothing is left to undo: the device went, or has another identity. */
static gboolean
is_void(const ApOwned *entry, const ApWorld *world)
{
    const ApDevice *device = ap_world_find_device(world, entry->ifindex);

    return device == NULL || !ap_key_equal(&device->public_key, &entry->device_key);
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

/* Strikes what is no longer ours off the record, without touching any device. */
static gboolean
drop_void(ApLedger *ledger, const ApWorld *world, const ApPlan *plan, GArray *owned, GError **error)
{
    for (guint i = 0; i < owned->len;) {
        const ApOwned entry = g_array_index(owned, ApOwned, i);
        const ApDevice *device = ap_world_find_device(world, entry.ifindex);
        g_autoptr(ApDevice) gone = NULL;

        if (!is_void(&entry, world) && !is_given_up(&entry, plan)) {
            i++;
            continue;
        }

        g_array_remove_index(owned, i);
        if (device == NULL) {
            gone = ap_device_new(&(ApDeviceId){.ifindex = entry.ifindex});
            gone->public_key = entry.device_key;
        }
        if (!store(ledger, device != NULL ? device : gone, owned, error))
            return FALSE;
    }
    return TRUE;
}

/**
 * Carries out @plan on the devices of @world.
 *
 * There is no rollback: on each device the first edit that fails ends it, the others go on,
 * and the next turn plans from what is there then.
 *
 * @owned: (element-type ApOwned): what the ledger holds; brought up to date
 * @stats: counts added up
 * @error: the first thing that failed, on whichever device
 *
 * Returns: TRUE when every edit was made
 */
gboolean
ap_apply_plan(ApWireguard *wireguard,
              ApLedger *ledger,
              const ApWorld *world,
              const ApPlan *plan,
              GArray *owned,
              ApApplyStats *stats,
              GError **error)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < world->devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(world->devices, i);

        if (count_changes(plan, device->id.ifindex) == 0)
            continue;
        if (!apply_device(wireguard, ledger, device, plan, owned, stats, ok ? error : NULL)) {
            stats->n_failed++;
            ok = FALSE;
        }
    }
    /* Last: what an identity before this one left on a device is removed first. */
    return drop_void(ledger, world, plan, owned, ok ? error : NULL) && ok;
}
