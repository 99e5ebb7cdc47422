/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/traffic.h"

/** A path whose counters stood still for so long is quiet: 30 s, in microseconds. Decisions 9. */
#define QUIET_USEC (30 * AP_USEC_PER_SEC)

/**
 * What may be added to a counter between two looks without being traffic, in bytes: two
 * keepalives, the persistent one and the one that WireGuard owes for data that it does not
 * answer. Source: message_data_len(0), drivers/net/wireguard/messages.h, Linux 6.1.
 */
#define KEEPALIVES_LEN (2 * 32)

/**
 * What one new session may add to a counter, in bytes: three initiations, of which no two are sent
 * within 5 s, and a response. Source: messages.h as above. More get lost on a path that is hardly
 * one. Traffic often is what renews a session, and it must not hide behind that.
 */
#define HANDSHAKE_LEN (3 * 148 + 92)

/**
 * The counters of a peer that was made anew start from zero, while BFD goes on: a counter that
 * far below its mark, in bytes, is another one. More than one packet of any tunnel, which may
 * be in BFD's account before it is in the device's.
 */
#define FRESH_COUNTER_LEN 65536

/**
 * For how long the accounts of BFD and of the device may differ by a packet that is on its way
 * from one to the other, in microseconds: 50 ms. wireguard-go counts a packet up to a millisecond
 * after it was sent to it, and before it can be received, on a machine that has nothing else to do.
 */
#define UNDER_WAY_USEC (50 * AP_USEC_PER_MSEC)

/** What such a packet may add to a counter, in bytes: a full-size one of BFD, where the tunnel's MTU
 * is the usual one of 1,420. */
#define UNDER_WAY_LEN (1424 + 32)

/**
 * Most that a mark is moved on for what we sent a moment ago, in bytes: two small packets of BFD.
 * As much may hide behind it if the device had counted them already: two pings, and no third.
 */
#define LEAVING_LEN (2 * 112)

/* What we sent a moment ago, and the device may not have counted yet, in bytes. */
static guint64
leaving_bytes(const ApProof *proof, ApInstant now)
{
    const gboolean is_recent = now.boot_usec - proof->sent_boot_usec < UNDER_WAY_USEC;

    return is_recent ? MIN(proof->burst_bytes, LEAVING_LEN) : 0;
}

/* What the device has counted, and we may not have heard yet, in bytes. */
static gint64
coming_bytes(const ApProof *proof, ApInstant now)
{
    return now.boot_usec - proof->heard_boot_usec < UNDER_WAY_USEC ? UNDER_WAY_LEN : 0;
}

/**
 * Starts the watch: a path is in use until it has been quiet for long enough.
 */
void
ap_traffic_begin(ApPath *path, const ApDevicePeer *peer, const ApProof *proof, ApInstant now)
{
    path->tx_mark = peer->tx_bytes - proof->tx_bytes;
    path->rx_mark = peer->rx_bytes - proof->rx_bytes;
    path->traffic_boot_usec = now.boot_usec;
}

/* What WireGuard may have added by itself since the last look, in bytes. */
static guint64
idle_bytes(gboolean renewed)
{
    return KEEPALIVES_LEN + (renewed ? HANDSHAKE_LEN : 0);
}

/*
 * Moves @mark up to @counter; TRUE when that was traffic. The two may wrap, as BFD's account
 * may be ahead of the device's. @n_unsure: bytes that may be BFD's, which the next look will tell
 */
static gboolean
advance(guint64 *mark, guint64 counter, gboolean renewed, gint64 n_unsure)
{
    const gint64 n_more = (gint64) (counter - *mark);
    const gint64 n_idle = (gint64) idle_bytes(renewed);

    if (n_more <= 0 && n_more > -FRESH_COUNTER_LEN)
        return FALSE;
    if (n_more > n_idle && n_more <= n_idle + n_unsure)
        return FALSE;

    *mark = counter;
    return n_more < 0 ? !renewed : n_more > n_idle;
}

/**
 * Looks at the counters once. To be called before the handshake of @peer is noted in @path: the
 * bytes of a new handshake are no traffic.
 */
void
ap_traffic_note(ApPath *path, const ApDevicePeer *peer, const ApProof *proof, ApInstant now)
{
    const gboolean renewed = path->handshake_usec != peer->handshake_real_usec;
    const guint64 tx = peer->tx_bytes - proof->tx_bytes;
    const guint64 rx = peer->rx_bytes - proof->rx_bytes;
    const guint64 leaving = leaving_bytes(proof, now);
    const guint64 tx_before = path->tx_mark;
    const gboolean sent = advance(&path->tx_mark, tx, renewed, 0);
    const gboolean received = advance(&path->rx_mark, rx, renewed, coming_bytes(proof, now));

    /* A look just after we sent is sure to miss as much as is under way: what WireGuard adds by
     * itself between two looks must not pile up behind that until it seems to be traffic. */
    if (path->tx_mark != tx_before)
        path->tx_mark += leaving;
    else if ((gint64) (tx + leaving - path->tx_mark) > 0)
        path->tx_mark += MIN(tx + leaving - path->tx_mark, idle_bytes(renewed));
    if (sent || received)
        path->traffic_boot_usec = now.boot_usec;
}

/**
 * Tells whether anybody used the path lately.
 */
gboolean
ap_traffic_is_flowing(const ApPath *path, ApInstant now)
{
    return now.boot_usec - path->traffic_boot_usec < QUIET_USEC;
}
