/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a session sends and when: announcements, Polls, Finals and the periodic packet.
 */

#include "helper/bfd/session-private.h"
#include "helper/bfd/session.h"

/** Fastest periodic sending while not Up: 1 s, in microseconds. RFC 5880 section 6.8.3. */
#define SLOW_USEC AP_USEC_PER_SEC

/** Most that jitter takes off the interval of a quiet path, in thousandths: a tenth. */
#define JITTER_QUIET_PERMILLE 100

/**
 * Returns: how often we send, in microseconds before jitter, by what both ends announced
 *     (RFC 5880 section 6.8.7)
 */
gint64
ap_bfd_session_interval_usec(const ApBfdSession *self)
{
    const gboolean up = self->state == AP_BFD_STATE_UP;
    const gint64 own = up ? self->config.fast_usec : MAX(SLOW_USEC, self->config.fast_usec);

    return MAX(own, self->remote_min_rx_usec);
}

/* RFC 5880 section 6.8.7. A peer that never spoke is not spoken to in the passive role. What a
 * passive session still has to announce when it forgets its peer may go: it answers something
 * that was heard. */
static gboolean
is_mute(const ApBfdSession *self)
{
    return self->config.role == AP_BFD_ROLE_PASSIVE && self->remote_discriminator == 0;
}

/**
 * Returns: when the next periodic packet is due, in microseconds of the boot clock; AP_NEVER: none
 *     is
 */
gint64
ap_bfd_session_periodic_deadline(const ApBfdSession *self)
{
    const gint64 interval = ap_bfd_session_interval_usec(self);

    if (is_mute(self) || self->remote_min_rx_usec == 0)
        return AP_NEVER;
    if (self->remote_demand && ap_bfd_session_both_are_up(self))
        return AP_NEVER;
    if (self->periodic_usec == 0)
        return 0;
    return self->periodic_usec + interval - interval * self->jitter_permille / 1000;
}

static gint64
goodbye_deadline(const ApBfdSession *self)
{
    if (self->n_goodbyes == 0)
        return AP_NEVER;
    return self->n_goodbyes == AP_BFD_N_GOODBYES ? 0 : self->goodbye_usec + AP_BFD_GOODBYE_USEC;
}

static gboolean
may_announce(const ApBfdSession *self)
{
    return !is_mute(self) || self->heard_usec != 0;
}

/**
 * Returns: when to call ap_bfd_session_advance() and ap_bfd_session_take_packet() next, in
 *     microseconds of the boot clock; a time in the past means at once, AP_NEVER that only a
 *     packet or the caller can change anything
 */
gint64
ap_bfd_session_deadline(const ApBfdSession *self)
{
    gint64 next;

    if (self->state == AP_BFD_STATE_ADMIN_DOWN)
        return goodbye_deadline(self);

    next = ap_bfd_session_judgement_deadline(self);
    if ((self->announce != 0 && may_announce(self)) || self->final != 0)
        return 0;
    if (self->state == AP_BFD_STATE_UP)
        next = MIN(next, self->size_due_usec);
    next = MIN(next, ap_bfd_session_periodic_deadline(self));
    return MIN(next, ap_bfd_poll_next(&self->poll));
}

/*
 * RFC 5880 section 6.8.7: up to a quarter is taken off each interval, and at least a tenth where
 * a single loss means Down. On a quiet path a tenth at most, so that packets are as far between as
 * they may be: what of the quarter is left is for ap_bfd_session_join().
 */
static guint
jitter(const ApBfdSession *self, guint32 random)
{
    const guint min_permille = self->config.detect_mult == 1 ? 100 : 0;
    const guint max_permille =
        ap_bfd_session_is_quiet(self) ? JITTER_QUIET_PERMILLE : AP_BFD_JITTER_MAX_PERMILLE;

    return min_permille + random % (max_permille + 1 - min_permille);
}

/* What the next packet is. Each function takes one duty off the session, most urgent first. */
typedef struct {
    gboolean poll;
    gboolean final;
    gboolean padded;
} Shape;

static gboolean
take_announcement(ApBfdSession *self, Shape *out)
{
    if (self->announce == 0 || !may_announce(self))
        return FALSE;

    out->padded = !(self->announce & AP_BFD_ANNOUNCE_SMALL);
    self->announce &= out->padded ? 0 : ~AP_BFD_ANNOUNCE_SMALL;
    return TRUE;
}

