/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * As much of HTTP (RFC 9112) as one request and one answer on a connection need: heads in, heads
 * out, no connection. Pure.
 */

#pragma once

#include "common/instant.h"
#include "server/gate.h"

G_BEGIN_DECLS

/** Longest head that is read, in bytes. Our clients' have about 150; curl's, 200. Design rule. */
#define AP_HTTP_MAX_HEAD 4096

/**
 * The head of an answer.
 *
 * @type: media type of the body
 * @allow: (nullable): the method that would have been right
 */
typedef struct {
    guint status;
    const char *type;
    const char *allow;
    gsize n_body;
} ApHttpAnswer;

gsize ap_http_find_end(const char *bytes, gsize n_bytes);
gboolean ap_http_read_head(ApHead *out, char *bytes, gsize n_bytes) G_GNUC_WARN_UNUSED_RESULT;
void ap_http_write_head(GString *out, const ApHttpAnswer *answer, ApInstant now);

G_END_DECLS
