/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path-private.h"
#include "helper/core/pins.h"
#include "helper/core/traffic.h"

/* Times in microseconds. Source, unless something else is said: path-management.md. */

/** Pause after a round that failed: the first, and the longest. */
#define BACKOFF_USEC (5 * AP_USEC_PER_SEC)
#define BACKOFF_MAX_USEC (300 * AP_USEC_PER_SEC)
/** Part of the pause that is left to chance, to either side, in percent. */
#define JITTER_PERCENT 20

/** Pause after a direct path died: the first, and the longest. */
#define HOLD_DOWN_USEC (5 * AP_USEC_PER_SEC)
#define HOLD_DOWN_MAX_USEC (600 * AP_USEC_PER_SEC)
/** The first pause of a path that is slower than the way by the hub: nothing is broken. */
#define SLOWER_USEC (60 * AP_USEC_PER_SEC)
/** A path that held this long has earned that its earlier deaths are forgotten. */
#define FORGIVE_USEC (600 * AP_USEC_PER_SEC)

/**
 * A peer of which the server has not heard for so long is taken to be off: 60 s. One that is there
 * asks at least each 25 s (AP_COORD_MAX_WAIT_SEC), and the answer that tells us of it may be as old
 * as that, too; this leaves 10 s.
 */
#define OFFLINE_USEC (60 * AP_USEC_PER_SEC)

/** Doubling @first @n times, and no further than @most. */
static gint64
doubled(gint64 first, guint n, gint64 most)
{
    gint64 value = first;

    while (n-- > 0 && value < most)
        value *= 2;
    return MIN(value, most);
}

/** How many bytes of a peer's key the jitter comes from: those that a masked record still has. */
#define JITTER_KEY_BYTES 6

/*
 * A number from 0 to 2 * JITTER_PERCENT that differs between peers and rounds, and is the same
 * each time that the same question is asked. FNV-1a, 32 bit:
 * http://www.isthe.com/chongo/tech/comp/fnv/
 */
static guint
jitter(const ApKey *key, guint n_failures)
{
    guint32 hash = 2166136261U;

    for (guint i = 0; i < JITTER_KEY_BYTES; i++)
        hash = (hash ^ key->bytes[i]) * 16777619U;
    hash = (hash ^ n_failures) * 16777619U;
    return (hash >> 8) % (2 * JITTER_PERCENT + 1);
}

/**
 * Makes @state the present one, for @reason. A state that lasts keeps its beginning.
 */
void
ap_path_enter(ApPath *self, ApPathState state, ApReason reason, ApInstant now)
{
    if (self->state != state || self->since_boot_usec == 0)
        self->since_boot_usec = now.boot_usec;
    self->state = state;
    self->reason = reason;
}

/**
 * Notes how the try that is under way goes.
 */
void
ap_path_note_trial(ApPath *self, const ApPathInput *in)
{
    self->trial.tx_bytes = in->peer->tx_bytes;
    self->trial.rx_bytes = in->peer->rx_bytes;
    self->trial.presence = in->presence;
    self->presence = MAX(self->presence, in->presence);
}

static void
begin_trial(ApPath *self, ApInstant now)
{
    self->try_boot_usec = now.boot_usec;
    self->trial = (ApTrial){.endpoint = self->endpoint, .began_boot_usec = now.boot_usec};
}

static void
begin_round(ApPath *self, ApInstant now)
{
    self->round_boot_usec = now.boot_usec;
    self->n_again = 0;
    self->presence = AP_PRESENCE_UNKNOWN;
    self->trouble = AP_REASON_NONE;
}

static void
count_start(ApPath *self, ApInstant now)
{
    const gboolean is_recent = self->attempt_boot_usec != 0
                               && now.boot_usec - self->attempt_boot_usec < AP_PATH_RECENT_USEC;

    self->n_recent = is_recent ? self->n_recent + 1 : 1;
    self->attempt_boot_usec = now.boot_usec;
}

/**
 * Begins a try of @endpoint by adding the peer, anew where it is there; the caller has asked
 * may_start. The side with the lower key makes its device send at once (decisions.md 1).
 */
void
ap_path_start(ApPath *self, const ApPathInput *in, const ApEndpoint *endpoint)
{
    const gboolean is_active_side = ap_key_compare(in->own_key, &self->key) < 0;

    if (self->state != AP_PATH_PROBING)
        begin_round(self, in->now);
    ap_path_enter(self,
                  AP_PATH_PROBING,
                  is_active_side ? AP_REASON_PROBING : AP_REASON_PASSIVE,
                  in->now);
    count_start(self, in->now);
    ap_life_begin(self, in->peer, in->now);
    self->endpoint = *endpoint;
    begin_trial(self, in->now);
    self->initiated = is_active_side;
    self->held = FALSE;
}

/**
 * Begins a try with the peer as it is, because its BFD packets arrive: from where they come,
 * and over the session that brings them.
 */
void
ap_path_resume(ApPath *self, const ApPathInput *in)
{
    begin_round(self, in->now);
    ap_path_enter(self, AP_PATH_PROBING, AP_REASON_PROBING, in->now);
    ap_life_begin(self, in->peer, in->now);
    self->endpoint = in->peer->endpoint;
    begin_trial(self, in->now);
    self->initiated = TRUE;
    self->held = FALSE;
}

