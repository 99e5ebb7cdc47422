/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/json/offer-json.h"
#include "common/json/values.h"

#include <string.h>

/** What a plain server says to each kind of mistake (coordination-protocol.md 3). */
#define SAYS_NOT_JSON "Could not decode JSON data"
#define SAYS_EMPTY "Empty request"
#define SAYS_MISSING "Missing field, need 'pubkey', 'ip', 'netmask', 'gateway'"
#define SAYS_WHO "Invalid client"
#define SAYS_TOO_MANY "Too many elements"
#define SAYS_BAD_MEMBER "Malformed field"

/** Longest times that are read, in seconds: a day. The server clamps them to its own limits. */
#define MAX_SECONDS 86400

/** Longest round trip time that is read, in milliseconds: a minute. */
#define MAX_RTT_MS 60000

static gboolean
refuse(GError **error, ApError code, const char *says)
{
    g_set_error_literal(error, AP_ERROR, (int) code, says);
    return FALSE;
}

/*
 * Requests come in the forms that the existing server takes: any spelling of an address, and
 * an IPv6 gateway with its zone, which means nothing to anybody but the sender.
 */
static gboolean
get_addr(ApJson *object, const char *name, ApAddr *out)
{
    const char *text = ap_json_get_string(object, name, AP_JSON_MAX_TEXT);
    g_autofree char *bare = NULL;

    if (text == NULL)
        return FALSE;

    bare = g_strndup(text, strcspn(text, "%"));
    return ap_addr_parse(out, bare, NULL);
}

static gboolean
read_attachment(ApRequest *self, ApJson *object, GError **error)
{
    ApAttachment attachment = {0};
    gint64 prefix_len;

    if (!get_addr(object, "ip", &attachment.ip) || !get_addr(object, "gateway", &attachment.gateway)
        || attachment.gateway.family != attachment.ip.family
        || !ap_json_get_int(object,
                            "netmask",
                            0,
                            ap_addr_n_bits(attachment.ip.family),
                            &prefix_len))
        return refuse(error, AP_ERROR_INVALID, SAYS_MISSING);

    if (ap_addr_is_unspecified(&attachment.ip))
        return TRUE;
    if (self->n_attachments == AP_COORD_MAX_ATTACHMENTS)
        return refuse(error, AP_ERROR_LIMIT, SAYS_TOO_MANY);

    attachment.prefix_len = (guint8) prefix_len;
    self->attachments[self->n_attachments++] = attachment;
    return TRUE;
}

/* An absent member leaves @out alone; one of another type or range is a mistake. */
static gboolean
read_uint(ApJson *object, const char *name, gint64 max, guint *out)
{
    gint64 value;

    if (ap_json_member(object, name) == NULL)
        return TRUE;
    if (!ap_json_get_int(object, name, 0, max, &value))
        return FALSE;

    *out = (guint) value;
    return TRUE;
}

static gboolean
read_flag(ApJson *object, const char *name, gboolean *out)
{
    return ap_json_member(object, name) == NULL || ap_json_get_bool(object, name, out);
}

static gboolean
read_token(ApJson *object, const char *name, char out[static AP_COORD_TOKEN_LEN])
{
    return ap_json_member(object, name) == NULL || ap_json_get_token(object, name, out);
}

static gboolean
read_candidates(ApRequest *self, ApJson *object)
{
    ApJson *list = ap_json_member(object, "candidates");
    ApDrop why;

    if (list == NULL)
        return TRUE;
    if (!ap_json_is_array(list) || ap_json_n_items(list) > AP_COORD_MAX_CANDIDATES)
        return FALSE;

    for (guint i = 0; i < ap_json_n_items(list); i++) {
        if (!ap_json_as_ranked(ap_json_item(list, i), &self->candidates[i], &why))
            return FALSE;
    }
    self->n_candidates = ap_json_n_items(list);
    return TRUE;
}

static gboolean
read_direct(ApRequest *self, ApJson *object)
{
    ApJson *list = ap_json_member(object, "direct");

    if (list == NULL)
        return TRUE;
    if (!ap_json_is_array(list) || ap_json_n_items(list) > AP_COORD_MAX_PEERS)
        return FALSE;

    self->direct = g_array_new(FALSE, FALSE, sizeof(ApKey));
    for (guint i = 0; i < ap_json_n_items(list); i++) {
        const char *text = ap_json_as_string(ap_json_item(list, i), AP_JSON_MAX_TEXT);
        ApKey key;

        if (text == NULL || !ap_key_parse(&key, text, NULL))
            return FALSE;
        g_array_append_val(self->direct, key);
    }
    return TRUE;
}

/* A client of another version keeps what plain clients have: its "v" is then 0. */
static gboolean
read_v2(ApRequest *self, ApJson *object, GError **error)
{
    gint64 version, seq = 0;
    guint port = 0;

    if (!ap_json_get_int(object, "v", AP_COORD_VERSION, G_MAXUINT16, &version))
        return TRUE;

    self->version = (guint) version;
    if (!read_uint(object, "listen_port", G_MAXUINT16, &port)
        || !read_uint(object, "ttl", MAX_SECONDS, &self->ttl_sec)
        || !read_uint(object, "wait", MAX_SECONDS, &self->wait_sec)
        || !read_uint(object, "hub_rtt_ms", MAX_RTT_MS, &self->hub_rtt_ms)
        || !read_token(object, "boot", self->boot) || !read_token(object, "etag", self->etag)
        || !read_flag(object, "bfd", &self->bfd) || !read_flag(object, "bye", &self->bye)
        || !read_candidates(self, object) || !read_direct(self, object)
        || (ap_json_member(object, "seq") != NULL
            && !ap_json_get_int(object, "seq", 0, G_MAXINT64 - 1, &seq)))
        return refuse(error, AP_ERROR_INVALID, SAYS_BAD_MEMBER);

    self->listen_port = (guint16) port;
    self->seq = (guint64) seq;
    return TRUE;
}

