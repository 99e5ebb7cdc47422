/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/sessions.h"

#include "common/clock.h"
#include "helper/engine/speaker.h"

/** One tunnel on which BFD is spoken, or cannot be. */
typedef struct {
    ApSessions *owner; /* (not owned) outlives us */
    guint32 ifindex;
    ApAddr local;
    gpointer socket;     /* (owned) NULL: the tunnel is mute */
    gint64 retry_usec;   /* when it is tried again; meaningless with a socket */
    GPtrArray *speakers; /* (owned) (element-type ApSpeaker) by key */
} Tunnel;

struct _ApSessions {
    const ApSessionsOps *ops; /* (not owned) static */
    ApSessionsFunc heard;
    gpointer user_data; /* (not owned) outlives us: the engine */
    GPtrArray *tunnels; /* (owned) (element-type Tunnel) by index */
    ApBfdStats stats;   /* of what was, and of sockets that are closed */
};

static void
add_socket_counts(const ApSessions *self, gpointer socket, ApBfdStats *stats)
{
    for (guint i = 0; i < AP_N_BFD_DROPS; i++)
        stats->dropped[i] += self->ops->n_dropped(socket, i);
    for (guint i = 0; i < AP_N_BFD_REFUSALS; i++)
        stats->refused[i] += self->ops->n_refused(socket, i);
}

static void
tunnel_close(Tunnel *self)
{
    ApSessions *owner = self->owner;

    if (self->socket == NULL)
        return;

    add_socket_counts(owner, self->socket, &owner->stats);
    owner->ops->close(self->socket);
    self->socket = NULL;
}

static void
tunnel_free(gpointer data)
{
    Tunnel *self = data;

    tunnel_close(self);
    g_ptr_array_unref(self->speakers);
    g_free(self);
}

/**
 * Makes an empty set; ap_sessions_match() fills it.
 *
 * @ops: how sockets are had: &ap_sessions_sockets
 *
 * Returns: (transfer full)
 */
ApSessions *
ap_sessions_new(const ApSessionsOps *ops, ApSessionsFunc heard, gpointer user_data)
{
    ApSessions *self = g_new0(ApSessions, 1);

    self->ops = ops;
    self->heard = heard;
    self->user_data = user_data;
    self->tunnels = g_ptr_array_new_with_free_func(tunnel_free);
    return self;
}

/** Ends all sessions without a word; a plan that wishes them to leave comes before. */
void
ap_sessions_free(ApSessions *self)
{
    if (self == NULL)
        return;

    g_ptr_array_unref(self->tunnels);
    g_free(self);
}

static Tunnel *
find_tunnel(const ApSessions *self, guint32 ifindex)
{
    for (guint i = 0; i < self->tunnels->len; i++) {
        Tunnel *tunnel = g_ptr_array_index(self->tunnels, i);

        if (tunnel->ifindex == ifindex)
            return tunnel;
    }
    return NULL;
}

static guint
find_speaker(const Tunnel *self, const ApKey *key)
{
    for (guint i = 0; i < self->speakers->len; i++) {
        const ApSpeaker *speaker = g_ptr_array_index(self->speakers, i);

        if (ap_key_equal(&speaker->wish.key, key))
            return i;
    }
    return self->speakers->len;
}

/* Behind WireGuard a source address is its peer's and nobody else's. */
static ApSpeaker *
find_by_address(const Tunnel *self, const ApAddr *from)
{
    for (guint i = 0; i < self->speakers->len; i++) {
        ApSpeaker *speaker = g_ptr_array_index(self->speakers, i);

        if (ap_addr_equal(&speaker->wish.remote, from))
            return speaker;
    }
    return NULL;
}

static void
send_due(Tunnel *self, ApSpeaker *speaker, ApInstant now)
{
    ApSessions *owner = self->owner;
    guint8 payload[AP_BFD_PAYLOAD_MAX];
    gsize n;

    while ((n = ap_speaker_take_packet(speaker, now, g_random_int(), payload, sizeof(payload)))
           > 0) {
        if (owner->ops->send(self->socket, &speaker->wish.remote, payload, n, NULL)) {
            ap_speaker_note_sent(speaker, n);
            owner->stats.n_sent++;
        } else {
            owner->stats.n_send_failed++;
        }
    }
}

/* What the far end is waiting for goes before anybody decides: it should hear "Up" as early as
 * can be. */