/**
 * Moves the tunnel addresses to the peer: the path is proven.
 */
void
ap_path_promote(ApPath *self, const ApPathInput *in, ApEvidence evidence)
{
    ap_path_enter(self, AP_PATH_DIRECT, AP_REASON_PROVEN, in->now);
    ap_life_move(self, in->peer, in->now);
    ap_traffic_begin(self, in->peer, in->proof, in->now);
    self->evidence = evidence;
    self->endpoint = in->peer->endpoint;
    self->last_good = in->peer->endpoint;
    self->slower_boot_usec = 0;
    self->not_before_boot_usec = 0;
    self->n_failures = 0;
    self->held = FALSE;
    for (guint i = 0; i < in->admission->n_addresses; i++)
        ap_pins_add(self, &in->admission->addresses[i], in->now);
}

/**
 * Leaves a path that is proven, because the far end does not route by it. That is no death.
 */
void
ap_path_await(ApPath *self, const ApPathInput *in)
{
    begin_round(self, in->now);
    ap_path_enter(self, AP_PATH_PROBING, AP_REASON_FAR_END_WAITS, in->now);
    self->try_boot_usec = in->now.boot_usec;
    self->initiated = TRUE;
}

/* Nothing is sent, and only a handshake after this one is a sign of life. */
static void
rest(ApPath *self, const ApPathInput *in, ApReason reason)
{
    const gint64 pause = doubled(BACKOFF_USEC, self->n_failures, BACKOFF_MAX_USEC);
    const guint percent = 100 - JITTER_PERCENT + jitter(&self->key, self->n_failures);

    ap_path_enter(self, AP_PATH_WAITING, reason, in->now);
    self->not_before_boot_usec = in->now.boot_usec + pause / 100 * percent;
    self->held = FALSE;
    self->initiated = FALSE;
    self->endpoint = (ApEndpoint){0};
    ap_life_begin(self, in->peer, in->now);
}

/* Why a round met nobody. The server's word comes first: a peer that is off is not on the LAN
 * either, but one that is not on the LAN may well be elsewhere. */
static ApReason
judge_silence(const ApPath *self, const ApPathInput *in)
{
    if (in->seen_boot_usec != 0 && in->now.boot_usec - in->seen_boot_usec >= OFFLINE_USEC)
        return AP_REASON_PEER_OFFLINE;
    return self->presence == AP_PRESENCE_ABSENT ? AP_REASON_NO_NEIGHBOUR : AP_REASON_NO_ANSWER;
}

/**
 * Ends a round in which every endpoint failed.
 */
void
ap_path_back_off(ApPath *self, const ApPathInput *in)
{
    rest(self, in, self->trouble != AP_REASON_NONE ? self->trouble : judge_silence(self, in));
    self->n_failures++;
}

/**
 * Ends a direct path that the far end left in good order. That is no death either.
 */
void
ap_path_part(ApPath *self, const ApPathInput *in)
{
    self->n_failures = 0;
    self->trouble = AP_REASON_NONE;
    rest(self, in, AP_REASON_FAR_END_LEFT);
}

/* Silence now and then is a cable that was pulled. Again and again it is loss. */
static ApReason
judge_death(ApPath *self, ApReason why)
{
    if (why != AP_REASON_SILENT && why != AP_REASON_FAR_END_DOWN)
        return why;
    return ++self->n_losses >= AP_PATH_N_LOSSY ? AP_REASON_LOSSY : why;
}

/**
 * Ends a direct path that died, or is not worth its while, and holds the peer down.
 */
void
ap_path_fall(ApPath *self, const ApPathInput *in, ApReason why)
{
    const gint64 first = why == AP_REASON_SLOWER ? SLOWER_USEC : HOLD_DOWN_USEC;

    if (in->now.boot_usec - self->since_boot_usec >= FORGIVE_USEC) {
        self->n_flaps = 0;
        self->n_losses = 0;
    }

    self->death = judge_death(self, why);
    ap_path_enter(self, AP_PATH_WAITING, self->death, in->now);
    self->not_before_boot_usec =
        in->now.boot_usec + doubled(first, self->n_flaps, HOLD_DOWN_MAX_USEC);
    self->n_flaps++;
    self->slower_boot_usec = 0;
    self->held = TRUE;
}

/**
 * Lets a peer whose path is too slow wait for as long again.
 */
void
ap_path_hold_on(ApPath *self, const ApPathInput *in)
{
    self->not_before_boot_usec =
        in->now.boot_usec + doubled(SLOWER_USEC, self->n_flaps, HOLD_DOWN_MAX_USEC);
    self->n_flaps++;
}

/**
 * Tells whether a peer that is held down stays on the device.
 *
 * It does where BFD judged: its session says that we would not route by the path, and goes on,
 * so that the path is proven again by the time the pause is over.
 *
 * Otherwise it must go. If it were there it would answer, and even send the keepalive that
 * WireGuard owes for data which cryptokey routing then drops (Linux 6.1, receive.c,
 * wg_packet_consume_data_done()). The far end would take this for life and go on sending into
 * nothing.
 */
gboolean
ap_path_stays_while_held(const ApPath *self, const ApPathInput *in)
{
    return self->evidence == AP_EVIDENCE_BFD && !in->mute && in->peer != NULL;
}
