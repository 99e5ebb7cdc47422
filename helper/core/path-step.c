/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/path-private.h"
#include "helper/core/plan.h"
#include "helper/core/quality.h"
#include "helper/core/traffic.h"
#include "helper/core/tries.h"

/* Times in microseconds. Source, unless something else is said: decisions.md 1 and 6. */

/** How often the device is read right after an addition, and how long that lasts. */
#define POLL_FAST_USEC (20 * AP_USEC_PER_MSEC)
#define FAST_USEC (500 * AP_USEC_PER_MSEC)
/** How often it is read after that, while probing, and while direct and in use. */
#define POLL_PROBING_USEC (100 * AP_USEC_PER_MSEC)
#define POLL_DIRECT_USEC AP_USEC_PER_SEC

/**
 * How often it is read while direct and quiet, where BFD tells of a path that dies and where the
 * counters do: what goes through the tunnel shows sooner, by AP_PLAN_GLANCE_USEC. More than two
 * keepalives would count as traffic (helper/core/traffic.c). WireGuard owes no two of them within
 * 10 s, and with BFD hardly any, since that sends before one is due.
 */
#define POLL_QUIET_BFD_USEC (30 * AP_USEC_PER_SEC)
#define POLL_QUIET_USEC (15 * AP_USEC_PER_SEC)

/**
 * How long the side with the higher key waits for the other to start. Two initiations within a
 * few milliseconds of each other stall both sides for 5 s.
 */
#define STAGGER_USEC (300 * AP_USEC_PER_MSEC)

/** How long a round over all endpoints may last (security rule S4). */
#define ROUND_USEC (30 * AP_USEC_PER_SEC)

/** Second tries of an endpoint in one round; design, path-management.md, "Endpoints". */
#define MAX_AGAIN 2

/** Makes the device send where the policy says that peers need no keepalive. Source: wg(8). */
#define KEEPALIVE_SEC 25

static guint16
keepalive(const ApPathInput *in)
{
    return in->keepalive_sec != 0 ? in->keepalive_sec : KEEPALIVE_SEC;
}

/**
 * Makes the step of a peer that is to be off the device.
 */
ApPathStep
ap_path_absent(ApReason why, gint64 next_boot_usec)
{
    return (ApPathStep){
        .why = why,
        .next_boot_usec = next_boot_usec,
        .wake_boot_usec = next_boot_usec,
    };
}

/* The peer answers and we send nothing. @look_boot_usec: when it may be proven */
static ApPathStep
answering(const ApPath *self, const ApPathInput *in, ApReason anew, gint64 look_boot_usec)
{
    const gint64 now = in->now.boot_usec;
    const gint64 next = self->not_before_boot_usec > now ? self->not_before_boot_usec : AP_NEVER;
    const gboolean is_announced = !in->mute && ap_life_speaks_bfd(self, in);
    const gint64 poll = is_announced ? AP_NEVER : now + AP_PATH_POLL_WAITING_USEC;
    const gint64 wake = MIN(poll, next);

    return (ApPathStep){
        .present = TRUE,
        .anew = anew != AP_REASON_NONE,
        .why = anew,
        .next_boot_usec = next,
        .wake_boot_usec = look_boot_usec > now ? MIN(wake, look_boot_usec) : wake,
    };
}

/* The peer is held down, and its BFD session goes on: before the end it is asked how fast a path
 * is that was too slow. */
static ApPathStep
holding(const ApPath *self, const ApPathInput *in)
{
    const gint64 measure = self->not_before_boot_usec - AP_QUALITY_MEASURE_USEC;
    const gboolean is_early = self->reason == AP_REASON_SLOWER && in->now.boot_usec < measure;

    return (ApPathStep){
        .present = TRUE,
        .endpoint = self->endpoint,
        .keepalive_sec = keepalive(in),
        .next_boot_usec = self->not_before_boot_usec,
        .wake_boot_usec = is_early ? measure : self->not_before_boot_usec,
    };
}

static ApPathStep
held(ApPath *self, const ApPathInput *in)
{
    /* It may have been refused in between, which is over. */
    if (self->reason != self->death)
        ap_path_enter(self, AP_PATH_WAITING, self->death, in->now);
    if (ap_path_stays_while_held(self, in))
        return holding(self, in);
    return ap_path_absent(self->reason, self->not_before_boot_usec);
}

static ApPathStep
trying(const ApPath *self, const ApPathInput *in, ApReason anew, const ApLifeVerdict *verdict)
{
    const gint64 now = in->now.boot_usec;
    const gboolean is_close =
        now - self->try_boot_usec < FAST_USEC || (in->mute && verdict != NULL && verdict->answered);
    const gint64 poll = now + (is_close ? POLL_FAST_USEC : POLL_PROBING_USEC);
    const gint64 deadline = verdict != NULL
                                ? verdict->look_boot_usec
                                : self->try_boot_usec + ap_tries_usec(self, in->admission);

    return (ApPathStep){
        .present = TRUE,
        .anew = anew != AP_REASON_NONE,
        .why = anew,
        .endpoint = self->endpoint,
        .keepalive_sec = self->initiated ? keepalive(in) : 0,
        .next_boot_usec = deadline > now ? deadline : poll,
        .wake_boot_usec = deadline > now ? MIN(deadline, poll) : poll,
    };
}