static void
on_packet(const ApAddr *from, const ApBfdPacket *packet, gpointer user_data)
{
    Tunnel *tunnel = user_data;
    ApSessions *self = tunnel->owner;
    ApSpeaker *speaker = find_by_address(tunnel, from);
    const ApInstant now = ap_clock_now();
    ApBfdRefusal refusal;
    gboolean decide;

    if (speaker == NULL) {
        self->stats.n_unknown++;
        return;
    }

    refusal = ap_speaker_hear(speaker, packet, now);
    self->stats.n_heard++;
    if (refusal != AP_BFD_REFUSAL_NONE)
        self->stats.refused[refusal]++;

    decide = ap_speaker_judge(speaker, now);
    send_due(tunnel, speaker, now);
    self->heard(decide, self->user_data);
}

static Tunnel *
add_tunnel(ApSessions *self, const ApSessionWish *wish)
{
    Tunnel *tunnel = g_new0(Tunnel, 1);

    tunnel->owner = self;
    tunnel->ifindex = wish->ifindex;
    tunnel->local = wish->local;
    tunnel->speakers = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self->tunnels, tunnel);
    return tunnel;
}

/* The tunnel of @wish, from scratch where its own address is another: with it goes what was
 * proven. */
static Tunnel *
ready_tunnel(ApSessions *self, const ApSessionWish *wish, gboolean *turned_mute, ApInstant now)
{
    Tunnel *tunnel = find_tunnel(self, wish->ifindex);
    g_autoptr(GError) error = NULL;

    if (tunnel != NULL && !ap_addr_equal(&tunnel->local, &wish->local))
        g_ptr_array_remove(self->tunnels, g_steal_pointer(&tunnel));
    if (tunnel != NULL)
        return tunnel;

    tunnel = add_tunnel(self, wish);
    tunnel->socket = self->ops->open(wish->ifindex, &wish->local, on_packet, tunnel, &error);
    if (tunnel->socket == NULL) {
        g_info("%s; handshakes have to do", error->message);
        tunnel->retry_usec = now.boot_usec + AP_SESSIONS_RETRY_USEC;
        *turned_mute = TRUE;
    }
    return tunnel;
}

/* Not 0, which means "none" on the wire. */
static guint32
make_discriminator(void)
{
    return g_random_int() | 1;
}

static void
match_wish(Tunnel *tunnel, const ApSessionWish *wish, ApInstant now)
{
    const guint i = find_speaker(tunnel, &wish->key);
    ApSpeaker *speaker;

    if (i < tunnel->speakers->len) {
        speaker = g_ptr_array_index(tunnel->speakers, i);
        ap_speaker_follow(speaker, wish, make_discriminator(), now);
    } else if (!wish->leaving) {
        speaker = g_new(ApSpeaker, 1);
        ap_speaker_init(speaker, wish, make_discriminator(), now);
        g_ptr_array_add(tunnel->speakers, speaker);
    }
}

/* @key: NULL: whoever the peer is */
static const ApSessionWish *
find_wish(const GArray *wishes, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < wishes->len; i++) {
        const ApSessionWish *wish = &g_array_index(wishes, ApSessionWish, i);

        if (wish->ifindex == ifindex && (key == NULL || ap_key_equal(&wish->key, key)))
            return wish;
    }
    return NULL;
}

static gboolean
is_anew(const GArray *changes, guint32 ifindex, const ApKey *key)
{
    for (guint i = 0; i < changes->len; i++) {
        const ApChange *change = &g_array_index(changes, ApChange, i);

        if (change->kind == AP_CHANGE_ADD_PEER && change->ifindex == ifindex
            && ap_key_equal(&change->peer.key, key))
            return TRUE;
    }
    return FALSE;
}

static void
drop_or_renew(ApSessions *self, const ApPlan *plan, ApInstant now)
{
    for (guint t = self->tunnels->len; t > 0; t--) {
        Tunnel *tunnel = g_ptr_array_index(self->tunnels, t - 1);

        for (guint i = tunnel->speakers->len; i > 0; i--) {
            ApSpeaker *speaker = g_ptr_array_index(tunnel->speakers, i - 1);
            const ApKey key = speaker->wish.key;
            const ApSessionWish *wish = find_wish(plan->sessions, tunnel->ifindex, &key);

            if (wish == NULL)
                g_ptr_array_remove_index(tunnel->speakers, i - 1);
            else if (is_anew(plan->changes, tunnel->ifindex, &key))
                ap_speaker_renew(speaker, wish, make_discriminator(), now);
        }
        /* That a tunnel is mute is remembered, since nothing is wished there for that reason. */
        if (tunnel->socket != NULL && find_wish(plan->sessions, tunnel->ifindex, NULL) == NULL)
            g_ptr_array_remove_index(self->tunnels, t - 1);
    }
}

