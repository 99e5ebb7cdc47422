/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/life.h"

/*
 * A handshake proves that packets pass both ways. It does not prove that the far end sends us
 * its tunnel traffic on this path, and whoever moves alone is cut off: each side drops what
 * comes from where it does not route to (cryptokey routing).
 *
 * So the two sides move in an order. The responder's handshake counts as complete only when
 * the initiator's first packet came in, so the responder moves at once. A keepalive that is
 * switched on makes a device send one empty packet, and that is the responder's nod. The
 * initiator moves when it hears it: something came in after the answer to its handshake.
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
 * Judges a path that is not direct yet.
 *
 * @peer: as the device has it now
 * @endpoint_is_good: whether the guard accepts where its packets come from
 *
 * Returns: alive when we may move; never dead
 */
ApLifeVerdict
ap_life_judge_try(ApPath *path, const ApDevicePeer *peer, gboolean endpoint_is_good, ApInstant now)
{
    const gboolean heard = peer->rx_bytes >= HANDSHAKE_RESPONSE_LEN + KEEPALIVE_LEN;

    (void) note_handshake(path, peer, now);
    /* A session that may be over by now is no proof: the endpoint may have become acceptable
     * long after the handshake. */
    if (path->handshake_usec == 0 || path->handshake_usec == path->handshake_base_usec
        || !endpoint_is_good || now.boot_usec - path->handshake_boot_usec >= SESSION_USEC)
        return (ApLifeVerdict){.life = AP_LIFE_UNKNOWN};

    if (!path->initiated || path->moved || heard
        || now.boot_usec - path->handshake_boot_usec >= NOD_USEC)
        return (ApLifeVerdict){.life = AP_LIFE_ALIVE};
    return (ApLifeVerdict){.life = AP_LIFE_UNKNOWN, .answered = TRUE};
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

/**
 * Judges a direct path.
 *
 * @peer: as the device has it now
 * @endpoint_is_good: whether the guard accepts where its packets come from
 *
 * Returns: alive, or dead with the reason
 */
ApLifeVerdict
ap_life_judge_direct(ApPath *path,
                     const ApDevicePeer *peer,
                     gboolean endpoint_is_good,
                     ApInstant now)
{
    const gint64 age = now.boot_usec - path->handshake_boot_usec;
    const gboolean renewed = note_handshake(path, peer, now);

    if (!endpoint_is_good)
        return (ApLifeVerdict){.life = AP_LIFE_DEAD, .why = AP_REASON_ROAMED};
    if (is_silent(path, peer, renewed, now))
        return (ApLifeVerdict){.life = AP_LIFE_DEAD, .why = AP_REASON_SILENT};
    if (!renewed && age >= SESSION_USEC && peer->tx_bytes > path->tx_handshake)
        return (ApLifeVerdict){.life = AP_LIFE_DEAD, .why = AP_REASON_HANDSHAKE_OLD};
    return (ApLifeVerdict){
        .life = AP_LIFE_ALIVE,
        .started_anew = renewed && age < EARLIEST_RENEWAL_USEC,
    };
}
