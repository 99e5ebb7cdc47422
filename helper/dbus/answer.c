/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/answer.h"

#include "helper/dbus/answer-private.h"
#include "helper/dbus/remedy.h"

static guint
count_peers(const ApView *view, ApPathState state)
{
    guint n = 0;

    for (guint i = 0; i < view->peers->len; i++)
        n += g_array_index(view->peers, ApPeerView, i).verdict.state == state;

    return n;
}

static guint
count_managed(const ApView *view, gboolean only_failed)
{
    guint n = 0;

    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, i);

        n += tunnel->managed && (!only_failed || tunnel->last_error[0] != '\0');
    }

    return n;
}

/**
 * Sums a view up in one word.
 *
 * @view: (nullable): NULL before the first turn
 *
 * Returns: a word of the property State
 */
const char *
ap_answer_state(const ApView *view)
{
    if (view == NULL)
        return "starting";
    switch ((int) ap_mode_why_off(&view->mode)) {
    case AP_REASON_DISABLED:
        return "off";
    case AP_REASON_IDLE:
        return "idle";
    case AP_REASON_PAUSED:
        return "paused";
    }
    if (count_managed(view, FALSE) == 0)
        return "no-tunnel";
    if (count_peers(view, AP_PATH_DIRECT) > 0)
        return "direct";
    if (count_peers(view, AP_PATH_PROBING) > 0)
        return "working";

    return count_managed(view, TRUE) > 0 ? "problem" : "relayed";
}

/* The bus drops the connection of a sender whose text is not UTF-8, and names of interfaces may
 * be any bytes. */
static void
add_text(GVariantDict *dict, const char *name, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_variant_dict_insert(dict, name, "s", valid);
}

static void
add_key(GVariantDict *dict, const ApKey *key)
{
    static const ApKey none;
    char text[AP_KEY_TEXT_LEN] = "";

    if (!ap_key_equal(key, &none))
        ap_key_to_text(key, text);
    g_variant_dict_insert(dict, "public-key", "s", text);
}

/** Adds an endpoint as text; one that is not set is an empty one. */
void
ap_answer_add_endpoint(GVariantDict *dict, const char *name, const ApEndpoint *endpoint)
{
    char text[AP_ENDPOINT_TEXT_LEN] = "";

    if (ap_endpoint_is_set(endpoint))
        ap_endpoint_to_text(endpoint, text);
    g_variant_dict_insert(dict, name, "s", text);
}

static void
add_reason(GVariantDict *dict, ApReason reason)
{
    g_variant_dict_insert(dict, "reason", "s", ap_reason_name(reason));
    g_variant_dict_insert(dict, "reason-text", "s", ap_reason_sentence(reason));
    g_variant_dict_insert(dict, "advice", "s", ap_reason_advice(reason));
}

static void
add_sources(GVariantDict *dict, guint sources)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    if (sources & AP_SOURCE_SERVER)
        g_variant_builder_add(&builder, "s", "server");
    if (sources & AP_SOURCE_GOSSIP)
        g_variant_builder_add(&builder, "s", "gossip");
    g_variant_dict_insert_value(dict, "sources", g_variant_builder_end(&builder));
}

static void
add_family(GVariantBuilder *builder, const ApVerdict *verdict, guint16 family)
{
    for (guint i = 0; i < verdict->n_addresses; i++) {
        char text[AP_ADDR_TEXT_LEN];

        if (verdict->addresses[i].family != family)
            continue;
        ap_addr_to_text(&verdict->addresses[i], text);
        g_variant_builder_add(builder, "s", text);
    }
}

/* Where there is room for one only, it is the one that people type. */
static void
add_addresses(GVariantDict *dict, const ApVerdict *verdict)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    add_family(&builder, verdict, AF_INET);
    add_family(&builder, verdict, AF_INET6);
    g_variant_dict_insert_value(dict, "addresses", g_variant_builder_end(&builder));
}

static void
add_refusals(GVariantDict *dict, const ApPeerView *peer)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint i = 0; i < peer->n_refusals; i++)
        g_variant_builder_add(&builder, "s", ap_reason_name(peer->refusals[i]));
    g_variant_dict_insert_value(dict, "refusals", g_variant_builder_end(&builder));
}

/** Returns: (transfer floating): of type a{sv}: what GetView tells of one tunnel */
GVariant *
ap_answer_tunnel(const ApTunnelView *tunnel)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

    add_text(&dict, "interface", tunnel->id.name);
    add_key(&dict, &tunnel->public_key);
    g_variant_dict_insert(&dict, "backend", "s", ap_backend_names[tunnel->id.backend]);
    g_variant_dict_insert(&dict, "state", "s", tunnel->managed ? "managed" : "unmanaged");
    add_reason(&dict, tunnel->reason);
    ap_answer_add_endpoint(&dict, "server", &tunnel->server);
    add_text(&dict, "last-error", tunnel->last_error);
    g_variant_dict_insert(&dict, "hub-rtt", "x", tunnel->hub_rtt_usec);
    g_variant_dict_insert(&dict, "direct", "u", tunnel->n_direct);
    return g_variant_dict_end(&dict);
}

