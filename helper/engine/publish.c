/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/publish.h"

#include "helper/core/order.h"
#include "helper/core/spot.h"
#include "helper/engine/events.h"

#include <string.h>

/** Characters of a key that are enough for a person to tell peers apart in a log. */
#define SHORT_KEY_LEN 8

static gint64
to_real(gint64 boot_usec, ApInstant now)
{
    return now.real_usec - (now.boot_usec - boot_usec);
}

static gint64
to_real_or_never(gint64 boot_usec, ApInstant now)
{
    return boot_usec != 0 ? to_real(boot_usec, now) : 0;
}

/* Whom a tunnel asks matters only where it asks. What a hub's device has is also what a machine
 * has that lacks its hub: only what others say tells them apart. */
static ApReason
judge_tunnel(const ApTunnel *tunnel, const ApServerNews *news, const ApPublishSources *sources)
{
    if (tunnel->reason == AP_REASON_NO_HUB && tunnel->gossips
        && sources->is_hub(tunnel->ifindex, sources->gossip))
        return AP_REASON_IS_HUB;
    if (tunnel->reason != AP_REASON_MANAGED)
        return tunnel->reason;
    if (!ap_endpoint_is_set(&tunnel->server))
        return AP_REASON_NO_SERVER;
    return news->reason != AP_REASON_NONE ? news->reason : AP_REASON_MANAGED;
}

/* Our own peers have host addresses only. */
static void
add_routes(ApTunnelView *entry, const ApDevice *device)
{
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

        for (guint j = 0; j < peer->allowed->len && entry->n_routes < AP_VIEW_MAX_ROUTES; j++) {
            const ApCidr *prefix = &g_array_index(peer->allowed, ApCidr, j);

            if (!ap_spot_is_default(prefix) && !ap_cidr_is_host(prefix))
                entry->routes[entry->n_routes++] = *prefix;
        }
    }
}

static void
add_tunnel(ApView *view,
           const ApDevice *device,
           const ApTunnel *tunnel,
           const ApPublishSources *sources)
{
    const ApServerNews news = sources->news(tunnel->ifindex, sources->servers);
    ApTunnelView entry = {
        .id = device->id,
        .public_key = device->public_key,
        .managed = tunnel->managed,
        .reason = judge_tunnel(tunnel, &news, sources),
        .listen_port = device->listen_port,
        .server = tunnel->server,
        .hub_rtt_usec = news.hub_rtt_usec,
    };

    (void) g_strlcpy(entry.last_error, news.error, sizeof(entry.last_error));
    add_routes(&entry, device);
    g_array_append_val(view->tunnels, entry);
}

static int
compare_refusal_with(const ApRefusal *refusal, const ApVerdict *verdict)
{
    return ap_order_peers(refusal->ifindex, &refusal->key, verdict->ifindex, &verdict->key);
}

