/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/life.h"

#include "helper/core/tries.h"

/*
 * Whoever moves alone is cut off: each side drops what comes from where it does not route to
 * (cryptokey routing). So the two sides have to move together.
 *
 * With BFD they say so: a session that is Up proves that full-size packets pass both ways, and
 * its diagnostic tells whether the far end would route by the path. Each end moves when it sees
 * both; that makes them move within one crossing of each other.
 *
 * A handshake proves that packets pass both ways too, but not that the far end sends us its
 * tunnel traffic. A peer that does not speak BFD within PATIENCE_USEC of its handshake is taken
 * for software that sends directly from the start; but one that gossips, as wirelink does, has
 * to say by gossip that it lives, or it would never route by the path. When it stops saying so
 * the path goes on: that is what wirelink does, and whoever leaves alone is cut off, too.
 *
 * Where we cannot speak BFD ourselves, there is an order. The responder's handshake counts as
 * complete only when the initiator's first packet came in, so the responder moves at once. A
 * keepalive that is switched on makes a device send one empty packet, and that is the
 * responder's nod. The initiator moves when it hears it: something came in after the answer to
 * its handshake.
 */

/**
 * Lengths on the wire, in bytes. Source: struct message_handshake_response and
 * message_data_len(0), drivers/net/wireguard/messages.h, Linux 6.1; wireguard-go counts alike.
 */
#define HANDSHAKE_RESPONSE_LEN 92
#define HANDSHAKE_INITIATION_LEN 148
#define KEEPALIVE_LEN 32

/**
 * How long an initiator waits for the nod before it moves on the handshake alone: 6 s, in
 * microseconds. Software without this order has no nod, but sends directly from the start.
 *
 * It is the poll of a waiting peer (AP_PATH_POLL_WAITING_USEC), after which the far end has
 * surely seen the handshake, and a second to spare.
 */
#define NOD_USEC (6 * AP_USEC_PER_SEC)

/**
 * How long a direct peer may leave our bytes unanswered before its traffic goes back to the
 * hub: 15 s, in microseconds. It is WireGuard's REKEY_TIMEOUT (5 s) plus KEEPALIVE_TIMEOUT
 * (10 s), after which it starts a new handshake with a peer that does not answer. Source:
 * messages.h as above. Raising it delays the fallback by as much.
 */
#define SILENCE_USEC (15 * AP_USEC_PER_SEC)

/** Life of a session, in microseconds: REJECT_AFTER_TIME, 180 s. Source: messages.h as above. */
#define SESSION_USEC (180 * AP_USEC_PER_SEC)

/**
 * Nobody renews a session sooner than this by itself, in microseconds: REKEY_AFTER_TIME, 120 s
 * (messages.h as above), less 10 s for our polls and for the far end's clock.
 */
#define EARLIEST_RENEWAL_USEC (110 * AP_USEC_PER_SEC)

/** What may go out without being traffic: each keepalive, two in hand, and one handshake. */
#define KEEPALIVES_IN_HAND 2

/** Without a keepalive of its own a peer sends none; a second keeps the division whole. */
#define SHORTEST_KEEPALIVE_SEC 1

/**
 * How long after a handshake a BFD packet may take, in microseconds: 3 s. The far end speaks as
 * soon as its session stands; this leaves room for its staggered start and two lost packets.
 * Design, path-management.md, "Peers that do not answer BFD".
 */
#define PATIENCE_USEC (3 * AP_USEC_PER_SEC)

/**
 * How long after a handshake a peer that gossips may take to say that it lives: 15 s, in
 * microseconds: three ticks of wirelink. It says so at its first or second one, and routes by the
 * path at the next. Source: gossip-protocol.md, 14 (measured).
 */
#define WORD_USEC (15 * AP_USEC_PER_SEC)

/**
 * How long BFD may be heard in one try without being Up, in microseconds: 2 s. After two
 * handshakes at once one direction of wireguard-go may stay dead for 10 s and more although
 * both are fresh (measured); a new start ends that.
 */
#define RISE_USEC (2 * AP_USEC_PER_SEC)

