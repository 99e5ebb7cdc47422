/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/text.h"

#include "cli/evidence.h"
#include "cli/table.h"
#include "common/error.h"
#include "common/instant.h"

#include <glib/gi18n.h>

/** Characters of a name that are shown in lists: longer ones would push the rest away. */
#define SHORT_NAME_CHARS 15

/** Colours of states. Source: ECMA-48, SGR 32 and 33. */
#define GREEN "\033[32m"
#define YELLOW "\033[33m"

/**
 * Says how long something is, in the largest unit of which there are at least two.
 *
 * @usec: less than 0 counts as 0
 *
 * Returns: (transfer full): such as "90 s" or "3 h"
 */
char *
ap_text_duration(gint64 usec)
{
    static const struct {
        gint64 sec;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};
    gint64 sec = MAX(usec, 0) / AP_USEC_PER_SEC;

    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        if (sec >= 2 * units[i].sec)
            return g_strdup_printf("%" G_GINT64_FORMAT " %s", sec / units[i].sec, units[i].unit);
    }

    return g_strdup_printf("%" G_GINT64_FORMAT " s", sec);
}

/**
 * Reads a duration as people type it: "90s", "30min", "2h" or "3d".
 *
 * @sec: (out): more than 0; left as it was when the function fails
 * @error: AP_ERROR_INVALID
 */
gboolean
ap_text_parse_duration(const char *text, guint64 *sec, GError **error)
{
    static const struct {
        const char *unit;
        guint64 sec;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *end = NULL;
    const guint64 n = g_ascii_isdigit(text[0]) ? g_ascii_strtoull(text, &end, 10) : 0;

    for (gsize i = 0; n > 0 && n < G_MAXUINT32 && i < G_N_ELEMENTS(units); i++) {
        if (g_str_equal(end, units[i].unit)) {
            *sec = n * units[i].sec;
            return TRUE;
        }
    }

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                _("“%s” is no time such as 90s, 30min, 2h or 3d"),
                text);
    return FALSE;
}

static char *
format_since(gint64 real_usec, const ApTextStyle *style)
{
    return real_usec == 0 ? g_strdup("-") : ap_text_duration(style->now_real_usec - real_usec);
}

static char *
format_rtt(gint64 rtt_usec)
{
    if (rtt_usec == 0)
        return g_strdup("-");

    return g_strdup_printf(rtt_usec < 10 * AP_USEC_PER_MSEC ? "%.2f ms" : "%.1f ms",
                           (double) rtt_usec / AP_USEC_PER_MSEC);
}

/* What a peer is called, and what tells it from one that is called the same. */
static char *
format_peer(const ApClientPeer *peer)
{
    g_autofree char *key = ap_client_peer_short_key(peer);
    g_autofree char *whole = ap_text_escape(peer->name);
    g_autofree char *name = ap_text_shorten(whole, SHORT_NAME_CHARS);

    if (name[0] == '\0')
        return g_steal_pointer(&key);
    return peer->is_twin ? g_strdup_printf("%s (%s)", name, key) : g_steal_pointer(&name);
}

static char *
format_path(const ApClientPeer *peer)
{
    g_autofree char *endpoint = ap_text_escape(peer->endpoint);

    if (ap_client_peer_is_direct(peer) && endpoint[0] != '\0')
        return g_steal_pointer(&endpoint);

    return g_strdup(_("by the hub"));
}

static char *
format_path_and_trial(const ApClientPeer *peer)
{
    g_autofree char *endpoint = ap_text_escape(peer->endpoint);

    if (g_str_equal(peer->state, "probing") && endpoint[0] != '\0')
        return g_strdup_printf(_("by the hub, trying %s"), endpoint);

    return format_path(peer);
}

static char *
format_list(const char *const *texts, const char *separator)
{
    g_autofree char *joined = g_strjoinv(separator, (GStrv) texts);

    return ap_text_escape(joined);
}

/* The helper speaks English; a sentence that no translation has stays as it is. The translation of
 * "" is the head of the catalogue. */
