/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One connection, and the one request and answer that it carries: bytes in, bytes out, nothing
 * decided. Whoever owns it watches its descriptor and its time.
 */

#pragma once

#include "server/http.h"

G_BEGIN_DECLS

/** What a connection is doing. */
typedef enum {
    AP_PHASE_REQUEST, /* its request is coming */
    AP_PHASE_DESK,    /* its request waits for our answer */
    AP_PHASE_ANSWER,  /* the answer is going */
    AP_PHASE_LINGER,  /* the answer has gone; what still comes is swallowed */
    AP_PHASE_OVER,
    AP_N_PHASES,
} ApPhase;

/** What came of ap_connection_receive(). */
typedef enum {
    AP_RECEIVED_NOTHING, /* of interest: more has to come */
    AP_RECEIVED_HEAD,    /* see ap_connection_expect_body() and ap_connection_answer() */
    AP_RECEIVED_REQUEST, /* see ap_connection_body() */
    AP_RECEIVED_NONSENSE,
    AP_RECEIVED_TOO_MUCH, /* of head */
    AP_RECEIVED_END,      /* the other end is gone */
} ApReceived;

/**
 * A connection. All zero but for the descriptor is the start.
 *
 * @in: (owned) (nullable): what has come of the request
 * @n_head: bytes of it that are the head; 0: not known yet
 * @n_body: bytes that follow the head
 * @is_judged: the request is to be read to its end
 * @is_read: it has been, and nothing came after it
 * @out: (owned) (nullable): the answer
 */
typedef struct {
    int fd; /* (owned) non-blocking */
    ApPhase phase;
    GString *in;
    gsize n_head;
    gsize n_body;
    gboolean is_judged;
    gboolean is_read;
    GString *out;
    gsize n_sent;
    gsize n_swallowed;
} ApConnection;

ApReceived ap_connection_receive(ApConnection *self, ApHead *out_head);
void ap_connection_expect_body(ApConnection *self, const ApHead *head);
const char *ap_connection_body(ApConnection *self, gsize *out_n_bytes);
void ap_connection_wait(ApConnection *self);
void ap_connection_answer(ApConnection *self, GString *answer);
void ap_connection_go_on(ApConnection *self);
void ap_connection_clear(ApConnection *self);

G_END_DECLS
