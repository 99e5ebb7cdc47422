/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path.h"

#include "helper/core/life.h"
#include "helper/core/pins.h"
#include "helper/core/tries.h"

/* Times in microseconds. Source, unless something else is said: decisions.md 1 and 6. */

/** How often the device is read right after an addition, and how long that lasts. */
#define POLL_FAST_USEC (20 * AP_USEC_PER_MSEC)
#define FAST_USEC (500 * AP_USEC_PER_MSEC)
/** How often it is read after that, while probing, and while direct. */
#define POLL_PROBING_USEC (100 * AP_USEC_PER_MSEC)
#define POLL_DIRECT_USEC AP_USEC_PER_SEC

/**
 * How long the side with the higher key waits for the other to start. Two initiations within a
 * few milliseconds of each other stall both sides for 5 s.
 */
#define STAGGER_USEC (300 * AP_USEC_PER_MSEC)

/** How long a round over all endpoints may last (security rule S4). */
#define ROUND_USEC (30 * AP_USEC_PER_SEC)

/** Pause after a round that failed: the first, and the longest (path-management.md). */
#define BACKOFF_USEC (5 * AP_USEC_PER_SEC)
#define BACKOFF_MAX_USEC (300 * AP_USEC_PER_SEC)
/** Part of the pause that is left to chance, to either side, in percent. */
#define JITTER_PERCENT 20

/** Pause after a direct path died: the first, and the longest (path-management.md). */
#define HOLD_DOWN_USEC (5 * AP_USEC_PER_SEC)
#define HOLD_DOWN_MAX_USEC (600 * AP_USEC_PER_SEC)
/** A path that held this long has earned that its earlier deaths are forgotten. */
#define FORGIVE_USEC (600 * AP_USEC_PER_SEC)

/** Makes the device send where the policy says that peers need no keepalive. Source: wg(8). */
#define KEEPALIVE_SEC 25

/** Doubling @first @n times, and no further than @most. */
static gint64
doubled(gint64 first, guint n, gint64 most)
{
    gint64 value = first;

    while (n-- > 0 && value < most)
        value *= 2;
    return MIN(value, most);
}

/*
 * A number from 0 to 2 * JITTER_PERCENT that differs between peers and rounds, and is the same
 * each time that the same question is asked. FNV-1a, 32 bit:
 * http://www.isthe.com/chongo/tech/comp/fnv/
 */
static guint
jitter(const ApKey *key, guint n_failures)
{
    guint32 hash = 2166136261U;

    for (guint i = 0; i < AP_KEY_LEN; i++)
        hash = (hash ^ key->bytes[i]) * 16777619U;
    hash = (hash ^ n_failures) * 16777619U;
    return (hash >> 8) % (2 * JITTER_PERCENT + 1);
}

static guint16
keepalive(const ApPathInput *in)
{
    return in->keepalive_sec != 0 ? in->keepalive_sec : KEEPALIVE_SEC;
}

static gboolean
is_active(const ApPath *self, const ApPathInput *in)
{
    return ap_key_compare(in->own_key, &self->key) < 0;
}

static void
enter(ApPath *self, ApPathState state, ApReason reason, ApInstant now)
{
    if (self->state != state || self->since_boot_usec == 0)
        self->since_boot_usec = now.boot_usec;
    self->state = state;
    self->reason = reason;
}

/**
 * Lets a peer be tried again at once: a person asked for it.
 *
 * Does not take back that an administrator took the peer over.
 */
void
ap_path_clear_backoff(ApPath *self)
{
    if (self->reason == AP_REASON_TAKEN_OVER)
        return;

    self->not_before_boot_usec = 0;
    self->n_failures = 0;
    self->held = FALSE;
}

/* What was learned on one network says nothing about another. */
static void
change_network(ApPath *self, const ApPathInput *in)
{
    const gboolean was_known = self->network != 0;

    enter(self, AP_PATH_WAITING, was_known ? AP_REASON_NETWORK_CHANGED : AP_REASON_NEW, in->now);
    ap_path_clear_backoff(self);
    self->network = in->network;
    self->n_flaps = 0;
    self->last_good = (ApEndpoint){0};
    ap_life_begin(self, in->peer, in->now);
}

static void
notice_offer(ApPath *self, const ApPathInput *in)
{
    const guint64 offer = ap_tries_fingerprint(in->admission);

    if (in->admission->n_endpoints == 0 || offer == self->offer)
        return;

    self->offer = offer;
    if (!self->held)
        ap_path_clear_backoff(self);
}

