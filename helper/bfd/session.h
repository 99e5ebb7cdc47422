/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One BFD session (RFC 5880, asynchronous mode) with one peer: packets and instants in,
 * packets and a state out, next deadline out. A plain value; nothing is allocated.
 *
 * The caller's loop, after every packet, every deadline and every call that asks for something:
 *
 *     ap_bfd_session_advance(&session, now);
 *     while ((n = ap_bfd_session_take_packet(&session, now, random, buffer, size)) > 0)
 *         send(buffer, n);
 *     look at ap_bfd_session_state(), then sleep until ap_bfd_session_deadline()
 *
 * Packets go before anything is done about a new state: the far end should hear "Up" as early
 * as can be. Which session a packet is for, the caller knows from its source address: behind
 * WireGuard it is the peer's and nobody else's. The session then insists that "your
 * discriminator" is its own, so the outcome is that of RFC 5880 section 6.3.
 *
 * # Full size
 *
 * Up shall mean that full-size packets pass in both directions. Two ends that both pad reach
 * that with one rule on top of RFC 5880:
 *
 *     While the session is not Up, only padded packets move it upwards.
 *
 * So an end in Init or Up has heard a padded packet of the other, and says so by its state. We
 * enter Up on a padded Init or Up: its size proves the way from there to here, the state that
 * it carries the way from here to there. The other end does likewise with our packets. Small
 * packets alternate with the padded ones until both are Up. They move nothing upwards; they
 * tell a peer that speaks BFD over too narrow a path (AP_BFD_CAUSE_MTU) from a silent one. Both
 * ends notice, whichever direction is narrow: one hears small packets only, the other sees a
 * peer that quotes our discriminator and yet stays Down.
 *
 * Downwards every packet counts, and what takes the session down is announced small first: it
 * has to arrive where padded ones do not.
 *
 * Entering Up opens a padded Poll, and so does every minute; a padded Poll is answered by a
 * padded Final. Where no Final comes back, small Polls follow: a Final to those means that the
 * path became too narrow, none means that it is dead. The session goes down either way. The
 * first of these Polls also covers the case that the far end never hears us say Up.
 *
 * # Usable
 *
 * Two ends must begin to route by a path together, and one may have a reason to wait. It says so
 * while Up with the diagnostic of a concatenated path that is down (RFC 5880 section 6.8.17,
 * RFC 5882 section 4.3), which does not change the state of either end.
 *
 * A peer that does not pad (FRR, BIRD) needs a session with `padded_bytes` 0, which is plain
 * RFC 5880 and proves no size.
 */

#pragma once

#include "helper/bfd/packet.h"
#include "helper/bfd/poll.h"

G_BEGIN_DECLS

/** Between two packets on a path in use: 300 ms, in microseconds. Decisions 9. */
#define AP_BFD_FAST_USEC (300 * AP_USEC_PER_MSEC)

/** Between two packets on a quiet path: 15 s, in microseconds. Design, path-management.md. */
#define AP_BFD_IDLE_USEC (15 * AP_USEC_PER_SEC)

/** Packets missed that mean Down: 3, which makes 900 ms of AP_BFD_FAST_USEC. Decisions 9. */
#define AP_BFD_DETECT_MULT 3

/** Between two measurements of the round-trip time on a path in use: 1 s, in microseconds. */
#define AP_BFD_RTT_PERIOD_USEC AP_USEC_PER_SEC

/** Between two proofs of full size while Up: a minute, in microseconds. path-management.md. */
#define AP_BFD_SIZE_PERIOD_USEC (60 * AP_USEC_PER_SEC)

/** How often AdminDown is said: 3 times. Decisions 10. */
#define AP_BFD_N_GOODBYES 3

/** Between two of them: 20 ms, in microseconds, so that one burst of loss does not take all. */
#define AP_BFD_GOODBYE_USEC (20 * AP_USEC_PER_MSEC)

/**
 * A conclusion that is drawn this late says more about us than about the peer: 150 ms, in
 * microseconds. A machine that stood still has packets of the peer waiting, or stood still
 * together with it, as two virtual machines do; a busy one is late by less than 50 ms.
 */
#define AP_BFD_LATE_USEC (150 * AP_USEC_PER_MSEC)

/** Who may speak first. RFC 5880 section 6.1. */
typedef enum {
    AP_BFD_ROLE_ACTIVE,
    AP_BFD_ROLE_PASSIVE, /* says nothing until it hears the peer */
} ApBfdRole;

/** Why a session is not Up. */
typedef enum {
    AP_BFD_CAUSE_NONE,         /* it is Up, or has not been yet */
    AP_BFD_CAUSE_SILENT,       /* nothing came for the detection time */
    AP_BFD_CAUSE_NO_FINAL,     /* nobody answered our Polls */
    AP_BFD_CAUSE_MTU,          /* small packets pass, full-size ones do not */
    AP_BFD_CAUSE_REMOTE_DOWN,  /* the peer says that its session is down */
    AP_BFD_CAUSE_REMOTE_ADMIN, /* the peer was switched off */
    AP_BFD_CAUSE_LOCAL_ADMIN,  /* ap_bfd_session_admin_down() */
    AP_N_BFD_CAUSES,
} ApBfdCause;

