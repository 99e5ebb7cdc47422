/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/edit.h"

#include <string.h>

/** Prefixes of one peer, in no order. */
typedef struct {
    ApCidr list[AP_CHANGE_MAX_ALLOWED];
    guint n;
} Prefixes;

static gboolean
holds(const Prefixes *self, const ApCidr *prefix)
{
    for (guint i = 0; i < self->n; i++) {
        if (ap_cidr_equal(&self->list[i], prefix))
            return TRUE;
    }
    return FALSE;
}

static void
add(Prefixes *self, const ApCidr *prefix)
{
    g_return_if_fail(self->n < AP_CHANGE_MAX_ALLOWED);

    self->list[self->n++] = *prefix;
}

static gboolean
device_holds(const ApDevicePeer *peer, const ApCidr *prefix)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), prefix))
            return TRUE;
    }
    return FALSE;
}

static ApChange
change_new(const ApDevice *device, const ApKey *key, ApChangeKind kind, ApReason reason)
{
    return (ApChange){
        .kind = kind,
        .reason = reason,
        .ifindex = device->id.ifindex,
        .device_key = device->public_key,
        .peer = {.key = *key},
    };
}

/**
 * Appends the removal of a peer of ours.
 *
 * @changes: (element-type ApChange)
 */
void
ap_edit_remove(GArray *changes, const ApDevice *device, const ApKey *key, ApReason reason)
{
    ApChange change = change_new(device, key, AP_CHANGE_REMOVE_PEER, reason);

    change.peer.flags = AP_PEER_REMOVE | AP_PEER_UPDATE_ONLY;
    g_array_append_val(changes, change);
}

/* Appends an edit that leaves the peer with @allowed alone. */
static void
replace_allowed(GArray *changes,
                const ApEdit *edit,
                ApChangeKind kind,
                const Prefixes *allowed,
                guint16 keepalive_sec)
{
    ApChange change = change_new(edit->device, &edit->key, kind, edit->reason);

    change.peer.flags = AP_PEER_UPDATE_ONLY | AP_PEER_REPLACE_ALLOWED | AP_PEER_SET_KEEPALIVE;
    change.peer.keepalive_sec = keepalive_sec;
    change.peer.n_allowed = allowed->n;
    memcpy(change.peer.allowed, allowed->list, sizeof(allowed->list));
    g_array_append_val(changes, change);
}

static void
set_keepalive(GArray *changes, const ApEdit *edit, guint16 keepalive_sec)
{
    ApChange change = change_new(edit->device, &edit->key, AP_CHANGE_PROBE, edit->reason);

    change.peer.flags = AP_PEER_UPDATE_ONLY | AP_PEER_SET_KEEPALIVE;
    change.peer.keepalive_sec = keepalive_sec;
    g_array_append_val(changes, change);
}

/**
 * Appends the change that leaves a peer that is about to go with its link-local address at most;
 * none when it has nothing else.
 *
 * @changes: (element-type ApChange)
 */
void
ap_edit_demote(GArray *changes, const ApEdit *edit)
{
    const ApAddr link_local = ap_key_link_local(&edit->key);
    const ApCidr host = ap_cidr_host(&link_local);
    Prefixes kept = {.n = 0};

    if (device_holds(edit->peer, &host))
        add(&kept, &host);
    if (kept.n < edit->peer->allowed->len)
        replace_allowed(changes, edit, AP_CHANGE_DEMOTE, &kept, edit->step->keepalive_sec);
}

/* A new peer has its link-local address alone: no traffic moves before the path is proven. */
static void
add_peer(GArray *changes, const ApEdit *edit)
{
    ApChange change = change_new(edit->device, &edit->key, AP_CHANGE_ADD_PEER, edit->reason);

    change.peer.allowed[0] = ap_cidr_host(&edit->admission->link_local);
    change.peer.n_allowed = 1;
    if (ap_endpoint_is_set(&edit->step->endpoint)) {
        change.peer.flags |= AP_PEER_SET_ENDPOINT;
        change.peer.endpoint = edit->step->endpoint;
    }
    if (edit->step->keepalive_sec != 0) {
        change.peer.flags |= AP_PEER_SET_KEEPALIVE;
        change.peer.keepalive_sec = edit->step->keepalive_sec;
    }
    g_array_append_val(changes, change);
}

static Prefixes
wanted_prefixes(const ApEdit *edit)
{
    const ApCidr link_local = ap_cidr_host(&edit->admission->link_local);
    Prefixes wanted = {.n = 0};

    add(&wanted, &link_local);
    for (guint i = 0; edit->step->direct && i < edit->admission->n_addresses; i++) {
        const ApCidr host = ap_cidr_host(&edit->admission->addresses[i]);

        add(&wanted, &host);
    }
    return wanted;
}

/* Of @wanted, what the device has already. */
static Prefixes
kept_prefixes(const ApEdit *edit, const Prefixes *wanted)
{
    Prefixes kept = {.n = 0};

    for (guint i = 0; i < wanted->n; i++) {
        if (device_holds(edit->peer, &wanted->list[i]))
            add(&kept, &wanted->list[i]);
    }
    return kept;
}

static gboolean
has_unwanted(const ApEdit *edit, const Prefixes *wanted)
{
    for (guint i = 0; i < edit->peer->allowed->len; i++) {
        if (!holds(wanted, &g_array_index(edit->peer->allowed, ApCidr, i)))
            return TRUE;
    }
    return FALSE;
}

/* Brings a peer that is on the device to what it should be. */
static void
adjust_peer(GArray *changes, const ApEdit *edit)
{
    const Prefixes wanted = wanted_prefixes(edit);
    const Prefixes kept = kept_prefixes(edit, &wanted);
    guint16 keepalive_sec = edit->peer->keepalive_sec;

    if (has_unwanted(edit, &wanted)) {
        keepalive_sec = edit->step->keepalive_sec;
        replace_allowed(changes, edit, AP_CHANGE_DEMOTE, &kept, keepalive_sec);
    }
    /* Only a keepalive that is switched on makes the device send: off first, where it is on. */
    if (edit->step->nod && keepalive_sec != 0) {
        keepalive_sec = 0;
        set_keepalive(changes, edit, keepalive_sec);
    }
    if (kept.n < wanted.n)
        replace_allowed(changes, edit, AP_CHANGE_PROMOTE, &wanted, edit->step->keepalive_sec);
    else if (keepalive_sec != edit->step->keepalive_sec)
        set_keepalive(changes, edit, edit->step->keepalive_sec);
}

/**
 * Appends the changes that make the device's peer what @edit wants; none when it is that.
 *
 * @changes: (element-type ApChange)
 */
void
ap_edit_peer(GArray *changes, const ApEdit *edit)
{
    const ApPathStep *step = edit->step;

    if (edit->owned != NULL && (!step->present || (step->anew && edit->peer != NULL)))
        ap_edit_remove(changes, edit->device, &edit->key, step->why);
    if (!step->present)
        return;

    if (edit->peer == NULL || step->anew)
        add_peer(changes, edit);
    else
        adjust_peer(changes, edit);
}
