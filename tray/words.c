/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/words.h"

#include "common/error.h"
#include "tray/peer-words.h"

#include <glib/gi18n.h>

/** What the helper says of the whole, and the icon for it. */
static const struct {
    const char *state;
    ApIcon icon;
} icons[] = {
    {"starting", AP_ICON_WORKING},
    {"off", AP_ICON_OFF},
    {"idle", AP_ICON_OFF},
    {"paused", AP_ICON_OFF},
    {"no-tunnel", AP_ICON_NO_TUNNEL},
    {"relayed", AP_ICON_RELAYED},
    {"working", AP_ICON_WORKING},
    {"direct", AP_ICON_DIRECT},
    {"problem", AP_ICON_PROBLEM},
};

static gboolean
is_denied(const ApTrayFacts *facts)
{
    return g_error_matches(facts->error, AP_ERROR, AP_ERROR_DENIED);
}

static ApIcon
icon_of_view(const ApTrayFacts *facts)
{
    if (facts->resync->phase == AP_RESYNC_ASKING)
        return AP_ICON_WORKING;

    for (gsize i = 0; i < G_N_ELEMENTS(icons); i++) {
        if (g_str_equal(icons[i].state, facts->view->state))
            return icons[i].icon;
    }
    return ap_client_view_count_direct(facts->view) > 0 ? AP_ICON_DIRECT : AP_ICON_RELAYED;
}

/** Returns: the icon for how things stand */
ApIcon
ap_words_icon(const ApTrayFacts *facts)
{
    switch (facts->client) {
    case AP_CLIENT_LOOKING:
    case AP_CLIENT_ABSENT:
        return AP_ICON_OFF;
    case AP_CLIENT_FAILED:
        return AP_ICON_PROBLEM;
    case AP_CLIENT_READY:
        break;
    }
    return icon_of_view(facts);
}

/** Returns: (transfer none): the name of @icon in the icon theme */
const char *
ap_words_icon_name(ApIcon icon)
{
    static const char *const names[AP_N_ICONS] = {
        [AP_ICON_OFF] = "org.wgautopeer.Tray-off-symbolic",
        [AP_ICON_NO_TUNNEL] = "org.wgautopeer.Tray-no-tunnel-symbolic",
        [AP_ICON_RELAYED] = "org.wgautopeer.Tray-relayed-symbolic",
        [AP_ICON_WORKING] = "org.wgautopeer.Tray-working-symbolic",
        [AP_ICON_DIRECT] = "org.wgautopeer.Tray-direct-symbolic",
        [AP_ICON_PROBLEM] = "org.wgautopeer.Tray-problem-symbolic",
    };

    g_return_val_if_fail((guint) icon < AP_N_ICONS, names[AP_ICON_PROBLEM]);

    return names[icon];
}

static char *
format_time(gint64 real_usec)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(real_usec / AP_USEC_PER_SEC);

    return time != NULL ? g_date_time_format(time, "%H:%M") : g_strdup("–");
}

static char *
pause_headline(const ApClientView *view)
{
    g_autofree char *until = format_time(view->paused_until_real_usec);

    if (view->paused_until_real_usec != 0)
        return g_strdup_printf(_("Paused until %s: everything goes by the hub"), until);
    if (g_str_equal(view->pause_scope, "network"))
        return g_strdup(_("Paused on this network: everything goes by the hub"));

    return g_strdup(_("Paused: everything goes by the hub"));
}

static gboolean
is_managed(const ApClientTunnel *tunnel)
{
    return !g_str_equal(tunnel->state, "unmanaged");
}

static gboolean
has_managed(const ApClientView *view)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        if (is_managed(view->tunnels->pdata[i]))
            return TRUE;
    }
    return FALSE;
}

