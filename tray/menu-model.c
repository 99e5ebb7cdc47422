/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/menu-model.h"

#include "tray/peer-words.h"
#include "tray/peers.h"
#include "tray/words.h"

#include <glib/gi18n.h>

/** Returns: what @slot is; AP_MENU_KIND_ITEM for most */
ApMenuKind
ap_menu_slot_kind(ApMenuSlot slot)
{
    switch ((int) slot) {
    case AP_MENU_ENABLED:
    case AP_MENU_NOTIFICATIONS:
        return AP_MENU_KIND_CHECK;
    case AP_MENU_PAUSE:
    case AP_MENU_COPY:
        return AP_MENU_KIND_SUBMENU;
    case AP_MENU_PEERS_BELOW:
    case AP_MENU_PEERS_ABOVE:
    case AP_MENU_END_BELOW:
        return AP_MENU_KIND_SEPARATOR;
    }
    return AP_MENU_KIND_ITEM;
}

/** Returns: the submenu that holds @slot; AP_MENU_N_SLOTS: the menu itself does */
ApMenuSlot
ap_menu_slot_parent(ApMenuSlot slot)
{
    if (slot >= AP_MENU_PAUSE_NETWORK && slot <= AP_MENU_PAUSE_UNTIL_RESUMED)
        return AP_MENU_PAUSE;
    if (slot >= AP_MENU_COPY_FIRST && slot <= AP_MENU_COPY_LAST)
        return AP_MENU_COPY;

    return AP_MENU_N_SLOTS;
}

/* @label: (transfer full) */
static void
show(ApMenuModel *self, ApMenuSlot slot, char *label, gboolean sensitive)
{
    ApMenuItem *item = &self->items[slot];

    g_free(item->label);
    item->label = label;
    item->visible = TRUE;
    item->sensitive = sensitive;
}

static void
set_argument(ApMenuModel *self, ApMenuSlot slot, const char *argument)
{
    g_free(self->items[slot].argument);
    self->items[slot].argument = g_strdup(argument);
}

/* The helper is there, and not at work: we were not allowed to ask for it. */
static gboolean
is_idle(const ApClientView *view)
{
    return view != NULL && g_str_equal(view->state, "idle");
}

static void
add_head(ApMenuModel *self, const ApTrayFacts *facts)
{
    g_autofree char *note = ap_words_note(facts);

    show(self, AP_MENU_HEADLINE, ap_words_headline(facts), TRUE);
    if (note[0] != '\0')
        show(self, AP_MENU_NOTE, g_steal_pointer(&note), TRUE);

    if (facts->client == AP_CLIENT_ABSENT || is_idle(facts->view))
        show(self, AP_MENU_START, g_strdup(_("Start")), TRUE);
    else if (facts->client == AP_CLIENT_FAILED)
        show(self, AP_MENU_START, g_strdup(_("Try again")), TRUE);
}

static void
add_peers(ApMenuModel *self, GPtrArray *peers)
{
    for (guint i = 0; i < MIN(peers->len, AP_MENU_MAX_PEERS); i++) {
        const ApClientPeer *peer = peers->pdata[i];

        show(self, AP_MENU_PEER_FIRST + i, ap_words_peer_line(peer), TRUE);
        set_argument(self, AP_MENU_PEER_FIRST + i, peer->public_key);
    }

    if (peers->len > 0)
        show(self, AP_MENU_PEERS_BELOW, g_strdup(""), TRUE);
    if (peers->len > AP_MENU_MAX_PEERS)
        show(self, AP_MENU_SHOW_ALL, g_strdup_printf(_("Show all %u…"), peers->len), TRUE);
}

static void
add_addresses(ApMenuModel *self, GPtrArray *peers)
{
    guint n = 0;

    for (guint i = 0; i < peers->len && n < AP_MENU_MAX_PEERS; i++) {
        const ApClientPeer *peer = peers->pdata[i];

        if (peer->addresses[0] == NULL)
            continue;
        show(self, AP_MENU_COPY_FIRST + n, ap_words_peer_name_and_address(peer), TRUE);
        set_argument(self, AP_MENU_COPY_FIRST + n, peer->addresses[0]);
        n++;
    }

    show(self, AP_MENU_COPY, g_strdup(_("Copy address")), n > 0);
}