static const char *
translate(const char *sentence)
{
    return sentence[0] != '\0' ? gettext(sentence) : sentence;
}

/* A word that has no sentence is still better than nothing. */
static char *
format_reason(const char *reason, const char *reason_text)
{
    return ap_text_escape(reason_text[0] != '\0' ? translate(reason_text) : reason);
}

static gboolean
is_managed(const ApClientTunnel *tunnel)
{
    return !g_str_equal(tunnel->state, "unmanaged");
}

static guint
count_managed(const ApClientView *view)
{
    guint n = 0;

    for (guint i = 0; i < view->tunnels->len; i++)
        n += is_managed(view->tunnels->pdata[i]) ? 1 : 0;

    return n;
}

static char *
format_pause(const ApClientView *view)
{
    g_autoptr(GDateTime) until =
        g_date_time_new_from_unix_local(view->paused_until_real_usec / AP_USEC_PER_SEC);
    g_autofree char *text = until != NULL ? g_date_time_format(until, "%F %H:%M") : g_strdup("-");

    if (g_str_equal(view->pause_scope, "time"))
        return g_strdup_printf(_("Paused until %s: everything goes by the hub"), text);
    if (g_str_equal(view->pause_scope, "network"))
        return g_strdup(_("Paused on this network: everything goes by the hub"));

    return g_strdup(_("Paused: everything goes by the hub"));
}

/**
 * Says how things stand in one line.
 *
 * Returns: (transfer full): without a newline
 */
char *
ap_text_headline(const ApClientView *view)
{
    if (g_str_equal(view->state, "starting"))
        return g_strdup(_("The helper has just started"));
    if (!view->enabled)
        return g_strdup(_("Switched off: everything goes by the hub"));
    if (g_str_equal(view->state, "idle"))
        return g_strdup(_("Nobody holds the helper: everything goes by the hub"));
    if (ap_client_view_is_paused(view))
        return format_pause(view);
    if (view->tunnels->len == 0)
        return g_strdup(_("There is no WireGuard tunnel on this machine"));
    if (count_managed(view) == 0 && ap_client_view_is_hub(view))
        return g_strdup(_("This computer is the hub: it needs no direct paths"));
    if (count_managed(view) == 0)
        return g_strdup(_("No tunnel is managed: everything goes as configured"));
    if (view->peers->len == 0)
        return g_strdup(_("No peer is known yet: everything goes by the hub"));

    return g_strdup_printf(
        ngettext("%u of %u peer direct", "%u of %u peers direct", view->peers->len),
        ap_client_view_count_direct(view),
        view->peers->len);
}

static const char *
state_colour(const char *state, const ApTextStyle *style)
{
    if (!style->colour)
        return NULL;
    if (g_str_equal(state, "direct"))
        return GREEN;

    return g_str_equal(state, "probing") ? YELLOW : NULL;
}

/* There is nothing to say about a direct path that works. */
static gboolean
goes_well(const ApClientPeer *peer)
{
    return ap_client_peer_is_direct(peer) && g_str_equal(peer->reason, "proven");
}

static void
add_peer_row(ApTable *table, const ApClientPeer *peer, const ApTextStyle *style)
{
    g_autofree char *name = format_peer(peer);
    g_autofree char *address =
        ap_text_escape(peer->addresses[0] != NULL ? peer->addresses[0] : "-");
    g_autofree char *state = ap_text_escape(peer->state);
    g_autofree char *path = format_path(peer);
    g_autofree char *rtt = format_rtt(peer->rtt_usec);
    g_autofree char *since = format_since(peer->since_real_usec, style);
    g_autofree char *reason = format_reason(peer->reason, peer->reason_text);
    const char *const cells[] = {"", name, address, state, path, rtt, since};

    ap_table_add(table, cells);
    ap_table_colour_cell(table, 3, state_colour(peer->state, style));
    if (!goes_well(peer))
        ap_table_note(table, reason);
}

