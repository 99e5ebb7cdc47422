/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/ask.h"

/** Interval of a server that wishes none, in seconds (coordination-protocol.md 6, "v"). */
#define DEFAULT_POLL_SEC 30

/** What a server may wish, in seconds (coordination-protocol.md 6, "Security of extensions"). */
#define MIN_POLL_SEC 10
#define MAX_POLL_SEC 600

/** After 401, 404 and 405, in seconds (coordination-protocol.md 5, "Removal rules"). */
#define REFUSED_SEC 300

/** Longest delay between two tries of a server that once answered, in seconds. */
#define MAX_RETRY_SEC 60

/**
 * Longest delay while a server that answered a moment ago may only be restarting, in seconds:
 * with its jitter it stays below 5 s, so that a server that is back is found within seconds.
 */
#define RESTART_RETRY_SEC 4

/** How many tries are that quick: about a minute of them. */
#define N_RESTART_RETRIES 15

/** Unanswered rounds after which a server that never answered is left alone (decisions.md 15). */
#define N_UNANSWERED_ROUNDS 3

/**
 * Shortest time between two long polls, in microseconds: a server of version 2 that answers at
 * once is asked at most twice a second.
 */
#define MIN_GAP_USEC (AP_USEC_PER_SEC / 2)

/** A long poll that ended within this time was not held, in microseconds. */
#define HASTY_USEC AP_USEC_PER_SEC

/** Delays after 400 "Handshake too old" and 500, in seconds: the server's view of handshakes is
 * up to 30 s old (coordination-protocol.md 5, "Retry"). */
static const guint too_old_sec[] = {5, 10, 20};

/** Delays after a change against a plain server, in seconds, each once: the other side learns of
 * us at its own next poll (coordination-protocol.md 6, "Both sides at once"). */
static const guint quick_sec[] = {2, 5, 10};

/**
 * One exchange that has just ended.
 *
 * @offer: (not owned) (nullable)
 * @waited: it was a long poll
 * @took_usec: since it was due, in microseconds
 */
typedef struct {
    ApAskOutcome outcome;
    const ApOffer *offer;
    gboolean changed;
    gboolean waited;
    gint64 took_usec;
    guint32 random;
} Round;

/* ±20 %, in microseconds (coordination-protocol.md 5, "Retry"). */
static gint64
jittered(guint sec, guint32 random)
{
    const gint64 usec = sec * AP_USEC_PER_SEC * (800 + random % 401) / 1000;

    return MIN(usec, MAX_RETRY_SEC * AP_USEC_PER_SEC);
}

/* 1, 2, 4, … seconds for the first, second, third failure. */
static guint
doubled_sec(guint n_failures, guint max_sec)
{
    return n_failures > 16 ? max_sec : MIN(1u << (n_failures - 1), max_sec);
}

static gint64
too_old_delay(const ApAsk *self, guint32 random)
{
    if (self->n_failures <= G_N_ELEMENTS(too_old_sec))
        return too_old_sec[self->n_failures - 1] * AP_USEC_PER_SEC;
    return jittered(MAX_RETRY_SEC, random);
}

static gint64
unreachable_delay(const ApAsk *self, guint32 random)
{
    if (!self->answered && self->n_unanswered >= N_UNANSWERED_ROUNDS)
        return AP_NEVER;
    if (self->n_unanswered <= N_RESTART_RETRIES)
        return jittered(doubled_sec(self->n_unanswered, RESTART_RETRY_SEC), random);
    return jittered(MAX_RETRY_SEC, random);
}

/*
 * A server of version 2 holds the next request until something changes: ask at once. One that
 * does not hold it is asked ever more slowly.
 */
static gint64
long_poll_delay(ApAsk *self, const Round *round)
{
    if (!round->waited)
        return 0;

    if (round->changed || round->took_usec >= HASTY_USEC)
        self->n_hasty = 0;
    else
        self->n_hasty++;

    if (self->n_hasty > 1)
        return MIN(MIN_GAP_USEC << MIN(self->n_hasty - 1, 16), self->poll_sec * AP_USEC_PER_SEC);
    return MAX(0, MIN_GAP_USEC - round->took_usec);
}

/* Changes that follow each other do not start the quick polls anew before they are through. */
static gint64
plain_delay(ApAsk *self, const Round *round)
{
    const gboolean first = !self->answered;

    if ((round->changed || first) && self->n_quick == 0)
        self->n_quick = G_N_ELEMENTS(quick_sec);
    if (self->n_quick > 0)
        return quick_sec[G_N_ELEMENTS(quick_sec) - self->n_quick--] * AP_USEC_PER_SEC;
    return self->poll_sec * AP_USEC_PER_SEC;
}