static void
add_switches(ApMenuModel *self, const ApTrayFacts *facts)
{
    const gboolean ready = facts->view != NULL;
    const gboolean enabled = ready && facts->view->enabled;
    const gboolean paused = ready && ap_client_view_is_paused(facts->view);

    show(self, AP_MENU_PEERS_ABOVE, g_strdup(""), TRUE);
    show(self, AP_MENU_ENABLED, g_strdup(_("Enabled")), ready);
    self->items[AP_MENU_ENABLED].checked = enabled;
    show(self,
         AP_MENU_RESYNC,
         ap_words_resync(facts->resync),
         ready && facts->resync->phase != AP_RESYNC_ASKING);

    show(self, AP_MENU_PAUSE_NETWORK, g_strdup(_("On this network")), TRUE);
    show(self, AP_MENU_PAUSE_HOUR, g_strdup(_("For 1 hour")), TRUE);
    show(self, AP_MENU_PAUSE_UNTIL_RESUMED, g_strdup(_("Until I resume")), TRUE);
    if (paused)
        show(self, AP_MENU_RESUME, g_strdup(_("Resume")), TRUE);
    else
        show(self, AP_MENU_PAUSE, g_strdup(_("Pause")), enabled);
}

static void
add_end(ApMenuModel *self, const ApTrayFacts *facts)
{
    show(self, AP_MENU_NOTIFICATIONS, g_strdup(_("Notifications")), TRUE);
    self->items[AP_MENU_NOTIFICATIONS].checked = facts->notifications;
    show(self, AP_MENU_END_BELOW, g_strdup(""), TRUE);
    show(self, AP_MENU_ABOUT, g_strdup(_("About")), TRUE);
    show(self, AP_MENU_QUIT, g_strdup(_("Quit")), TRUE);
}

/**
 * Makes the menu for how things stand.
 *
 * Returns: (transfer full): keeps nothing of @facts
 */
ApMenuModel *
ap_menu_model_new(const ApTrayFacts *facts)
{
    ApMenuModel *self = g_new0(ApMenuModel, 1);
    g_autoptr(GPtrArray) peers =
        facts->view != NULL ? ap_peers_sorted(facts->view) : g_ptr_array_new();

    for (guint i = 0; i < AP_MENU_N_SLOTS; i++) {
        self->items[i].label = g_strdup("");
        self->items[i].argument = g_strdup("");
    }

    add_head(self, facts);
    add_peers(self, peers);
    add_switches(self, facts);
    add_addresses(self, peers);
    add_end(self, facts);
    return self;
}

void
ap_menu_model_free(ApMenuModel *self)
{
    if (self == NULL)
        return;

    for (guint i = 0; i < AP_MENU_N_SLOTS; i++) {
        g_free(self->items[i].label);
        g_free(self->items[i].argument);
    }
    g_free(self);
}

/* What a hidden item would say is nobody's concern. */
static gboolean
looks_same(const ApMenuItem *a, const ApMenuItem *b)
{
    if (a->visible != b->visible)
        return FALSE;

    return !a->visible
           || (g_str_equal(a->label, b->label) && a->sensitive == b->sensitive
               && a->checked == b->checked);
}

/**
 * Finds the items that must be changed where they are.
 *
 * @before: (nullable): NULL: nothing is shown yet
 *
 * Returns: (transfer full) (element-type ApMenuSlot): in the order of the menu
 */
GArray *
ap_menu_model_diff(const ApMenuModel *before, const ApMenuModel *after)
{
    GArray *slots = g_array_new(FALSE, FALSE, sizeof(ApMenuSlot));

    for (ApMenuSlot slot = 0; slot < AP_MENU_N_SLOTS; slot++) {
        if (before == NULL || !looks_same(&before->items[slot], &after->items[slot]))
            g_array_append_val(slots, slot);
    }
    return slots;
}