static void
count_start(ApPath *self, ApInstant now)
{
    const gboolean is_recent = self->attempt_boot_usec != 0
                               && now.boot_usec - self->attempt_boot_usec < AP_PATH_RECENT_USEC;

    self->n_recent = is_recent ? self->n_recent + 1 : 1;
    self->attempt_boot_usec = now.boot_usec;
}

/* Begins a try; the caller has asked may_start. */
static void
start(ApPath *self, const ApPathInput *in, const ApEndpoint *endpoint)
{
    const gboolean is_active_side = is_active(self, in);

    if (self->state != AP_PATH_PROBING)
        self->round_boot_usec = in->now.boot_usec;
    enter(self, AP_PATH_PROBING, is_active_side ? AP_REASON_PROBING : AP_REASON_PASSIVE, in->now);
    count_start(self, in->now);
    ap_life_begin(self, in->peer, in->now);
    self->endpoint = *endpoint;
    self->initiated = is_active_side;
    self->held = FALSE;
}

static void
promote(ApPath *self, const ApPathInput *in)
{
    enter(self, AP_PATH_DIRECT, AP_REASON_PROVEN, in->now);
    ap_life_move(self, in->peer, in->now);
    self->endpoint = in->peer->endpoint;
    self->last_good = in->peer->endpoint;
    self->not_before_boot_usec = 0;
    self->n_failures = 0;
    for (guint i = 0; i < in->admission->n_addresses; i++)
        ap_pins_add(self, &in->admission->addresses[i], in->now);
}

/* The round is over: every endpoint failed. */
static void
back_off(ApPath *self, const ApPathInput *in)
{
    const gint64 pause = doubled(BACKOFF_USEC, self->n_failures, BACKOFF_MAX_USEC);
    const guint percent = 100 - JITTER_PERCENT + jitter(&self->key, self->n_failures);

    enter(self, AP_PATH_WAITING, AP_REASON_BACKING_OFF, in->now);
    self->not_before_boot_usec = in->now.boot_usec + pause / 100 * percent;
    self->n_failures++;
    self->held = FALSE;
    self->initiated = FALSE;
    self->endpoint = (ApEndpoint){0};
    ap_life_begin(self, in->peer, in->now);
}

/* A direct path died. */
static void
fall(ApPath *self, const ApPathInput *in, ApReason why)
{
    if (in->now.boot_usec - self->since_boot_usec >= FORGIVE_USEC)
        self->n_flaps = 0;

    enter(self, AP_PATH_WAITING, why, in->now);
    self->not_before_boot_usec =
        in->now.boot_usec + doubled(HOLD_DOWN_USEC, self->n_flaps, HOLD_DOWN_MAX_USEC);
    self->n_flaps++;
    self->held = TRUE;
}

static ApPathStep
absent(const ApPath *self, gint64 next_boot_usec)
{
    return (ApPathStep){
        .why = self->reason,
        .next_boot_usec = next_boot_usec,
        .wake_boot_usec = next_boot_usec,
    };
}

/* The peer answers and we send nothing. */
static ApPathStep
answering(const ApPath *self, const ApPathInput *in, ApReason anew)
{
    const gint64 now = in->now.boot_usec;
    const gint64 next = self->not_before_boot_usec;

    return (ApPathStep){
        .present = TRUE,
        .anew = anew != AP_REASON_NONE,
        .why = anew,
        .next_boot_usec = next > now ? next : AP_NEVER,
        .wake_boot_usec = MIN(now + AP_PATH_POLL_WAITING_USEC, next > now ? next : AP_NEVER),
    };
}

static ApPathStep
trying(const ApPath *self, const ApPathInput *in, ApReason anew, gboolean answered)
{
    const gint64 now = in->now.boot_usec;
    const gint64 age = now - self->attempt_boot_usec;
    const gint64 deadline = self->attempt_boot_usec + ap_tries_usec(self, in->admission);
    const gint64 poll = answered || age < FAST_USEC ? POLL_FAST_USEC : POLL_PROBING_USEC;

    return (ApPathStep){
        .present = TRUE,
        .anew = anew != AP_REASON_NONE,
        .why = anew,
        .endpoint = self->endpoint,
        .keepalive_sec = self->initiated ? keepalive(in) : 0,
        .next_boot_usec = deadline > now ? deadline : now + poll,
        .wake_boot_usec = now + poll,
    };
}

