/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/lending.h"

#include "common/random.h"

/** Returns: whether the plan gives or takes back anything on that device */
gboolean
ap_lending_has_work(const ApPlan *plan, guint32 ifindex)
{
    for (guint i = 0; i < plan->loans->len; i++) {
        if (g_array_index(plan->loans, ApLoanChange, i).ifindex == ifindex)
            return TRUE;
    }
    return FALSE;
}

static gboolean
concerns(const ApLending *self, const ApLoanChange *change, gboolean add)
{
    return change->ifindex == self->device->id.ifindex && change->add == add
           && ap_key_equal(&change->device_key, &self->device->public_key);
}

/** Puts on record what is going to be given. */
void
ap_lending_note(const ApLending *self)
{
    for (guint i = 0; i < self->plan->loans->len; i++) {
        const ApLoanChange *change = &g_array_index(self->plan->loans, ApLoanChange, i);
        const ApLoan fresh = {.ifindex = change->ifindex, .key = change->key};

        if (concerns(self, change, TRUE)
            && !ap_holdings_has_loan(self->holdings, change->ifindex, &change->key))
            g_array_append_val(self->holdings->loans, fresh);
    }
}

static ApCidr
link_local_of(const ApKey *key)
{
    const ApAddr addr = ap_key_link_local(key);

    return ap_cidr_host(&addr);
}

/**
 * Gives what the plan wishes, in one message; it is on record by then.
 *
 * @error: as ap_wireguard_apply()
 */
gboolean
ap_lending_give(const ApLending *self, GError **error)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, TRUE, sizeof(ApPeerChange));

    for (guint i = 0; i < self->plan->loans->len; i++) {
        const ApLoanChange *loan = &g_array_index(self->plan->loans, ApLoanChange, i);
        const ApPeerChange change = {
            .key = loan->key,
            .flags = AP_PEER_UPDATE_ONLY,
            .allowed = {link_local_of(&loan->key)},
            .n_allowed = 1,
        };

        if (concerns(self, loan, TRUE))
            g_array_append_val(changes, change);
    }
    if (!ap_wireguard_apply(self->tools->wireguard,
                            &self->device->id,
                            (const ApPeerChange *) (const void *) changes->data,
                            changes->len,
                            error))
        return FALSE;
    self->stats->n_changes += changes->len;
    return TRUE;
}

/* One that is ours by now has the address as our own. */
static gboolean
has_loan(const ApLending *self, const ApKey *key)
{
    const ApDevicePeer *peer = ap_device_find(self->device, key);
    const ApCidr prefix = link_local_of(key);

    if (ap_holdings_find_peer(self->holdings, self->device->id.ifindex, key) != NULL)
        return FALSE;

    for (guint i = 0; peer != NULL && i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), &prefix))
            return TRUE;
    }
    return FALSE;
}

/*
 * A prefix cannot be taken from a peer without replacing its whole list, which would undo what
 * somebody writes to it meanwhile. So it moves to a peer that nobody is, which goes at once: both
 * in one message, so that no crash can come between (decisions.md 3).
 */
static gboolean
take_prefix(const ApLending *self, const ApCidr *prefix, GError **error)
{
    g_auto(ApSecretKey) nobody = {0};
    ApPeerChange changes[2] = {
        {.allowed = {*prefix}, .n_allowed = 1},
        {.flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY},
    };

    ap_random_fill(nobody.bytes, sizeof(nobody.bytes));
    ap_secret_key_public(&nobody, &changes[0].key);
    changes[1].key = changes[0].key;
    return ap_wireguard_apply(self->tools->wireguard,
                              &self->device->id,
                              changes,
                              G_N_ELEMENTS(changes),
                              error);
}

/**
 * Takes back what the plan wishes. Every one is tried; what failed stays on record.
 *
 * @error: the first thing that failed, as ap_wireguard_apply()
 */
gboolean
ap_lending_take_back(const ApLending *self, GError **error)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < self->plan->loans->len; i++) {
        const ApLoanChange *loan = &g_array_index(self->plan->loans, ApLoanChange, i);
        const ApCidr prefix = link_local_of(&loan->key);

        if (!concerns(self, loan, FALSE))
            continue;
        if (has_loan(self, &loan->key)) {
            if (!take_prefix(self, &prefix, ok ? error : NULL)) {
                ok = FALSE;
                continue;
            }
            self->stats->n_changes++;
        }
        ap_holdings_strike_loan(self->holdings, loan->ifindex, &loan->key);
    }
    return ok;
}