static void
append_peers(GString *out,
             const ApClientView *view,
             const ApClientTunnel *tunnel,
             const ApTextStyle *style)
{
    const char *const head[] = {
        "",
        _("PEER"),
        _("ADDRESS"),
        _("STATE"),
        _("PATH"),
        _("RTT"),
        _("SINCE"),
    };
    g_autoptr(ApTable) table = ap_table_new(G_N_ELEMENTS(head));
    guint n = 0;

    ap_table_add(table, head);
    for (guint i = 0; i < view->peers->len; i++) {
        const ApClientPeer *peer = view->peers->pdata[i];

        if (!g_str_equal(peer->tunnel, tunnel->interface))
            continue;
        add_peer_row(table, peer, style);
        n++;
    }

    if (n > 0)
        ap_table_write(table, out);
    else if (is_managed(tunnel))
        g_string_append(out, _("  no peer is known yet\n"));
}

static void
append_tunnel(GString *out,
              const ApClientView *view,
              const ApClientTunnel *tunnel,
              const ApTextStyle *style)
{
    g_autofree char *name = ap_text_escape(tunnel->interface);
    g_autofree char *backend = ap_text_escape(tunnel->backend);
    g_autofree char *server = ap_text_escape(tunnel->server);
    g_autofree char *last_error = ap_text_escape(tunnel->last_error);
    g_autofree char *reason = format_reason(tunnel->reason, tunnel->reason_text);

    g_string_append_printf(out, "\n%s (%s): ", name, backend);
    if (ap_client_tunnel_is_hub(tunnel))
        g_string_append(out, _("this computer is the hub\n"));
    else if (!is_managed(tunnel))
        g_string_append_printf(out, _("not managed: %s\n"), reason);
    else if (server[0] == '\0')
        g_string_append(out, _("no server to ask\n"));
    else
        g_string_append_printf(out, _("asks %s\n"), server);
    if (last_error[0] != '\0')
        g_string_append_printf(out, _("  the last try failed: %s\n"), last_error);

    append_peers(out, view, tunnel, style);
}

/**
 * Says how things stand: the headline, and a table for each tunnel.
 *
 * Returns: (transfer full)
 */
char *
ap_text_status(const ApClientView *view, const ApTextStyle *style)
{
    g_autofree char *headline = ap_text_headline(view);
    GString *out = g_string_new(headline);

    g_string_append_c(out, '\n');
    for (guint i = 0; i < view->tunnels->len; i++)
        append_tunnel(out, view, view->tunnels->pdata[i], style);

    return g_string_free(out, FALSE);
}

static char *
format_next_try(const ApClientPeer *peer, const ApTextStyle *style)
{
    g_autofree char *duration = ap_text_duration(peer->next_try_real_usec - style->now_real_usec);

    if (peer->next_try_real_usec != 0)
        return g_strdup_printf(_("in %s"), duration);

    return g_strdup(ap_client_peer_is_direct(peer) ? "" : _("when something changes"));
}

static char *
format_traffic(const ApClientPeer *peer)
{
    g_autofree char *rx = g_format_size(peer->rx_bytes);
    g_autofree char *tx = g_format_size(peer->tx_bytes);

    return g_strdup_printf(_("%s received, %s sent"), rx, tx);
}

static char *
format_round_trip(const ApClientPeer *peer)
{
    g_autofree char *direct = format_rtt(peer->rtt_usec);
    g_autofree char *relayed = format_rtt(peer->relay_rtt_usec);

    if (peer->relay_rtt_usec == 0)
        return g_steal_pointer(&direct);
    return g_strdup_printf(_("%s directly, about %s by the hub"), direct, relayed);
}

static void
append_advice(GString *out, const ApClientPeer *peer)
{
    g_autofree char *advice = ap_text_escape(translate(peer->advice));
    g_autofree char *command = ap_text_escape(peer->command);

    if (advice[0] != '\0')
        g_string_append_printf(out, "%s\n", advice);
    if (command[0] != '\0')
        g_string_append_printf(out, "\n    %s\n", command);
}

