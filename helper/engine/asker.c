/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/asker.h"

#include "common/clock.h"
#include "common/error.h"
#include "helper/core/ask.h"
#include "helper/core/uplink.h"
#include "helper/io/fetcher.h"

#include <string.h>

/**
 * After how many seconds without a poll a server must forget us: 90, three rounds with a
 * plain server (coordination-protocol.md 5 "Own server", 6 "ttl").
 */
#define REGISTRATION_TTL_SEC 90

/**
 * How many of the latest round trips to the hub count, of which the shortest is taken: one is
 * measured each 25 s or so. A lost packet makes one of them longer by a second (RFC 6298
 * section 2.1), and a handshake by a round trip; a new way to the hub counts after 100 s.
 */
#define N_HUB_RTTS 4

/** Longest round trip that a server is told, in milliseconds: common/json takes no more. */
#define MAX_TOLD_RTT_MSEC 60000

/** What a held request says about us; when it changes, the request is made anew. */
typedef struct {
    ApKey key;
    ApAddr local;
    ApEndpoint server;
    guint16 listen_port;
    gboolean bfd;
    guint64 network;
} Identity;

struct _ApAsker {
    guint32 ifindex;
    ApMetrics *metrics; /* (not owned) the engine's, which outlives every asker */
    ApAskerFunc ended;
    gpointer user_data; /* (not owned) the engine; NULL after ap_asker_stop() */

    ApBook *book;          /* (owned) */
    ApFetcher *fetcher;    /* (owned) */
    GCancellable *running; /* (owned) (nullable): an exchange is under way */
    gboolean saying_bye;   /* the exchange under way is our good-bye */
    gboolean registered;   /* the server knows us since the last good-bye */
    gboolean resyncing;    /* the round that ap_asker_resync() asked for is not over */
    gboolean leaving;      /* say good-bye as soon as nothing is under way */

    ApAsk ask;
    ApRequest request; /* the last one; its GArray is (owned) */
    ApFetchTarget target;
    Identity identity;
    char boot[AP_COORD_TOKEN_LEN];
    char last_error[AP_VIEW_ERROR_LEN];
    ApReason trouble;    /* of the last round; AP_REASON_NONE: it went well */
    gint64 hub_rtt_usec; /* 0: not known on this network */
    gint64 hub_rtts_usec[N_HUB_RTTS];
    guint n_hub_rtts; /* that were measured on this network */
};

static void
clear(gpointer data)
{
    ApAsker *self = data;

    g_clear_object(&self->running);
    ap_fetcher_free(self->fetcher);
    ap_book_free(self->book);
    ap_request_clear(&self->request);
}

/**
 * Makes the coordination of one tunnel; it asks nobody before ap_asker_update().
 *
 * @fetch_program: absolute path of the child
 * @metrics: (not owned): counts; must outlive the asker
 * @ended: called from the main loop after each exchange
 *
 * Returns: (transfer full)
 */
ApAsker *
ap_asker_new(guint32 ifindex,
             const char *fetch_program,
             ApMetrics *metrics,
             ApAskerFunc ended,
             gpointer user_data)
{
    ApAsker *self = g_rc_box_new0(ApAsker);

    self->ifindex = ifindex;
    self->metrics = metrics;
    self->ended = ended;
    self->user_data = user_data;
    self->book = ap_book_new(ifindex);
    self->fetcher = ap_fetcher_new(fetch_program);
    g_snprintf(self->boot, sizeof(self->boot), "%08x", g_random_int());
    return self;
}

void
ap_asker_unref(ApAsker *self)
{
    if (self != NULL)
        g_rc_box_release_full(self, clear);
}

/** Returns: the index of the tunnel's interface */
guint32
ap_asker_get_ifindex(const ApAsker *self)
{
    return self->ifindex;
}

/**
 * Appends what the answers add up to.
 *
 * @candidates: (element-type ApCandidate)
 */
void
ap_asker_list(const ApAsker *self, GArray *candidates, ApInstant now)
{
    const guint n_before = candidates->len;

    ap_book_list(self->book, candidates, now);
    for (guint i = n_before; i < candidates->len; i++) {
        ApCandidate *candidate = &g_array_index(candidates, ApCandidate, i);

        /* A server that does not answer says nothing about who is there. */
        if (self->trouble != AP_REASON_NONE)
            candidate->seen_boot_usec = 0;
        if (self->hub_rtt_usec != 0 && candidate->hub_rtt_usec != 0)
            candidate->relay_rtt_usec = self->hub_rtt_usec + candidate->hub_rtt_usec;
    }
}

static void
cancel(ApAsker *self)
{
    if (self->running != NULL && !self->saying_bye)
        g_cancellable_cancel(self->running);
}

static void
start_over(ApAsker *self, ApInstant now)
{
    cancel(self);
    ap_ask_reset(&self->ask, now);
}

