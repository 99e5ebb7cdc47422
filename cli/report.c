/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/report.h"

#include "common/json/json.h"

static void
append_name(GString *out, const char *name)
{
    if (out->str[out->len - 1] != '{')
        g_string_append_c(out, ',');
    g_string_append_printf(out, "\"%s\":", name);
}

static void
append_text(GString *out, const char *name, const char *text)
{
    append_name(out, name);
    ap_json_append_string(out, text);
}

static void
append_nullable(GString *out, const char *name, const char *text)
{
    append_name(out, name);
    if (text != NULL)
        ap_json_append_string(out, text);
    else
        g_string_append(out, "null");
}

static void
append_texts(GString *out, const char *name, GStrv texts)
{
    append_name(out, name);
    g_string_append_c(out, '[');
    for (gsize i = 0; texts[i] != NULL; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        ap_json_append_string(out, texts[i]);
    }
    g_string_append_c(out, ']');
}

static void
append_int(GString *out, const char *name, gint64 number)
{
    append_name(out, name);
    g_string_append_printf(out, "%" G_GINT64_FORMAT, number);
}

static void
append_uint(GString *out, const char *name, guint64 number)
{
    append_name(out, name);
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, number);
}

static void
append_bool(GString *out, const char *name, gboolean value)
{
    append_name(out, name);
    g_string_append(out, value ? "true" : "false");
}

static void
append_tunnel(GString *out, const ApClientTunnel *tunnel)
{
    g_string_append_c(out, '{');
    append_text(out, "interface", tunnel->interface);
    append_text(out, "public_key", tunnel->public_key);
    append_text(out, "backend", tunnel->backend);
    append_text(out, "state", tunnel->state);
    append_text(out, "reason", tunnel->reason);
    append_text(out, "reason_text", tunnel->reason_text);
    append_text(out, "advice", tunnel->advice);
    append_text(out, "server", tunnel->server);
    append_text(out, "last_error", tunnel->last_error);
    append_int(out, "hub_rtt_usec", tunnel->hub_rtt_usec);
    append_uint(out, "direct", tunnel->n_direct);
    g_string_append_c(out, '}');
}

static void
append_peer_members(GString *out, const ApClientPeer *peer)
{
    append_text(out, "tunnel", peer->tunnel);
    append_text(out, "name", peer->name);
    append_text(out, "public_key", peer->public_key);
    append_text(out, "state", peer->state);
    append_text(out, "reason", peer->reason);
    append_text(out, "reason_text", peer->reason_text);
    append_text(out, "advice", peer->advice);
    append_text(out, "command", peer->command);
    append_texts(out, "sources", peer->sources);
    append_text(out, "endpoint", peer->endpoint);
    append_texts(out, "addresses", peer->addresses);
    append_int(out, "since_usec", peer->since_real_usec);
    append_int(out, "next_try_usec", peer->next_try_real_usec);
    append_int(out, "last_handshake_usec", peer->handshake_real_usec);
    append_int(out, "rtt_usec", peer->rtt_usec);
    append_int(out, "relay_rtt_usec", peer->relay_rtt_usec);
    append_uint(out, "rx_bytes", peer->rx_bytes);
    append_uint(out, "tx_bytes", peer->tx_bytes);
    append_texts(out, "refusals", peer->refusals);
}

static void
append_evidence(GString *out, const ApClientEvidence *evidence)
{
    append_name(out, "evidence");
    g_string_append_c(out, '{');
    append_text(out, "tried", evidence->tried);
    append_int(out, "tried_usec", evidence->tried_real_usec);
    append_uint(out, "sent", evidence->sent);
    append_uint(out, "received", evidence->received);
    append_text(out, "neighbour", evidence->neighbour);
    append_int(out, "proof_heard_usec", evidence->proof_heard_real_usec);
    append_uint(out, "proof_sent", evidence->proof_sent);
    append_uint(out, "proof_received", evidence->proof_received);
    append_int(out, "seen_usec", evidence->seen_real_usec);
    append_uint(out, "breaks", evidence->n_breaks);
    append_uint(out, "listen_port", evidence->listen_port);
    g_string_append_c(out, '}');
}

static void
append_tunnels(GString *out, const ApClientView *view)
{
    append_name(out, "tunnels");
    g_string_append_c(out, '[');
    for (guint i = 0; i < view->tunnels->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        append_tunnel(out, view->tunnels->pdata[i]);
    }
    g_string_append_c(out, ']');
}

static void
append_peers(GString *out, const ApClientView *view)
{
    append_name(out, "peers");
    g_string_append_c(out, '[');
    for (guint i = 0; i < view->peers->len; i++) {
        g_string_append(out, i > 0 ? ",{" : "{");
        append_peer_members(out, view->peers->pdata[i]);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static GString *
begin(void)
{
    GString *out = g_string_new("{");

    append_int(out, "schema", AP_REPORT_SCHEMA);
    return out;
}

static char *
finish(GString *out)
{
    g_string_append(out, "}\n");
    return g_string_free(out, FALSE);
}

/**
 * The output of "status --json".
 *
 * Returns: (transfer full): one object, with a newline
 */
char *
ap_report_status(const ApClientView *view)
{
    GString *out = begin();

    append_text(out, "version", view->version);
    append_bool(out, "enabled", view->enabled);
    append_text(out, "state", view->state);
    append_text(out, "pause", view->pause_scope);
    append_int(out, "paused_until_usec", view->paused_until_real_usec);
    append_uint(out, "direct", ap_client_view_count_direct(view));
    append_tunnels(out, view);
    append_peers(out, view);
    return finish(out);
}

/**
 * The output of "explain --json".
 *
 * @peers: (element-type ApClientPeer)
 *
 * Returns: (transfer full): one object, with a newline
 */
char *
ap_report_explain(const GPtrArray *peers)
{
    GString *out = begin();

    append_name(out, "peers");
    g_string_append_c(out, '[');
    for (guint i = 0; i < peers->len; i++) {
        const ApClientPeer *peer = peers->pdata[i];

        g_string_append(out, i > 0 ? ",{" : "{");
        append_peer_members(out, peer);
        append_evidence(out, &peer->evidence);
        append_texts(out, "sentences", peer->sentences);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
    return finish(out);
}

/**
 * A line of "monitor --json" about a peer: all of its members, and "old_state", which is null for
 * a peer that was not there. The state of one that went is "gone".
 *
 * Returns: (transfer full): one object, with a newline
 */
char *
ap_report_change(const ApClientChange *change, gint64 now_real_usec)
{
    const ApClientPeer *peer = change->after != NULL ? change->after : change->before;
    ApClientPeer shown = *peer;
    GString *out = begin();

    if (change->after == NULL)
        shown.state = (char *) "gone";
    append_text(out, "event", "peer");
    append_int(out, "time_usec", now_real_usec);
    append_nullable(out, "old_state", change->before != NULL ? change->before->state : NULL);
    append_peer_members(out, &shown);
    return finish(out);
}

/**
 * A line of "monitor --json" about the helper: it came, went, or is in another state.
 *
 * @view: (nullable): NULL: it is not running
 *
 * Returns: (transfer full): one object, with a newline
 */
char *
ap_report_helper(const ApClientView *view, gint64 now_real_usec)
{
    GString *out = begin();

    append_text(out, "event", "helper");
    append_int(out, "time_usec", now_real_usec);
    append_bool(out, "running", view != NULL);
    append_nullable(out, "version", view != NULL ? view->version : NULL);
    append_bool(out, "enabled", view != NULL && view->enabled);
    append_nullable(out, "state", view != NULL ? view->state : NULL);
    return finish(out);
}