static char *
view_headline(const ApClientView *view)
{
    const guint n = view->peers->len;

    if (ap_client_view_is_paused(view))
        return pause_headline(view);
    if (!view->enabled)
        return g_strdup(_("Switched off: everything goes by the hub"));
    if (g_str_equal(view->state, "idle"))
        return g_strdup(_("Nobody asked for direct paths: everything goes by the hub"));
    if (g_str_equal(view->state, "starting"))
        return g_strdup(_("Looking at the tunnels…"));
    if (view->tunnels->len == 0)
        return g_strdup(_("No WireGuard tunnel on this computer"));
    if (!has_managed(view) && ap_client_view_is_hub(view))
        return g_strdup(_("This computer is the hub: it needs no direct paths"));
    if (!has_managed(view))
        return g_strdup(_("No tunnel is looked after: everything goes as configured"));
    if (n == 0)
        return g_strdup(_("No peer is known yet: everything goes by the hub"));

    return g_strdup_printf(ngettext("%u of %u peer direct", "%u of %u peers direct", n),
                           ap_client_view_count_direct(view),
                           n);
}

/**
 * Says in words how things stand.
 *
 * Returns: (transfer full)
 */
char *
ap_words_headline(const ApTrayFacts *facts)
{
    switch (facts->client) {
    case AP_CLIENT_LOOKING:
        return g_strdup(_("Looking for the helper…"));
    case AP_CLIENT_ABSENT:
        return g_strdup(_("The helper is not running: everything goes by the hub"));
    case AP_CLIENT_FAILED:
        return g_strdup(is_denied(facts) ? _("You are not allowed to see the peers")
                                         : _("The helper does not answer"));
    case AP_CLIENT_READY:
        break;
    }
    return view_headline(facts->view);
}

static char *
tunnel_note(const ApClientTunnel *tunnel)
{
    g_autofree char *name = ap_words_foreign(tunnel->interface);
    g_autofree char *server = ap_words_foreign(tunnel->server);
    g_autofree char *error = ap_words_foreign(tunnel->last_error);
    g_autofree char *reason = ap_words_sentence(tunnel->reason_text, tunnel->reason);

    if (ap_client_tunnel_is_hub(tunnel))
        return NULL;
    if (!is_managed(tunnel))
        return g_strdup_printf(_("%s: %s"), name, reason);
    if (error[0] != '\0')
        return g_strdup_printf(_("%s: the server %s failed: %s"), name, server, error);

    return NULL;
}

static char *
view_note(const ApClientView *view)
{
    const gboolean managed = has_managed(view);

    /* While nothing is wanted, nothing is missing. */
    if (!view->enabled || ap_client_view_is_paused(view))
        return g_strdup("");

    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApClientTunnel *tunnel = view->tunnels->pdata[i];
        char *note = is_managed(tunnel) == managed ? tunnel_note(tunnel) : NULL;

        if (note != NULL)
            return note;
    }
    return g_strdup("");
}

/**
 * Says what is wrong: that a wish failed, why no tunnel is looked after, that a server does not
 * answer, or what keeps us from the helper.
 *
 * Returns: (transfer full): empty when nothing is
 */
char *
ap_words_note(const ApTrayFacts *facts)
{
    if (facts->complaint != NULL)
        return ap_words_foreign(facts->complaint);
    if (facts->client == AP_CLIENT_FAILED && !is_denied(facts))
        return ap_words_foreign(facts->error->message);
    if (facts->client == AP_CLIENT_READY)
        return view_note(facts->view);

    return g_strdup("");
}

/**
 * Says why a wish of the person failed.
 *
 * Returns: (transfer full)
 */
char *
ap_words_complaint(const GError *error)
{
    if (g_error_matches(error, AP_ERROR, AP_ERROR_DENIED))
        return g_strdup(_("You are not allowed to do that"));

    return g_strdup_printf(_("That did not work: %s"), error->message);
}

/**
 * Names the item that asks every server again, with what became of it last time.
 *
 * Returns: (transfer full)
 */
char *
ap_words_resync(const ApResync *resync)
{
    g_autofree char *time = format_time(resync->ended_real_usec);
    g_autofree char *why = ap_words_foreign(resync->why != NULL ? resync->why : "");

    switch (resync->phase) {
    case AP_RESYNC_NONE:
        break;
    case AP_RESYNC_ASKING:
        return g_strdup(_("Re-sync – asking…"));
    case AP_RESYNC_DONE:
        return g_strdup_printf(_("Re-sync – done at %s"), time);
    case AP_RESYNC_FAILED:
        return why[0] != '\0' ? g_strdup_printf(_("Re-sync – failed at %s: %s"), time, why)
                              : g_strdup_printf(_("Re-sync – no answer by %s"), time);
    }
    return g_strdup(_("Re-sync"));
}