/** How long a path that died must be proven before it is used again: 3 s. Decisions 11. */
#define STABLE_USEC (3 * AP_USEC_PER_SEC)

/**
 * The same for one that keeps dying: 15 s, in microseconds. Where a third of all packets is lost
 * three in a row are, and the session dies, each 10 s or so.
 */
#define STABLE_LOSSY_USEC (15 * AP_USEC_PER_SEC)

/**
 * Notes what the peer's handshake was before a try, so that only another one is proof.
 *
 * After a peer was removed and added its handshake is none, and any is new; should the removal
 * have failed, the old one is still no proof. Wall-clock times are compared for being equal
 * only, because the clock may be set at any time.
 *
 * @before: (nullable): the peer as the device has it now; NULL: it has none
 */
void
ap_life_begin(ApPath *path, const ApDevicePeer *before, ApInstant now)
{
    path->handshake_base_usec = before != NULL ? before->handshake_real_usec : 0;
    path->handshake_usec = path->handshake_base_usec;
    path->handshake_boot_usec = now.boot_usec;
    path->tx_handshake = 0;
    path->moved = FALSE;
}

static void
note_incoming(ApPath *path, const ApDevicePeer *peer, ApInstant now)
{
    path->rx_base = peer->rx_bytes;
    path->tx_base = peer->tx_bytes;
    path->rx_boot_usec = now.boot_usec;
    path->tx_boot_usec = 0;
}

/**
 * Starts the watch over a path that just became direct.
 */
void
ap_life_move(ApPath *path, const ApDevicePeer *peer, ApInstant now)
{
    path->moved = TRUE;
    note_incoming(path, peer, now);
}

static gboolean
note_handshake(ApPath *path, const ApDevicePeer *peer, ApInstant now)
{
    if (path->handshake_usec == peer->handshake_real_usec)
        return FALSE;

    path->handshake_usec = peer->handshake_real_usec;
    path->handshake_boot_usec = now.boot_usec;
    path->tx_handshake = peer->tx_bytes;
    return TRUE;
}

/**
 * Tells whether the peer is known to speak BFD: then nothing less is proof.
 */
gboolean
ap_life_speaks_bfd(const ApPath *path, const ApPathInput *in)
{
    return in->speaks_bfd || path->speaks_bfd;
}

/* What BFD says of the peer that the device has: a session of WireGuard carries it, or it is
 * about a peer that was there before. */
static ApProofState
proof_state(const ApPathInput *in)
{
    if (in->peer == NULL || in->peer->handshake_real_usec == 0)
        return AP_PROOF_NONE;
    return in->proof->state;
}

/**
 * Tells whether the peer's BFD packets arrive from a place that we accept.
 */
gboolean
ap_life_is_heard(const ApPathInput *in)
{
    return in->endpoint_is_good && proof_state(in) != AP_PROOF_NONE;
}

static gint64
stable_usec(const ApPath *path)
{
    return path->n_losses >= AP_PATH_N_LOSSY ? STABLE_LOSSY_USEC : STABLE_USEC;
}

/**
 * Tells whether the path may be used as far as its past is concerned: it never died on this
 * network, or it has been proven for a while since.
 */
gboolean
ap_life_is_stable(const ApPath *path, const ApPathInput *in)
{
    return path->n_flaps == 0
           || (proof_state(in) == AP_PROOF_PROVEN
               && in->now.boot_usec - in->proof->since_boot_usec >= stable_usec(path));
}

/* A life that is unknown until @deadline, and then over. */
static ApLifeVerdict
until(gint64 deadline_boot_usec, ApReason why, const ApPathInput *in)
{
    return (ApLifeVerdict){
        .life = in->now.boot_usec < deadline_boot_usec ? AP_LIFE_UNKNOWN : AP_LIFE_DEAD,
        .why = why,
        .look_boot_usec = deadline_boot_usec,
        .answered = TRUE,
    };
}

