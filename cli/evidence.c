/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/evidence.h"

#include <glib/gi18n.h>

/** Adds a row of two columns, unless there is no @value. */
void
ap_text_add_line(ApTable *table, const char *name, const char *value)
{
    const char *const cells[] = {name, value};

    if (value[0] != '\0')
        ap_table_add(table, cells);
}

/**
 * Says how long ago something was.
 *
 * @real_usec: 0: it never was
 *
 * Returns: (transfer full): @never, or such as "90 s ago"
 */
char *
ap_text_ago(gint64 real_usec, const ApTextStyle *style, const char *never)
{
    g_autofree char *duration = ap_text_duration(style->now_real_usec - real_usec);

    return real_usec == 0 ? g_strdup(never) : g_strdup_printf(_("%s ago"), duration);
}

static char *
format_bytes(guint64 sent, guint64 received)
{
    g_autofree char *rx = g_format_size(received);
    g_autofree char *tx = g_format_size(sent);

    return g_strdup_printf(_("%s sent, %s received"), tx, rx);
}

static const char *
format_neighbour(const char *neighbour)
{
    if (g_str_equal(neighbour, "there"))
        return _("somebody has that address");
    return g_str_equal(neighbour, "absent") ? _("nobody has that address") : neighbour;
}

static void
add_trial(ApTable *table, const ApClientEvidence *evidence, const ApTextStyle *style)
{
    g_autofree char *where = ap_text_escape(evidence->tried);
    g_autofree char *when = ap_text_ago(evidence->tried_real_usec, style, "");
    g_autofree char *tried = g_strdup_printf("%s, %s", where, when);
    g_autofree char *bytes = format_bytes(evidence->sent, evidence->received);
    g_autofree char *neighbour = ap_text_escape(format_neighbour(evidence->neighbour));

    if (evidence->tried_real_usec == 0)
        return;
    ap_text_add_line(table, _("latest try"), tried);
    ap_text_add_line(table, _("came of it"), bytes);
    ap_text_add_line(table, _("on the LAN"), neighbour);
}

/**
 * Adds what is known to a table of two columns: a name and a value.
 */
void
ap_evidence_add(ApTable *table, const ApClientEvidence *evidence, const ApTextStyle *style)
{
    g_autofree char *heard = ap_text_ago(evidence->proof_heard_real_usec, style, _("never"));
    g_autofree char *bytes = format_bytes(evidence->proof_sent, evidence->proof_received);
    g_autofree char *proof = g_strdup_printf(_("last heard %s; %s"), heard, bytes);
    g_autofree char *seen = ap_text_ago(evidence->seen_real_usec, style, "");
    g_autofree char *breaks = g_strdup_printf("%u", evidence->n_breaks);
    g_autofree char *port = g_strdup_printf("%u", evidence->listen_port);

    add_trial(table, evidence, style);
    if (evidence->proof_sent + evidence->proof_received > 0)
        ap_text_add_line(table, _("proof of the path"), proof);
    ap_text_add_line(table, _("server heard of it"), seen);
    if (evidence->n_breaks > 0)
        ap_text_add_line(table, _("breaks"), breaks);
    if (evidence->listen_port > 0)
        ap_text_add_line(table, _("own port"), port);
}
