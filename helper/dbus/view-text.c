/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/view-text.h"

#include "common/text.h"
#include "helper/dbus/answer-private.h"

/** Members that are instants: they are shown as such. */
static const char *const instants[] =
    {"last-handshake", "next-try", "proof-heard", "seen", "since", "tried-at", NULL};

/** What people call a peer is theirs, and nothing is decided by it. */
static const char left_out[] = "name";

static int
compare_text(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *) a, *(const char *const *) b);
}

/* Names of a dictionary in their order: GLib has none. */
static GPtrArray *
list_names(GVariantDict *dict, GVariant *from)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GVariantIter iter;
    char *name;

    g_variant_dict_init(dict, from);
    g_variant_iter_init(&iter, from);
    while (g_variant_iter_next(&iter, "{sv}", &name, NULL))
        g_ptr_array_add(names, name);
    g_ptr_array_sort(names, compare_text);
    return names;
}

static char *
list_to_text(GVariant *value)
{
    g_autofree const char **words = g_variant_get_strv(value, NULL);

    return g_strjoinv(", ", (GStrv) words);
}

/* Returns: (transfer full): empty for what is absent */
static char *
value_to_text(const char *name, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return g_variant_dup_string(value, NULL);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
        return list_to_text(value);
    if (!g_strv_contains(instants, name))
        return g_variant_print(value, FALSE);

    const gint64 real_usec = g_variant_get_int64(value);
    return real_usec != 0 ? ap_text_instant(real_usec) : g_strdup("");
}

static void
append_line(GString *out, const char *indent, const char *name, const char *text)
{
    g_autofree char *clean = ap_text_escape(text);

    if (clean[0] != '\0')
        g_string_append_printf(out, "%s%s: %s\n", indent, name, clean);
}

static void append_dict(GString *out, const char *indent, GVariant *from);

static void
append_sentences(GString *out, const char *indent, GVariant *value)
{
    g_autofree const char **sentences = g_variant_get_strv(value, NULL);

    for (guint i = 0; sentences[i] != NULL; i++)
        append_line(out, indent, "sentence", sentences[i]);
}

static void
append_value(GString *out, const char *indent, const char *name, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
        g_string_append_printf(out, "%s%s:\n", indent, name);
        append_dict(out, "    ", value);
    } else if (g_str_equal(name, "sentences")) {
        append_sentences(out, indent, value);
    } else {
        g_autofree char *text = value_to_text(name, value);

        append_line(out, indent, name, text);
    }
}

static void
append_dict(GString *out, const char *indent, GVariant *from)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    g_autoptr(GPtrArray) names = list_names(&dict, from);

    for (guint i = 0; i < names->len; i++) {
        g_autoptr(GVariant) value = g_variant_dict_lookup_value(&dict, names->pdata[i], NULL);

        if (!g_str_equal(names->pdata[i], left_out))
            append_value(out, indent, names->pdata[i], value);
    }
}

/* @from: (transfer floating) */
static void
append_item(GString *out, const char *title, GVariant *from)
{
    g_autoptr(GVariant) sunk = g_variant_ref_sink(from);

    g_string_append_printf(out, "%s\n", title);
    append_dict(out, "  ", sunk);
}

static void
append_mode(GString *out, const ApView *view)
{
    g_string_append_printf(out, "serial: %" G_GUINT64_FORMAT "\n", view->serial);
    g_string_append_printf(out, "enabled: %s\n", view->mode.switched_on ? "yes" : "no");
    g_string_append_printf(out, "held: %s\n", view->mode.wanted ? "yes" : "no");
    append_line(out, "", "pause", ap_pause_scope_name(view->mode.pause));
    g_string_append_printf(out, "resyncs: %" G_GUINT64_FORMAT "\n", view->n_resyncs);
}

/**
 * Writes what GetView and Explain tell: everything in force, then the tunnels, then the peers with
 * the grounds of their reasons. What is absent is left out, and names of peers are.
 *
 * @view: (nullable): NULL before the first turn
 * @firewall: of this computer
 *
 * Returns: (transfer full): UTF-8 without control characters but line ends
 */
char *
ap_view_text(const ApView *view, ApFirewall firewall)
{
    GString *out = g_string_new(NULL);

    append_line(out, "", "state", ap_answer_state(view));
    if (view == NULL)
        return g_string_free(out, FALSE);

    append_mode(out, view);
    for (guint i = 0; i < view->tunnels->len; i++)
        append_item(out,
                    "tunnel",
                    ap_answer_tunnel(&g_array_index(view->tunnels, ApTunnelView, i)));
    for (guint i = 0; i < MIN(view->peers->len, AP_VIEW_TEXT_MAX_PEERS); i++) {
        const ApPeerView *peer = &g_array_index(view->peers, ApPeerView, i);

        append_item(out, "peer", ap_answer_explain_peer(view, peer, firewall));
    }
    if (view->peers->len > AP_VIEW_TEXT_MAX_PEERS)
        g_string_append_printf(out,
                               "(%u more peers)\n",
                               view->peers->len - (guint) AP_VIEW_TEXT_MAX_PEERS);
    return g_string_free(out, FALSE);
}

/**
 * Writes what GetMetrics tells.
 *
 * @view: (nullable): NULL before the first turn
 *
 * Returns: (transfer full)
 */
char *
ap_view_text_counters(const ApView *view)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; view != NULL && i < view->counters->len; i++) {
        const ApCounter *counter = &g_array_index(view->counters, ApCounter, i);

        g_string_append_printf(out, "%s: %" G_GUINT64_FORMAT "\n", counter->name, counter->value);
    }
    return g_string_free(out, FALSE);
}
