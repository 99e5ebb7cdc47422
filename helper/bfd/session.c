/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/bfd/session.h"

#include "helper/bfd/session-private.h"

/**
 * The smallest payload that counts as padded whatever our own MTU is, in bytes: IPv6's least MTU,
 * 1,280 (RFC 8200 section 5). The far end pads to its own MTU, which may be below ours.
 */
#define PADDED_MIN_BYTES (1280 - AP_BFD_HEADERS_BYTES)

/** Packets of a peer that are looked at: 20 a second, after a burst of 50. Security rule G4. */
#define RATE_COST_USEC (AP_USEC_PER_SEC / 20)
#define RATE_BURST_USEC (50 * RATE_COST_USEC)

static guint16
padded_bytes(guint32 mtu)
{
    if (mtu <= AP_BFD_HEADERS_BYTES + AP_BFD_PACKET_BYTES)
        return 0;
    return (guint16) MIN(mtu - AP_BFD_HEADERS_BYTES, AP_BFD_PAYLOAD_MAX);
}

/**
 * Fills in the intervals of the design.
 *
 * @out: (out caller-allocates)
 * @mtu: of the tunnel, in bytes, to prove that full-size packets pass; 0: the peer does not pad
 */
void
ap_bfd_config_init(ApBfdConfig *out, ApBfdRole role, guint32 mtu)
{
    *out = (ApBfdConfig){
        .role = role,
        .detect_mult = AP_BFD_DETECT_MULT,
        .fast_usec = AP_BFD_FAST_USEC,
        .idle_usec = AP_BFD_IDLE_USEC,
        .rtt_period_usec = AP_BFD_RTT_PERIOD_USEC,
    };
    out->padded_bytes = padded_bytes(mtu);
}

static gboolean
is_padded(const ApBfdSession *self, const ApBfdPacket *packet)
{
    return packet->n_bytes >= MIN(self->config.padded_bytes, PADDED_MIN_BYTES);
}

/**
 * Starts a session in Down. In the active role its first packet is due at once.
 *
 * @discriminator: our name for the session: not 0, and best random, so that packets meant for
 *     an earlier session with the same peer are told apart
 */
void
ap_bfd_session_init(ApBfdSession *self, const ApBfdConfig *config, guint32 discriminator)
{
    g_return_if_fail(discriminator != 0);
    g_return_if_fail(config->detect_mult != 0 && config->fast_usec != 0);

    *self = (ApBfdSession){
        .config = *config,
        .state = AP_BFD_STATE_DOWN,
        .remote_state = AP_BFD_STATE_DOWN,
        .discriminator = discriminator,
        .fast = TRUE,
        .usable = TRUE,
        .remote_min_rx_usec = AP_BFD_SESSION_INITIAL_MIN_RX_USEC,
        .min_rx_usec = config->fast_usec,
        .active_min_rx_usec = config->fast_usec,
        .next_is_padded = config->padded_bytes > 0,
    };
    ap_bfd_poll_init(&self->poll, config->fast_usec, config->detect_mult);
}

/**
 * Lets a session that was just begun go on counting the signs of a narrow path where @former, an
 * earlier one with the same peer, stopped. One padded packet that comes wipes them out.
 */
void
ap_bfd_session_take_evidence(ApBfdSession *self, const ApBfdSession *former)
{
    self->n_small_in_row = former->n_small_in_row;
    self->n_ignored = former->n_ignored;
}

/**
 * Lets a passive session speak: from now on it is in the active role, and its first packet is
 * due at once unless the peer was heard already.
 */
void
ap_bfd_session_set_active(ApBfdSession *self)
{
    self->config.role = AP_BFD_ROLE_ACTIVE;
}

/* RFC 5880 section 6.8.3: a larger RequiredMinRx holds for our detection time at once, a smaller
 * one only when a Final shows that the far end heard of it. Until then a dead path would go
 * unnoticed for the old, long time: so going fast also asks whether the far end is alive. */