/* BFD is heard, so it decides. */
static ApLifeVerdict
judge_try_by_bfd(const ApPath *path, const ApPathInput *in)
{
    ApLifeVerdict verdict;

    if (proof_state(in) == AP_PROOF_PROVEN && !ap_life_is_stable(path, in))
        return until(in->proof->since_boot_usec + stable_usec(path),
                     path->n_losses >= AP_PATH_N_LOSSY ? AP_REASON_LOSSY : AP_REASON_HELD_DOWN,
                     in);
    if (proof_state(in) == AP_PROOF_PROVEN && !in->proof->remote_usable)
        return until(AP_NEVER, AP_REASON_FAR_END_WAITS, in);
    if (proof_state(in) == AP_PROOF_PROVEN)
        return (ApLifeVerdict){
            .life = AP_LIFE_ALIVE,
            .evidence = AP_EVIDENCE_BFD,
            .look_boot_usec = AP_NEVER,
            .answered = TRUE,
        };

    verdict = until(path->try_boot_usec + RISE_USEC, AP_REASON_ONE_WAY, in);
    if (in->proof->why == AP_REASON_MTU)
        verdict.why = AP_REASON_MTU;
    else
        verdict.again = verdict.life == AP_LIFE_DEAD;
    return verdict;
}

static gboolean
has_fresh_handshake(const ApPath *path, const ApPathInput *in)
{
    /* A session that may be over by now is no proof: the endpoint may have become acceptable
     * long after the handshake. */
    return path->handshake_usec != 0 && path->handshake_usec != path->handshake_base_usec
           && in->endpoint_is_good && in->now.boot_usec - path->handshake_boot_usec < SESSION_USEC;
}

/* Nothing of BFD is heard, so silence has to tell whether the peer speaks it. */
static ApLifeVerdict
judge_try_by_silence(const ApPath *path, const ApPathInput *in)
{
    ApLifeVerdict verdict = until(path->handshake_boot_usec + PATIENCE_USEC, AP_REASON_NONE, in);

    if (verdict.life == AP_LIFE_UNKNOWN)
        return verdict;

    if (ap_life_speaks_bfd(path, in))
        verdict.why = AP_REASON_PROBE_BLOCKED;
    else if (in->is_unsaid)
        verdict = until(path->handshake_boot_usec + WORD_USEC, AP_REASON_FAR_END_WAITS, in);
    else
        verdict.life = AP_LIFE_ALIVE;
    return verdict;
}

/* We cannot speak BFD: the order of moves decides. */
static ApLifeVerdict
judge_try_by_nod(const ApPath *path, const ApPathInput *in)
{
    const gboolean heard = in->peer->rx_bytes >= HANDSHAKE_RESPONSE_LEN + KEEPALIVE_LEN;

    if (!path->initiated || path->moved || heard
        || in->now.boot_usec - path->handshake_boot_usec >= NOD_USEC)
        return (ApLifeVerdict){
            .life = AP_LIFE_ALIVE,
            .look_boot_usec = AP_NEVER,
            .answered = TRUE,
            .nod = TRUE,
        };
    return until(path->handshake_boot_usec + NOD_USEC, AP_REASON_NONE, in);
}

/**
 * Judges a path that is not direct yet.
 *
 * @in: with a peer
 *
 * Returns: alive when we may move; dead when the try has had its time
 */
ApLifeVerdict
ap_life_judge_try(ApPath *path, const ApPathInput *in)
{
    ApLifeVerdict verdict;

    (void) note_handshake(path, in->peer, in->now);

    if (ap_life_is_heard(in))
        return judge_try_by_bfd(path, in);
    if (has_fresh_handshake(path, in))
        return in->mute ? judge_try_by_nod(path, in) : judge_try_by_silence(path, in);

    verdict =
        until(path->try_boot_usec + ap_tries_usec(path, in->admission), AP_REASON_NO_HANDSHAKE, in);
    verdict.answered = FALSE;
    return verdict;
}

