/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Judges the head of an HTTP request before a byte of its body is looked at, and counts how
 * often each kind of refusal may still be logged. Pure.
 */

#pragma once

#include "common/instant.h"
#include "server/roster.h"

G_BEGIN_DECLS

/** Longest body that is read, in bytes: eight attachments and 256 keys take 14 KiB. */
#define AP_GATE_MAX_BODY 65536

/** Most log lines per kind of refusal, and the time in which they are counted. Design rule. */
#define AP_GATE_MAX_LINES 10
#define AP_GATE_LINES_USEC (60 * AP_USEC_PER_SEC)

/** Why a request is refused. */
typedef enum {
    AP_REFUSAL_NONE,
    AP_REFUSAL_BROWSER, /* it has a header that only browsers send */
    AP_REFUSAL_HOST,    /* "Host" is not one of our addresses: a name that points here */
    AP_REFUSAL_PATH,
    AP_REFUSAL_METHOD,
    AP_REFUSAL_TYPE,
    AP_REFUSAL_LENGTH,
    AP_REFUSAL_BODY,   /* chunked, or not what the api takes */
    AP_REFUSAL_CLIENT, /* not who it says it is */
    AP_REFUSAL_CROWD,  /* too many connections from one source, or at all */
    AP_REFUSAL_SLOW,   /* did not send its request, or take its answer, in time */
    AP_N_REFUSALS,
} ApRefusal;

/**
 * The head of a request. Strings are the connection's.
 *
 * @is_browser: it has Origin or a Sec-Fetch header
 * @n_hosts, @n_lengths: number of Host and of Content-Length headers
 */
typedef struct {
    const char *method;
    const char *path;
    const char *host;           /* (nullable) the last one */
    const char *content_type;   /* (nullable) */
    const char *content_length; /* (nullable) */
    gboolean is_chunked;
    gboolean is_browser;
    guint n_hosts;
    guint n_lengths;
} ApHead;

/** What to say to a refused request. */
typedef struct {
    const char *name; /* for metrics */
    guint status;
    const char *says; /* (nullable): NULL for an empty body */
    const char *log;
} ApRefusalText;

/** Counts log lines of one kind. All zero is the start. */
typedef struct {
    gint64 since_boot_usec;
    guint n_lines;
} ApThrottle;

void ap_head_add(ApHead *self, const char *name, const char *value);
ApRefusal ap_gate_judge(const ApHead *head, const ApRoster *roster, guint16 port);
gsize ap_gate_body_length(const ApHead *head);
const ApRefusalText *ap_refusal_text(ApRefusal refusal) G_GNUC_CONST;
gboolean ap_throttle_pass(ApThrottle *self, ApInstant now);

G_END_DECLS
