/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "server/visit.h"

#include "common/clock.h"
#include "common/log.h"

#include <string.h>

/**
 * "A client was refused", for `journalctl MESSAGE_ID=`; in resources/wg-autopeer.catalog. With an
 * id and a reason it is limited apart from what else the server says.
 */
#define REFUSED_ID "126e670112444b5aa823f7cc7120598b"

/**
 * Notes that a connection does something else. All phases that are timed last equally long, so
 * the first to enter one is the first to be late.
 */
void
ap_visit_enter(ApVisit *self, ApPhase phase)
{
    g_queue_unlink(&self->all->phases[self->phase], &self->link);
    g_queue_push_tail_link(&self->all->phases[phase], &self->link);
    self->phase = phase;
    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_VISITORS_PATIENCE_USEC;
}

/**
 * Notes how many bytes of the request are to come, at most.
 */
void
ap_visit_count_in(ApVisit *self, gsize n)
{
    self->all->n_in += n - self->n_in;
    self->n_in = n;
}

/**
 * Notes how many bytes of the answer are to go, at most.
 */
void
ap_visit_count_out(ApVisit *self, gsize n)
{
    self->all->n_out += n - self->n_out;
    self->n_out = n;
}

/**
 * Counts a refusal, and says so in the log, but not too often.
 */
void
ap_visit_refuse(ApVisitors *all, ApRefusal refusal, const ApAddr *source)
{
    char text[AP_ADDR_TEXT_LEN];

    all->metrics.refusals[refusal]++;
    if (!ap_throttle_pass(&all->throttles[refusal], ap_clock_now()))
        return;

    ap_addr_to_text(source, text);

    const ApLogField fields[] = {{"AUTOPEER_REASON", ap_refusal_text(refusal)->name}};
    ap_log_event(REFUSED_ID,
                 G_LOG_LEVEL_MESSAGE,
                 fields,
                 G_N_ELEMENTS(fields),
                 "refused %s: %s",
                 text,
                 ap_refusal_text(refusal)->log);
}

static void
resume(ApVisit *self)
{
    self->is_suspended = FALSE;
    self->all->must_run = TRUE;
    MHD_resume_connection(self->http);
}

/**
 * Takes what the desk answers, and keeps it until libmicrohttpd asks for it.
 *
 * @reply: its body is taken over
 */
void
ap_visit_take_reply(ApVisit *self, ApReply *reply)
{
    self->reply = *reply;
    reply->body = NULL;
    self->has_reply = TRUE;
    ap_visit_count_out(self, self->reply.body != NULL ? self->reply.body->len : 0);
    ap_visit_enter(self, AP_PHASE_ANSWER);
    if (self->is_suspended)
        resume(self);
}

/** What is answered. */
typedef struct {
    guint status;
    GString *body; /* (owned) (nullable) */
    const char *type;
    const char *allow; /* (nullable) the method that would have been right */
} Answer;

