/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/uapi-message.h"

#include "common/error.h"
#include "common/instant.h"
#include "common/wireguard/trouble.h"

#include <sodium.h>

#include <string.h>

/** A key as hexadecimal digits, without NUL. */
#define HEX_KEY_LEN (2 * (gsize) AP_KEY_LEN)

struct _ApUapiReader {
    ApDevice *device;   /* (owned) */
    ApDevicePeer *peer; /* (not owned) the last one of @device; NULL before the first */
    ApUapiScope scope;
    ApSecretKey *secret; /* (not owned) (nullable): the caller's */
    gsize n_taken;       /* bytes of the answer so far */
    gboolean has_errno;
    int errnum; /* positive */
    gboolean is_done;
    gsize n_line;
    char line[AP_UAPI_MAX_LINE]; /* may hold a key: wiped when we are freed */
};

/* --- writing ------------------------------------------------------------------------------- */

static void
write_key(GString *out, const char *name, const ApKey *key)
{
    char hex[HEX_KEY_LEN + 1];

    (void) sodium_bin2hex(hex, sizeof(hex), key->bytes, sizeof(key->bytes));
    g_string_append_printf(out, "%s=%s\n", name, hex);
}

static void
write_change(GString *out, const ApPeerChange *change)
{
    char text[MAX(AP_ENDPOINT_TEXT_LEN, AP_CIDR_TEXT_LEN)];

    write_key(out, "public_key", &change->key);
    if ((change->flags & AP_PEER_REMOVE) != 0)
        g_string_append(out, "remove=true\n");
    if ((change->flags & AP_PEER_UPDATE_ONLY) != 0)
        g_string_append(out, "update_only=true\n");
    if ((change->flags & AP_PEER_SET_ENDPOINT) != 0) {
        ap_endpoint_to_text(&change->endpoint, text);
        g_string_append_printf(out, "endpoint=%s\n", text);
    }
    if ((change->flags & AP_PEER_SET_KEEPALIVE) != 0)
        g_string_append_printf(out, "persistent_keepalive_interval=%u\n", change->keepalive_sec);
    if ((change->flags & AP_PEER_REPLACE_ALLOWED) != 0)
        g_string_append(out, "replace_allowed_ips=true\n");
    for (guint i = 0; i < change->n_allowed; i++) {
        ap_cidr_to_text(&change->allowed[i], text);
        g_string_append_printf(out, "allowed_ip=%s\n", text);
    }
}

/**
 * Appends one "set" operation with all @changes, its final empty line included.
 *
 * Only the keys that security rule S6 permits can be written: there is no way to say
 * private_key, preshared_key, listen_port, fwmark or replace_peers.
 */
void
ap_uapi_write_set(GString *out, const ApPeerChange *changes, guint n_changes)
{
    g_string_append(out, "set=1\n");
    for (guint i = 0; i < n_changes; i++)
        write_change(out, &changes[i]);
    g_string_append_c(out, '\n');
}

/* --- reading ------------------------------------------------------------------------------- */

static gboolean
read_key(const char *value, guint8 out[static AP_KEY_LEN])
{
    gsize len = 0;

    return strlen(value) == HEX_KEY_LEN
           && sodium_hex2bin(out, AP_KEY_LEN, value, HEX_KEY_LEN, NULL, &len, NULL) == 0
           && len == AP_KEY_LEN;
}

static gboolean
read_number(const char *value, guint64 max, guint64 *out)
{
    return g_ascii_string_to_unsigned(value, 10, 0, max, out, NULL);
}

static gboolean
take_private_key(ApUapiReader *self, const char *value)
{
    g_auto(ApSecretKey) secret = {0};

    if (!read_key(value, secret.bytes))
        return FALSE;

    self->device->has_key = !sodium_is_zero(secret.bytes, sizeof(secret.bytes));
    if (self->device->has_key)
        ap_secret_key_public(&secret, &self->device->public_key);
    if (self->secret != NULL)
        *self->secret = secret;
    return TRUE;
}

static gboolean
take_listen_port(ApUapiReader *self, const char *value)
{
    guint64 number;

    if (!read_number(value, G_MAXUINT16, &number))
        return FALSE;

    self->device->listen_port = (guint16) number;
    return TRUE;
}

static gboolean
take_fwmark(ApUapiReader *self, const char *value)
{
    guint64 number;

    if (!read_number(value, G_MAXUINT32, &number))
        return FALSE;

    self->device->fwmark = (guint32) number;
    return TRUE;
}

