/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path.h"

#include "helper/core/path-private.h"
#include "helper/core/pins.h"
#include "helper/core/quality.h"
#include "helper/core/traffic.h"
#include "helper/core/tries.h"

/**
 * How long a peer stays after its tunnel addresses left it, in microseconds: 200 ms, in which
 * the far end is told. Removed at once, 9 of 60 good-byes were lost. Decisions 10.
 */
#define LEAVE_USEC (200 * AP_USEC_PER_MSEC)

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

static gboolean
is_proven_direct(const ApPath *self, const ApPathInput *in)
{
    return self->state == AP_PATH_DIRECT && self->evidence == AP_EVIDENCE_BFD
           && ap_life_is_heard(in) && in->proof->state == AP_PROOF_PROVEN;
}

/*
 * What was learned on one network says nothing about another, unless it is being proven right
 * now. That the path counts as in use makes BFD ask at once whether it is.
 *
 * Returns: why the peer has to be added anew; AP_REASON_NONE: it need not
 */
static ApReason
change_network(ApPath *self, const ApPathInput *in)
{
    const gboolean was_known = self->network != 0;

    self->network = in->network;
    self->n_flaps = 0;
    self->n_losses = 0;
    if (is_proven_direct(self, in)) {
        ap_traffic_begin(self, in->peer, in->proof, in->now);
        return AP_REASON_NONE;
    }

    ap_path_enter(self,
                  AP_PATH_WAITING,
                  was_known ? AP_REASON_NETWORK_CHANGED : AP_REASON_NEW,
                  in->now);
    ap_path_clear_backoff(self);
    self->last_good = (ApEndpoint){0};
    ap_life_begin(self, in->peer, in->now);
    return AP_REASON_NETWORK_CHANGED;
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

/* Left over: tunnel addresses on a peer whose path nobody watched, after a crash for example. */
static gboolean
holds_more(const ApPath *self, const ApPathInput *in)
{
    return self->state == AP_PATH_WAITING && !self->held && in->peer != NULL
           && in->peer->allowed->len > 1;
}

/*
 * Without a way out nothing begins, and what is proven stays (decisions.md 14). Everything else
 * goes.
 */
static ApPathStep
step_offline(ApPath *self, const ApPathInput *in)
{
    ApReason why = AP_REASON_NO_UPLINK;

    if (self->state == AP_PATH_DIRECT && !was_wiped(self, in)) {
        const ApPathStep step = ap_path_step_direct(self, in);

        if (self->state == AP_PATH_DIRECT)
            return step;
        why = self->held ? self->reason : why;
    }
    return ap_path_leave(self, in->peer, in->proof, why, in->now);
}

static ApPathStep
step_online(ApPath *self, const ApPathInput *in, ApReason anew)
{
    if (self->network != in->network)
        anew = change_network(self, in);
    else if (anew == AP_REASON_NONE && holds_more(self, in))
        anew = AP_REASON_NEW;
    notice_offer(self, in);
    if (was_wiped(self, in))
        return ap_path_step_wiped(self, in);

    switch (self->state) {
    case AP_PATH_WAITING:
        return ap_path_step_waiting(self, in, anew);
    case AP_PATH_PROBING:
        return ap_path_step_probing(self, in);
    case AP_PATH_DIRECT:
        return ap_path_step_direct(self, in);
    }
    g_return_val_if_reached(ap_path_absent(AP_REASON_NONE, AP_NEVER));
}

/* Whether we would route by the path at once if BFD proved it. */
static gboolean
is_willing(const ApPath *self, const ApPathInput *in, const ApPathStep *step)
{
    if (step->direct)
        return TRUE;
    if (self->held && in->now.boot_usec < self->not_before_boot_usec)
        return FALSE;
    if (step->anew || in->peer == NULL)
        return ap_endpoint_is_set(&step->endpoint) && self->n_flaps == 0;
    return in->endpoint_is_good && ap_life_is_stable(self, in);
}

/* A path that is used, or may be soon. One that waits for a better day may do so quietly. */
static gboolean
is_fast(const ApPath *self, const ApPathInput *in, const ApPathStep *step)
{
    if (step->direct)
        return ap_traffic_is_flowing(self, in->now);
    return !(self->held && self->reason == AP_REASON_SLOWER)
           || self->not_before_boot_usec - in->now.boot_usec <= AP_QUALITY_MEASURE_USEC;
}

/* What the BFD session of a peer on the device is to do. */
static void
add_session(const ApPath *self, const ApPathInput *in, ApPathStep *step)
{
    switch (self->state) {
    case AP_PATH_WAITING:
        step->active = self->held && in->now.boot_usec < self->not_before_boot_usec;
        break;
    case AP_PATH_PROBING:
        step->active = self->initiated;
        break;
    case AP_PATH_DIRECT:
        /* Who could not speak when the path was proven may be able to by now. */
        step->active = self->evidence == AP_EVIDENCE_BFD || (in->speaks_bfd && !in->mute);
        break;
    }
    step->usable = is_willing(self, in, step);
    step->fast = is_fast(self, in, step);
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
    ApPathStep step;

    /* It was an administrator's for a while, and is ours again. */
    if (self->reason == AP_REASON_TAKEN_OVER)
        self->reason = AP_REASON_NEW;
    if (in->proof->heard_boot_usec != 0)
        self->speaks_bfd = TRUE;
    if (in->peer != NULL) {
        ap_pins_hold(self, in->peer, in->now);
        ap_traffic_note(self, in->peer, in->proof, in->now);
    }
    if (self->leaving_until_boot_usec != 0) {
        step = ap_path_leave(self, in->peer, in->proof, self->reason, in->now);
        if (step.present || in->network == 0)
            return step;
        anew = in->peer != NULL ? AP_REASON_NEW : AP_REASON_NONE;
    }

    step = in->network == 0 ? step_offline(self, in) : step_online(self, in, anew);
    if (step.present && !step.leaving)
        add_session(self, in, &step);
    return step;
}

/* Whether the far end routes by the path, and can still be told that it goes. */
static gboolean
must_tell(const ApDevicePeer *peer, const ApProof *proof)
{
    return peer != NULL && peer->handshake_real_usec != 0 && proof->state == AP_PROOF_PROVEN;
}

/**
 * Ends the use of a peer for a reason outside its own life: nobody offers it, the guard refuses
 * it, the tunnel is not managed.
 *
 * @peer: (nullable): ours, as the device has it
 * @proof: what BFD says of it
 *
 * Where BFD has proven the path the peer stays for LEAVE_USEC without its tunnel addresses, so
 * that its session can say good-bye; once begun that is seen through.
 *
 * Returns: what the device should have: nothing, or the leaving peer
 */
ApPathStep
ap_path_leave(ApPath *self,
              const ApDevicePeer *peer,
              const ApProof *proof,
              ApReason reason,
              ApInstant now)
{
    if (peer != NULL)
        ap_pins_hold(self, peer, now);
    ap_path_enter(self, AP_PATH_WAITING, reason, now);

    if (self->leaving_until_boot_usec == 0 && must_tell(peer, proof))
        self->leaving_until_boot_usec = now.boot_usec + LEAVE_USEC;
    if (peer == NULL || self->leaving_until_boot_usec <= now.boot_usec) {
        self->leaving_until_boot_usec = 0;
        return ap_path_absent(reason, AP_NEVER);
    }
    return (ApPathStep){
        .present = TRUE,
        .why = reason,
        .leaving = TRUE,
        .keepalive_sec = peer->keepalive_sec,
        .next_boot_usec = self->leaving_until_boot_usec,
        .wake_boot_usec = self->leaving_until_boot_usec,
    };
}

/**
 * Leaves a peer to the administrator who edited it, for AP_PATH_HANDS_OFF_USEC.
 */
void
ap_path_hand_over(ApPath *self, ApInstant now)
{
    if (ap_path_is_handed_over(self, now))
        return;

    ap_path_enter(self, AP_PATH_WAITING, AP_REASON_TAKEN_OVER, now);
    self->not_before_boot_usec = now.boot_usec + AP_PATH_HANDS_OFF_USEC;
}

/** Tells whether the peer was left to whoever edited it, and is not to be added again yet. */
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
