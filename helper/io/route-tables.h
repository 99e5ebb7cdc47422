/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Turns the datagrams of rtnetlink dumps into a list of links. Pure: no socket.
 */

#pragma once

#include "helper/core/link.h"

G_BEGIN_DECLS

/** Most addresses taken of one link: far more than the 16 that the kernel makes by itself
 * (max_addresses, Documentation/networking/ip-sysctl.rst), so that nobody can fill our memory. */
#define AP_ROUTE_TABLES_MAX_ADDRESSES 256

/** The dumps that make up the tables. */
typedef enum {
    AP_ROUTE_DUMP_LINKS,
    AP_ROUTE_DUMP_ADDRESSES,
    AP_ROUTE_DUMP_ROUTES,
    AP_N_ROUTE_DUMPS,
} ApRouteDump;

/** What a datagram said about the dump that it belongs to. */
typedef enum {
    AP_ROUTE_FEED_MORE,        /* the next datagram goes on */
    AP_ROUTE_FEED_DONE,        /* the dump is complete */
    AP_ROUTE_FEED_INTERRUPTED, /* it is over, but the table changed meanwhile: ask again */
    AP_ROUTE_FEED_FAILED,      /* the kernel refused the request */
} ApRouteFeed;

typedef struct _ApRouteTables ApRouteTables;

ApRouteTables *ap_route_tables_new(void);
void ap_route_tables_begin(ApRouteTables *self, ApRouteDump dump);
ApRouteFeed ap_route_tables_feed(ApRouteTables *self,
                                 const void *bytes,
                                 gsize n,
                                 guint32 seq,
                                 int *kernel_errno);
GPtrArray *ap_route_tables_list(const ApRouteTables *self);
void ap_route_tables_free(ApRouteTables *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRouteTables, ap_route_tables_free)

G_END_DECLS