/* The path is proven, and one end is not ready for it. BFD tells when that ends. */
static ApPathStep
proven(const ApPath *self, const ApPathInput *in, const ApLifeVerdict *verdict)
{
    ApPathStep step = trying(self, in, AP_REASON_NONE, verdict);

    step.wake_boot_usec =
        MIN(verdict->look_boot_usec, in->now.boot_usec + AP_PATH_POLL_WAITING_USEC);
    step.next_boot_usec = verdict->look_boot_usec;
    return step;
}

static gint64
poll_direct(const ApPath *self, gboolean is_flowing)
{
    if (is_flowing)
        return POLL_DIRECT_USEC;
    return self->evidence == AP_EVIDENCE_BFD ? POLL_QUIET_BFD_USEC : POLL_QUIET_USEC;
}

static ApPathStep
direct(const ApPath *self, const ApPathInput *in, gboolean nod)
{
    const gint64 now = in->now.boot_usec;
    const gboolean is_flowing = ap_traffic_is_flowing(self, in->now);

    return (ApPathStep){
        .present = TRUE,
        .direct = TRUE,
        .nod = nod,
        .keepalive_sec = keepalive(in),
        .next_boot_usec = AP_NEVER,
        .wake_boot_usec = now + poll_direct(self, is_flowing),
        .glance_boot_usec = is_flowing ? 0 : now + AP_PLAN_GLANCE_USEC,
    };
}

/* A try that the limit per host does not allow yet. */
static ApPathStep
postponed(const ApPath *self, const ApPathInput *in, ApReason anew)
{
    ApPathStep step = answering(self, in, anew, AP_NEVER);

    step.next_boot_usec = in->now.boot_usec + POLL_PROBING_USEC;
    step.wake_boot_usec = step.next_boot_usec;
    return step;
}

/*
 * BFD of a waiting peer is as good as an offer. Not so where it was heard through the whole
 * round that just failed: there the two ends would keep each other trying without a pause.
 */
static gboolean
may_resume(const ApPath *self, const ApPathInput *in)
{
    const gboolean is_known_trouble =
        self->trouble == AP_REASON_ONE_WAY || self->trouble == AP_REASON_MTU;

    if (!ap_life_is_heard(in))
        return FALSE;
    return in->proof->state == AP_PROOF_PROVEN || !is_known_trouble
           || in->now.boot_usec >= self->not_before_boot_usec;
}

static ApPathStep
promoted(ApPath *self, const ApPathInput *in, const ApLifeVerdict *verdict)
{
    ap_path_promote(self, in, verdict->evidence);
    return direct(self, in, verdict->nod);
}

/* Nothing of the peer's own doing makes it direct: our turn to try, or not. */
static ApPathStep
start_waiting(ApPath *self, const ApPathInput *in, ApReason anew, gint64 look_boot_usec)
{
    const ApAdmittedEndpoint *first = ap_tries_next(self, in->admission, NULL);

    if (first == NULL) {
        ap_path_enter(self,
                      AP_PATH_WAITING,
                      in->admission->is_elsewhere ? AP_REASON_NOT_SAME_LAN : AP_REASON_NO_ENDPOINT,
                      in->now);
        return answering(self, in, anew, look_boot_usec);
    }
    if (in->now.boot_usec < self->not_before_boot_usec)
        return answering(self, in, anew, look_boot_usec);
    if (!in->may_start)
        return postponed(self, in, anew);

    ap_path_start(self, in, &first->endpoint);
    return trying(self, in, anew != AP_REASON_NONE ? anew : AP_REASON_PROBING, NULL);
}

/**
 * A step of a waiting peer.
 *
 * @anew: why it has to be added anew; AP_REASON_NONE: it need not
 */
ApPathStep
ap_path_step_waiting(ApPath *self, const ApPathInput *in, ApReason anew)
{
    ApLifeVerdict verdict;

    if (self->held && in->now.boot_usec < self->not_before_boot_usec)
        return held(self, in);
    if (self->held && self->reason == AP_REASON_SLOWER && !ap_quality_is_better(in)) {
        ap_path_hold_on(self, in);
        return held(self, in);
    }
    if (in->peer == NULL || anew != AP_REASON_NONE)
        return start_waiting(self, in, anew, AP_NEVER);

    verdict = ap_life_judge_try(self, in);
    if (verdict.life == AP_LIFE_ALIVE)
        return promoted(self, in, &verdict);
    if (may_resume(self, in)) {
        ap_path_resume(self, in);
        return ap_path_step_probing(self, in);
    }
    return start_waiting(self, in, anew, verdict.look_boot_usec);
}

/*
 * A path that has just died may be back at any moment, so its first round is not over when every
 * endpoint was silent once: it lasts as long as a round may.
 */
