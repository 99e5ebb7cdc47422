/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the parts of a session share: session.c, which hears, session-judge.c, which hears nothing,
 * session-send.c and session-view.c.
 */

#pragma once

#include "helper/bfd/session.h"

G_BEGIN_DECLS

/**
 * Packets in a row that show a narrow path: 3. With padded and small ones in turn, two padded
 * ones have been lost by then.
 */
#define AP_BFD_SESSION_N_NARROW 3

/** What a peer that said nothing yet is taken to accept. RFC 5880 section 6.8.1. */
#define AP_BFD_SESSION_INITIAL_MIN_RX_USEC 1

/** A packet that is sent without waiting for its turn, by size. */
typedef enum {
    AP_BFD_ANNOUNCE_SMALL = 1 << 0,
    AP_BFD_ANNOUNCE_PADDED = 1 << 1,
} ApBfdAnnouncement;

/**
 * Most that jitter takes off an interval, in thousandths: a quarter. RFC 5880 section 6.8.7.
 */
#define AP_BFD_JITTER_MAX_PERMILLE 250

/** Returns: TRUE when both ends pad, and size is part of what Up means */
static inline gboolean
ap_bfd_session_pads(const ApBfdSession *self)
{
    return self->config.padded_bytes > 0;
}

/** Returns: FALSE as long as padded and small packets take turns */
static inline gboolean
ap_bfd_session_both_are_up(const ApBfdSession *self)
{
    return self->state == AP_BFD_STATE_UP && self->remote_state == AP_BFD_STATE_UP;
}

/** Returns: TRUE when packets are far between, since neither end uses the path */
static inline gboolean
ap_bfd_session_is_quiet(const ApBfdSession *self)
{
    return self->state == AP_BFD_STATE_UP
           && ap_bfd_session_interval_usec(self) > self->config.fast_usec;
}

void ap_bfd_session_go_down(ApBfdSession *self, ApBfdState state, ApBfdDiag diag, ApBfdCause cause);
gint64 ap_bfd_session_judgement_deadline(const ApBfdSession *self) G_GNUC_PURE;
gint64 ap_bfd_session_periodic_deadline(const ApBfdSession *self) G_GNUC_PURE;

G_END_DECLS
