/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/bfd/poll.h"

/**
 * Padded Polls that may go unanswered beyond the number for an ordinary one: 2.
 *
 * A path that got narrower is rarer than loss, and full-size packets are the first to be
 * dropped by a full queue. Five tries on a path that loses 1 % each way fail by chance once in
 * 3 × 10⁸ minutes, three once in 125,000.
 */
#define EXTRA_PADDED_TRIES 2

/** Between further Polls of a timer change that nobody answers: RFC 5880's slow rate, 1 s. */
#define PATIENT_PACE_USEC AP_USEC_PER_SEC

/** A new sample's weight in the smoothed round-trip time is 1/8. RFC 6298 section 2.3. */
#define RTT_WEIGHT 8

/**
 * Prepares a machine that asks nothing.
 *
 * @pace_usec: between two Polls of one sequence
 * @n_tries: Polls without a Final after which the far end counts as dead, one pace after the
 *     last of them
 */
void
ap_bfd_poll_init(ApBfdPoll *self, gint64 pace_usec, guint n_tries)
{
    *self = (ApBfdPoll){.pace_usec = pace_usec, .n_tries = n_tries};
}

/**
 * Asks for a Poll, at once where it is urgent (AP_BFD_POLL_ALIVE) and otherwise after the
 * sequence that is open.
 *
 * @purposes: of ApBfdPollPurpose; to ask whether the far end is alive while that is being
 *     asked changes nothing
 */
void
ap_bfd_poll_want(ApBfdPoll *self, guint purposes)
{
    self->wanted |= purposes & ~(self->open & AP_BFD_POLL_ALIVE);
}

/** Forgets every question, because the session left Up. The round-trip time stays known. */
void
ap_bfd_poll_reset(ApBfdPoll *self)
{
    self->wanted = 0;
    self->open = 0;
    self->small_suspected = FALSE;
}

/** Returns: TRUE when nothing is being asked or waits to be */
gboolean
ap_bfd_poll_is_idle(const ApBfdPoll *self)
{
    return self->open == 0 && self->wanted == 0;
}

/** Returns: TRUE when the Poll that goes next has to be padded */
gboolean
ap_bfd_poll_is_padded(const ApBfdPoll *self)
{
    return (self->open & AP_BFD_POLL_SIZE) != 0;
}

static gboolean
should_open(const ApBfdPoll *self)
{
    return (self->wanted & AP_BFD_POLL_ALIVE) != 0 || (self->open == 0 && self->wanted != 0);
}

static void
open_for(ApBfdPoll *self, guint purposes, ApInstant now)
{
    self->open = purposes;
    self->n_sent = 0;
    self->opened_usec = now.boot_usec;
}

/* An urgent question takes over the open one, but with small packets: it must not fail for
 * want of size. The question of size then waits for its turn again. */
static void
open_wanted(ApBfdPoll *self, ApInstant now)
{
    const guint all = self->wanted | self->open;

    self->wanted = 0;
    if (all & AP_BFD_POLL_ALIVE) {
        self->wanted = all & AP_BFD_POLL_SIZE;
        open_for(self, all & ~AP_BFD_POLL_SIZE, now);
    } else {
        open_for(self, all, now);
    }
}

static guint
n_tries(const ApBfdPoll *self)
{
    if (self->open == AP_BFD_POLL_RTT)
        return 1;
    return self->n_tries + (ap_bfd_poll_is_padded(self) ? EXTRA_PADDED_TRIES : 0);
}

/* A change of timers alone is never given up: there is nothing to conclude from. */
static gboolean
has_limit(const ApBfdPoll *self)
{
    return (self->open & (AP_BFD_POLL_ALIVE | AP_BFD_POLL_SIZE)) != 0
           || self->open == AP_BFD_POLL_RTT;
}

static gint64
next_send(const ApBfdPoll *self)
{
    if (self->open == 0)
        return AP_NEVER;
    if (self->n_sent == 0)
        return self->opened_usec;
    if (self->n_sent < n_tries(self))
        return self->sent_usec + self->pace_usec;
    return has_limit(self) ? AP_NEVER : self->sent_usec + MAX(self->pace_usec, PATIENT_PACE_USEC);
}

/**
 * Returns: when to call ap_bfd_poll_expire(), in microseconds of the boot clock; AP_NEVER: there
 *     is nothing to judge
 */
gint64
ap_bfd_poll_limit(const ApBfdPoll *self)
{
    if (!has_limit(self))
        return AP_NEVER;
    return self->opened_usec + MAX(n_tries(self), self->n_tries) * self->pace_usec;
}

/**
 * Returns: when to call ap_bfd_poll_take() next, in microseconds of the boot clock; 0: at once;
 *     AP_NEVER: there is nothing to send
 */
gint64
ap_bfd_poll_next(const ApBfdPoll *self)
{
    return should_open(self) ? 0 : next_send(self);
}

/**
 * Tells whether a Poll has to go now, and takes note that it goes.
 *
 * Returns: TRUE when the caller must send one, padded as ap_bfd_poll_is_padded() says
 */
gboolean
ap_bfd_poll_take(ApBfdPoll *self, ApInstant now)
{
    if (should_open(self))
        open_wanted(self, now);
    if (now.boot_usec < next_send(self))
        return FALSE;

    self->n_sent++;
    self->sent_usec = now.boot_usec;
    return TRUE;
}

static void
take_sample(ApBfdPoll *self, gint64 sample_usec)
{
    if (self->rtt_usec == 0)
        self->rtt_usec = sample_usec;
    else
        self->rtt_usec += (sample_usec - self->rtt_usec) / RTT_WEIGHT;
}

/**
 * Takes a Final.
 *
 * @padded: whether the Final was padded
 * @answered: (out): of ApBfdPollPurpose: what it confirms; 0 unless the verdict is
 *     AP_BFD_POLL_ANSWERED
 *
 * A Final that nobody waits for changes nothing.
 */
ApBfdPollVerdict
ap_bfd_poll_answer(ApBfdPoll *self, gboolean padded, ApInstant now, guint *answered)
{
    *answered = 0;
    if (self->open == 0 || self->n_sent == 0)
        return AP_BFD_POLL_PENDING;
    if (ap_bfd_poll_is_padded(self) && !padded)
        return AP_BFD_POLL_PENDING;
    if (self->small_suspected && !padded)
        return AP_BFD_POLL_SMALL_ONLY;

    if (self->n_sent == 1 && !self->small_suspected)
        take_sample(self, MAX(now.boot_usec - self->sent_usec, 1));
    *answered = self->open;
    self->open = 0;
    self->small_suspected = FALSE;
    return AP_BFD_POLL_ANSWERED;
}

/**
 * Judges a sequence whose time is over. Padded Polls without an answer are followed by small
 * ones before a verdict: only they tell a narrow path from a dead one.
 */
ApBfdPollVerdict
ap_bfd_poll_expire(ApBfdPoll *self, ApInstant now)
{
    if (now.boot_usec < ap_bfd_poll_limit(self))
        return AP_BFD_POLL_PENDING;
    if (self->open & AP_BFD_POLL_ALIVE)
        return AP_BFD_POLL_DEAD;

    if (self->open & AP_BFD_POLL_SIZE) {
        self->small_suspected = TRUE;
        open_for(self, (self->open & AP_BFD_POLL_TIMERS) | AP_BFD_POLL_ALIVE, now);
    } else {
        self->open = 0;
    }
    return AP_BFD_POLL_PENDING;
}