static gboolean
take_poll(ApBfdSession *self, ApInstant now, Shape *out)
{
    if (!ap_bfd_poll_take(&self->poll, now))
        return FALSE;

    out->poll = TRUE;
    out->padded = ap_bfd_poll_is_padded(&self->poll);
    if (out->padded == ap_bfd_session_pads(self))
        self->announce = 0;
    return TRUE;
}

static gboolean
take_final_owed(ApBfdSession *self, Shape *out)
{
    if (self->final == 0)
        return FALSE;

    out->final = TRUE;
    out->padded = !(self->final & AP_BFD_ANNOUNCE_SMALL);
    self->final &= out->padded ? 0 : ~AP_BFD_ANNOUNCE_SMALL;
    return TRUE;
}

static gboolean
is_rtt_due(const ApBfdSession *self, ApInstant now)
{
    return self->state == AP_BFD_STATE_UP && self->fast && self->config.rtt_period_usec > 0
           && now.boot_usec >= self->rtt_due_usec && ap_bfd_poll_is_idle(&self->poll);
}

static gboolean
take_periodic(ApBfdSession *self, ApInstant now, Shape *out)
{
    if (now.boot_usec < ap_bfd_session_periodic_deadline(self))
        return FALSE;

    if (is_rtt_due(self, now)) {
        self->rtt_due_usec = now.boot_usec + self->config.rtt_period_usec;
        ap_bfd_poll_want(&self->poll, AP_BFD_POLL_RTT);
        out->poll = ap_bfd_poll_take(&self->poll, now);
    }
    out->padded =
        ap_bfd_session_pads(self) && !ap_bfd_session_both_are_up(self) && self->next_is_padded;
    return TRUE;
}

static gboolean
take_goodbye(ApBfdSession *self, ApInstant now)
{
    if (now.boot_usec < goodbye_deadline(self))
        return FALSE;

    self->n_goodbyes--;
    self->goodbye_usec = now.boot_usec;
    return TRUE;
}

/* A Poll opens with the announcement of Up, so it is asked for before announcements are. */
static gboolean
take_shape(ApBfdSession *self, ApInstant now, Shape *out)
{
    if (self->state == AP_BFD_STATE_ADMIN_DOWN)
        return take_goodbye(self, now);
    return take_poll(self, now, out) || take_announcement(self, out) || take_final_owed(self, out)
           || take_periodic(self, now, out);
}

/* Everything that the far end's detection can live on moves the periodic packet: all but Finals,
 * which come as often as it likes, and padded packets while Up, which may all be lost. */
static void
note_sent(ApBfdSession *self, const Shape *shape, ApInstant now, guint32 random)
{
    if (shape->final || (shape->padded && ap_bfd_session_both_are_up(self)))
        return;

    self->periodic_usec = now.boot_usec;
    self->jitter_permille = jitter(self, random);
    self->next_is_padded = !shape->padded;
}

static guint8
own_diag(const ApBfdSession *self)
{
    if (self->state == AP_BFD_STATE_UP && !self->usable)
        return AP_BFD_DIAG_CONCATENATED_PATH_DOWN;
    return (guint8) self->diag;
}

/**
 * Writes the packet that is due, if one is.
 *
 * @random: any number, new for each call; the interval to the next packet is shortened by it
 * @out: (out caller-allocates): the payload of one UDP datagram
 * @size: bytes there are in @out; AP_BFD_PAYLOAD_MAX is always enough
 *
 * Several packets can be due: call it until it returns 0.
 *
 * Returns: bytes in @out; 0 when nothing is due
 */
gsize
ap_bfd_session_take_packet(ApBfdSession *self,
                           ApInstant now,
                           guint32 random,
                           guint8 *out,
                           gsize size)
{
    const gboolean up = self->state == AP_BFD_STATE_UP;
    ApBfdPacket packet;
    Shape shape = {0};

    if (!take_shape(self, now, &shape))
        return 0;

    packet = (ApBfdPacket){
        .diag = own_diag(self),
        .state = self->state,
        .poll = shape.poll,
        .final = shape.final,
        .detect_mult = self->config.detect_mult,
        .my_discriminator = self->discriminator,
        .your_discriminator = self->remote_discriminator,
        .desired_min_tx_usec =
            up ? self->config.fast_usec : (guint32) MAX(SLOW_USEC, self->config.fast_usec),
        .required_min_rx_usec = self->min_rx_usec,
        .n_bytes = shape.padded ? self->config.padded_bytes : AP_BFD_PACKET_BYTES,
    };
    note_sent(self, &shape, now, random);
    return ap_bfd_packet_encode(&packet, out, size);
}