/**
 * Makes sessions and sockets what @plan wishes, and sends what is due. To be called when the plan
 * has been carried out: a peer that was added is spoken to at once, which makes the device begin
 * the handshake.
 *
 * Returns: TRUE when a tunnel turned out to be mute, so that another turn should follow
 */
gboolean
ap_sessions_match(ApSessions *self, const ApPlan *plan, ApInstant now)
{
    gboolean turned_mute = FALSE;

    drop_or_renew(self, plan, now);
    for (guint i = 0; i < plan->sessions->len; i++) {
        const ApSessionWish *wish = &g_array_index(plan->sessions, ApSessionWish, i);
        Tunnel *tunnel = ready_tunnel(self, wish, &turned_mute, now);

        if (tunnel->socket != NULL)
            match_wish(tunnel, wish, now);
    }
    return ap_sessions_run(self, now) || turned_mute;
}

/**
 * Does what is due: sends, notices silence, and lets mute tunnels be tried again.
 *
 * Returns: TRUE when a turn should follow: a proof is another, or a tunnel is mute no more
 */
gboolean
ap_sessions_run(ApSessions *self, ApInstant now)
{
    gboolean decide = FALSE;

    for (guint t = self->tunnels->len; t > 0; t--) {
        Tunnel *tunnel = g_ptr_array_index(self->tunnels, t - 1);

        for (guint i = 0; i < tunnel->speakers->len; i++) {
            ApSpeaker *speaker = g_ptr_array_index(tunnel->speakers, i);

            if (ap_speaker_deadline(speaker) > now.boot_usec)
                continue;
            decide |= ap_speaker_judge(speaker, now);
            send_due(tunnel, speaker, now);
        }
        if (tunnel->socket == NULL && tunnel->retry_usec <= now.boot_usec) {
            g_ptr_array_remove_index(self->tunnels, t - 1);
            decide = TRUE;
        }
    }
    return decide;
}

/** Returns: when to call ap_sessions_run() next, on the boot clock */
gint64
ap_sessions_deadline(const ApSessions *self)
{
    gint64 next = AP_NEVER;

    for (guint t = 0; t < self->tunnels->len; t++) {
        const Tunnel *tunnel = g_ptr_array_index(self->tunnels, t);

        if (tunnel->socket == NULL)
            next = MIN(next, tunnel->retry_usec);
        for (guint i = 0; i < tunnel->speakers->len; i++) {
            const gint64 deadline = ap_speaker_deadline(g_ptr_array_index(tunnel->speakers, i));

            next = MIN(next, deadline);
        }
    }
    return next;
}

/** Lets BFD be tried again on mute tunnels, because the network is another. */
void
ap_sessions_retry(ApSessions *self)
{
    for (guint t = self->tunnels->len; t > 0; t--) {
        const Tunnel *tunnel = g_ptr_array_index(self->tunnels, t - 1);

        if (tunnel->socket == NULL)
            g_ptr_array_remove_index(self->tunnels, t - 1);
    }
}

/** Returns: (transfer full) (element-type ApProof): one for each session, in no order */
GArray *
ap_sessions_list_proofs(const ApSessions *self)
{
    GArray *proofs = g_array_new(FALSE, TRUE, sizeof(ApProof));

    for (guint t = 0; t < self->tunnels->len; t++) {
        const Tunnel *tunnel = g_ptr_array_index(self->tunnels, t);

        for (guint i = 0; i < tunnel->speakers->len; i++) {
            const ApSpeaker *speaker = g_ptr_array_index(tunnel->speakers, i);

            g_array_append_val(proofs, speaker->proof);
        }
    }
    return proofs;
}

/** Returns: (transfer full) (element-type guint32): tunnels where BFD failed, in no order */
GArray *
ap_sessions_list_mute(const ApSessions *self)
{
    GArray *mute = g_array_new(FALSE, TRUE, sizeof(guint32));

    for (guint t = 0; t < self->tunnels->len; t++) {
        const Tunnel *tunnel = g_ptr_array_index(self->tunnels, t);

        if (tunnel->socket == NULL)
            g_array_append_val(mute, tunnel->ifindex);
    }
    return mute;
}

/** Counts everything since the start: @out: (out caller-allocates). */
void
ap_sessions_count(const ApSessions *self, ApBfdStats *out)
{
    *out = self->stats;
    for (guint t = 0; t < self->tunnels->len; t++) {
        const Tunnel *tunnel = g_ptr_array_index(self->tunnels, t);

        if (tunnel->socket != NULL)
            add_socket_counts(self, tunnel->socket, out);
    }
}
