/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/view.h"

#include "common/text.h"

/** Characters of a key that are shown in lists: enough to tell a household's peers apart. */
#define SHORT_KEY_CHARS 8

/** The reply of GetView. */
#define VIEW_TYPE G_VARIANT_TYPE("(taa{sv}aa{sv})")

static char *
take_text(GVariant *dict, const char *name)
{
    char *text;

    return g_variant_lookup(dict, name, "s", &text) ? text : g_strdup("");
}

static GStrv
take_texts(GVariant *dict, const char *name)
{
    GStrv texts;

    return g_variant_lookup(dict, name, "^as", &texts) ? texts : g_new0(char *, 1);
}

/* A time before 1970 or a negative round trip is nothing that anybody could show. */
static gint64
take_usec(GVariant *dict, const char *name)
{
    gint64 usec;

    return g_variant_lookup(dict, name, "x", &usec) ? MAX(usec, 0) : 0;
}

static guint64
take_count(GVariant *dict, const char *name)
{
    guint64 count;

    return g_variant_lookup(dict, name, "t", &count) ? count : 0;
}

static guint
take_small_count(GVariant *dict, const char *name)
{
    guint32 count;

    return g_variant_lookup(dict, name, "u", &count) ? count : 0;
}

static void
tunnel_free(gpointer data)
{
    ApClientTunnel *self = data;

    g_free(self->interface);
    g_free(self->public_key);
    g_free(self->backend);
    g_free(self->state);
    g_free(self->reason);
    g_free(self->reason_text);
    g_free(self->advice);
    g_free(self->server);
    g_free(self->last_error);
    g_free(self);
}

static ApClientTunnel *
tunnel_new(GVariant *dict)
{
    ApClientTunnel *self = g_new0(ApClientTunnel, 1);

    self->interface = take_text(dict, "interface");
    self->public_key = take_text(dict, "public-key");
    self->backend = take_text(dict, "backend");
    self->state = take_text(dict, "state");
    self->reason = take_text(dict, "reason");
    self->reason_text = take_text(dict, "reason-text");
    self->advice = take_text(dict, "advice");
    self->server = take_text(dict, "server");
    self->last_error = take_text(dict, "last-error");
    self->hub_rtt_usec = take_usec(dict, "hub-rtt");
    self->n_direct = take_small_count(dict, "direct");
    return self;
}

static void
peer_free(gpointer data)
{
    ApClientPeer *self = data;

    g_free(self->tunnel);
    g_free(self->name);
    g_free(self->public_key);
    g_free(self->state);
    g_free(self->reason);
    g_free(self->reason_text);
    g_free(self->advice);
    g_free(self->command);
    g_free(self->evidence.tried);
    g_free(self->evidence.neighbour);
    g_strfreev(self->sources);
    g_free(self->endpoint);
    g_strfreev(self->addresses);
    g_strfreev(self->refusals);
    g_strfreev(self->sentences);
    g_free(self);
}

static ApClientEvidence
take_evidence(GVariant *dict)
{
    g_autoptr(GVariant) none = g_variant_ref_sink(g_variant_new("a{sv}", NULL));
    g_autoptr(GVariant) found = g_variant_lookup_value(dict, "evidence", G_VARIANT_TYPE_VARDICT);
    GVariant *evidence = found != NULL ? found : none;

    return (ApClientEvidence){
        .tried = take_text(evidence, "tried"),
        .tried_real_usec = take_usec(evidence, "tried-at"),
        .sent = take_count(evidence, "sent"),
        .received = take_count(evidence, "received"),
        .neighbour = take_text(evidence, "neighbour"),
        .proof_heard_real_usec = take_usec(evidence, "proof-heard"),
        .proof_sent = take_count(evidence, "proof-sent"),
        .proof_received = take_count(evidence, "proof-received"),
        .seen_real_usec = take_usec(evidence, "seen"),
        .n_breaks = take_small_count(evidence, "breaks"),
        .listen_port = take_small_count(evidence, "listen-port"),
    };
}

static ApClientPeer *
peer_new(GVariant *dict)
{
    ApClientPeer *self = g_new0(ApClientPeer, 1);

    self->tunnel = take_text(dict, "tunnel");
    self->name = take_text(dict, "name");
    self->public_key = take_text(dict, "public-key");
    self->state = take_text(dict, "state");
    self->reason = take_text(dict, "reason");
    self->reason_text = take_text(dict, "reason-text");
    self->advice = take_text(dict, "advice");
    self->command = take_text(dict, "command");
    self->sources = take_texts(dict, "sources");
    self->endpoint = take_text(dict, "endpoint");
    self->addresses = take_texts(dict, "addresses");
    self->since_real_usec = take_usec(dict, "since");
    self->next_try_real_usec = take_usec(dict, "next-try");
    self->handshake_real_usec = take_usec(dict, "last-handshake");
    self->rtt_usec = take_usec(dict, "rtt");
    self->relay_rtt_usec = take_usec(dict, "relay-rtt");
    self->rx_bytes = take_count(dict, "rx-bytes");
    self->tx_bytes = take_count(dict, "tx-bytes");
    self->refusals = take_texts(dict, "refusals");
    self->sentences = take_texts(dict, "sentences");
    self->evidence = take_evidence(dict);
    return self;
}

static GPtrArray *
tunnels_new(GVariant *list)
{
    GPtrArray *tunnels = g_ptr_array_new_with_free_func(tunnel_free);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) dict = g_variant_get_child_value(list, i);

        g_ptr_array_add(tunnels, tunnel_new(dict));
    }

    return tunnels;
}

