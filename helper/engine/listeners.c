/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/listeners.h"

/**
 * What a listener costs: one time to speak in 10 s, after a burst of 20 while a fleet comes up
 * (security rule G12). Whoever makes us speak gets no more than that out of us.
 */
#define TURN_COST_USEC (10 * AP_USEC_PER_SEC)
#define TURN_BURST 20

/**
 * How long one that is not heard is waited for before it is asked again, in microseconds: 1 s,
 * doubled each time. It may have no gossip at all, so that the pauses become long; one that has
 * speaks first when it comes.
 */
#define UNHEARD_USEC AP_USEC_PER_SEC
#define UNHEARD_MAX_USEC (5 * 60 * AP_USEC_PER_SEC)

/** How long nothing is sent to one to whom sending failed, or had nothing to say, in microseconds. */
#define PAUSE_USEC AP_USEC_PER_SEC

/**
 * How long it may wait for a wake-up that something else causes when one is to hear again what it
 * knows already: 7.5 s, in microseconds. There is one as often where a path is direct
 * (AP_PLAN_GLANCE_USEC), and two minutes are left until it forgets (AP_TOLD_AGAIN_USEC).
 */
#define LATE_USEC (15 * AP_USEC_PER_SEC / 2)

/**
 * What a datagram adds to the device's counters beside its payload, in bytes: the headers of IPv6
 * and UDP, padded to PADDING with the payload; then those of WireGuard (struct message_data, Linux
 * 6.1).
 */
#define INNER_HEADERS_LEN 48
#define PADDING 16
#define OUTER_LEN 32

struct _ApListeners {
    GArray *all; /* (owned) (element-type ApListener) sorted by key */
};

/** Returns: (transfer full) */
ApListeners *
ap_listeners_new(void)
{
    ApListeners *self = g_new0(ApListeners, 1);

    self->all = g_array_new(FALSE, TRUE, sizeof(ApListener));
    return self;
}

void
ap_listeners_free(ApListeners *self)
{
    if (self == NULL)
        return;

    g_array_unref(self->all);
    g_free(self);
}

static int
compare_listeners(gconstpointer a, gconstpointer b)
{
    return ap_key_compare(&((const ApListener *) a)->key, &((const ApListener *) b)->key);
}

static ApListener *
find(GArray *all, const ApKey *key)
{
    const ApListener wanted = {.key = *key};
    guint at;

    if (!g_array_binary_search(all, &wanted, compare_listeners, &at))
        return NULL;
    return &g_array_index(all, ApListener, at);
}

/* Without its link-local address the device sends it nothing. */
static gboolean
is_reachable(const ApDevicePeer *peer, const ApAddr *link_local)
{
    const ApCidr host = ap_cidr_host(link_local);

    if (!ap_endpoint_is_set(&peer->endpoint))
        return FALSE;
    for (guint i = 0; i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), &host))
            return TRUE;
    }
    return FALSE;
}

/**
 * Takes over who is there. What is remembered of those that stay is kept.
 *
 * @device: one reading; not kept
 * @is_hub: everybody is told everything
 * @skips: which peers are not spoken to
 */
void
ap_listeners_set(ApListeners *self,
                 const ApDevice *device,
                 const ApGossip *gossip,
                 gboolean is_hub,
                 ApListenersSkipFunc skips,
                 gconstpointer data)
{
    GArray *before = self->all;

    self->all = g_array_new(FALSE, TRUE, sizeof(ApListener));
    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);
        const ApListener *old = find(before, &peer->key);
        ApListener listener = {
            .key = peer->key,
            .link_local = ap_key_link_local(&peer->key),
            .is_stale = TRUE,
        };

        if (!is_reachable(peer, &listener.link_local) || skips(peer, data))
            continue;
        if (old != NULL)
            listener = *old;
        listener.with_facts = is_hub || ap_gossip_gets_all(gossip, &peer->key);
        listener.is_stale |= old != NULL && listener.with_facts != old->with_facts;
        g_array_append_val(self->all, listener);
    }
    g_array_unref(before);
}

/** Notes that there may be something else to say to everybody. */
void
ap_listeners_stir(ApListeners *self)
{
    for (guint i = 0; i < self->all->len; i++)
        g_array_index(self->all, ApListener, i).is_stale = TRUE;
}

static guint64
cost(gsize n_bytes)
{
    return OUTER_LEN + (INNER_HEADERS_LEN + n_bytes + PADDING - 1) / PADDING * PADDING;
}

/**
 * Notes that a peer was heard.
 *
 * @n_bytes: of what it said
 * @is_news: it said what is worth telling on
 */
void
ap_listeners_hear(ApListeners *self, const ApKey *from, gsize n_bytes, gboolean is_news)
{
    ApListener *listener = find(self->all, from);

    if (is_news)
        ap_listeners_stir(self);
    if (listener == NULL)
        return;
    listener->rx_bytes += cost(n_bytes);
    listener->n_unheard = 0;
    listener->is_stale = TRUE;
}