static void
update_min_rx(ApBfdSession *self)
{
    const gboolean up = self->state == AP_BFD_STATE_UP;
    const guint32 usec = up && !self->fast ? self->config.idle_usec : self->config.fast_usec;

    if (!up || usec > self->active_min_rx_usec)
        self->active_min_rx_usec = usec;
    if (usec == self->min_rx_usec)
        return;

    if (up)
        ap_bfd_poll_want(&self->poll,
                         AP_BFD_POLL_TIMERS | (usec < self->min_rx_usec ? AP_BFD_POLL_ALIVE : 0));
    self->min_rx_usec = usec;
}

/**
 * Says whether traffic flows on the path: then the peer is asked to send at the fast interval,
 * otherwise at the idle one. A session starts fast.
 */
void
ap_bfd_session_set_fast(ApBfdSession *self, gboolean fast)
{
    self->fast = fast;
    update_min_rx(self);
}

/**
 * Says whether we would route by the path; a session starts with yes. While Up the far end is told
 * of a change at once, and again until it confirms; a state that is not Up says enough by itself.
 */
void
ap_bfd_session_set_usable(ApBfdSession *self, gboolean usable)
{
    if (self->usable == usable)
        return;

    self->usable = usable;
    if (self->state == AP_BFD_STATE_UP) {
        self->announce |= AP_BFD_ANNOUNCE_SMALL;
        ap_bfd_poll_want(&self->poll, AP_BFD_POLL_TIMERS);
    }
}

/**
 * Takes another MTU of the tunnel, in bytes. While Up the new size is put to the proof at once.
 *
 * Whether the session pads at all was settled by ap_bfd_config_init() and stays so.
 */
void
ap_bfd_session_set_mtu(ApBfdSession *self, guint32 mtu)
{
    const guint16 bytes = padded_bytes(mtu);

    if (!ap_bfd_session_pads(self) || bytes == 0 || bytes == self->config.padded_bytes)
        return;

    self->config.padded_bytes = bytes;
    if (self->state == AP_BFD_STATE_UP)
        ap_bfd_poll_want(&self->poll, AP_BFD_POLL_SIZE);
}

/**
 * Asks the peer for a sign of life at once, because traffic goes out and none comes in. Without
 * an answer within the fast detection time the session goes down (AP_BFD_CAUSE_NO_FINAL).
 *
 * Does nothing while the session is not Up, or while it is asking already.
 */
void
ap_bfd_session_check_now(ApBfdSession *self)
{
    if (self->state == AP_BFD_STATE_UP)
        ap_bfd_poll_want(&self->poll, AP_BFD_POLL_ALIVE);
}

/**
 * Leaves a state for @state, AP_BFD_STATE_DOWN or AP_BFD_STATE_ADMIN_DOWN. The far end is told at
 * once, by a packet of each size that it counts on.
 */
void
ap_bfd_session_go_down(ApBfdSession *self, ApBfdState state, ApBfdDiag diag, ApBfdCause cause)
{
    self->state = state;
    self->diag = diag;
    self->cause = cause;
    self->announce =
        AP_BFD_ANNOUNCE_SMALL | (ap_bfd_session_pads(self) ? AP_BFD_ANNOUNCE_PADDED : 0);
    self->n_small_in_row = 0;
    self->n_ignored = 0;
    ap_bfd_poll_reset(&self->poll);
    update_min_rx(self);
}

/**
 * Switches the session off for good, because the path is about to go: the next packet tells
 * the far end, which then leaves Up at once. It is followed by two more of its kind, 20 ms apart,
 * and by silence.
 *
 * A passive session that never heard its peer has nobody to tell and stays silent.
 */
void
ap_bfd_session_admin_down(ApBfdSession *self)
{
    if (self->state == AP_BFD_STATE_ADMIN_DOWN)
        return;

    ap_bfd_session_go_down(self,
                           AP_BFD_STATE_ADMIN_DOWN,
                           AP_BFD_DIAG_ADMIN_DOWN,
                           AP_BFD_CAUSE_LOCAL_ADMIN);
    self->announce = 0;
    self->final = 0;
    if (self->config.role == AP_BFD_ROLE_ACTIVE || self->heard_usec != 0)
        self->n_goodbyes = AP_BFD_N_GOODBYES;
}