static gboolean
goes_round_again(const ApPath *self, const ApLifeVerdict *verdict)
{
    return self->n_flaps > 0 && self->n_failures == 0 && self->evidence == AP_EVIDENCE_BFD
           && verdict->why == AP_REASON_NO_HANDSHAKE;
}

/* The endpoint failed, or it is not offered any more: again, the next one, or the end. */
static ApPathStep
try_next(ApPath *self, const ApPathInput *in, const ApLifeVerdict *verdict)
{
    const gboolean again = verdict->again && self->n_again < MAX_AGAIN;
    const ApAdmittedEndpoint *next = ap_tries_next(self, in->admission, &self->endpoint);
    const ApEndpoint same = in->peer->endpoint;

    if (next == NULL && goes_round_again(self, verdict))
        next = ap_tries_next(self, in->admission, NULL);
    if (verdict->life == AP_LIFE_DEAD && verdict->why != AP_REASON_NO_HANDSHAKE)
        self->trouble = verdict->why;
    if ((next == NULL && !again) || in->now.boot_usec - self->round_boot_usec >= ROUND_USEC) {
        ap_path_back_off(self, in);
        return answering(self, in, self->reason, AP_NEVER);
    }
    if (!in->may_start) {
        ApPathStep step = trying(self, in, AP_REASON_NONE, verdict);

        step.wake_boot_usec = in->now.boot_usec + POLL_PROBING_USEC;
        return step;
    }

    self->n_again += again ? 1 : 0;
    ap_path_start(self, in, again ? &same : &next->endpoint);
    return trying(self, in, verdict->why, NULL);
}

/* What a try shows for itself while it lasts. */
static void
go_on(ApPath *self, const ApPathInput *in, const ApLifeVerdict *verdict)
{
    const gboolean is_heard = ap_life_is_heard(in);

    if (!self->initiated && (is_heard || in->now.boot_usec - self->try_boot_usec >= STAGGER_USEC))
        self->initiated = TRUE;

    self->reason = self->initiated ? AP_REASON_PROBING : AP_REASON_PASSIVE;
    if (is_heard && in->proof->state == AP_PROOF_PROVEN)
        self->reason = verdict->why;
}

/**
 * A step of a peer that is being probed.
 */
ApPathStep
ap_path_step_probing(ApPath *self, const ApPathInput *in)
{
    const ApLifeVerdict verdict = ap_life_judge_try(self, in);

    ap_path_note_trial(self, in);
    if (verdict.life == AP_LIFE_ALIVE)
        return promoted(self, in, &verdict);
    if (verdict.life == AP_LIFE_DEAD
        || (!verdict.answered && self->n_again == 0 && !ap_tries_is_worth(self, in->admission)))
        return try_next(self, in, &verdict);

    go_on(self, in, &verdict);
    if (!ap_life_is_heard(in) || in->proof->state != AP_PROOF_PROVEN)
        return trying(self, in, AP_REASON_NONE, &verdict);

    /* The time of a try does not run while the path is proven. */
    self->try_boot_usec = in->now.boot_usec;
    self->round_boot_usec = in->now.boot_usec;
    return proven(self, in, &verdict);
}

/**
 * A step of a direct peer.
 */
ApPathStep
ap_path_step_direct(ApPath *self, const ApPathInput *in)
{
    const ApLifeVerdict verdict = ap_life_judge_direct(self, in);

    switch (verdict.life) {
    case AP_LIFE_ALIVE:
        if (ap_quality_judge_direct(self, in)) {
            ap_path_fall(self, in, AP_REASON_SLOWER);
            return held(self, in);
        }
        self->endpoint = in->peer->endpoint;
        self->last_good = in->peer->endpoint;
        return direct(self, in, verdict.nod);
    case AP_LIFE_UNKNOWN:
        ap_path_await(self, in);
        return proven(self, in, &verdict);
    case AP_LIFE_DEAD:
        break;
    }

    if (verdict.why == AP_REASON_FAR_END_LEFT) {
        ap_path_part(self, in);
        return ap_path_step_waiting(self, in, AP_REASON_NONE);
    }
    ap_path_fall(self, in, verdict.why);
    return held(self, in);
}

/**
 * A step of a peer that was being probed or direct, and is not on the device as we left it.
 */
ApPathStep
ap_path_step_wiped(ApPath *self, const ApPathInput *in)
{
    const ApAdmittedEndpoint *first = ap_tries_next(self, in->admission, NULL);
    const gboolean was_direct = self->state == AP_PATH_DIRECT;
    ApEndpoint endpoint = {0};

    if (ap_tries_is_worth(self, in->admission))
        endpoint = self->endpoint;
    else if (first != NULL)
        endpoint = first->endpoint;

    if (!in->may_start || !ap_endpoint_is_set(&endpoint)) {
        ap_path_enter(self, AP_PATH_WAITING, AP_REASON_NEW, in->now);
        return ap_path_step_waiting(self, in, AP_REASON_NEW);
    }

    /* The far end cannot have noticed yet, so a handshake brings the old state back. */
    ap_path_start(self, in, &endpoint);
    self->moved = was_direct;
    return trying(self, in, AP_REASON_NEW, NULL);
}