/* The plain server looks for a key before it looks at anything else. */
static gboolean
read_first(ApRequest *self, ApJson *object, GError **error)
{
    if (!ap_json_is_object(object))
        return refuse(error, AP_ERROR_INVALID, SAYS_MISSING);
    if (!ap_json_get_key(object, "pubkey", &self->key))
        return refuse(error, AP_ERROR_DENIED, SAYS_WHO);

    return read_v2(self, object, error) && read_attachment(self, object, error);
}

static gboolean
read_request(ApRequest *self, ApJson *json, GError **error)
{
    if (ap_json_is_object(json))
        return read_first(self, json, error);
    if (ap_json_n_items(json) == 0)
        return refuse(error, AP_ERROR_INVALID, SAYS_EMPTY);
    if (!read_first(self, ap_json_item(json, 0), error))
        return FALSE;

    for (guint i = 1; i < ap_json_n_items(json); i++) {
        if (!read_attachment(self, ap_json_item(json, i), error))
            return FALSE;
    }
    return TRUE;
}

/**
 * Reads the body of a request (coordination-protocol.md 2 and 6), an array or one bare object.
 *
 * @out: (out caller-allocates): to be cleared with ap_request_clear(); left as it was when the
 *     function fails
 * @text: @n_bytes bytes from an untrusted client; needs no final NUL
 * @error: AP_ERROR_DENIED when the key is missing or malformed (answer 401), AP_ERROR_INVALID and
 *     AP_ERROR_LIMIT otherwise (answer 400); the message is what a plain server puts into its
 *     member "error"
 *
 * An element whose address is 0.0.0.0 or :: registers nothing and is left out, so a withdrawn
 * client has no attachments. Only the form is judged: an address may still be outside its own
 * network, and times are not clamped.
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_request_from_json(ApRequest *out, const char *text, gsize n_bytes, GError **error)
{
    g_autoptr(ApJson) json = ap_json_parse(text, n_bytes, AP_JSON_MAX_VALUES, NULL);
    g_auto(ApRequest) self = {0};

    if (json == NULL)
        return refuse(error, AP_ERROR_INVALID, SAYS_NOT_JSON);
    if (!read_request(&self, json, error))
        return FALSE;

    *out = self;
    self.direct = NULL;
    return TRUE;
}

static void
append_direct(GString *out, const GArray *direct)
{
    g_string_append(out, ",\"direct\":[");
    for (guint i = 0; i < direct->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        ap_json_append_key(out, &g_array_index(direct, ApKey, i));
    }
    g_string_append_c(out, ']');
}

static void
append_number(GString *out, const char *name, guint value)
{
    if (value > 0)
        g_string_append_printf(out, ",\"%s\":%u", name, value);
}

static void
append_token(GString *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;

    g_string_append_printf(out, ",\"%s\":", name);
    ap_json_append_string(out, value);
}

static void
append_v2(GString *out, const ApRequest *self)
{
    append_number(out, "v", self->version);
    append_number(out, "listen_port", self->listen_port);
    append_number(out, "ttl", self->ttl_sec);
    append_token(out, "boot", self->boot);
    g_string_append_printf(out, ",\"seq\":%" G_GUINT64_FORMAT, self->seq);
    append_number(out, "wait", self->wait_sec);
    append_token(out, "etag", self->etag);
    append_number(out, "hub_rtt_ms", self->hub_rtt_ms);
    if (self->bfd)
        g_string_append(out, ",\"bfd\":true");
    if (self->bye)
        g_string_append(out, ",\"bye\":true");
    if (self->n_candidates > 0) {
        g_string_append(out, ",\"candidates\":");
        ap_json_append_ranked(out, self->candidates, self->n_candidates);
    }
    if (self->direct != NULL && self->direct->len > 0)
        append_direct(out, self->direct);
}

static void
append_element(GString *out, const ApAttachment *attachment, const ApKey *key)
{
    g_string_append(out, "{\"ip\":");
    ap_json_append_addr(out, &attachment->ip);
    g_string_append_printf(out, ",\"netmask\":%u,\"gateway\":", attachment->prefix_len);
    ap_json_append_addr(out, &attachment->gateway);
    g_string_append(out, ",\"pubkey\":");
    ap_json_append_key(out, key);
}

/**
 * Writes a request on one line (coordination-protocol.md 2 and 6).
 *
 * All members of version 2 go into the first element, where a plain server ignores them. A
 * request with "bye", or without attachments, carries the one element that makes a plain server
 * forget its sender: 0.0.0.0 with a prefix length of 0.
 *
 * Returns: (transfer full): UTF-8
 */
char *
ap_request_to_json(const ApRequest *self)
{
    static const ApAttachment nowhere = {.ip = {.family = AF_INET}, .gateway = {.family = AF_INET}};
    const gboolean withdraws = self->bye || self->n_attachments == 0;
    const ApAttachment *attachments = withdraws ? &nowhere : self->attachments;
    const guint n = withdraws ? 1 : self->n_attachments;
    GString *out = g_string_new("[");

    for (guint i = 0; i < n; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        append_element(out, &attachments[i], &self->key);
        if (i == 0 && self->version >= AP_COORD_VERSION)
            append_v2(out, self);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
    return g_string_free(out, FALSE);
}