/* Whoever calls itself as another does is not to be taken for that one. */
static void
mark_twins(const GPtrArray *peers)
{
    g_autoptr(GHashTable) firsts = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < peers->len; i++) {
        ApClientPeer *peer = peers->pdata[i];
        ApClientPeer *first = g_hash_table_lookup(firsts, peer->name);

        if (peer->name[0] == '\0')
            continue;
        if (first == NULL)
            g_hash_table_insert(firsts, peer->name, peer);
        else if (!g_str_equal(first->public_key, peer->public_key))
            first->is_twin = peer->is_twin = TRUE;
    }
}

/**
 * Reads a list of peers, as GetView and Explain send it.
 *
 * @list: of type aa{sv}; members that are missing or of another type become empty or 0
 *
 * Returns: (transfer full) (element-type ApClientPeer)
 */
GPtrArray *
ap_client_peers_new(GVariant *list)
{
    GPtrArray *peers = g_ptr_array_new_with_free_func(peer_free);

    g_return_val_if_fail(g_variant_is_of_type(list, G_VARIANT_TYPE("aa{sv}")), peers);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) dict = g_variant_get_child_value(list, i);

        g_ptr_array_add(peers, peer_new(dict));
    }

    mark_twins(peers);
    return peers;
}

/**
 * Reads what the helper says of itself.
 *
 * @properties: (nullable): a{sv} of the interface's properties; NULL: they are not known, and
 *     "enabled" is taken to be TRUE
 * @reply: of GetView
 *
 * Members that are missing or of another type become empty or 0; members and words that this
 * version does not know are ignored and kept.
 *
 * Returns: (transfer full)
 */
ApClientView *
ap_client_view_new(GVariant *properties, GVariant *reply)
{
    g_autoptr(GVariant) tunnels = NULL;
    g_autoptr(GVariant) peers = NULL;
    g_autoptr(GVariant) none = g_variant_ref_sink(g_variant_new("a{sv}", NULL));
    ApClientView *self;

    g_return_val_if_fail(g_variant_is_of_type(reply, VIEW_TYPE), NULL);

    if (properties == NULL || !g_variant_is_of_type(properties, G_VARIANT_TYPE_VARDICT))
        properties = none;

    self = g_new0(ApClientView, 1);
    g_atomic_ref_count_init(&self->ref_count);
    g_variant_get(reply, "(t@aa{sv}@aa{sv})", &self->serial, &tunnels, &peers);
    self->version = take_text(properties, "Version");
    self->state = take_text(properties, "State");
    self->pause_scope = take_text(properties, "PauseScope");
    self->paused_until_real_usec = take_usec(properties, "PausedUntil");
    self->n_resyncs = take_count(properties, "Resyncs");
    if (!g_variant_lookup(properties, "Enabled", "b", &self->enabled))
        self->enabled = TRUE;
    self->tunnels = tunnels_new(tunnels);
    self->peers = ap_client_peers_new(peers);
    return self;
}

/** Returns: (transfer full): @self, which lives one reference longer */
ApClientView *
ap_client_view_ref(ApClientView *self)
{
    g_atomic_ref_count_inc(&self->ref_count);
    return self;
}

/** Gives one reference back; the last one frees the view. */
void
ap_client_view_unref(ApClientView *self)
{
    if (self == NULL || !g_atomic_ref_count_dec(&self->ref_count))
        return;

    g_free(self->version);
    g_free(self->state);
    g_free(self->pause_scope);
    g_clear_pointer(&self->tunnels, g_ptr_array_unref);
    g_clear_pointer(&self->peers, g_ptr_array_unref);
    g_free(self);
}

/** Returns: (transfer full): enough of the peer's key to tell it from others; fit to be shown */
char *
ap_client_peer_short_key(const ApClientPeer *self)
{
    g_autofree char *key = ap_text_escape(self->public_key);

    return ap_text_shorten(key, SHORT_KEY_CHARS);
}

/** Returns: whether this computer is known to be the tunnel's hub */
gboolean
ap_client_tunnel_is_hub(const ApClientTunnel *self)
{
    return g_str_equal(self->reason, "is-hub");
}

/** Returns: whether this computer is known to be the hub of one of its tunnels */
gboolean
ap_client_view_is_hub(const ApClientView *self)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        if (ap_client_tunnel_is_hub(self->tunnels->pdata[i]))
            return TRUE;
    }
    return FALSE;
}

/** Returns: whether traffic to this peer goes directly */
gboolean
ap_client_peer_is_direct(const ApClientPeer *self)
{
    return g_str_equal(self->state, "direct");
}

/** Returns: whether the switch is on, and yet everything goes by the hub for a while */
gboolean
ap_client_view_is_paused(const ApClientView *self)
{
    return self->enabled && self->pause_scope[0] != '\0';
}

/** Returns: how many peers are reached directly, over all tunnels */
guint
ap_client_view_count_direct(const ApClientView *self)
{
    guint n = 0;

    for (guint i = 0; i < self->peers->len; i++)
        n += ap_client_peer_is_direct(self->peers->pdata[i]) ? 1 : 0;

    return n;
}

/**
 * Finds a peer of one tunnel.
 *
 * Returns: (transfer none) (nullable): NULL when the view does not have it
 */
const ApClientPeer *
ap_client_view_find(const ApClientView *self, const char *tunnel, const char *public_key)
{
    for (guint i = 0; i < self->peers->len; i++) {
        const ApClientPeer *peer = self->peers->pdata[i];

        if (g_str_equal(peer->public_key, public_key) && g_str_equal(peer->tunnel, tunnel))
            return peer;
    }

    return NULL;
}
