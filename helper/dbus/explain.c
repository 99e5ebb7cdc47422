/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/answer-private.h"
#include "helper/dbus/find.h"

#include <glib/gi18n.h>

static const char *
path_sentence(ApPathState state)
{
    switch (state) {
    case AP_PATH_WAITING:
        return N_("Traffic goes by the hub.");
    case AP_PATH_PROBING:
        return N_("Traffic goes by the hub while a direct path is tried.");
    case AP_PATH_DIRECT:
        return N_("Traffic goes directly to this peer.");
    }

    return N_("Traffic goes by the hub.");
}

static void
add_sentences(GVariantDict *dict, const ApView *view, const ApPeerView *peer)
{
    const ApTunnelView *tunnel = ap_answer_find_tunnel(view, peer->verdict.ifindex);
    const ApReason why_off = ap_mode_why_off(&view->mode);
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    g_variant_builder_add(&builder, "s", path_sentence(peer->verdict.state));
    if (peer->verdict.reason != AP_REASON_NONE)
        g_variant_builder_add(&builder, "s", ap_reason_sentence(peer->verdict.reason));
    /* Where something was tried, what else was offered explains nothing. */
    for (guint i = 0; peer->tried_real_usec == 0 && i < peer->n_refusals; i++)
        g_variant_builder_add(&builder, "s", ap_reason_sentence(peer->refusals[i]));
    if (peer->verdict.state != AP_PATH_DIRECT && peer->next_real_usec == 0)
        g_variant_builder_add(&builder, "s", N_("It is tried again when something changes."));
    if (why_off != AP_REASON_NONE)
        g_variant_builder_add(&builder, "s", ap_reason_sentence(why_off));
    else if (tunnel != NULL && !tunnel->managed)
        g_variant_builder_add(&builder, "s", ap_reason_sentence(tunnel->reason));
    g_variant_dict_insert_value(dict, "sentences", g_variant_builder_end(&builder));
}

static const char *
presence_name(ApPresence presence)
{
    switch (presence) {
    case AP_PRESENCE_UNKNOWN:
        return "";
    case AP_PRESENCE_ABSENT:
        return "absent";
    case AP_PRESENCE_THERE:
        return "there";
    }

    return "";
}

/* What was sent, what came back, and when: the reason's grounds. */
static void
add_evidence(GVariantDict *dict, const ApView *view, const ApPeerView *peer)
{
    const ApTrial *trial = &peer->verdict.trial;
    const ApTunnelView *tunnel = ap_answer_find_tunnel(view, peer->verdict.ifindex);
    g_auto(GVariantDict) evidence = G_VARIANT_DICT_INIT(NULL);

    ap_answer_add_endpoint(&evidence, "tried", &trial->endpoint);
    g_variant_dict_insert(&evidence, "tried-at", "x", peer->tried_real_usec);
    g_variant_dict_insert(&evidence, "sent", "t", trial->tx_bytes);
    g_variant_dict_insert(&evidence, "received", "t", trial->rx_bytes);
    g_variant_dict_insert(&evidence, "neighbour", "s", presence_name(trial->presence));
    g_variant_dict_insert(&evidence, "proof-heard", "x", peer->heard_real_usec);
    g_variant_dict_insert(&evidence, "proof-sent", "t", peer->proof_tx_bytes);
    g_variant_dict_insert(&evidence, "proof-received", "t", peer->proof_rx_bytes);
    g_variant_dict_insert(&evidence, "seen", "x", peer->seen_real_usec);
    g_variant_dict_insert(&evidence, "breaks", "u", peer->verdict.n_breaks);
    g_variant_dict_insert(&evidence, "listen-port", "u", tunnel != NULL ? tunnel->listen_port : 0);
    g_variant_dict_insert_value(dict, "evidence", g_variant_dict_end(&evidence));
}

static gboolean
leads_to(const ApTunnelView *tunnel, const ApAddr *addr)
{
    for (guint i = 0; i < tunnel->n_routes; i++) {
        if (ap_cidr_holds(&tunnel->routes[i], addr))
            return TRUE;
    }
    return FALSE;
}

/* What can be said of an address that nobody announces: why nothing comes from where news of its
 * peer would come from; and if that works, that it does not name the peer. */
static ApPeerView
make_stranger(const ApTunnelView *tunnel, const ApAddr *addr)
{
    ApPeerView peer = {
        .name = "",
        .verdict = {.ifindex = tunnel->id.ifindex,
                    .state = AP_PATH_WAITING,
                    .reason = tunnel->reason,
                    .next_boot_usec = AP_NEVER,
                    .addresses = {*addr},
                    .n_addresses = 1},
    };

    if (tunnel->reason == AP_REASON_MANAGED)
        peer.verdict.reason = AP_REASON_NOT_OFFERED;
    (void) g_strlcpy(peer.tunnel, tunnel->id.name, sizeof(peer.tunnel));
    return peer;
}

/* Returns: (transfer full) (nullable) (element-type ApPeerView): @text as an address that some
 *     tunnel leads to, once for each; NULL: it is none */
static GArray *
list_strangers(const ApView *view, const char *text)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ApPeerView));
    ApAddr addr;

    if (!ap_addr_parse(&addr, text, NULL))
        return NULL;

    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, i);

        if (leads_to(tunnel, &addr)) {
            const ApPeerView peer = make_stranger(tunnel, &addr);

            g_array_append_val(found, peer);
        }
    }
    return found->len > 0 ? g_steal_pointer(&found) : NULL;
}

/** Returns: (transfer floating): of type a{sv}: what Explain tells of one peer */
GVariant *
ap_answer_explain_peer(const ApView *view, const ApPeerView *peer, ApFirewall firewall)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    ap_answer_add_peer(&dict, view, peer, firewall);
    add_evidence(&dict, view, peer);
    add_sentences(&dict, view, peer);
    return g_variant_dict_end(&dict);
}

/**
 * The reply of Explain.
 *
 * @view: (nullable): NULL before the first turn: nothing is found
 * @key: what the caller typed: names a peer as for ap_find_peers(), or is an address of a tunnel's
 *     networks that no peer is known to have
 * @firewall: of this computer, for lines to copy
 * @error: as ap_find_peers()
 *
 * Returns: (transfer floating): of type (aa{sv})
 */
GVariant *
ap_answer_explain(const ApView *view, const char *key, ApFirewall firewall, GError **error)
{
    g_autoptr(ApView) none = view == NULL ? ap_view_new() : NULL;
    const ApView *shown = view != NULL ? view : none;
    g_autoptr(GError) not_found = NULL;
    g_autoptr(GPtrArray) found = ap_find_peers(shown, key, &not_found);
    g_autoptr(GArray) strangers = g_error_matches(not_found, AP_FIND_ERROR, AP_FIND_ERROR_NOT_FOUND)
                                      ? list_strangers(shown, key)
                                      : NULL;
    GVariantBuilder builder;

    if (found == NULL && strangers == NULL) {
        g_propagate_error(error, g_steal_pointer(&not_found));
        return NULL;
    }

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; found != NULL && i < found->len; i++)
        g_variant_builder_add_value(&builder,
                                    ap_answer_explain_peer(shown, found->pdata[i], firewall));
    for (guint i = 0; strangers != NULL && i < strangers->len; i++)
        g_variant_builder_add_value(
            &builder,
            ap_answer_explain_peer(shown, &g_array_index(strangers, ApPeerView, i), firewall));

    return g_variant_new("(aa{sv})", &builder);
}