/**
 * What a session is told once.
 *
 * @padded_bytes: of a padded packet's UDP payload, AP_BFD_HEADERS_BYTES less than the tunnel's
 *     MTU; 0: the peer does not pad
 * @rtt_period_usec: 0: the round-trip time is not measured regularly
 */
typedef struct {
    ApBfdRole role;
    guint8 detect_mult;
    guint32 fast_usec;
    guint32 idle_usec;
    gint64 rtt_period_usec;
    guint16 padded_bytes;
} ApBfdConfig;

/** Private to session*.c; visible so that it can be a member. */
typedef struct {
    ApBfdConfig config;
    ApBfdState state;
    ApBfdCause cause;
    ApBfdDiag diag;
    guint32 discriminator;
    gboolean fast;   /* the path is in use */
    gboolean usable; /* we would route by it */

    /* what the far end said last; forgotten after a detection time of silence */
    guint32 remote_discriminator; /* 0: unknown */
    ApBfdState remote_state;
    guint8 remote_diag;
    gboolean remote_demand;
    guint8 remote_detect_mult;
    guint32 remote_min_tx_usec;
    guint32 remote_min_rx_usec;

    /* timers */
    guint32 min_rx_usec;        /* as we announce it */
    guint32 active_min_rx_usec; /* as the far end is known to have heard it */
    gint64 heard_usec;          /* the latest packet; 0: none ever */
    gint64 padded_heard_usec;   /* the latest padded one */
    gint64 periodic_usec;       /* the latest periodic packet; 0: none, one is due */
    guint jitter_permille;      /* of the interval, taken off the one that runs */
    gint64 rtt_due_usec;
    gint64 size_due_usec; /* AP_NEVER: the peer does not pad */
    gint64 excused_usec;  /* nothing is judged before: it was we who did not run */
    gint64 rate_usec;     /* the received packets, at their greatest rate, are used up until then */

    /* what goes out next */
    ApBfdPoll poll;
    guint announce;          /* of ApBfdAnnouncement */
    guint final;             /* of ApBfdAnnouncement: answers that we owe */
    gboolean next_is_padded; /* of the alternation */
    guint n_goodbyes;        /* of AdminDown: still to be said */
    gint64 goodbye_usec;     /* the latest one */

    /* evidence of a narrow path while not Up */
    guint n_small_in_row; /* small packets since a padded one */
    guint n_ignored;      /* packets in which the far end knows us, and has no padded one of ours */
} ApBfdSession;

void ap_bfd_config_init(ApBfdConfig *out, ApBfdRole role, guint32 mtu);

void ap_bfd_session_init(ApBfdSession *self, const ApBfdConfig *config, guint32 discriminator);
void ap_bfd_session_take_evidence(ApBfdSession *self, const ApBfdSession *former);
ApBfdRefusal ap_bfd_session_receive(ApBfdSession *self, const ApBfdPacket *packet, ApInstant now);
void ap_bfd_session_advance(ApBfdSession *self, ApInstant now);
gsize ap_bfd_session_take_packet(ApBfdSession *self,
                                 ApInstant now,
                                 guint32 random,
                                 guint8 *out,
                                 gsize size) G_GNUC_WARN_UNUSED_RESULT;
gint64 ap_bfd_session_deadline(const ApBfdSession *self) G_GNUC_PURE;

void ap_bfd_session_set_active(ApBfdSession *self);
void ap_bfd_session_set_fast(ApBfdSession *self, gboolean fast);
void ap_bfd_session_set_usable(ApBfdSession *self, gboolean usable);
void ap_bfd_session_set_mtu(ApBfdSession *self, guint32 mtu);
void ap_bfd_session_check_now(ApBfdSession *self);
gboolean ap_bfd_session_join(ApBfdSession *self, ApInstant now);
void ap_bfd_session_admin_down(ApBfdSession *self);

ApBfdState ap_bfd_session_state(const ApBfdSession *self) G_GNUC_PURE;
ApBfdState ap_bfd_session_remote_state(const ApBfdSession *self) G_GNUC_PURE;
gboolean ap_bfd_session_remote_usable(const ApBfdSession *self) G_GNUC_PURE;
gboolean ap_bfd_session_is_heard(const ApBfdSession *self) G_GNUC_PURE;
ApBfdCause ap_bfd_session_cause(const ApBfdSession *self) G_GNUC_PURE;
gint64 ap_bfd_session_heard_usec(const ApBfdSession *self) G_GNUC_PURE;
gint64 ap_bfd_session_rtt_usec(const ApBfdSession *self) G_GNUC_PURE;
gint64 ap_bfd_session_detection_usec(const ApBfdSession *self) G_GNUC_PURE;
gint64 ap_bfd_session_interval_usec(const ApBfdSession *self) G_GNUC_PURE;

const char *ap_bfd_cause_name(ApBfdCause cause) G_GNUC_CONST;

G_END_DECLS
