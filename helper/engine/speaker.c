/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/speaker.h"

/** Packets that go out within this time are one burst: 10 ms, in microseconds. */
#define BURST_USEC (10 * AP_USEC_PER_MSEC)

/**
 * Bytes that WireGuard adds to a packet: its header (16) and the tag of Poly1305 (16).
 * Source: message_data_len(), drivers/net/wireguard/messages.h, Linux 6.1.
 */
#define OVERHEAD_BYTES 32

/**
 * WireGuard fills a packet up to a multiple of this many bytes, but not beyond the MTU.
 * Source: MESSAGE_PADDING_MULTIPLE and calculate_skb_padding(), drivers/net/wireguard, Linux 6.1.
 */
#define PADDING_BYTES 16

/* What one of our packets adds to the counters of the device. */
static guint64
cost(const ApSpeaker *self, gsize n_payload)
{
    const gsize inner = AP_BFD_HEADERS_BYTES + n_payload;
    const gsize filled = (inner + PADDING_BYTES - 1) / PADDING_BYTES * PADDING_BYTES;

    return OVERHEAD_BYTES + MAX(inner, MIN(filled, self->wish.mtu));
}

/* A try is shorter than it takes to be sure that a path is narrow: the signs of it are kept. */
static void
begin(ApSpeaker *self, const ApBfdSession *former, ApInstant now)
{
    const ApBfdRole role = self->wish.active ? AP_BFD_ROLE_ACTIVE : AP_BFD_ROLE_PASSIVE;
    ApBfdConfig config;

    ap_bfd_config_init(&config, role, self->wish.mtu);
    ap_bfd_session_init(&self->session, &config, self->discriminator);
    if (former != NULL)
        ap_bfd_session_take_evidence(&self->session, former);
    ap_bfd_session_set_fast(&self->session, self->wish.fast);
    ap_bfd_session_set_usable(&self->session, self->wish.usable);
    (void) ap_speaker_judge(self, now);
}

static ApSpeaker
make(const ApSessionWish *wish, guint32 discriminator, ApInstant now)
{
    return (ApSpeaker){
        .wish = *wish,
        .proof = {.ifindex = wish->ifindex, .key = wish->key, .since_boot_usec = now.boot_usec},
        .discriminator = discriminator,
    };
}

/**
 * Begins a session with a peer that has just come to the device.
 *
 * @discriminator: random, not 0
 */
void
ap_speaker_init(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now)
{
    *self = make(wish, discriminator, now);
    begin(self, NULL, now);
}

/**
 * Begins another session, with a peer that came to the device anew: it has nothing of what was
 * proven before.
 *
 * @discriminator: random, not 0
 */
void
ap_speaker_renew(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now)
{
    const ApBfdSession former = self->session;

    *self = make(wish, discriminator, now);
    begin(self, &former, now);
}

/* A session that has left does not come back; one that speaks falls silent only by a new start.
 * The latter keeps its discriminator, so that what the far end says meanwhile is understood. */
static gboolean
must_begin_anew(const ApSpeaker *self, const ApSessionWish *wish)
{
    const ApBfdState state = ap_bfd_session_state(&self->session);

    if (state == AP_BFD_STATE_ADMIN_DOWN)
        return !wish->leaving;
    return self->session.config.role == AP_BFD_ROLE_ACTIVE && !wish->active && !wish->leaving
           && state != AP_BFD_STATE_UP;
}

/**
 * Makes the session what @wish says.
 *
 * @discriminator: random, not 0: for a session after one that has left
 */
void
ap_speaker_follow(ApSpeaker *self, const ApSessionWish *wish, guint32 discriminator, ApInstant now)
{
    const gboolean must_ask =
        (wish->fast && !self->wish.fast) || wish->doubted_boot_usec > self->wish.doubted_boot_usec;

    if (ap_bfd_session_state(&self->session) == AP_BFD_STATE_ADMIN_DOWN)
        self->discriminator = discriminator;
    if (must_begin_anew(self, wish)) {
        const ApBfdSession former = self->session;

        self->wish = *wish;
        begin(self, &former, now);
        return;
    }

    self->wish = *wish;
    if (wish->leaving) {
        ap_bfd_session_admin_down(&self->session);
        return;
    }

    if (wish->active)
        ap_bfd_session_set_active(&self->session);
    ap_bfd_session_set_mtu(&self->session, wish->mtu);
    ap_bfd_session_set_usable(&self->session, wish->usable);
    ap_bfd_session_set_fast(&self->session, wish->fast);
    if (must_ask)
        ap_bfd_session_check_now(&self->session);
}

