/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/voice.h"

#include "common/clock.h"
#include "helper/engine/speaker.h"

/**
 * Most packets that use one wake-up although they need not go yet: 16, and the pause before the next
 * such: 1 s, in microseconds, since the answers wake us, too. Sessions that once went
 * together stay together, and so do the answers: a hundred full-size ones at once are about as much as
 * a receive buffer of the kernel's usual 208 KiB holds.
 */
#define MAX_JOINED 16
#define JOIN_PAUSE_USEC AP_USEC_PER_SEC

struct _ApVoice {
    guint32 ifindex;
    ApVoiceSetup setup;
    gboolean mute;       /* BFD cannot be spoken */
    gint64 joined_usec;  /* when packets last used a wake-up */
    gint64 retry_usec;   /* when that is looked at again, while @mute */
    ApAddr local;        /* of @socket */
    gpointer socket;     /* (owned) (nullable): nothing is wished, or we are mute */
    GPtrArray *speakers; /* (owned) (element-type ApSpeaker) */
};

/**
 * Makes the voice of a tunnel, which is silent and takes itself for able to speak.
 *
 * @setup: copied
 *
 * Returns: (transfer full)
 */
ApVoice *
ap_voice_new(guint32 ifindex, const ApVoiceSetup *setup)
{
    ApVoice *self = g_new0(ApVoice, 1);

    self->ifindex = ifindex;
    self->setup = *setup;
    self->speakers = g_ptr_array_new_with_free_func(g_free);
    return self;
}

static void
add_socket_counts(const ApVoice *self, ApBfdStats *stats)
{
    const ApVoiceOps *ops = self->setup.ops;

    for (guint i = 0; i < AP_N_BFD_DROPS; i++)
        stats->dropped[i] += ops->n_dropped(self->socket, i);
    for (guint i = 0; i < AP_N_BFD_REFUSALS; i++)
        stats->refused[i] += ops->n_refused(self->socket, i);
}

/* With the socket goes what was proven. */
static void
fall_silent(ApVoice *self)
{
    g_ptr_array_set_size(self->speakers, 0);
    if (self->socket == NULL)
        return;

    add_socket_counts(self, self->setup.stats);
    self->setup.ops->close(self->socket);
    self->socket = NULL;
}

/** Ends all sessions without a word; a plan that wishes them to leave comes before. */
void
ap_voice_free(ApVoice *self)
{
    if (self == NULL)
        return;

    fall_silent(self);
    g_ptr_array_unref(self->speakers);
    g_free(self);
}

/** Returns: the tunnel's index */
guint32
ap_voice_get_ifindex(const ApVoice *self)
{
    return self->ifindex;
}

static void
set_mute(ApVoice *self, const GError *why, ApInstant now)
{
    if (!self->mute)
        g_info("BFD cannot be spoken on interface %u: %s", self->ifindex, why->message);

    fall_silent(self);
    self->mute = TRUE;
    self->retry_usec = now.boot_usec + AP_VOICE_RETRY_USEC;
}

/**
 * Looks whether BFD can be spoken on the tunnel: when it is new, when something happened on the
 * network, and again some time after it could not. What is known early need not be found out by
 * trying, which the far end would notice.
 */
void
ap_voice_check(ApVoice *self, ApInstant now)
{
    const ApVoiceOps *ops = self->setup.ops;
    g_autoptr(GError) why = NULL;

    if (!ops->is_possible(self->ifindex, &why)
        || (self->socket == NULL && !ops->is_free(self->ifindex, &why)))
        set_mute(self, why, now);
    else
        self->mute = FALSE;
}

/** Returns: TRUE when handshakes have to do on this tunnel */
gboolean
ap_voice_is_mute(const ApVoice *self)
{
    return self->mute;
}

static guint
find_speaker(const ApVoice *self, const ApKey *key)
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
find_by_address(const ApVoice *self, const ApAddr *from)
{
    for (guint i = 0; i < self->speakers->len; i++) {
        ApSpeaker *speaker = g_ptr_array_index(self->speakers, i);

        if (ap_addr_equal(&speaker->wish.remote, from))
            return speaker;
    }
    return NULL;
}

static void
send_due(ApVoice *self, ApSpeaker *speaker, ApInstant now)
{
    const ApAddr *to = &speaker->wish.remote;
    guint8 payload[AP_BFD_PAYLOAD_MAX];
    gsize n;

    while ((n = ap_speaker_take_packet(speaker, now, g_random_int(), payload, sizeof(payload)))
           > 0) {
        if (self->setup.ops->send(self->socket, to, payload, n, NULL)) {
            ap_speaker_note_sent(speaker, n, now);
            self->setup.stats->n_sent++;
        } else {
            self->setup.stats->n_send_failed++;
        }
    }
}

/* What the far end is waiting for goes before anybody decides: it should hear "Up" as early as
 * can be. */
static void
on_packet(const ApAddr *from, const ApBfdPacket *packet, gpointer user_data)
{
    ApVoice *self = user_data;
    ApSpeaker *speaker = find_by_address(self, from);
    const ApInstant now = ap_clock_now();
    ApBfdRefusal refusal;
    gboolean decide;

    if (speaker == NULL) {
        self->setup.stats->n_unknown++;
        return;
    }

    refusal = ap_speaker_hear(speaker, packet, now);
    self->setup.stats->n_heard++;
    if (refusal != AP_BFD_REFUSAL_NONE)
        self->setup.stats->refused[refusal]++;

    decide = ap_speaker_judge(speaker, now);
    send_due(self, speaker, now);
    self->setup.heard(decide, self->setup.user_data);
}

