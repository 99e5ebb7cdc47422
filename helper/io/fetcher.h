/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One exchange after the other with one coordination server, through a child process that
 * has no capability: the socket is opened, bound and connected here, HTTP and JSON are read
 * there, and only values come back.
 */

#pragma once

#include "common/offer.h"

#include <gio/gio.h>

#include <net/if.h>

G_BEGIN_DECLS

typedef struct _ApFetcher ApFetcher;

/** Where a request goes and how it leaves. */
typedef struct {
    char device[IF_NAMESIZE]; /* SO_BINDTODEVICE */
    ApAddr local;             /* our own address on it */
    ApEndpoint server;
} ApFetchTarget;

/** How an exchange ended when the server did answer. */
typedef struct {
    guint status;        /* HTTP; 200 and @offer set, or anything else and NULL */
    gboolean too_old;    /* 400 "Handshake too old": worth another try soon */
    ApOffer *offer;      /* (owned) (nullable) */
    gint64 connect_usec; /* TCP connect time: a round trip to the hub */
} ApFetchReply;

ApFetcher *ap_fetcher_new(const char *program);
void ap_fetcher_ask_async(ApFetcher *self,
                          const ApFetchTarget *target,
                          const ApRequest *request,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
ApFetchReply *ap_fetcher_ask_finish(ApFetcher *self, GAsyncResult *result, GError **error);
void ap_fetcher_free(ApFetcher *self);

void ap_fetch_reply_free(ApFetchReply *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFetcher, ap_fetcher_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFetchReply, ap_fetch_reply_free)

G_END_DECLS