static void
go_init(ApBfdSession *self)
{
    self->state = AP_BFD_STATE_INIT;
    self->announce = ap_bfd_session_pads(self) ? AP_BFD_ANNOUNCE_PADDED : AP_BFD_ANNOUNCE_SMALL;
    self->n_ignored = 0;
}

static void
go_up(ApBfdSession *self, ApInstant now)
{
    self->state = AP_BFD_STATE_UP;
    self->diag = AP_BFD_DIAG_NONE;
    self->cause = AP_BFD_CAUSE_NONE;
    self->announce = ap_bfd_session_pads(self) ? AP_BFD_ANNOUNCE_PADDED : AP_BFD_ANNOUNCE_SMALL;
    self->n_small_in_row = 0;
    self->n_ignored = 0;
    self->rtt_due_usec = now.boot_usec + self->config.rtt_period_usec;
    self->size_due_usec =
        ap_bfd_session_pads(self) ? now.boot_usec + AP_BFD_SIZE_PERIOD_USEC : AP_NEVER;
    ap_bfd_poll_want(&self->poll,
                     AP_BFD_POLL_TIMERS | (ap_bfd_session_pads(self) ? AP_BFD_POLL_SIZE : 0));
    update_min_rx(self);
}

/* The state machine of RFC 5880 section 6.8.6; the full-size rule is in the header. */
static void
change_state(ApBfdSession *self, const ApBfdPacket *packet, ApInstant now)
{
    const gboolean may_rise = !ap_bfd_session_pads(self) || is_padded(self, packet);

    switch (packet->state) {
    case AP_BFD_STATE_ADMIN_DOWN:
        if (self->state != AP_BFD_STATE_DOWN)
            ap_bfd_session_go_down(self,
                                   AP_BFD_STATE_DOWN,
                                   AP_BFD_DIAG_NEIGHBOUR_DOWN,
                                   AP_BFD_CAUSE_REMOTE_ADMIN);
        self->cause = AP_BFD_CAUSE_REMOTE_ADMIN;
        break;
    case AP_BFD_STATE_DOWN:
        if (self->state == AP_BFD_STATE_UP)
            ap_bfd_session_go_down(self,
                                   AP_BFD_STATE_DOWN,
                                   AP_BFD_DIAG_NEIGHBOUR_DOWN,
                                   AP_BFD_CAUSE_REMOTE_DOWN);
        else if (self->state == AP_BFD_STATE_DOWN && may_rise)
            go_init(self);
        break;
    case AP_BFD_STATE_INIT:
        if (self->state != AP_BFD_STATE_UP && may_rise)
            go_up(self, now);
        break;
    case AP_BFD_STATE_UP:
        if (self->state == AP_BFD_STATE_INIT && may_rise)
            go_up(self, now);
        break;
    case AP_N_BFD_STATES:
        break;
    }
}

/* Counts up to the limit only: a peer could otherwise wrap the counter round. AdminDown comes
 * small, and three times, from everybody. */
static void
count_evidence(ApBfdSession *self, const ApBfdPacket *packet)
{
    if (packet->state == AP_BFD_STATE_ADMIN_DOWN)
        return;

    if (is_padded(self, packet))
        self->n_small_in_row = 0;
    else if (self->n_small_in_row < AP_BFD_SESSION_N_NARROW)
        self->n_small_in_row++;

    if (self->state == AP_BFD_STATE_INIT && packet->state == AP_BFD_STATE_DOWN
        && packet->your_discriminator != 0 && self->n_ignored < AP_BFD_SESSION_N_NARROW)
        self->n_ignored++;
}

static void
learn(ApBfdSession *self, const ApBfdPacket *packet, ApInstant now)
{
    self->remote_discriminator = packet->my_discriminator;
    self->remote_state = packet->state;
    self->remote_diag = packet->diag;
    self->remote_demand = packet->demand;
    self->remote_detect_mult = packet->detect_mult;
    self->remote_min_tx_usec = packet->desired_min_tx_usec;
    self->remote_min_rx_usec = packet->required_min_rx_usec;
    self->heard_usec = now.boot_usec;
    if (self->cause == AP_BFD_CAUSE_REMOTE_ADMIN)
        self->cause = AP_BFD_CAUSE_NONE;
    if (is_padded(self, packet))
        self->padded_heard_usec = now.boot_usec;
}

