/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Poll sequences (RFC 5880 section 6.5): ask, ask again, and say what an answer or its absence
 * shows. One runs at a time, and only while the session is Up.
 *
 * A Final does not say which Poll it answers. Two habits of ours make that harmless: a padded
 * Poll is answered by a padded Final, so that an answer to small Polls never passes for a
 * proof of size; and a round-trip time is taken only from a sequence that sent one Poll.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/** What a Poll is for; a sequence can serve several. */
typedef enum {
    AP_BFD_POLL_TIMERS = 1 << 0, /* our intervals changed; asks until there is a Final */
    AP_BFD_POLL_ALIVE = 1 << 1,  /* is the far end there? No Final in time means no */
    AP_BFD_POLL_SIZE = 1 << 2,   /* do full-size packets pass? Padded, wants a padded Final */
    AP_BFD_POLL_RTT = 1 << 3,    /* how long is the round trip? One try, nobody minds its loss */
} ApBfdPollPurpose;

/** What the latest event shows. */
typedef enum {
    AP_BFD_POLL_PENDING,    /* nothing new */
    AP_BFD_POLL_ANSWERED,   /* what was asked is confirmed */
    AP_BFD_POLL_SMALL_ONLY, /* the far end answers small Polls, and not the padded ones */
    AP_BFD_POLL_DEAD,       /* the far end answers nothing */
} ApBfdPollVerdict;

/** Private to poll.c; visible so that it can be a member. */
typedef struct {
    gint64 pace_usec;         /* between two Polls of a sequence */
    guint n_tries;            /* Polls without a Final that mean a dead far end */
    guint wanted;             /* of ApBfdPollPurpose: wait for their turn */
    guint open;               /* of ApBfdPollPurpose: being asked; 0: no sequence */
    gboolean small_suspected; /* padded Polls went unanswered: the small ones now tell why */
    guint n_sent;             /* Polls of this sequence so far */
    gint64 opened_usec;
    gint64 sent_usec; /* the latest Poll */
    gint64 rtt_usec;  /* smoothed; 0: not known yet */
} ApBfdPoll;

void ap_bfd_poll_init(ApBfdPoll *self, gint64 pace_usec, guint n_tries);
void ap_bfd_poll_want(ApBfdPoll *self, guint purposes);
void ap_bfd_poll_reset(ApBfdPoll *self);
gboolean ap_bfd_poll_is_idle(const ApBfdPoll *self) G_GNUC_PURE;
gboolean ap_bfd_poll_is_padded(const ApBfdPoll *self) G_GNUC_PURE;
gint64 ap_bfd_poll_next(const ApBfdPoll *self) G_GNUC_PURE;
gint64 ap_bfd_poll_limit(const ApBfdPoll *self) G_GNUC_PURE;
gboolean ap_bfd_poll_take(ApBfdPoll *self, ApInstant now);
ApBfdPollVerdict
ap_bfd_poll_answer(ApBfdPoll *self, gboolean padded, ApInstant now, guint *answered);
ApBfdPollVerdict ap_bfd_poll_expire(ApBfdPoll *self, ApInstant now);

G_END_DECLS
