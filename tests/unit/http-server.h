/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A TCP server on the loopback that reads a request and then sends exactly the bytes it was told
 * to, however wrong they are.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What comes after the bytes. */
typedef enum {
    HTTP_THEN_CLOSE,
    HTTP_THEN_RESET,
    HTTP_THEN_HOLD,  /* nothing, for ever */
    HTTP_THEN_DRIP,  /* one byte five times a second, for ever */
    HTTP_THEN_FLOOD, /* the same bytes again and again */
} HttpThen;

typedef struct _HttpServer HttpServer;

HttpServer *http_server_new(void);
HttpServer *http_server_new_v6(void);
guint16 http_server_get_port(HttpServer *self);
void http_server_script(HttpServer *self, const char *bytes, gsize n_bytes, HttpThen then);
char *http_server_dup_request(HttpServer *self);
guint http_server_n_connections(HttpServer *self);
gsize http_server_n_sent(HttpServer *self);
void http_server_free(HttpServer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpServer, http_server_free)

G_END_DECLS
