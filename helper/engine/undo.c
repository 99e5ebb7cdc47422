/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/undo.h"

#include "common/clock.h"
#include "helper/engine/devices.h"

/* Everything that is ours goes, whatever else a plan would say. */
static ApPlan *
make_plan(const GPtrArray *devices, const ApHoldings *holdings)
{
    g_autoptr(ApPolicy) nothing = ap_policy_new();
    g_autoptr(GPtrArray) links = g_ptr_array_new();
    g_autoptr(GArray) candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));
    g_autoptr(GArray) paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    const ApWorld world = {
        .links = links,
        .devices = devices,
        .owned = holdings->peers,
        .addresses = holdings->addresses,
        .loans = holdings->loans,
        .candidates = candidates,
        .paths = paths,
    };

    return ap_plan_make(&world, nothing, ap_clock_now());
}

/**
 * Removes from all devices what the ledger says is ours, without an engine.
 *
 * @n_changes: (out): edits made
 * @error: the first thing that failed; the rest was tried all the same
 */
gboolean
ap_undo(const ApApplyTools *tools, guint64 *n_changes, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) devices = ap_devices_read(tools->wireguard, error);
    ApApplyStats stats = {0};

    if (devices == NULL)
        return FALSE;

    g_autoptr(ApHoldings) holdings = ap_ledger_load(tools->ledger, warnings, error);
    if (holdings == NULL)
        return FALSE;
    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *) g_ptr_array_index(warnings, i));

    g_autoptr(ApPlan) plan = make_plan(devices, holdings);
    const ApWorld world = {.devices = devices, .owned = holdings->peers};
    const gboolean ok = ap_apply_plan(tools, &world, plan, holdings, &stats, error);

    *n_changes = stats.n_changes;
    return ok;
}