/** Returns: (transfer none) (nullable): NULL when the view does not have it */
const ApTunnelView *
ap_answer_find_tunnel(const ApView *view, guint32 ifindex)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, i);

        if (tunnel->id.ifindex == ifindex)
            return tunnel;
    }

    return NULL;
}

static void
add_command(GVariantDict *dict, ApReason reason, const ApTunnelView *tunnel, ApFirewall firewall)
{
    g_autofree char *command = ap_remedy_command(ap_reason_remedy(reason),
                                                 firewall,
                                                 tunnel != NULL ? tunnel->listen_port : 0);

    g_variant_dict_insert(dict, "command", "s", command);
}

/**
 * Adds what GetView tells of a peer.
 *
 * @firewall: of this computer, for the line to copy
 */
void
ap_answer_add_peer(GVariantDict *dict,
                   const ApView *view,
                   const ApPeerView *peer,
                   ApFirewall firewall)
{
    add_text(dict, "tunnel", peer->tunnel);
    add_text(dict, "name", peer->name);
    add_key(dict, &peer->verdict.key);
    g_variant_dict_insert(dict, "state", "s", ap_path_state_names[peer->verdict.state]);
    add_reason(dict, peer->verdict.reason);
    add_command(dict,
                peer->verdict.reason,
                ap_answer_find_tunnel(view, peer->verdict.ifindex),
                firewall);
    add_sources(dict, peer->verdict.sources);
    ap_answer_add_endpoint(dict, "endpoint", &peer->verdict.endpoint);
    add_addresses(dict, &peer->verdict);
    g_variant_dict_insert(dict, "since", "x", peer->since_real_usec);
    g_variant_dict_insert(dict, "next-try", "x", peer->next_real_usec);
    g_variant_dict_insert(dict, "last-handshake", "x", peer->handshake_real_usec);
    g_variant_dict_insert(dict, "rtt", "x", peer->rtt_usec);
    g_variant_dict_insert(dict, "relay-rtt", "x", peer->relay_rtt_usec);
    g_variant_dict_insert(dict, "rx-bytes", "t", peer->rx_bytes);
    g_variant_dict_insert(dict, "tx-bytes", "t", peer->tx_bytes);
    add_refusals(dict, peer);
}

/* As bytes at once: a thousand trees of small pieces take ten times as much, and the heap keeps it. */
static GVariant *
peer_to_variant(const ApView *view, const ApPeerView *peer, ApFirewall firewall)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    GVariant *variant;

    ap_answer_add_peer(&dict, view, peer, firewall);
    variant = g_variant_dict_end(&dict);
    (void) g_variant_get_data(variant);
    return variant;
}

/**
 * The reply of GetView.
 *
 * @view: (nullable): NULL before the first turn: an empty one with serial 0
 * @firewall: of this computer, for lines to copy
 *
 * Returns: (transfer floating): of type (taa{sv}aa{sv})
 */
GVariant *
ap_answer_view(const ApView *view, ApFirewall firewall)
{
    GVariantBuilder tunnels, peers;

    g_variant_builder_init(&tunnels, G_VARIANT_TYPE("aa{sv}"));
    g_variant_builder_init(&peers, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; view != NULL && i < view->tunnels->len; i++)
        g_variant_builder_add_value(
            &tunnels,
            ap_answer_tunnel(&g_array_index(view->tunnels, ApTunnelView, i)));
    for (guint i = 0; view != NULL && i < view->peers->len; i++)
        g_variant_builder_add_value(
            &peers,
            peer_to_variant(view, &g_array_index(view->peers, ApPeerView, i), firewall));

    return g_variant_new("(taa{sv}aa{sv})", view != NULL ? view->serial : 0, &tunnels, &peers);
}

/**
 * The reply of GetMetrics.
 *
 * @view: (nullable): NULL before the first turn: no counters
 *
 * Returns: (transfer floating): of type (a{st})
 */
GVariant *
ap_answer_metrics(const ApView *view)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{st}"));
    for (guint i = 0; view != NULL && i < view->counters->len; i++) {
        const ApCounter *counter = &g_array_index(view->counters, ApCounter, i);

        g_variant_builder_add(&builder, "{st}", counter->name, counter->value);
    }

    return g_variant_new("(a{st})", &builder);
}