static gboolean
is_alive(const ApListener *self, const ApGossip *gossip, ApInstant now)
{
    return ap_gossip_alive_until(gossip, &self->key) > now.boot_usec;
}

/**
 * Tells whether a listener is told facts, too. One that has not answered our first words may have
 * no gossip, and is only asked whether it is there.
 */
gboolean
ap_listener_gets_facts(const ApListener *self, const ApGossip *gossip, ApInstant now)
{
    return self->with_facts && (self->spoken_usec == 0 || is_alive(self, gossip, now));
}

/* When one that does not answer is spoken to again. */
static gint64
unheard_due(const ApListener *self)
{
    const gint64 pause = UNHEARD_USEC << MIN(self->n_unheard - 1, 16);

    return self->spoken_usec + MIN(pause, UNHEARD_MAX_USEC);
}

static void
refresh(ApListener *self, ApGossip *gossip, ApInstant now)
{
    if (!self->is_stale)
        return;

    self->is_stale = FALSE;
    self->is_patient = FALSE;
    if (self->n_unheard > 0 && !is_alive(self, gossip, now)) {
        self->due_usec = unheard_due(self);
        return;
    }
    self->due_usec =
        ap_gossip_due(gossip, &self->key, ap_listener_gets_facts(self, gossip, now), now);
    self->is_patient = self->due_usec > now.boot_usec && self->due_usec != AP_NEVER;
}

static gint64
time_of(const ApListener *self)
{
    return MAX(self->due_usec, self->not_before_usec);
}

static gint64
look_at(const ApListener *self)
{
    return self->is_stale ? self->not_before_usec : time_of(self);
}

/**
 * Finds one to whom something is to be said now.
 *
 * Returns: (transfer none) (nullable): NULL: nobody; otherwise valid until ap_listeners_set(), and
 *     to be followed by ap_listener_note()
 */
ApListener *
ap_listeners_next(ApListeners *self, ApGossip *gossip, ApInstant now)
{
    for (guint i = 0; i < self->all->len; i++) {
        ApListener *listener = &g_array_index(self->all, ApListener, i);

        if (listener->not_before_usec > now.boot_usec)
            continue;
        refresh(listener, gossip, now);
        if (time_of(listener) > now.boot_usec)
            continue;
        if (listener->n_unheard > 0)
            ap_gossip_repeat_ping(gossip, &listener->key);
        return listener;
    }
    return NULL;
}

/** Notes that a datagram went out. */
void
ap_listener_count(ApListener *self, gsize n_bytes)
{
    self->tx_bytes += cost(n_bytes);
}

/**
 * Notes what came of speaking to one.
 *
 * @n_sent: datagrams that went out
 * @failed: the last one did not
 */
void
ap_listener_note(ApListener *self, guint n_sent, gboolean failed, ApInstant now)
{
    const gint64 burst_usec = (TURN_BURST - 1) * TURN_COST_USEC;

    self->is_stale = TRUE;
    if (n_sent == 0 || failed) {
        self->not_before_usec = now.boot_usec + PAUSE_USEC;
        return;
    }

    self->spoken_usec = now.boot_usec;
    self->n_unheard = MIN(self->n_unheard + 1, 32);
    self->spent_usec = MAX(self->spent_usec, now.boot_usec) + TURN_COST_USEC;
    self->not_before_usec = self->spent_usec - burst_usec;
}

/**
 * Finds out when to look again at the latest; see ap_listeners_due(). Of one that must wait nothing
 * more is asked: where many have come, to work out what each is to be told costs more than all else.
 *
 * Returns: when something has to be said next, or may have to, in microseconds of the boot clock
 */
gint64
ap_listeners_deadline(ApListeners *self, ApGossip *gossip, ApInstant now)
{
    gint64 deadline = AP_NEVER;

    for (guint i = 0; i < self->all->len; i++) {
        ApListener *listener = &g_array_index(self->all, ApListener, i);

        if (listener->not_before_usec <= now.boot_usec)
            refresh(listener, gossip, now);
        deadline = MIN(deadline, look_at(listener) + (listener->is_patient ? LATE_USEC : 0));
    }
    return deadline;
}

/**
 * To be asked after ap_listeners_deadline().
 *
 * Returns: from when on there is something to say, should we be awake, in microseconds of the boot
 *     clock
 */
gint64
ap_listeners_due(const ApListeners *self)
{
    gint64 due = AP_NEVER;

    for (guint i = 0; i < self->all->len; i++)
        due = MIN(due, look_at(&g_array_index(self->all, ApListener, i)));
    return due;
}

/** Adds to what is no traffic what gossip with that peer has come to (decisions.md 6). */
void
ap_listeners_add_to(const ApListeners *self, ApProof *proof)
{
    const ApListener *listener = find(self->all, &proof->key);

    if (listener == NULL)
        return;
    proof->tx_bytes += listener->tx_bytes;
    proof->rx_bytes += listener->rx_bytes;
}