/* Returns: TRUE when @self can speak from @local */
static gboolean
speak_from(ApVoice *self, const ApAddr *local, ApInstant now)
{
    g_autoptr(GError) error = NULL;

    if (self->socket != NULL && !ap_addr_equal(&self->local, local))
        fall_silent(self);
    if (self->mute || self->socket != NULL)
        return !self->mute;

    self->local = *local;
    self->socket = self->setup.ops->open(self->ifindex, local, on_packet, self, &error);
    if (self->socket == NULL)
        set_mute(self, error, now);
    return self->socket != NULL;
}

/* Not 0, which means "none" on the wire. */
static guint32
make_discriminator(void)
{
    return g_random_int() | 1;
}

static void
match_wish(ApVoice *self, const ApSessionWish *wish, ApInstant now)
{
    const guint i = find_speaker(self, &wish->key);
    ApSpeaker *speaker;

    if (i < self->speakers->len) {
        speaker = g_ptr_array_index(self->speakers, i);
        ap_speaker_follow(speaker, wish, make_discriminator(), now);
    } else if (!wish->leaving) {
        speaker = g_new(ApSpeaker, 1);
        ap_speaker_init(speaker, wish, make_discriminator(), now);
        g_ptr_array_add(self->speakers, speaker);
    }
}

static const ApSessionWish *
find_wish(const ApVoice *self, const GArray *wishes, const ApKey *key)
{
    for (guint i = 0; i < wishes->len; i++) {
        const ApSessionWish *wish = &g_array_index(wishes, ApSessionWish, i);

        if (wish->ifindex == self->ifindex && ap_key_equal(&wish->key, key))
            return wish;
    }
    return NULL;
}

static gboolean
is_anew(const ApVoice *self, const GArray *changes, const ApKey *key)
{
    for (guint i = 0; i < changes->len; i++) {
        const ApChange *change = &g_array_index(changes, ApChange, i);

        if (change->kind == AP_CHANGE_ADD_PEER && change->ifindex == self->ifindex
            && ap_key_equal(&change->peer.key, key))
            return TRUE;
    }
    return FALSE;
}

static void
drop_or_renew(ApVoice *self, const ApPlan *plan, ApInstant now)
{
    for (guint i = self->speakers->len; i > 0; i--) {
        ApSpeaker *speaker = g_ptr_array_index(self->speakers, i - 1);
        const ApKey key = speaker->wish.key;
        const ApSessionWish *wish = find_wish(self, plan->sessions, &key);

        if (wish == NULL)
            g_ptr_array_remove_index(self->speakers, i - 1);
        else if (is_anew(self, plan->changes, &key))
            ap_speaker_renew(speaker, wish, make_discriminator(), now);
    }
}

/**
 * Makes socket and sessions what @plan wishes for this tunnel. What is to be sent is then due:
 * see ap_voice_run().
 */
void
ap_voice_match(ApVoice *self, const ApPlan *plan, ApInstant now)
{
    gboolean any = FALSE;

    drop_or_renew(self, plan, now);
    for (guint i = 0; i < plan->sessions->len; i++) {
        const ApSessionWish *wish = &g_array_index(plan->sessions, ApSessionWish, i);

        if (wish->ifindex != self->ifindex)
            continue;
        any = TRUE;
        if (speak_from(self, &wish->local, now))
            match_wish(self, wish, now);
    }
    if (!any)
        fall_silent(self);
}

/** Hears what has come already. */
void
ap_voice_drain(ApVoice *self)
{
    if (self->socket != NULL && self->setup.ops->drain != NULL)
        self->setup.ops->drain(self->socket);
}

/**
 * Does what is due: sends, notices silence, and looks whether a mute tunnel still is. What may go a
 * little early goes, too: somebody has woken us.
 *
 * Returns: TRUE when a turn should follow: a proof is another, or the tunnel is mute no more
 */
gboolean
ap_voice_run(ApVoice *self, ApInstant now)
{
    gboolean decide = FALSE;
    guint n_left = now.boot_usec < self->joined_usec + JOIN_PAUSE_USEC ? 0 : MAX_JOINED;

    for (guint i = 0; i < self->speakers->len; i++) {
        ApSpeaker *speaker = g_ptr_array_index(self->speakers, i);

        if (n_left > 0 && ap_speaker_join(speaker, now)) {
            self->joined_usec = now.boot_usec;
            n_left--;
        }
        if (ap_speaker_deadline(speaker) > now.boot_usec)
            continue;
        decide |= ap_speaker_judge(speaker, now);
        send_due(self, speaker, now);
    }

    if (self->mute && self->retry_usec <= now.boot_usec) {
        ap_voice_check(self, now);
        decide |= !self->mute;
    }
    return decide;
}

/** Returns: when to call ap_voice_run() next, on the boot clock */
gint64
ap_voice_deadline(const ApVoice *self)
{
    gint64 next = self->mute ? self->retry_usec : AP_NEVER;

    for (guint i = 0; i < self->speakers->len; i++) {
        const gint64 deadline = ap_speaker_deadline(g_ptr_array_index(self->speakers, i));

        next = MIN(next, deadline);
    }
    return next;
}

/**
 * Appends the proof of each session.
 *
 * @proofs: (element-type ApProof)
 */
void
ap_voice_list_proofs(const ApVoice *self, GArray *proofs)
{
    for (guint i = 0; i < self->speakers->len; i++) {
        const ApSpeaker *speaker = g_ptr_array_index(self->speakers, i);

        g_array_append_val(proofs, speaker->proof);
    }
}

/** Adds what the open socket has counted; all else is in the stats of the setup already. */
void
ap_voice_count(const ApVoice *self, ApBfdStats *stats)
{
    if (self->socket != NULL)
        add_socket_counts(self, stats);
}
