/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A fleet of clients on a WireGuard device that exists in memory, and the real server for it.
 */

#pragma once

#include "server/api.h"

#include <sys/types.h>
#include <time.h>

/** Clients of a small LAN. */
#define SMALL_LAN 4

/** One request in this many tells something new. */
#define NEWS_EVERY 20

/** How often a client asks, and shakes hands, in seconds of the imagined clock. */
#define ASK_SEC 30
#define HANDSHAKE_SEC 120

/** Where the server is asked. */
typedef struct {
    int fd; /* (owned) */
    ApEndpoint at;
} Listen;

typedef struct {
    guint n;
    gboolean is_one_lan;
    ApRosterPeer *peers; /* (owned) */
    char **bodies;       /* (owned) two per client: what it says usually, and the news */
} Fleet;

/** The two processes of the server. */
typedef struct {
    Listen listen;
    pid_t http;
    pid_t reader;
} Server;

void fleet_init(Fleet *self, guint n, gboolean is_one_lan);
void fleet_clear(Fleet *self);
const char *fleet_next_body(const Fleet *self, guint number, guint64 n_done);

double cpu_usec(clockid_t clock);
clockid_t clock_of(pid_t pid);

void server_start(Server *self, const Fleet *fleet);
void server_stop(Server *self);
int server_connect(const Server *self, const Fleet *fleet, guint number);
char *server_request(const Server *self, const char *body);