static ApPathStep
direct(const ApPathInput *in, gboolean nod)
{
    return (ApPathStep){
        .present = TRUE,
        .direct = TRUE,
        .nod = nod,
        .keepalive_sec = keepalive(in),
        .next_boot_usec = AP_NEVER,
        .wake_boot_usec = in->now.boot_usec + POLL_DIRECT_USEC,
    };
}

/* A try that the limit per host does not allow yet. */
static ApPathStep
postponed(const ApPath *self, const ApPathInput *in, ApReason anew)
{
    ApPathStep step = answering(self, in, anew);

    step.next_boot_usec = in->now.boot_usec + POLL_PROBING_USEC;
    step.wake_boot_usec = step.next_boot_usec;
    return step;
}

static ApPathStep
step_waiting(ApPath *self, const ApPathInput *in, ApReason anew)
{
    const ApAdmittedEndpoint *first = ap_tries_next(self, in->admission, NULL);

    /*
     * A peer that is held down stays off the device. If it were there it would answer, and even
     * send the keepalive that WireGuard owes for data which cryptokey routing then drops (Linux
     * 6.1, receive.c, wg_packet_consume_data_done()). The far end would take this for life and
     * go on sending into nothing.
     */
    if (self->held && in->now.boot_usec < self->not_before_boot_usec)
        return absent(self, self->not_before_boot_usec);

    if (in->peer != NULL && anew == AP_REASON_NONE
        && ap_life_judge_try(self, in->peer, in->endpoint_is_good, in->now).life == AP_LIFE_ALIVE) {
        promote(self, in);
        return direct(in, TRUE);
    }
    if (first == NULL) {
        enter(self, AP_PATH_WAITING, AP_REASON_NO_ENDPOINT, in->now);
        return answering(self, in, anew);
    }
    if (in->now.boot_usec < self->not_before_boot_usec)
        return answering(self, in, anew);
    if (!in->may_start)
        return postponed(self, in, anew);

    start(self, in, &first->endpoint);
    return trying(self, in, anew != AP_REASON_NONE ? anew : AP_REASON_PROBING, FALSE);
}

/* The endpoint failed, or it is not offered any more: the next one, or the end of the round. */
static ApPathStep
try_next(ApPath *self, const ApPathInput *in)
{
    const ApAdmittedEndpoint *next = ap_tries_next(self, in->admission, &self->endpoint);

    if (next == NULL || in->now.boot_usec - self->round_boot_usec >= ROUND_USEC) {
        back_off(self, in);
        return answering(self, in, AP_REASON_BACKING_OFF);
    }
    if (!in->may_start) {
        ApPathStep step = trying(self, in, AP_REASON_NONE, FALSE);

        step.wake_boot_usec = in->now.boot_usec + POLL_PROBING_USEC;
        return step;
    }
    start(self, in, &next->endpoint);
    return trying(self, in, AP_REASON_NO_HANDSHAKE, FALSE);
}

static ApPathStep
step_probing(ApPath *self, const ApPathInput *in)
{
    const gint64 age = in->now.boot_usec - self->attempt_boot_usec;
    const ApLifeVerdict verdict = ap_life_judge_try(self, in->peer, in->endpoint_is_good, in->now);

    if (verdict.life == AP_LIFE_ALIVE) {
        promote(self, in);
        return direct(in, TRUE);
    }
    if (verdict.answered)
        return trying(self, in, AP_REASON_NONE, TRUE);
    if (age >= ap_tries_usec(self, in->admission) || !ap_tries_is_worth(self, in->admission))
        return try_next(self, in);

    if (!self->initiated && age >= STAGGER_USEC) {
        self->initiated = TRUE;
        self->reason = AP_REASON_PROBING;
    }
    return trying(self, in, AP_REASON_NONE, FALSE);
}

static ApPathStep
step_direct(ApPath *self, const ApPathInput *in)
{
    const ApLifeVerdict verdict =
        ap_life_judge_direct(self, in->peer, in->endpoint_is_good, in->now);

    if (verdict.life == AP_LIFE_DEAD) {
        fall(self, in, verdict.why);
        return absent(self, self->not_before_boot_usec);
    }

    self->endpoint = in->peer->endpoint;
    self->last_good = in->peer->endpoint;
    return direct(in, verdict.started_anew);
}

/*
 * Somebody made the device's list of peers anew, as NetworkManager does on activation. A direct
 * peer has had a handshake; one without is not the peer that we knew.
 */
static gboolean
was_wiped(const ApPath *self, const ApPathInput *in)
{
    if (in->peer == NULL)
        return self->state != AP_PATH_WAITING;
    return self->state == AP_PATH_DIRECT && in->peer->handshake_real_usec == 0;
}