/**
 * Uses a wake-up that something else has caused, such as the far end's packet: on a quiet path our
 * own then goes as early as jitter allows. With both ends doing so a machine wakes half as often.
 *
 * Returns: TRUE when it is due by that
 */
gboolean
ap_bfd_session_join(ApBfdSession *self, ApInstant now)
{
    const gint64 interval = ap_bfd_session_interval_usec(self);
    const gint64 shortest = interval - interval * AP_BFD_JITTER_MAX_PERMILLE / 1000;

    if (!ap_bfd_session_is_quiet(self) || now.boot_usec < self->periodic_usec + shortest)
        return FALSE;

    self->jitter_permille = AP_BFD_JITTER_MAX_PERMILLE;
    return TRUE;
}

static void
take_final(ApBfdSession *self, const ApBfdPacket *packet, ApInstant now)
{
    guint answered;

    switch (ap_bfd_poll_answer(&self->poll, is_padded(self, packet), now, &answered)) {
    case AP_BFD_POLL_ANSWERED:
        if ((answered & AP_BFD_POLL_TIMERS) && !(self->poll.wanted & AP_BFD_POLL_TIMERS))
            self->active_min_rx_usec = self->min_rx_usec;
        break;
    case AP_BFD_POLL_SMALL_ONLY:
        ap_bfd_session_go_down(self, AP_BFD_STATE_DOWN, AP_BFD_DIAG_PATH_DOWN, AP_BFD_CAUSE_MTU);
        break;
    case AP_BFD_POLL_PENDING:
    case AP_BFD_POLL_DEAD:
        break;
    }
}

/* The far end proves both directions by what it just asked: without our answer it goes down, and
 * says so. One of us asking is enough. */
static void
put_off_size(ApBfdSession *self, ApInstant now)
{
    if (ap_bfd_session_pads(self))
        self->size_due_usec = now.boot_usec + AP_BFD_SIZE_PERIOD_USEC;
}

/* A token bucket kept as one instant: when all that was received would have been received at
 * the steady rate. */
static gboolean
exceeds_rate(ApBfdSession *self, ApInstant now)
{
    const gint64 usec = MAX(self->rate_usec, now.boot_usec) + RATE_COST_USEC;

    if (usec > now.boot_usec + RATE_BURST_USEC)
        return TRUE;
    self->rate_usec = usec;
    return FALSE;
}

/**
 * Takes a packet of the peer. What it makes us send is due at once.
 *
 * @packet: whole and well-formed, as ap_bfd_packet_decode() made it; its source address has
 *     been checked to be the peer's
 *
 * Returns: AP_BFD_REFUSAL_NONE, or why the packet changed nothing
 */
ApBfdRefusal
ap_bfd_session_receive(ApBfdSession *self, const ApBfdPacket *packet, ApInstant now)
{
    if (exceeds_rate(self, now))
        return AP_BFD_REFUSAL_RATE;
    if (packet->your_discriminator != 0 && packet->your_discriminator != self->discriminator)
        return AP_BFD_REFUSAL_SESSION;
    if (self->state == AP_BFD_STATE_ADMIN_DOWN)
        return AP_BFD_REFUSAL_ADMIN;

    learn(self, packet, now);
    if (packet->final)
        take_final(self, packet, now);
    count_evidence(self, packet);
    change_state(self, packet, now);
    (void) ap_bfd_session_join(self, now);
    if (packet->poll && self->state == AP_BFD_STATE_UP && is_padded(self, packet))
        put_off_size(self, now);
    if (packet->poll)
        self->final |= ap_bfd_session_pads(self) && is_padded(self, packet) ? AP_BFD_ANNOUNCE_PADDED
                                                                            : AP_BFD_ANNOUNCE_SMALL;
    return AP_BFD_REFUSAL_NONE;
}