static void
add_explanation(ApTable *table, const ApClientPeer *peer, const ApTextStyle *style)
{
    g_autofree char *name = ap_text_escape(peer->name);
    g_autofree char *key = ap_text_escape(peer->public_key);
    g_autofree char *tunnel = ap_text_escape(peer->tunnel);
    g_autofree char *state = ap_text_escape(peer->state);
    g_autofree char *since = ap_text_ago(peer->since_real_usec, style, "");
    g_autofree char *path = format_path_and_trial(peer);
    g_autofree char *rtt = format_round_trip(peer);
    g_autofree char *addresses = format_list((const char *const *) peer->addresses, ", ");
    g_autofree char *sources = format_list((const char *const *) peer->sources, ", ");
    g_autofree char *handshake = ap_text_ago(peer->handshake_real_usec, style, _("never"));
    g_autofree char *traffic = format_traffic(peer);
    g_autofree char *next = format_next_try(peer, style);
    g_autofree char *refusals = format_list((const char *const *) peer->refusals, ", ");

    ap_text_add_line(table, _("name"), name);
    ap_text_add_line(table, _("peer"), key);
    ap_text_add_line(table, _("tunnel"), tunnel);
    ap_text_add_line(table, _("addresses"), addresses);
    ap_text_add_line(table, _("state"), state);
    ap_table_colour_cell(table, 1, state_colour(peer->state, style));
    ap_text_add_line(table, _("since"), since);
    ap_text_add_line(table, _("path"), path);
    ap_text_add_line(table, _("round trip"), rtt);
    ap_text_add_line(table, _("last handshake"), handshake);
    ap_text_add_line(table, _("traffic"), traffic);
    ap_text_add_line(table, _("next try"), next);
    ap_text_add_line(table, _("told by"), sources);
    ap_text_add_line(table, _("refused"), refusals);
    ap_evidence_add(table, &peer->evidence, style);
}

/**
 * Says everything that is known of one peer.
 *
 * Returns: (transfer full)
 */
char *
ap_text_explain(const ApClientPeer *peer, const ApTextStyle *style)
{
    g_autoptr(ApTable) table = ap_table_new(2);
    GString *out = g_string_new(NULL);

    add_explanation(table, peer, style);
    ap_table_write(table, out);
    g_string_append_c(out, '\n');
    for (gsize i = 0; peer->sentences[i] != NULL; i++) {
        g_autofree char *sentence = ap_text_escape(translate(peer->sentences[i]));

        g_string_append_printf(out, "%s\n", sentence);
    }
    append_advice(out, peer);

    return g_string_free(out, FALSE);
}

static char *
format_clock(const ApTextStyle *style)
{
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local(style->now_real_usec / AP_USEC_PER_SEC);

    return time != NULL ? g_date_time_format(time, "%H:%M:%S") : g_strdup("--:--:--");
}

/**
 * One line of "monitor" about something else than a peer.
 *
 * @event: fit for a terminal
 *
 * Returns: (transfer full): with a newline
 */
char *
ap_text_event(const char *event, const ApTextStyle *style)
{
    g_autofree char *clock = format_clock(style);

    return g_strdup_printf("%s  %s\n", clock, event);
}

/**
 * One line of "monitor" about a peer.
 *
 * Returns: (transfer full): with a newline
 */
char *
ap_text_change(const ApClientChange *change, const ApTextStyle *style)
{
    const ApClientPeer *peer = change->after != NULL ? change->after : change->before;
    g_autofree char *name = format_peer(peer);
    g_autofree char *tunnel = ap_text_escape(peer->tunnel);
    g_autofree char *before =
        ap_text_escape(change->before != NULL ? change->before->state : "new");
    g_autofree char *after = ap_text_escape(change->after != NULL ? change->after->state : "gone");
    g_autofree char *reason = format_reason(peer->reason, peer->reason_text);
    g_autofree char *event =
        g_strdup_printf("%s %s  %s → %s: %s", tunnel, name, before, after, reason);

    return ap_text_event(event, style);
}