static enum MHD_Result
respond(ApVisit *self, const Answer *answer)
{
    const gsize n_bytes = answer->body != NULL ? answer->body->len : 0;
    char *bytes = answer->body != NULL ? g_string_free(answer->body, FALSE) : NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(n_bytes, bytes, g_free);

    if (response == NULL) {
        g_free(bytes);
        return MHD_NO;
    }
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (answer->allow != NULL)
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
    if (self->as == AP_VISITOR_CLIENT)
        ap_metrics_count_answer(&self->all->metrics, answer->status);
    const enum MHD_Result result = MHD_queue_response(self->http, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
respond_refusal(ApVisit *self)
{
    const ApRefusalText *text = ap_refusal_text(self->refusal);
    const char *method = self->as == AP_VISITOR_CLIENT ? "POST" : "GET";
    Answer answer = {
        .status = text->status,
        .type = "application/json",
        .allow = self->refusal == AP_REFUSAL_METHOD ? method : NULL,
    };

    ap_visit_refuse(self->all, self->refusal, &self->ticket.source);
    if (text->says != NULL) {
        answer.body = g_string_new(NULL);
        g_string_printf(answer.body, "{\"error\": \"%s\"}", text->says);
    }
    ap_visit_enter(self, AP_PHASE_ANSWER);
    return respond(self, &answer);
}

static enum MHD_Result
respond_client(ApVisit *self)
{
    const ApReply *reply = &self->reply;
    const Answer answer = {
        .status = reply->status,
        .body = g_steal_pointer(&self->reply.body),
        .type = "application/json",
    };
    char source[AP_ADDR_TEXT_LEN];

    self->all->metrics.screened += reply->n_screened;
    if (reply->status == AP_STATUS_UNAUTHORIZED)
        ap_visit_refuse(self->all, AP_REFUSAL_CLIENT, &self->ticket.source);
    else if (reply->status == AP_STATUS_BAD_REQUEST)
        ap_visit_refuse(self->all, AP_REFUSAL_BODY, &self->ticket.source);
    if (self->all->is_verbose) {
        ap_addr_to_text(&self->ticket.source, source);
        g_info("%s: %u, %zu bytes, %u elements left out",
               source,
               reply->status,
               answer.body != NULL ? answer.body->len : 0,
               reply->n_screened);
    }
    return respond(self, &answer);
}

static enum MHD_Result
respond_watcher(ApVisit *self)
{
    const gboolean is_good = self->reply.status == AP_STATUS_OK;
    Answer answer = {.status = AP_STATUS_OK, .body = g_string_new(NULL), .type = AP_METRICS_TYPE};
    ApMetrics metrics;

    switch (self->page) {
    case AP_PAGE_HEALTH:
        answer.status = self->reply.status;
        answer.type = "text/plain; charset=utf-8";
        g_string_append(answer.body, is_good ? "ok\n" : "the WireGuard interface cannot be read\n");
        break;
    case AP_PAGE_METRICS:
        ap_visitors_measure(self->all, &metrics);
        ap_metrics_write(&metrics, AP_VERSION, answer.body);
        break;
    }
    ap_visit_enter(self, AP_PHASE_ANSWER);
    return respond(self, &answer);
}

static enum MHD_Result
respond_reply(ApVisit *self)
{
    return self->as == AP_VISITOR_CLIENT ? respond_client(self) : respond_watcher(self);
}

static enum MHD_Result
on_header(void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void) kind;
    ap_head_add(data, name, value);
    return MHD_YES;
}

static ApRefusal
judge_client(const ApVisit *self, const ApHead *head)
{
    const ApVisitors *all = self->all;
    const ApRefusal refusal = ap_gate_judge(head, ap_api_roster(all->api), self->port);

    if (refusal == AP_REFUSAL_NONE
        && all->n_in + ap_gate_body_length(head) > AP_VISITORS_MAX_IN_BYTES)
        return AP_REFUSAL_CROWD;
    return refusal;
}

static enum MHD_Result
begin(ApVisit *self, const char *method, const char *path)
{
    ApHead head = {.method = method, .path = path};

    self->is_begun = TRUE;
    (void) MHD_get_connection_values(self->http, MHD_HEADER_KIND, on_header, &head);
    switch (self->as) {
    case AP_VISITOR_CLIENT:
        self->refusal = judge_client(self, &head);
        break;
    case AP_VISITOR_WATCHER:
        self->refusal = ap_metrics_judge(&head, &self->page);
        break;
    }
    if (self->refusal == AP_REFUSAL_NONE && self->as == AP_VISITOR_CLIENT) {
        ap_visit_count_in(self, ap_gate_body_length(&head));
        self->body = g_string_sized_new(512);
    }

    /* otherwise the body is swallowed first: closing with unread bytes would cut our answer off */
    return self->refusal == AP_REFUSAL_LENGTH ? respond_refusal(self) : MHD_YES;
}

static enum MHD_Result
take_body(ApVisit *self, const char *bytes, size_t *n_bytes)
{
    const gsize n_before = self->body != NULL ? self->body->len : 0;

    if (*n_bytes > AP_GATE_MAX_BODY - n_before)
        return MHD_NO;
    if (self->body != NULL)
        g_string_append_len(self->body, bytes, (gssize) *n_bytes);
    *n_bytes = 0;
    return MHD_YES;
}

static void
submit(ApVisit *self)
{
    ApDesk *desk = self->all->desk;

    if (self->as == AP_VISITOR_WATCHER) {
        ap_desk_check(desk, &self->ticket, ap_clock_now());
        return;
    }
    ap_desk_submit(desk, &self->ticket, self->body->str, self->body->len, ap_clock_now());
    (void) g_string_free(g_steal_pointer(&self->body), TRUE);
    ap_visit_count_in(self, 0);
}

static enum MHD_Result
finish(ApVisit *self)
{
    if (self->refusal != AP_REFUSAL_NONE)
        return respond_refusal(self);
    if (self->as == AP_VISITOR_WATCHER && self->page == AP_PAGE_METRICS)
        return respond_watcher(self);

    ap_visit_enter(self, AP_PHASE_DESK);
    submit(self);
    if (self->has_reply)
        return respond_reply(self);

    self->is_suspended = TRUE;
    MHD_suspend_connection(self->http);
    return MHD_YES;
}

/**
 * Called by libmicrohttpd for the head, for each part of the body, and when all has come.
 */
enum MHD_Result
ap_visit_on_request(void *data,
                    struct MHD_Connection *http,
                    const char *url,
                    const char *method,
                    const char *version,
                    const char *upload,
                    size_t *n_upload,
                    void **request)
{
    ApVisit *self =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    (void) data;
    (void) version;
    *request = self;
    if (self->has_reply)
        return respond_reply(self);
    if (!self->is_begun)
        return begin(self, method, url);
    if (*n_upload > 0)
        return take_body(self, upload, n_upload);
    return finish(self);
}