static ApPathStep
step_wiped(ApPath *self, const ApPathInput *in)
{
    const ApAdmittedEndpoint *first = ap_tries_next(self, in->admission, NULL);
    const gboolean was_direct = self->state == AP_PATH_DIRECT;
    ApEndpoint endpoint = {0};

    if (ap_tries_is_worth(self, in->admission))
        endpoint = self->endpoint;
    else if (first != NULL)
        endpoint = first->endpoint;

    if (!in->may_start || !ap_endpoint_is_set(&endpoint)) {
        enter(self, AP_PATH_WAITING, AP_REASON_NEW, in->now);
        return step_waiting(self, in, AP_REASON_NEW);
    }

    /* The far end cannot have noticed yet, so a handshake brings the old state back. */
    start(self, in, &endpoint);
    self->moved = was_direct;
    return trying(self, in, AP_REASON_NEW, FALSE);
}

/* Left over: tunnel addresses on a peer whose path nobody watched, after a crash for example. */
static gboolean
holds_more(const ApPathInput *in)
{
    return in->peer != NULL && in->peer->allowed->len > 1;
}

/**
 * Takes one peer a step further through its life.
 *
 * @self: its memory, updated; of a peer that the guard admitted
 *
 * Asked twice at one instant, with what the first answer asks for done in between, it asks for
 * nothing more.
 *
 * Returns: what the device should have
 */
ApPathStep
ap_path_step(ApPath *self, const ApPathInput *in)
{
    ApReason anew = AP_REASON_NONE;

    if (in->peer != NULL)
        ap_pins_hold(self, in->peer, in->now);
    if (in->network == 0) {
        if (self->state == AP_PATH_DIRECT && !was_wiped(self, in))
            return step_direct(self, in);
        enter(self, AP_PATH_WAITING, AP_REASON_NO_UPLINK, in->now);
        return absent(self, AP_NEVER);
    }

    if (self->network != in->network) {
        change_network(self, in);
        anew = AP_REASON_NETWORK_CHANGED;
    } else if (self->state == AP_PATH_WAITING && holds_more(in)) {
        anew = AP_REASON_NEW;
    }
    notice_offer(self, in);
    if (was_wiped(self, in))
        return step_wiped(self, in);

    switch (self->state) {
    case AP_PATH_WAITING:
        return step_waiting(self, in, anew);
    case AP_PATH_PROBING:
        return step_probing(self, in);
    case AP_PATH_DIRECT:
        return step_direct(self, in);
    }
    g_return_val_if_reached(absent(self, AP_NEVER));
}

/**
 * Ends the use of a peer for a reason outside its own life: nobody offers it, the guard refuses
 * it, the tunnel is not managed.
 *
 * @peer: (nullable): ours, as the device has it
 */
void
ap_path_leave(ApPath *self, const ApDevicePeer *peer, ApReason reason, ApInstant now)
{
    if (peer != NULL)
        ap_pins_hold(self, peer, now);
    enter(self, AP_PATH_WAITING, reason, now);
}

/**
 * Leaves a peer to the administrator who edited it, for AP_PATH_HANDS_OFF_USEC.
 */
void
ap_path_hand_over(ApPath *self, ApInstant now)
{
    if (ap_path_is_handed_over(self, now))
        return;

    enter(self, AP_PATH_WAITING, AP_REASON_TAKEN_OVER, now);
    self->not_before_boot_usec = now.boot_usec + AP_PATH_HANDS_OFF_USEC;
}

gboolean
ap_path_is_handed_over(const ApPath *self, ApInstant now)
{
    return self->reason == AP_REASON_TAKEN_OVER && self->not_before_boot_usec > now.boot_usec;
}

/**
 * Tells whether the memory of a peer that nobody offers and that is not on the device still
 * matters: to the limit on tries, to a pause that it must sit out, to who had an address.
 *
 * A back-off is no such pause. What matters here is bounded by what once worked and by the
 * limit on tries, not by how many keys a server can invent.
 */
gboolean
ap_path_is_worth_keeping(const ApPath *self, ApInstant now)
{
    const gboolean is_recent = self->attempt_boot_usec != 0
                               && now.boot_usec - self->attempt_boot_usec < AP_PATH_RECENT_USEC;

    return is_recent || ap_pins_last(self, now)
           || (self->held && self->not_before_boot_usec > now.boot_usec)
           || ap_path_is_handed_over(self, now);
}
