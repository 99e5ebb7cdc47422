/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/changes.h"

static gboolean
is_same(const ApClientPeer *a, const ApClientPeer *b)
{
    return g_str_equal(a->state, b->state) && g_str_equal(a->reason, b->reason);
}

static const ApClientPeer *
find(const ApClientView *view, const ApClientPeer *peer)
{
    return view != NULL ? ap_client_view_find(view, peer->tunnel, peer->public_key) : NULL;
}

/**
 * Compares two views peer by peer.
 *
 * @before: (nullable): NULL: every peer of @after is new
 * @after: (nullable): NULL: every peer of @before is gone
 *
 * Returns: (transfer full) (element-type ApClientChange): those that went first, then the others
 *     in the order of @after; valid for as long as both views
 */
GArray *
ap_client_changes(const ApClientView *before, const ApClientView *after)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(ApClientChange));

    for (guint i = 0; before != NULL && i < before->peers->len; i++) {
        const ApClientChange change = {.before = before->peers->pdata[i]};

        if (find(after, change.before) == NULL)
            g_array_append_val(changes, change);
    }

    for (guint i = 0; after != NULL && i < after->peers->len; i++) {
        const ApClientPeer *peer = after->peers->pdata[i];
        const ApClientChange change = {.before = find(before, peer), .after = peer};

        if (change.before == NULL || !is_same(change.before, peer))
            g_array_append_val(changes, change);
    }

    return changes;
}
