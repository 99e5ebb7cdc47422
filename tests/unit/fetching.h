/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Asks a test server through the real fetcher and the real child, and waits for the outcome.
 */

#pragma once

#include "helper/io/fetcher.h"
#include "tests/unit/http-server.h"

G_BEGIN_DECLS

/** Environment variable with the path of wg-autopeer-fetch. */
#define FETCH_PROGRAM_ENV "AP_FETCH_PROGRAM"

/** One exchange; zeroed before it starts. */
typedef struct {
    ApFetcher *fetcher;
    gboolean done;
    ApFetchReply *reply;
    GError *error;
    gint64 started_usec;
    gint64 ended_usec;
} Fetching;

ApFetcher *fetching_new_fetcher(void);
void fetching_start(Fetching *self,
                    ApFetcher *fetcher,
                    guint16 port,
                    guint wait_sec,
                    GCancellable *cancellable);
void fetching_start_at(Fetching *self,
                       ApFetcher *fetcher,
                       const ApFetchTarget *target,
                       const ApRequest *request);
void fetching_wait(Fetching *self);
void fetching_run(Fetching *self, ApFetcher *fetcher, guint16 port);
gint64 fetching_msec(const Fetching *self);
void fetching_clear(Fetching *self);

GPid fetching_find_child(void);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fetching, fetching_clear)

G_END_DECLS