/**
 * Takes a packet of the peer. What it makes us send is due at once.
 *
 * Returns: AP_BFD_REFUSAL_NONE, or why it changed nothing
 */
ApBfdRefusal
ap_speaker_hear(ApSpeaker *self, const ApBfdPacket *packet, ApInstant now)
{
    self->proof.rx_bytes += cost(self, packet->n_bytes);
    return ap_bfd_session_receive(&self->session, packet, now);
}

/**
 * Writes the next packet that is due: see ap_bfd_session_take_packet(). ap_speaker_note_sent()
 * follows when it has gone out.
 *
 * Returns: bytes in @out; 0 when nothing is due
 */
gsize
ap_speaker_take_packet(ApSpeaker *self, ApInstant now, guint32 random, guint8 *out, gsize size)
{
    return ap_bfd_session_take_packet(&self->session, now, random, out, size);
}

/** Counts a packet with @n_bytes of payload that the device took. */
void
ap_speaker_note_sent(ApSpeaker *self, gsize n_bytes, ApInstant now)
{
    ApProof *proof = &self->proof;

    if (now.boot_usec - proof->sent_boot_usec > BURST_USEC)
        proof->burst_bytes = 0;
    proof->sent_boot_usec = now.boot_usec;
    proof->burst_bytes += cost(self, n_bytes);
    proof->tx_bytes += cost(self, n_bytes);
}

/* "Down" alone says that the far end is there. What it says of leaving, or of a path that died,
 * is in the reason. */
static ApProofState
judge_state(const ApBfdSession *session)
{
    const ApBfdState remote = ap_bfd_session_remote_state(session);

    if (!ap_bfd_session_is_heard(session) || remote == AP_BFD_STATE_ADMIN_DOWN)
        return AP_PROOF_NONE;
    if (ap_bfd_session_state(session) == AP_BFD_STATE_UP && remote == AP_BFD_STATE_UP)
        return AP_PROOF_PROVEN;
    return AP_PROOF_HEARD;
}

static ApReason
judge_reason(const ApBfdSession *session)
{
    switch (ap_bfd_session_cause(session)) {
    case AP_BFD_CAUSE_SILENT:
    case AP_BFD_CAUSE_NO_FINAL:
        return AP_REASON_SILENT;
    case AP_BFD_CAUSE_MTU:
        return AP_REASON_MTU;
    case AP_BFD_CAUSE_REMOTE_DOWN:
        return AP_REASON_FAR_END_DOWN;
    case AP_BFD_CAUSE_REMOTE_ADMIN:
        return AP_REASON_FAR_END_LEFT;
    case AP_BFD_CAUSE_NONE:
    case AP_BFD_CAUSE_LOCAL_ADMIN:
    case AP_N_BFD_CAUSES:
        break;
    }
    return AP_REASON_NONE;
}

/**
 * Draws the conclusions from time having passed and brings the proof up to date. To be called
 * after every packet and deadline, before packets are taken.
 *
 * Returns: TRUE when a decision may hang on what is different: the state, the reason, or whether
 *     the far end would use the path
 */
gboolean
ap_speaker_judge(ApSpeaker *self, ApInstant now)
{
    ApProof *proof = &self->proof;
    const ApProof before = *proof;

    ap_bfd_session_advance(&self->session, now);
    proof->state = judge_state(&self->session);
    proof->why = judge_reason(&self->session);
    proof->remote_usable = ap_bfd_session_remote_usable(&self->session);
    proof->heard_boot_usec = ap_bfd_session_heard_usec(&self->session);
    proof->rtt_usec = ap_bfd_session_rtt_usec(&self->session);
    if (proof->state != before.state)
        proof->since_boot_usec = now.boot_usec;

    return proof->state != before.state || proof->why != before.why
           || proof->remote_usable != before.remote_usable;
}

/** Lets a packet that may go already be due: see ap_bfd_session_join(). */
gboolean
ap_speaker_join(ApSpeaker *self, ApInstant now)
{
    return ap_bfd_session_join(&self->session, now);
}

/** Returns: when to call ap_speaker_judge() and take packets next, on the boot clock */
gint64
ap_speaker_deadline(const ApSpeaker *self)
{
    return ap_bfd_session_deadline(&self->session);
}