static void
ask_again(ApAsker *self, ApInstant now)
{
    cancel(self);
    ap_ask_again(&self->ask, now);
}

/**
 * Tells on which network we are. After a change nothing that was told before counts, and the
 * server is asked again at once.
 */
void
ap_asker_set_network(ApAsker *self, guint64 network, ApInstant now)
{
    if (self->identity.network == network)
        return;

    self->identity.network = network;
    self->hub_rtt_usec = 0;
    self->n_hub_rtts = 0;
    ap_book_forget_all(self->book);
    start_over(self, now);
}

/**
 * Asks at the next ap_asker_update(), whatever the schedule says.
 */
void
ap_asker_resync(ApAsker *self, ApInstant now)
{
    self->resyncing = TRUE;
    ask_again(self, now);
}

/* The outcome of an exchange, and a line for the user when it did not go well. */
static ApAskOutcome
judge(const ApFetchReply *reply, const GError *error, char *text, gsize n_text)
{
    if (reply == NULL) {
        (void) g_strlcpy(text, error->message, n_text);
        return g_error_matches(error, AP_ERROR, AP_ERROR_INVALID) ? AP_ASK_BAD : AP_ASK_UNREACHABLE;
    }

    text[0] = '\0';
    if (reply->status == 200 && reply->offer != NULL)
        return AP_ASK_OK;

    g_snprintf(text, n_text, "the server answered with status %u", reply->status);
    return ap_ask_outcome(reply->status, reply->too_old);
}

static ApReason
trouble_of(ApAskOutcome outcome)
{
    switch (outcome) {
    case AP_ASK_OK:
        return AP_REASON_NONE;
    case AP_ASK_UNREACHABLE:
        return AP_REASON_NO_SERVER;
    case AP_ASK_TOO_OLD:
    case AP_ASK_REFUSED:
    case AP_ASK_BAD:
        return AP_REASON_SERVER_ERROR;
    }
    g_return_val_if_reached(AP_REASON_SERVER_ERROR);
}

static void
note_rtt(ApAsker *self, gint64 sample_usec)
{
    self->hub_rtts_usec[self->n_hub_rtts++ % N_HUB_RTTS] = MAX(sample_usec, 1);
    self->hub_rtt_usec = self->hub_rtts_usec[0];
    for (guint i = 1; i < MIN(self->n_hub_rtts, N_HUB_RTTS); i++)
        self->hub_rtt_usec = MIN(self->hub_rtt_usec, self->hub_rtts_usec[i]);
}

static void begin(ApAsker *self);

static void
say_bye(ApAsker *self)
{
    self->leaving = self->registered;
    if (!self->registered || self->running != NULL)
        return;

    self->leaving = FALSE;
    self->registered = FALSE;
    self->saying_bye = TRUE;
    self->request.bye = TRUE;
    self->request.seq++;
    self->request.wait_sec = 0;
    begin(self);
}

/* Returns: TRUE when the candidates are others now */
static gboolean
take_offer(ApAsker *self, const ApOffer *offer, ApInstant now)
{
    for (guint i = 0; i < AP_N_DROPS; i++)
        self->metrics->dropped[i] += offer->dropped[i];
    self->metrics->values[AP_METRIC_ANSWERS]++;
    self->registered = TRUE;
    return ap_book_add_offer(self->book, offer, self->request.direct, now);
}

static void
on_reply(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(ApAsker) self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ApFetchReply) reply = ap_fetcher_ask_finish(self->fetcher, result, &error);
    const gboolean was_bye = self->saying_bye;
    const ApInstant now = ap_clock_now();

    (void) source;
    g_clear_object(&self->running);
    self->saying_bye = FALSE;

    if (!was_bye && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        const ApAskOutcome outcome =
            judge(reply, error, self->last_error, sizeof(self->last_error));
        const gboolean changed = outcome == AP_ASK_OK && take_offer(self, reply->offer, now);

        self->resyncing = FALSE;
        self->trouble = trouble_of(outcome);
        if (reply != NULL)
            note_rtt(self, reply->connect_usec);
        ap_ask_done(&self->ask,
                    outcome,
                    outcome == AP_ASK_OK ? reply->offer : NULL,
                    changed,
                    g_random_int(),
                    now);
    }

    if (self->leaving)
        say_bye(self);
    if (self->user_data != NULL)
        self->ended(self->user_data);
}

static void
begin(ApAsker *self)
{
    self->running = g_cancellable_new();
    self->metrics->values[AP_METRIC_REQUESTS]++;
    ap_fetcher_ask_async(self->fetcher,
                         &self->target,
                         &self->request,
                         self->running,
                         on_reply,
                         g_rc_box_acquire(self));
}