/* Whether more went out since something last came in than WireGuard sends by itself. */
static gboolean
has_unanswered(const ApPath *path, const ApDevicePeer *peer, ApInstant now)
{
    const guint64 quiet_sec = (guint64) (now.boot_usec - path->rx_boot_usec) / AP_USEC_PER_SEC;
    const guint keepalive_sec = MAX(peer->keepalive_sec, SHORTEST_KEEPALIVE_SEC);
    const guint64 n_keepalives = KEEPALIVES_IN_HAND + quiet_sec / keepalive_sec;

    return peer->tx_bytes - path->tx_base > n_keepalives * KEEPALIVE_LEN + HANDSHAKE_INITIATION_LEN;
}

/*
 * Whether nothing but attempts at a handshake came in: the far end does not hear our answers.
 * Packets with data are multiples of 16 bytes long, which up to three initiations never are.
 */
static gboolean
is_only_initiations(guint64 n_bytes)
{
    return n_bytes == HANDSHAKE_INITIATION_LEN || n_bytes == 2 * HANDSHAKE_INITIATION_LEN
           || n_bytes == 3 * HANDSHAKE_INITIATION_LEN;
}

static gboolean
is_silent(ApPath *path, const ApDevicePeer *peer, gboolean renewed, ApInstant now)
{
    if (!renewed && is_only_initiations(peer->rx_bytes - path->rx_base))
        path->rx_base = peer->rx_bytes;

    /* Smaller than before: somebody made the peer anew, and the count starts anew too. */
    if (peer->rx_bytes != path->rx_base || peer->tx_bytes < path->tx_base) {
        note_incoming(path, peer, now);
        return FALSE;
    }
    if (!has_unanswered(path, peer, now))
        return FALSE;

    if (path->tx_boot_usec == 0)
        path->tx_boot_usec = now.boot_usec;
    return now.boot_usec - path->tx_boot_usec >= SILENCE_USEC;
}

static ApLifeVerdict
dead(ApReason why)
{
    return (ApLifeVerdict){.life = AP_LIFE_DEAD, .why = why, .look_boot_usec = AP_NEVER};
}

static ApLifeVerdict
judge_direct_by_bfd(const ApPathInput *in)
{
    if (in->proof->state != AP_PROOF_PROVEN)
        return dead(in->proof->why != AP_REASON_NONE ? in->proof->why : AP_REASON_SILENT);
    return (ApLifeVerdict){
        .life = in->proof->remote_usable ? AP_LIFE_ALIVE : AP_LIFE_UNKNOWN,
        .evidence = AP_EVIDENCE_BFD,
        .why = in->proof->remote_usable ? AP_REASON_NONE : AP_REASON_FAR_END_WAITS,
        .look_boot_usec = AP_NEVER,
    };
}

static ApLifeVerdict
judge_direct_by_handshake(ApPath *path, const ApPathInput *in, gboolean renewed, gint64 age)
{
    if (is_silent(path, in->peer, renewed, in->now))
        return dead(AP_REASON_SILENT);
    if (!renewed && age >= SESSION_USEC && in->peer->tx_bytes > path->tx_handshake)
        return dead(AP_REASON_HANDSHAKE_OLD);
    return (ApLifeVerdict){
        .life = AP_LIFE_ALIVE,
        .look_boot_usec = AP_NEVER,
        /* The far end made a new session long before it had to: it may have lost its memory. */
        .nod = renewed && age < EARLIEST_RENEWAL_USEC,
    };
}

/**
 * Judges a direct path. Once BFD has proven it, nothing else does.
 *
 * @in: with a peer that has had a handshake
 *
 * Returns: alive; or dead with the reason; or unknown, while the far end does not use the path
 */
ApLifeVerdict
ap_life_judge_direct(ApPath *path, const ApPathInput *in)
{
    const gint64 age = in->now.boot_usec - path->handshake_boot_usec;
    const gboolean renewed = note_handshake(path, in->peer, in->now);

    if (proof_state(in) == AP_PROOF_PROVEN)
        path->evidence = AP_EVIDENCE_BFD;

    if (!in->endpoint_is_good)
        return dead(AP_REASON_ROAMED);
    if (path->evidence == AP_EVIDENCE_BFD)
        return judge_direct_by_bfd(in);
    return judge_direct_by_handshake(path, in, renewed, age);
}