static gboolean
take_errno(ApUapiReader *self, const char *value)
{
    gint64 number;

    if (self->has_errno
        || !g_ascii_string_to_signed(value, 10, -G_MAXINT32, G_MAXINT32, &number, NULL))
        return FALSE;

    /* The specification does not fix the sign; wireguard-go sends negative numbers. */
    self->errnum = (int) ABS(number);
    self->has_errno = TRUE;
    return TRUE;
}

static gboolean
take_public_key(ApUapiReader *self, const char *value)
{
    ApKey key;

    if (!read_key(value, key.bytes))
        return FALSE;

    self->peer = ap_device_peer_new(&key);
    g_ptr_array_add(self->device->peers, self->peer);
    return TRUE;
}

static gboolean
take_preshared_key(ApUapiReader *self, const char *value)
{
    g_auto(ApSecretKey) secret = {0};

    if (!read_key(value, secret.bytes))
        return FALSE;

    self->peer->has_psk = !sodium_is_zero(secret.bytes, sizeof(secret.bytes));
    return TRUE;
}

/* "[fe80::1%eth0]:51820": Go writes a scope by its name where it knows one. */
static void
take_named_scope(ApUapiReader *self, const char *value)
{
    const char *percent = strchr(value, '%');
    const char *end = percent != NULL ? strchr(percent, ']') : NULL;
    g_autofree char *name = NULL;
    g_autofree char *bare = NULL;
    ApEndpoint endpoint;

    if (end == NULL || end == percent + 1 || end - percent > IF_NAMESIZE)
        return;

    name = g_strndup(percent + 1, (gsize) (end - percent - 1));
    bare = g_strdup_printf("%.*s%s", (int) (percent - value), value, end);
    if (!ap_endpoint_parse(&endpoint, bare, NULL) || !ap_addr_is_link_local(&endpoint.addr))
        return;

    endpoint.scope_id = self->scope(name);
    self->peer->endpoint = endpoint;
}

/*
 * What we cannot read is "none", not an error: a peer that sends from port 0, or a daemon with
 * a transport of its own, must not make the whole device unreadable.
 */
static gboolean
take_endpoint(ApUapiReader *self, const char *value)
{
    if (!ap_endpoint_parse(&self->peer->endpoint, value, NULL))
        take_named_scope(self, value);
    return TRUE;
}

static gboolean
take_keepalive(ApUapiReader *self, const char *value)
{
    guint64 number;

    if (!read_number(value, G_MAXUINT16, &number))
        return FALSE;

    self->peer->keepalive_sec = (guint16) number;
    return TRUE;
}

static gboolean
take_handshake_sec(ApUapiReader *self, const char *value)
{
    guint64 number;

    if (!read_number(value, G_MAXINT64 / AP_USEC_PER_SEC - 1, &number))
        return FALSE;

    self->peer->handshake_real_usec += (gint64) number * AP_USEC_PER_SEC;
    return TRUE;
}

static gboolean
take_handshake_nsec(ApUapiReader *self, const char *value)
{
    guint64 number;

    if (!read_number(value, AP_USEC_PER_SEC * 1000 - 1, &number))
        return FALSE;

    self->peer->handshake_real_usec += (gint64) number / 1000;
    return TRUE;
}

static gboolean
take_rx_bytes(ApUapiReader *self, const char *value)
{
    return read_number(value, G_MAXUINT64, &self->peer->rx_bytes);
}

static gboolean
take_tx_bytes(ApUapiReader *self, const char *value)
{
    return read_number(value, G_MAXUINT64, &self->peer->tx_bytes);
}

static gboolean
take_allowed_ip(ApUapiReader *self, const char *value)
{
    ApCidr cidr;

    if (!ap_cidr_parse(&cidr, value, NULL))
        return FALSE;

    g_array_append_val(self->peer->allowed, cidr);
    return TRUE;
}

/* What we want to know; every other name is ignored. */
static const struct {
    const char *name;
    gboolean of_peer;
    gboolean (*take)(ApUapiReader *self, const char *value);
} keys[] = {
    {"allowed_ip", TRUE, take_allowed_ip},
    {"endpoint", TRUE, take_endpoint},
    {"errno", FALSE, take_errno},
    {"fwmark", FALSE, take_fwmark},
    {"last_handshake_time_nsec", TRUE, take_handshake_nsec},
    {"last_handshake_time_sec", TRUE, take_handshake_sec},
    {"listen_port", FALSE, take_listen_port},
    {"persistent_keepalive_interval", TRUE, take_keepalive},
    {"preshared_key", TRUE, take_preshared_key},
    {"private_key", FALSE, take_private_key},
    {"public_key", FALSE, take_public_key},
    {"rx_bytes", TRUE, take_rx_bytes},
    {"tx_bytes", TRUE, take_tx_bytes},
};