/* Fills self->request from @input. FALSE: there is nothing to tell, so nobody is asked. */
static gboolean
compose(ApAsker *self, const ApAskerInput *input)
{
    ApRequest *request = &self->request;
    const guint64 seq = request->seq + 1;

    ap_request_clear(request);
    *request = (ApRequest){
        .key = input->device->public_key,
        .version = AP_COORD_VERSION,
        .listen_port = input->device->listen_port,
        .ttl_sec = REGISTRATION_TTL_SEC,
        .seq = seq,
        .bfd = input->bfd,
        .wait_sec = ap_ask_wait_sec(&self->ask),
        .hub_rtt_ms = (guint) MIN((self->hub_rtt_usec + AP_USEC_PER_MSEC - 1) / AP_USEC_PER_MSEC,
                                  MAX_TOLD_RTT_MSEC),
        .direct = g_array_copy((GArray *) input->direct),
    };
    (void) g_strlcpy(request->boot, self->boot, sizeof(request->boot));
    (void) g_strlcpy(request->etag, self->ask.etag, sizeof(request->etag));
    request->n_attachments =
        ap_uplink_attachments(input->links, input->policy, request->attachments);
    request->n_candidates = ap_uplink_candidates(input->links,
                                                 input->policy,
                                                 request->listen_port,
                                                 request->candidates);

    self->target = (ApFetchTarget){.local = input->tunnel->local, .server = input->tunnel->server};
    (void) g_strlcpy(self->target.device, input->device->id.name, sizeof(self->target.device));
    return request->n_attachments > 0;
}

static void
follow_identity(ApAsker *self, const ApAskerInput *input, ApInstant now)
{
    const Identity identity = {
        .key = input->device->public_key,
        .local = input->tunnel->local,
        .server = input->tunnel->server,
        .listen_port = input->device->listen_port,
        .bfd = input->bfd,
        .network = input->network,
    };

    if (ap_key_equal(&identity.key, &self->identity.key)
        && ap_addr_equal(&identity.local, &self->identity.local)
        && ap_endpoint_equal(&identity.server, &self->identity.server)
        && identity.listen_port == self->identity.listen_port && identity.bfd == self->identity.bfd
        && identity.network == self->identity.network)
        return;

    if (!ap_key_equal(&identity.key, &self->identity.key))
        ap_book_forget_all(self->book);
    self->identity = identity;
    start_over(self, now);
}

/* A server that holds our poll has to hear at once that a path is gone. */
static void
tell_news(ApAsker *self, const ApAskerInput *input, ApInstant now)
{
    if (self->saying_bye || g_cancellable_is_cancelled(self->running))
        return;
    if (ap_ask_has_news(&self->ask, self->request.direct, input->direct, now))
        cancel(self);
}

/**
 * Starts an exchange when it is time for one; to be called in each turn.
 *
 * When the tunnel is not managed any more, or has no server, or there is no network to tell
 * about, nobody is asked and what was told before is forgotten; a server that knows us hears
 * a good-bye first, where it can still be reached.
 *
 * Returns: when to call again, on the boot clock; AP_NEVER while an exchange is under way
 */
gint64
ap_asker_update(ApAsker *self, const ApAskerInput *input, ApInstant now)
{
    if (!input->tunnel->managed || !ap_endpoint_is_set(&input->tunnel->server)) {
        ap_book_forget_all(self->book);
        ask_again(self, now);
        say_bye(self);
        self->resyncing = FALSE;
        return AP_NEVER;
    }

    self->leaving = FALSE;
    follow_identity(self, input, now);
    if (self->running != NULL) {
        tell_news(self, input, now);
        return AP_NEVER;
    }
    if (self->ask.next_boot_usec > now.boot_usec)
        return self->ask.next_boot_usec;

    if (!compose(self, input)) {
        self->registered = FALSE;
        self->resyncing = FALSE;
        return AP_NEVER;
    }
    begin(self);
    return AP_NEVER;
}

/**
 * Ends what is under way and says good-bye to a server that knows us; nobody is called back
 * any more. The asker lives on by itself until the good-bye ended: see ap_asker_is_busy().
 */
void
ap_asker_stop(ApAsker *self)
{
    self->user_data = NULL;
    cancel(self);
    say_bye(self);
}

/** Returns: whether the server has not yet answered, or failed to, since ap_asker_resync() */
gboolean
ap_asker_is_resyncing(const ApAsker *self)
{
    return self->resyncing;
}

/** Returns: TRUE while an exchange is under way, a good-bye too */
gboolean
ap_asker_is_busy(const ApAsker *self)
{
    return self->running != NULL;
}

/**
 * Tells how the coordination goes.
 *
 * Returns: good until the next exchange ends
 */
ApServerNews
ap_asker_get_news(const ApAsker *self)
{
    return (ApServerNews){
        .reason = self->trouble,
        .error = self->last_error,
        .hub_rtt_usec = self->hub_rtt_usec,
    };
}
