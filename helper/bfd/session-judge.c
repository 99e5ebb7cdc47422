/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a session concludes from packets that do not come, and when.
 */

#include "helper/bfd/session-private.h"
#include "helper/bfd/session.h"

/**
 * Longest detection time that a peer can bring us to: 3 min, in microseconds.
 *
 * RFC 5880 lets a peer announce intervals of an hour. Traffic would stay on a dead path for as
 * long; a session that goes down for want of packets costs no more than the way by the hub.
 * Our own largest is 3 × AP_BFD_IDLE_USEC.
 */
#define DETECTION_MAX_USEC (180 * AP_USEC_PER_SEC)

/**
 * How long Init outlives the latest padded packet, in detection times: 2. The far end pads every
 * second packet, so this is as patient with loss as one detection time is with all of them.
 */
#define PADDED_PATIENCE 2

/**
 * Returns: how long the peer may be silent, in microseconds, by what both ends announced
 *     (RFC 5880 section 6.8.4); meaningless before it was heard
 */
gint64
ap_bfd_session_detection_usec(const ApBfdSession *self)
{
    const gint64 interval = MAX(self->active_min_rx_usec, self->remote_min_tx_usec);

    return MIN(interval * self->remote_detect_mult, DETECTION_MAX_USEC);
}

/* When the peer will have been silent for the detection time. */
static gint64
silence_deadline(const ApBfdSession *self)
{
    if (self->remote_discriminator == 0)
        return AP_NEVER;
    return self->heard_usec + ap_bfd_session_detection_usec(self);
}

/* When Init is over for want of padded packets: Init says "I hear your padded packets", and must
 * not be said when that is no longer so. */
static gint64
padded_deadline(const ApBfdSession *self)
{
    if (self->state != AP_BFD_STATE_INIT || !ap_bfd_session_pads(self))
        return AP_NEVER;
    return self->padded_heard_usec + PADDED_PATIENCE * ap_bfd_session_detection_usec(self);
}

/**
 * Returns: when the absence of packets is to be judged, in microseconds of the boot clock;
 *     AP_NEVER when nothing is waited for
 */
gint64
ap_bfd_session_judgement_deadline(const ApBfdSession *self)
{
    const gint64 due = MIN(silence_deadline(self), padded_deadline(self));

    return MAX(MIN(due, ap_bfd_poll_limit(&self->poll)), self->excused_usec);
}

static void
forget_remote(ApBfdSession *self)
{
    self->remote_discriminator = 0;
    self->remote_state = AP_BFD_STATE_DOWN;
    self->remote_demand = FALSE;
    self->remote_min_rx_usec = AP_BFD_SESSION_INITIAL_MIN_RX_USEC;
    self->n_small_in_row = 0;
    self->n_ignored = 0;
}

static void
judge(ApBfdSession *self, ApInstant now)
{
    /* Before the silence is judged: leaving Up shortens the detection time. */
    if (ap_bfd_poll_expire(&self->poll, now) == AP_BFD_POLL_DEAD)
        ap_bfd_session_go_down(self,
                               AP_BFD_STATE_DOWN,
                               AP_BFD_DIAG_DETECTION_EXPIRED,
                               AP_BFD_CAUSE_NO_FINAL);

    if (now.boot_usec >= silence_deadline(self)) {
        forget_remote(self);
        if (self->state == AP_BFD_STATE_INIT || self->state == AP_BFD_STATE_UP)
            ap_bfd_session_go_down(self,
                                   AP_BFD_STATE_DOWN,
                                   AP_BFD_DIAG_DETECTION_EXPIRED,
                                   AP_BFD_CAUSE_SILENT);
    }
    if (now.boot_usec >= padded_deadline(self))
        ap_bfd_session_go_down(self, AP_BFD_STATE_DOWN, AP_BFD_DIAG_PATH_DOWN, AP_BFD_CAUSE_MTU);
}

/* On a quiet path with the last periodic packet before it would be due by itself. */
static gboolean
is_size_due(const ApBfdSession *self, ApInstant now)
{
    const gint64 early =
        ap_bfd_session_is_quiet(self) && now.boot_usec >= ap_bfd_session_periodic_deadline(self)
            ? ap_bfd_session_interval_usec(self)
            : 0;

    return self->size_due_usec != AP_NEVER && now.boot_usec >= self->size_due_usec - early;
}

/**
 * Draws the conclusions from time having passed. Call it when ap_bfd_session_deadline() has
 * come; at any other time it does nothing.
 *
 * Called AP_BFD_LATE_USEC after a conclusion was due, or later, it draws none for one more
 * interval: nobody listened, so that nothing was heard shows nothing.
 */
void
ap_bfd_session_advance(ApBfdSession *self, ApInstant now)
{
    if (now.boot_usec - AP_BFD_LATE_USEC >= ap_bfd_session_judgement_deadline(self))
        self->excused_usec = now.boot_usec + self->config.fast_usec;
    if (now.boot_usec >= ap_bfd_session_judgement_deadline(self))
        judge(self, now);

    if (self->state == AP_BFD_STATE_UP && is_size_due(self, now)) {
        self->size_due_usec = now.boot_usec + AP_BFD_SIZE_PERIOD_USEC;
        ap_bfd_poll_want(&self->poll, AP_BFD_POLL_SIZE);
    }
}