static guint
find_refusals(const GArray *refusals, const ApVerdict *verdict)
{
    guint low = 0, high = refusals->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (compare_refusal_with(&g_array_index(refusals, ApRefusal, middle), verdict) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

G_STATIC_ASSERT(AP_N_REASONS <= G_MAXUINT8);

static void
add_refusals(ApPeerView *entry, const GArray *refusals)
{
    for (guint i = find_refusals(refusals, &entry->verdict); i < refusals->len; i++) {
        const ApRefusal *refusal = &g_array_index(refusals, ApRefusal, i);

        if (compare_refusal_with(refusal, &entry->verdict) != 0
            || entry->n_refusals == G_N_ELEMENTS(entry->refusals))
            return;
        entry->refusals[entry->n_refusals++] = (guint8) refusal->reason;
    }
}

static void
add_proof(ApPeerView *entry, const ApProof *proof, ApInstant now)
{
    entry->rtt_usec = proof->rtt_usec;
    entry->heard_real_usec = to_real_or_never(proof->heard_boot_usec, now);
    entry->proof_rx_bytes = proof->rx_bytes;
    entry->proof_tx_bytes = proof->tx_bytes;
}

static int
compare_proofs(gconstpointer a, gconstpointer b)
{
    const ApProof *x = a, *y = b;

    return ap_order_peers(x->ifindex, &x->key, y->ifindex, &y->key);
}

/* Those of a world are in no order. */
static GArray *
sort_proofs(const GArray *proofs)
{
    GArray *sorted = proofs != NULL ? g_array_copy((GArray *) proofs)
                                    : g_array_new(FALSE, FALSE, sizeof(ApProof));

    g_array_sort(sorted, compare_proofs);
    return sorted;
}

static const ApProof *
find_proof(GArray *proofs, const ApVerdict *verdict)
{
    const ApProof wanted = {.ifindex = verdict->ifindex, .key = verdict->key};
    guint at;

    if (!g_array_binary_search(proofs, &wanted, compare_proofs, &at))
        return NULL;
    return &g_array_index(proofs, ApProof, at);
}

static void
add_peer(ApView *view,
         GArray *proofs,
         const ApDevice *device,
         const ApPlan *plan,
         const ApVerdict *verdict,
         ApInstant now)
{
    const ApDevicePeer *peer = ap_device_find(device, &verdict->key);
    const ApProof *proof = find_proof(proofs, verdict);
    ApPeerView entry = {
        .verdict = *verdict,
        .since_real_usec = to_real(verdict->since_boot_usec, now),
        .next_real_usec =
            verdict->next_boot_usec == AP_NEVER ? 0 : to_real(verdict->next_boot_usec, now),
        .relay_rtt_usec = verdict->relay_rtt_usec,
        .tried_real_usec = to_real_or_never(verdict->trial.began_boot_usec, now),
        .seen_real_usec = to_real_or_never(verdict->seen_boot_usec, now),
    };

    (void) g_strlcpy(entry.tunnel, device->id.name, sizeof(entry.tunnel));
    if (peer != NULL) {
        entry.handshake_real_usec = peer->handshake_real_usec;
        entry.rx_bytes = peer->rx_bytes;
        entry.tx_bytes = peer->tx_bytes;
    }
    if (proof != NULL)
        add_proof(&entry, proof, now);
    add_refusals(&entry, plan->refusals);
    g_array_append_val(view->peers, entry);
}

static const char *
configured_name(const ApPolicy *policy, const ApPeerView *peer)
{
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(policy, peer->tunnel);

    for (guint i = 0; entry != NULL && i < entry->peers->len; i++) {
        const ApPeerPolicy *configured = g_ptr_array_index(entry->peers, i);

        if (ap_key_equal(&configured->key, &peer->verdict.key))
            return configured->name;
    }
    return "";
}

/* What our own files call a peer counts more than what others do. */
static void
add_name(ApView *view, guint index, const ApPolicy *policy, const ApPublishSources *sources)
{
    ApPeerView *entry = &g_array_index(view->peers, ApPeerView, index);
    const char *configured = configured_name(policy, entry);
    char name[AP_PEER_NAME_MAX + 1];
    g_autofree char *told = NULL;

    if (configured[0] == '\0')
        told = sources->name(entry->verdict.ifindex, &entry->verdict.key, sources->gossip);
    (void) g_strlcpy(name, told != NULL ? told : configured, sizeof(name));
    ap_view_name_peer(view, entry, g_strstrip(name));
}

static ApTunnelView *
find_tunnel(const ApView *view, guint32 ifindex)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, i);

        if (tunnel->id.ifindex == ifindex)
            return tunnel;
    }
    return NULL;
}

/**
 * Makes the picture after a turn. Its serial and counters are left to the caller.
 *
 * Returns: (transfer full)
 */
ApView *
ap_publish_view(const ApWorld *world,
                const ApPlan *plan,
                const ApPolicy *policy,
                const ApPublishSources *sources,
                ApInstant now)
{
    g_autoptr(GArray) proofs = sort_proofs(world->proofs);
    ApView *view = ap_view_new();

    view->mode = policy->mode;
    for (guint i = 0; i < plan->tunnels->len; i++) {
        const ApTunnel *tunnel = &g_array_index(plan->tunnels, ApTunnel, i);
        const ApDevice *device = ap_world_find_device(world, tunnel->ifindex);

        if (device != NULL)
            add_tunnel(view, device, tunnel, sources);
    }

    for (guint i = 0; i < plan->verdicts->len; i++) {
        const ApVerdict *verdict = &g_array_index(plan->verdicts, ApVerdict, i);
        const ApDevice *device = ap_world_find_device(world, verdict->ifindex);
        ApTunnelView *tunnel = find_tunnel(view, verdict->ifindex);

        /* Whoever is at the other end of a hub's tunnel is there without any path of ours. */
        if (device == NULL || tunnel == NULL || tunnel->reason == AP_REASON_IS_HUB)
            continue;
        tunnel->n_direct += verdict->state == AP_PATH_DIRECT;
        add_peer(view, proofs, device, plan, verdict, now);
        add_name(view, view->peers->len - 1, policy, sources);
    }
    return view;
}

static int
compare_peers(gconstpointer a, gconstpointer b)
{
    const ApPeerView *x = a;
    const ApPeerView *y = b;

    return ap_order_peers(x->verdict.ifindex, &x->verdict.key, y->verdict.ifindex, &y->verdict.key);
}

static const ApPeerView *
find_peer(const ApView *view, const ApPeerView *like)
{
    guint at;

    if (view == NULL || !g_array_binary_search(view->peers, like, compare_peers, &at))
        return NULL;
    return &g_array_index(view->peers, ApPeerView, at);
}