/* Handles "name=value"; the message never quotes the value, which may be a secret. */
static gboolean
take_pair(ApUapiReader *self, char *line, GError **error)
{
    char *equals = strchr(line, '=');

    if (equals == NULL) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "UAPI: a line without '='");
        return FALSE;
    }

    *equals = '\0';
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(line, keys[i].name) != 0)
            continue;
        if ((!keys[i].of_peer || self->peer != NULL) && keys[i].take(self, equals + 1))
            return TRUE;

        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "UAPI: '%s' is not valid", line);
        return FALSE;
    }
    return TRUE;
}

static gboolean
take_line(ApUapiReader *self, GError **error)
{
    if (self->n_line > 0) {
        self->line[self->n_line] = '\0';
        if (memchr(self->line, '\0', self->n_line) == NULL)
            return take_pair(self, self->line, error);
    } else if (self->has_errno) {
        self->is_done = TRUE;
        return TRUE;
    }

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                "UAPI: %s",
                self->n_line > 0 ? "a NUL" : "no errno");
    return FALSE;
}

/**
 * Makes a reader for one answer to "get" or "set".
 *
 * @scope: for link-local endpoints whose scope is written as a name
 *
 * Returns: (transfer full)
 */
ApUapiReader *
ap_uapi_reader_new(const ApDeviceId *id, ApUapiScope scope)
{
    ApUapiReader *self = g_new0(ApUapiReader, 1);

    self->device = ap_device_new(id);
    self->scope = scope;
    return self;
}

/**
 * Lets the private key be handed out, which is otherwise wiped as soon as the public one is made
 * of it.
 *
 * @out: set by ap_uapi_reader_feed(), when the answer has one; outlives @self
 */
void
ap_uapi_reader_keep_secret(ApUapiReader *self, ApSecretKey *out)
{
    self->secret = out;
}

/**
 * Takes the next bytes of the answer, cut anywhere.
 *
 * @error: AP_ERROR_INVALID when the text breaks the format or goes on after its end,
 *     AP_ERROR_LIMIT when a line or the whole is too long; the reader is then of no more use
 *
 * Nothing of @bytes is kept but the last, incomplete line; the caller wipes them.
 */
gboolean
ap_uapi_reader_feed(ApUapiReader *self, const char *bytes, gsize n, GError **error)
{
    const char *end = bytes + n;

    self->n_taken += n;
    if (self->n_taken > AP_WIREGUARD_MAX_ANSWER) {
        g_set_error(error, AP_ERROR, AP_ERROR_LIMIT, "UAPI: the answer is too long");
        return FALSE;
    }

    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (gsize) (end - bytes));
        const gsize n_part = (gsize) ((newline != NULL ? newline : end) - bytes);

        if (self->is_done || n_part >= sizeof(self->line) - self->n_line) {
            g_set_error(error,
                        AP_ERROR,
                        self->is_done ? AP_ERROR_INVALID : AP_ERROR_LIMIT,
                        "UAPI: %s",
                        self->is_done ? "more than one answer" : "a line is too long");
            return FALSE;
        }
        memcpy(self->line + self->n_line, bytes, n_part);
        self->n_line += n_part;
        bytes += n_part;
        if (newline == NULL)
            return TRUE;

        if (!take_line(self, error))
            return FALSE;
        self->n_line = 0;
        bytes++;
    }
    return TRUE;
}

/**
 * Tells whether the empty line that ends an answer was seen.
 */
gboolean
ap_uapi_reader_is_done(const ApUapiReader *self)
{
    return self->is_done;
}

/**
 * Gives what the answer said.
 *
 * @error: AP_ERROR_INVALID when the answer is not complete; otherwise as its errno says
 *
 * Returns: (transfer full): not sorted; without peers when it was the answer to "set"; NULL
 *     on error
 */
ApDevice *
ap_uapi_reader_finish(ApUapiReader *self, GError **error)
{
    if (!self->is_done) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "UAPI: the answer is cut short");
        return NULL;
    }
    if (self->errnum != 0) {
        ap_wireguard_set_error(error,
                               self->errnum,
                               "talk with the daemon of",
                               self->device->id.name);
        return NULL;
    }

    self->peer = NULL;
    return g_steal_pointer(&self->device);
}

void
ap_uapi_reader_free(ApUapiReader *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->device, ap_device_free);
    sodium_memzero(self->line, sizeof(self->line));
    g_free(self);
}
