/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One connection and the one request that it carries, as libmicrohttpd tells of it. Only
 * visitors.c needs to know.
 */

#pragma once

#include "server/crowd.h"
#include "server/visitors.h"

#include <microhttpd.h>

G_BEGIN_DECLS

/** What a connection is doing, as far as it can take too long. */
typedef enum {
    AP_PHASE_REQUEST, /* its request is coming */
    AP_PHASE_ANSWER,  /* the answer is going */
    AP_N_TIMED_PHASES,
    AP_PHASE_DESK = AP_N_TIMED_PHASES, /* it waits for us */
    AP_PHASE_CUT,                      /* it is about to be closed */
    AP_N_PHASES,
} ApPhase;

/** A connection, and the one request that it carries. */
typedef struct {
    ApVisitors *all; /* (not owned) outlives all its visits */
    struct MHD_Connection *http;
    GList link; /* in the queue of its phase */
    ApPhase phase;
    gint64 deadline_boot_usec; /* of its phase, if that is a timed one */
    ApVisitor as;
    ApAddr counted_as; /* all sources that the device does not know count as one */
    guint16 port;      /* that it came to */
    gsize n_in;        /* its share of the sums of all */
    gsize n_out;
    ApTicket ticket;
    ApRefusal refusal;
    ApPage page;   /* of a watcher */
    GString *body; /* (owned) (nullable) of the request */
    ApReply reply; /* (owned) */
    gboolean has_reply;
    gboolean is_suspended;
    gboolean is_begun;
    gboolean is_counted; /* FALSE: there is no room for it, and it is about to be closed */
} ApVisit;

struct _ApVisitors {
    gboolean is_verbose;
    ApApi *api;                 /* (owned) */
    ApDesk *desk;               /* (owned) */
    ApCrowd *crowd;             /* (owned) of clients */
    guint n_watchers;           /* that have a connection */
    struct MHD_Daemon *daemon;  /* (owned) */
    GQueue phases[AP_N_PHASES]; /* of ApVisit, libmicrohttpd's; the first to be late first */
    gsize n_in;                 /* bytes of requests to come, */
    gsize n_out;                /* and of answers to go */
    ApVisitor arriving_as;      /* the connection that libmicrohttpd is being given, */
    guint16 arriving_port;      /* and the port that it came to */
    gboolean must_run; /* a connection was resumed, which libmicrohttpd sees when it runs next */
    ApThrottle throttles[AP_N_REFUSALS];
    ApMetrics metrics; /* what is counted here */
    ApVisitorsLook look;
    gpointer look_data;
};

void ap_visit_enter(ApVisit *self, ApPhase phase);
void ap_visit_count_in(ApVisit *self, gsize n);
void ap_visit_count_out(ApVisit *self, gsize n);
void ap_visit_refuse(ApVisitors *all, ApRefusal refusal, const ApAddr *source);
void ap_visit_take_reply(ApVisit *self, ApReply *reply);

enum MHD_Result ap_visit_on_request(void *data,
                                    struct MHD_Connection *http,
                                    const char *url,
                                    const char *method,
                                    const char *version,
                                    const char *upload,
                                    size_t *n_upload,
                                    void **request);

G_END_DECLS