static gint64
answered_delay(ApAsk *self, const Round *round)
{
    const ApOffer *offer = round->offer;

    self->n_failures = 0;
    self->poll_sec = offer->poll_sec == 0 ? DEFAULT_POLL_SEC
                                          : CLAMP(offer->poll_sec, MIN_POLL_SEC, MAX_POLL_SEC);
    if (offer->version < AP_COORD_VERSION)
        return plain_delay(self, round);

    self->version = AP_COORD_VERSION;
    (void) g_strlcpy(self->etag, offer->etag, sizeof(self->etag));
    return long_poll_delay(self, round);
}

static gint64
outcome_delay(ApAsk *self, const Round *round)
{
    switch (round->outcome) {
    case AP_ASK_OK:
        return answered_delay(self, round);
    case AP_ASK_TOO_OLD:
        return too_old_delay(self, round->random);
    case AP_ASK_REFUSED:
        return REFUSED_SEC * AP_USEC_PER_SEC;
    case AP_ASK_BAD:
        return jittered(doubled_sec(self->n_failures, MAX_RETRY_SEC), round->random);
    case AP_ASK_UNREACHABLE:
        return unreachable_delay(self, round->random);
    }
    return AP_NEVER;
}

/**
 * Tells what an HTTP status means for the next round.
 *
 * @status: 200 stands for an answer that was also read
 * @too_old: a 400 that says "Handshake too old"
 */
ApAskOutcome
ap_ask_outcome(guint status, gboolean too_old)
{
    switch (status) {
    case 200:
        return AP_ASK_OK;
    case 400:
        return too_old ? AP_ASK_TOO_OLD : AP_ASK_BAD;
    case 401:
    case 404:
    case 405:
        return AP_ASK_REFUSED;
    case 500:
        return AP_ASK_TOO_OLD;
    default:
        return AP_ASK_BAD;
    }
}

/**
 * Forgets everything about the server and asks at once: for a new tunnel and a network change.
 */
void
ap_ask_reset(ApAsk *self, ApInstant now)
{
    *self = (ApAsk){.next_boot_usec = now.boot_usec};
}

/**
 * Asks at once, for "Re-sync" and after sleep or a pause. That there is a server here stays known:
 * one that happens to be down just then must not be left alone for good.
 */
void
ap_ask_again(ApAsk *self, ApInstant now)
{
    const gboolean answered = self->answered;

    ap_ask_reset(self, now);
    self->answered = answered;
}

/**
 * Tells whether a poll that is being held has to be made anew, because a path that it told of is
 * gone: the far end may only learn of that from us. That a path came about can wait.
 *
 * @told: (nullable) (element-type ApKey): what the request under way says of direct paths
 * @direct: (element-type ApKey): those that are up now
 *
 * If so, @next_boot_usec is set for the request that follows: as late as that of any other answer
 * at once.
 */
gboolean
ap_ask_has_news(ApAsk *self, const GArray *told, const GArray *direct, ApInstant now)
{
    if (ap_ask_wait_sec(self) == 0 || told == NULL || ap_key_are_all_among(told, direct))
        return FALSE;

    self->next_boot_usec = MAX(self->next_boot_usec + MIN_GAP_USEC, now.boot_usec);
    return TRUE;
}

/**
 * Notes how an exchange ended and sets @next_boot_usec and what the next request may ask for.
 *
 * @offer: (nullable): the answer; needed for AP_ASK_OK, otherwise ignored
 * @changed: the answer differs from the one before: see ap_book_add_offer()
 * @random: any 32 random bits, for the jitter
 *
 * The version and the etag are forgotten with everything but an answer of version 2
 * (coordination-protocol.md 7): then the next request is short, which also finds out sooner
 * that the server is back.
 */
void
ap_ask_done(ApAsk *self,
            ApAskOutcome outcome,
            const ApOffer *offer,
            gboolean changed,
            guint32 random,
            ApInstant now)
{
    g_return_if_fail(outcome != AP_ASK_OK || offer != NULL);

    const Round round = {
        .outcome = outcome,
        .offer = offer,
        .changed = changed,
        .waited = ap_ask_wait_sec(self) > 0,
        .took_usec = MAX(0, now.boot_usec - self->next_boot_usec),
        .random = random,
    };

    self->version = 0;
    self->etag[0] = '\0';
    self->n_failures++;
    self->n_unanswered = outcome == AP_ASK_UNREACHABLE ? self->n_unanswered + 1 : 0;

    const gint64 delay = outcome_delay(self, &round);

    self->answered |= outcome != AP_ASK_UNREACHABLE;
    self->next_boot_usec = delay == AP_NEVER ? AP_NEVER : now.boot_usec + delay;
}

/**
 * Returns: how long the next request lets the server hold its answer, in seconds; 0 for a server
 *     that has not shown that it speaks version 2
 */
guint
ap_ask_wait_sec(const ApAsk *self)
{
    return self->version >= AP_COORD_VERSION ? AP_COORD_MAX_WAIT_SEC : 0;
}
