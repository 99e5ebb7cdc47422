/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/connection.h"

#include "common/fd.h"

#include <errno.h>
#include <sys/socket.h>

/** Bytes that are read at a time: a request of ours in one piece, the longest in five. */
#define READ_BYTES 16384

/** Room for a request of ours, in bytes: what it is read into at first. */
#define USUAL_BYTES 1024

/** Most bytes that are swallowed after the answer: what a client may have under way. */
#define MAX_SWALLOWED (AP_HTTP_MAX_HEAD + AP_GATE_MAX_BODY)

/** The interim answer that a client may want before it sends its body. */
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/* Returns -1 when nothing is there, 0 when nothing will come any more. */
static gssize
receive_some(const ApConnection *self, char *bytes, gsize n)
{
    gssize received;

    do {
        received = recv(self->fd, bytes, n, 0);
    } while (received < 0 && errno == EINTR);
    return received < 0 && errno != EAGAIN ? 0 : received;
}

/* Returns 0 when nothing can be sent now, -1 when nothing can be sent any more. */
static gssize
send_some(const ApConnection *self, const char *bytes, gsize n)
{
    gssize sent;

    do {
        sent = send(self->fd, bytes, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static ApReceived
take_head(ApConnection *self, ApHead *out_head)
{
    const gsize n_head = ap_http_find_end(self->in->str, MIN(self->in->len, AP_HTTP_MAX_HEAD));

    if (n_head == 0)
        return self->in->len < AP_HTTP_MAX_HEAD ? AP_RECEIVED_NOTHING : AP_RECEIVED_TOO_MUCH;
    if (!ap_http_read_head(out_head, self->in->str, n_head))
        return AP_RECEIVED_NONSENSE;

    self->n_head = n_head;
    return AP_RECEIVED_HEAD;
}

/* What can be made of the bytes that are there. */
static ApReceived
take(ApConnection *self, ApHead *out_head)
{
    if (self->in == NULL)
        return AP_RECEIVED_NOTHING;
    if (self->n_head == 0)
        return take_head(self, out_head);
    return self->is_judged && self->in->len >= self->n_head + self->n_body ? AP_RECEIVED_REQUEST
                                                                           : AP_RECEIVED_NOTHING;
}

/**
 * Reads as much of the request as has come. To be called again until it says
 * AP_RECEIVED_NOTHING, or the connection has another phase: nobody tells twice that bytes are there.
 *
 * @out_head: (out caller-allocates): with AP_RECEIVED_HEAD, valid until the next call
 */
ApReceived
ap_connection_receive(ApConnection *self, ApHead *out_head)
{
    static char bytes[READ_BYTES];

    for (;;) {
        const ApReceived received = take(self, out_head);

        if (received != AP_RECEIVED_NOTHING)
            return received;

        const gssize n = receive_some(self, bytes, sizeof(bytes));
        if (n <= 0)
            return n == 0 ? AP_RECEIVED_END : AP_RECEIVED_NOTHING;
        if (self->in == NULL)
            self->in = g_string_sized_new(USUAL_BYTES);
        g_string_append_len(self->in, bytes, n);
    }
}

/**
 * Says that the request is to be read to its end.
 *
 * @head: as ap_connection_receive() gave it
 */
void
ap_connection_expect_body(ApConnection *self, const ApHead *head)
{
    self->is_judged = TRUE;
    self->n_body = ap_gate_body_length(head);
    /* whether it gets there shows with the answer */
    if (head->wants_continue && self->in->len < self->n_head + self->n_body)
        (void) send_some(self, CONTINUE, strlen(CONTINUE));
}

/**
 * Takes the body of a complete request.
 *
 * Returns: (transfer none): valid until ap_connection_wait() or ap_connection_answer()
 */
const char *
ap_connection_body(ApConnection *self, gsize *out_n_bytes)
{
    self->is_read = self->in->len == self->n_head + self->n_body;
    *out_n_bytes = self->n_body;
    return self->in->str + self->n_head;
}

static void
free_string(GString **string)
{
    if (*string != NULL)
        (void) g_string_free(*string, TRUE);
    *string = NULL;
}

/**
 * Says that the answer will take a while, in which the connection is to need little memory.
 */
void
ap_connection_wait(ApConnection *self)
{
    self->phase = AP_PHASE_DESK;
    free_string(&self->in);
}

/*
 * Closing with unread bytes would make the kernel cut off the answer at the other end, so these
 * are read first.
 */
static void
end_answer(ApConnection *self)
{
    free_string(&self->out);
    self->phase = self->is_read ? AP_PHASE_OVER : AP_PHASE_LINGER;
    if (!self->is_read)
        (void) shutdown(self->fd, SHUT_WR);
}

static void
send_rest(ApConnection *self)
{
    while (self->n_sent < self->out->len) {
        const gssize n =
            send_some(self, self->out->str + self->n_sent, self->out->len - self->n_sent);

        if (n < 0)
            self->phase = AP_PHASE_OVER;
        if (n <= 0)
            return;
        self->n_sent += (gsize) n;
    }
    end_answer(self);
}

static void
swallow(ApConnection *self)
{
    static char bytes[READ_BYTES];
    gssize n;

    do {
        n = receive_some(self, bytes, sizeof(bytes));
        self->n_swallowed += (gsize) MAX(n, 0);
    } while (n > 0 && self->n_swallowed <= MAX_SWALLOWED);
    if (n >= 0)
        self->phase = AP_PHASE_OVER;
}

/**
 * Sends an answer, as far as it goes, after which the connection is over or lingers.
 *
 * @answer: (transfer full): head and body
 */
void
ap_connection_answer(ApConnection *self, GString *answer)
{
    free_string(&self->in);
    self->out = answer;
    self->phase = AP_PHASE_ANSWER;
    ap_connection_go_on(self);
}

/**
 * Goes on with an answer, or with what comes after it.
 */
void
ap_connection_go_on(ApConnection *self)
{
    if (self->phase == AP_PHASE_ANSWER)
        send_rest(self);
    if (self->phase == AP_PHASE_LINGER)
        swallow(self);
}

void
ap_connection_clear(ApConnection *self)
{
    free_string(&self->in);
    free_string(&self->out);
    ap_fd_clear(&self->fd);
}
