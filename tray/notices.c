/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/notices.h"

#include "client/changes.h"
#include "tray/peer-words.h"

#include <glib/gi18n.h>

/** What became of direct paths between two views. */
typedef struct {
    guint n_found;
    guint n_lost;
    const ApClientPeer *found;  /* (nullable) the first of them, in the newer view */
    const ApClientChange *lost; /* (nullable) the first of them */
} Turn;

/* (transfer full) @body */
static ApNotice *
notice_new(ApNoticeKind kind, const char *title, char *body)
{
    ApNotice *self = g_new0(ApNotice, 1);

    self->kind = kind;
    self->title = g_strdup(title);
    self->body = body;
    return self;
}

void
ap_notice_free(ApNotice *self)
{
    if (self == NULL)
        return;

    g_free(self->title);
    g_free(self->body);
    g_free(self);
}

static Turn
compare(GArray *changes)
{
    Turn turn = {0};

    for (guint i = 0; i < changes->len; i++) {
        const ApClientChange *change = &g_array_index(changes, ApClientChange, i);
        const gboolean was = change->before != NULL && ap_client_peer_is_direct(change->before);
        const gboolean is = change->after != NULL && ap_client_peer_is_direct(change->after);

        turn.n_found += is && !was;
        turn.n_lost += was && !is;
        if (is && !was && turn.found == NULL)
            turn.found = change->after;
        if (was && !is && turn.lost == NULL)
            turn.lost = change;
    }
    return turn;
}

/* Whoever shows notices may take text for markup, and nobody on the way there escapes it. */
static char *
format_name(const ApClientPeer *peer)
{
    return g_strdelimit(ap_words_peer_name(peer), "<>&", ' ');
}

static ApNotice *
found_notice(const Turn *turn)
{
    g_autofree char *name = format_name(turn->found);

    if (turn->n_found == 1)
        return notice_new(AP_NOTICE_DIRECT,
                          _("Direct path"),
                          g_strdup_printf(_("%s is reached directly, without the hub."), name));

    return notice_new(AP_NOTICE_DIRECT,
                      _("Direct paths"),
                      g_strdup_printf(ngettext("%u peer is reached directly, without the hub.",
                                               "%u peers are reached directly, without the hub.",
                                               turn->n_found),
                                      turn->n_found));
}

static ApNotice *
lost_notice(const Turn *turn)
{
    const ApClientPeer *after = turn->lost->after;
    g_autofree char *name = format_name(turn->lost->before);
    g_autofree char *why =
        after != NULL ? ap_words_peer_reason(after) : g_strdup(ap_words_phrase("not-offered"));

    if (turn->n_lost == 1)
        return notice_new(AP_NOTICE_LOST,
                          _("By the hub again"),
                          g_strdup_printf(_("%s: %s."), name, why));

    return notice_new(
        AP_NOTICE_LOST,
        _("By the hub again"),
        g_strdup_printf(ngettext("%u peer; %s: %s.", "%u peers; %s: %s.", turn->n_lost),
                        turn->n_lost,
                        name,
                        why));
}

/* The view does not name the network; this is what a change of it leaves to be seen. */
static gboolean
is_between_networks(const ApClientView *view)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApClientTunnel *tunnel = view->tunnels->pdata[i];

        if (g_str_equal(tunnel->reason, "no-uplink"))
            return TRUE;
    }
    for (guint i = 0; i < view->peers->len; i++) {
        const ApClientPeer *peer = view->peers->pdata[i];

        if (g_str_equal(peer->reason, "network-changed"))
            return TRUE;
    }
    return view->peers->len == 0;
}

static gboolean
may_tell(const ApNotices *self, ApNoticeKind kind, ApInstant now)
{
    return self->told[kind] == 0 || now.boot_usec - self->told[kind] >= AP_NOTICE_GAP_USEC;
}

static ApNotice *
look_at_view(ApNotices *self, const ApClientView *view)
{
    /* What the person switched off is not lost, and what was there at the start is not news. */
    const gboolean wanted = view->enabled && !ap_client_view_is_paused(view);
    g_autoptr(GArray) changes = ap_client_changes(self->view, view);
    const Turn turn = compare(changes);
    const gboolean first = turn.n_found > 0 && !self->greeted;

    self->greeted |= ap_client_view_count_direct(view) > 0;
    if (wanted && is_between_networks(view))
        self->greeted = FALSE;
    if (self->view == NULL || !wanted)
        return NULL;
    if (turn.n_lost > 0)
        return lost_notice(&turn);

    return first ? found_notice(&turn) : NULL;
}

static ApNotice *
look_at_absence(ApNotices *self, ApClientState state, ApInstant now)
{
    if (state != AP_CLIENT_ABSENT)
        return NULL;
    if (self->gone_boot_usec == 0 && self->view != NULL)
        self->gone_boot_usec = now.boot_usec;
    if (self->gone_boot_usec == 0 || now.boot_usec - self->gone_boot_usec < AP_NOTICE_HELPER_USEC)
        return NULL;

    self->gone_boot_usec = 0;
    return notice_new(AP_NOTICE_HELPER,
                      _("The helper is gone"),
                      g_strdup(_("Everything goes by the hub. The menu can start it again.")));
}

/**
 * Looks at how things stand, and finds out whether that is worth a notification.
 *
 * @view: (nullable): NULL unless @state is AP_CLIENT_READY; a reference is taken
 * @out: (out) (transfer full) (nullable): what to tell; NULL: nothing
 *
 * Returns: the boot time at which to look again if nothing happens until then; AP_NEVER: none
 */
gint64
ap_notices_look(ApNotices *self,
                ApClientState state,
                ApClientView *view,
                ApInstant now,
                ApNotice **out)
{
    g_autoptr(ApNotice) notice = NULL;

    if (view != NULL) {
        self->gone_boot_usec = 0;
        notice = look_at_view(self, view);
        ap_client_view_ref(view);
    } else {
        notice = look_at_absence(self, state, now);
    }

    g_clear_pointer(&self->view, ap_client_view_unref);
    self->view = view;
    *out = NULL;
    if (notice != NULL && may_tell(self, notice->kind, now)) {
        self->told[notice->kind] = now.boot_usec;
        *out = g_steal_pointer(&notice);
    }
    return self->gone_boot_usec == 0 ? AP_NEVER : self->gone_boot_usec + AP_NOTICE_HELPER_USEC;
}

/** Forgets everything. */
void
ap_notices_clear(ApNotices *self)
{
    g_clear_pointer(&self->view, ap_client_view_unref);
    *self = (ApNotices){0};
}