static void
log_direct(const ApPeerView *peer)
{
    char endpoint[AP_ENDPOINT_TEXT_LEN], key[AP_KEY_TEXT_LEN];

    ap_key_to_text(&peer->verdict.key, key);
    ap_endpoint_to_text(&peer->verdict.endpoint, endpoint);

    const ApLogField fields[] = {
        {AP_LOG_TUNNEL, peer->tunnel},
        {AP_LOG_PEER, key},
        {AP_LOG_ENDPOINT, endpoint},
    };
    ap_log_event(AP_EVENT_DIRECT,
                 G_LOG_LEVEL_MESSAGE,
                 fields,
                 G_N_ELEMENTS(fields),
                 "%s: peer %.*s is direct, at %s",
                 peer->tunnel,
                 SHORT_KEY_LEN,
                 key,
                 endpoint);
}

static void
log_back(const ApPeerView *peer, ApReason reason)
{
    char key[AP_KEY_TEXT_LEN];

    ap_key_to_text(&peer->verdict.key, key);

    const ApLogField fields[] = {
        {AP_LOG_TUNNEL, peer->tunnel},
        {AP_LOG_PEER, key},
        {AP_LOG_REASON, ap_reason_name(reason)},
    };
    ap_log_event(AP_EVENT_BACK,
                 G_LOG_LEVEL_MESSAGE,
                 fields,
                 G_N_ELEMENTS(fields),
                 "%s: peer %.*s goes by the hub again: %s",
                 peer->tunnel,
                 SHORT_KEY_LEN,
                 key,
                 ap_reason_sentence(reason));
}

static void
log_notice(const ApTunnelView *tunnel)
{
    const ApLogField fields[] = {
        {AP_LOG_TUNNEL, tunnel->id.name},
        {AP_LOG_REASON, ap_reason_name(tunnel->reason)},
    };

    ap_log_event(AP_EVENT_NOTICE,
                 G_LOG_LEVEL_WARNING,
                 fields,
                 G_N_ELEMENTS(fields),
                 "%s: %s",
                 tunnel->id.name,
                 ap_reason_sentence(tunnel->reason));
}

/**
 * Warns of each tunnel that the administrator should know something about, once.
 *
 * @before: (nullable)
 */
void
ap_publish_notices(const ApView *before, const ApView *after)
{
    for (guint i = 0; i < after->tunnels->len; i++) {
        const ApTunnelView *tunnel = &g_array_index(after->tunnels, ApTunnelView, i);
        const ApTunnelView *old = before != NULL ? find_tunnel(before, tunnel->id.ifindex) : NULL;

        if (tunnel->reason == AP_REASON_SAVE_CONFIG
            && (old == NULL || old->reason != AP_REASON_SAVE_CONFIG))
            log_notice(tunnel);
    }
}

/**
 * Logs and counts each peer that went direct or back between two pictures.
 *
 * @before: (nullable): nothing was direct
 */
void
ap_publish_log(const ApView *before, const ApView *after, ApMetrics *metrics)
{
    for (guint i = 0; i < after->peers->len; i++) {
        const ApPeerView *peer = &g_array_index(after->peers, ApPeerView, i);
        const ApPeerView *old = find_peer(before, peer);
        const gboolean was = old != NULL && old->verdict.state == AP_PATH_DIRECT;
        const gboolean is = peer->verdict.state == AP_PATH_DIRECT;

        metrics->values[AP_METRIC_PROMOTED] += is && !was;
        metrics->values[AP_METRIC_DEMOTED] += was && !is;
        if (is && !was)
            log_direct(peer);
        else if (was && !is)
            log_back(peer, peer->verdict.reason);
    }

    for (guint i = 0; before != NULL && i < before->peers->len; i++) {
        const ApPeerView *old = &g_array_index(before->peers, ApPeerView, i);

        if (old->verdict.state == AP_PATH_DIRECT && find_peer(after, old) == NULL) {
            metrics->values[AP_METRIC_DEMOTED]++;
            log_back(old, AP_REASON_NOT_OFFERED);
        }
    }
}

/* Both lists have one order, so a single walk over @before serves all of @after. */
static gboolean
holds_refusal(const GArray *before, guint *position, const ApRefusal *like)
{
    for (; before != NULL && *position < before->len; (*position)++) {
        const int order = ap_refusal_compare(&g_array_index(before, ApRefusal, *position), like);

        if (order >= 0)
            return order == 0;
    }
    return FALSE;
}

/**
 * Counts what the guard refused in this turn and not in the one before; at log level info it
 * also says so. A server that repeats itself is counted and logged once.
 *
 * @before: (nullable) (element-type ApRefusal)
 * @after: (element-type ApRefusal)
 */
void
ap_publish_refusals(const GArray *before, const GArray *after, ApMetrics *metrics)
{
    guint position = 0;

    for (guint i = 0; i < after->len; i++) {
        const ApRefusal *refusal = &g_array_index(after, ApRefusal, i);
        char key[AP_KEY_TEXT_LEN];

        if (holds_refusal(before, &position, refusal))
            continue;
        metrics->refused[refusal->reason]++;
        ap_key_to_text(&refusal->key, key);
        g_info("refused of the offer of %.*s: %s",
               SHORT_KEY_LEN,
               key,
               ap_reason_name(refusal->reason));
    }
}
