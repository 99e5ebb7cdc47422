/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/import.h"

#include "common/cidr.h"
#include "common/endpoint.h"
#include "common/error.h"
#include "common/json/json.h"
#include "common/key.h"
#include "common/text.h"

#include <glib/gi18n.h>

#include <net/if.h>
#include <string.h>

/** Values in a file: some for each of some thousand peers. */
#define MAX_VALUES 65536

/** Longest text in a file that is looked at, in bytes. */
#define MAX_TEXT 1024

/** Longest name of a peer, in bytes: AP_PEER_NAME_MAX of the helper. */
#define MAX_NAME 64

/* The keys of the file, in the order of the enums below (gossip-protocol.md 12). */
static const char *const file_keys[] =
    {"Peers", "Debug", "Port", "Router", "Chatty", "ReportIfaces", "HideIfaces"};
static const char *const peer_keys[] =
    {"PublicKey", "Name", "Trust", "FactExchanger", "Endpoints", "AllowedIPs", "Basic"};

enum {
    FILE_PEERS,
    FILE_DEBUG,
    FILE_PORT,
    FILE_FIRST_FOREIGN, /* from here on, what we have no use for */
};

enum {
    PEER_KEY,
    PEER_NAME,
    PEER_TRUST,
    PEER_EXCHANGER,
    PEER_ENDPOINTS,
    PEER_ALLOWED,
    PEER_BASIC,
};

/** What is being read, and what comes of it. */
typedef struct {
    const char *tunnel;
    GString *out;
    GPtrArray *warnings; /* (not owned) (element-type utf8) the caller's */
    const char *peer;    /* (not owned) the text of the peer's key; for warnings */
} Import;

/** The members of one object by their place in a list of keys. */
typedef struct {
    const char *const *keys;
    guint n_keys;
    ApJson **values;
    GError **error;
    gboolean failed;
} Members;

static void
take_member(const char *name, ApJson *value, gpointer data)
{
    Members *self = data;
    guint i = 0;

    while (i < self->n_keys && g_ascii_strcasecmp(self->keys[i], name) != 0)
        i++;
    if (self->failed || (i < self->n_keys && self->values[i] == NULL)) {
        if (!self->failed)
            self->values[i] = value;
        return;
    }

    self->failed = TRUE;
    if (i < self->n_keys)
        g_set_error(self->error, AP_ERROR, AP_ERROR_INVALID, _("“%s” is there twice"), name);
    else
        g_set_error(self->error, AP_ERROR, AP_ERROR_INVALID, _("“%s” is not known"), name);
}

/* As wirelink reads an object: upper or lower case, and no other keys. */
static gboolean
read_members(ApJson *object, const char *const *keys, guint n_keys, ApJson **values, GError **error)
{
    Members members = {.keys = keys, .n_keys = n_keys, .values = values, .error = error};

    if (!ap_json_is_object(object)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, _("an object is missing"));
        return FALSE;
    }
    ap_json_foreach(object, take_member, &members);
    return !members.failed;
}

static void G_GNUC_PRINTF(2, 3) warn(Import *self, const char *format, ...)
{
    g_autofree char *message = NULL;
    g_autofree char *harmless = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    harmless = ap_text_escape(message);
    if (self->peer != NULL)
        g_ptr_array_add(self->warnings, g_strdup_printf("%s: %s", self->peer, harmless));
    else
        g_ptr_array_add(self->warnings, g_steal_pointer(&harmless));
}

static void
append_name(Import *self, ApJson *value)
{
    const char *name = ap_json_as_string(value, MAX_TEXT);

    if (name == NULL || strlen(name) > MAX_NAME || !ap_text_is_harmless(name, strlen(name)))
        warn(self, _("the name is not taken: it is too long, or no text"));
    else if (*name != '\0')
        g_string_append_printf(self->out, "Name=%s\n", name);
}

/* A word that is not known may have meant less than what is the default. */
static gboolean
append_trust(Import *self, ApJson *value, GError **error)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } levels[] = {
        {"Untrusted", "nothing"},
        {"Endpoint", "endpoints"},
        {"AllowedIPs", "allowed-ips"},
        {"Membership", "membership"},
        {"DelegateTrust", "membership"}, /* wirelink makes nothing more of it */
    };
    const char *trust = ap_json_as_string(value, MAX_TEXT);

    for (gsize i = 0; trust != NULL && i < G_N_ELEMENTS(levels); i++) {
        if (strcmp(levels[i].theirs, trust) == 0) {
            g_string_append_printf(self->out, "Trust=%s\n", levels[i].ours);
            return TRUE;
        }
    }
    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                _("the trust “%s” is not known"),
                trust != NULL ? trust : "");
    return FALSE;
}

static void
append_endpoint(Import *self, GString *list, const char *text)
{
    char canonical[AP_ENDPOINT_TEXT_LEN];
    ApEndpoint endpoint;

    if (!ap_endpoint_parse(&endpoint, text, NULL)) {
        warn(self, _("the endpoint “%s” is not taken: it needs an address and a port"), text);
        return;
    }
    ap_endpoint_to_text(&endpoint, canonical);
    g_string_append_printf(list, "%s%s", list->len > 0 ? ";" : "", canonical);
}

/* Bits after the prefix are cleared, as wirelink does. */
static void
append_network(Import *self, GString *list, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    char canonical[AP_CIDR_TEXT_LEN];
    guint64 prefix_len;
    ApCidr network;
    ApAddr addr;

    if (g_strv_length(parts) != 2 || !ap_addr_parse(&addr, parts[0], NULL)
        || !g_ascii_string_to_unsigned(parts[1],
                                       10,
                                       0,
                                       ap_addr_n_bits(addr.family),
                                       &prefix_len,
                                       NULL)) {
        warn(self, _("“%s” is not a network"), text);
        return;
    }
    network = ap_cidr_network(&addr, (guint8) prefix_len);
    ap_cidr_to_text(&network, canonical);
    g_string_append_printf(list, "%s%s", list->len > 0 ? ";" : "", canonical);
}

static void
append_list(Import *self,
            const char *key,
            ApJson *value,
            void (*append)(Import *self, GString *list, const char *text))
{
    g_autoptr(GString) list = g_string_new(NULL);

    if (!ap_json_is_array(value)) {
        warn(self, _("%s is not a list"), key);
        return;
    }
    for (guint i = 0; i < ap_json_n_items(value); i++) {
        const char *text = ap_json_as_string(ap_json_item(value, i), MAX_TEXT);

        if (text == NULL)
            warn(self, _("%s has something in it that is no text"), key);
        else
            append(self, list, text);
    }
    if (list->len > 0)
        g_string_append_printf(self->out, "%s=%s\n", key, list->str);
}

static void
append_flag(Import *self, const char *key, ApJson *value)
{
    gboolean flag;

    if (!ap_json_as_bool(value, &flag))
        warn(self, _("%s is neither true nor false"), key);
    else if (flag)
        g_string_append_printf(self->out, "%s=yes\n", key);
}

static gboolean
append_peer(Import *self, ApJson *peer, GError **error)
{
    ApJson *values[G_N_ELEMENTS(peer_keys)] = {NULL};
    const char *text;
    ApKey key;

    if (!read_members(peer, peer_keys, G_N_ELEMENTS(peer_keys), values, error))
        return FALSE;
    text = ap_json_as_string(values[PEER_KEY], MAX_TEXT);
    if (text == NULL || !ap_key_parse(&key, text, NULL)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, _("a peer has no public key"));
        return FALSE;
    }

    self->peer = text;
    g_string_append_printf(self->out, "\n[Peer %s %s]\n", self->tunnel, text);
    if (values[PEER_TRUST] != NULL && !append_trust(self, values[PEER_TRUST], error))
        return FALSE;
    if (values[PEER_NAME] != NULL)
        append_name(self, values[PEER_NAME]);
    if (values[PEER_ENDPOINTS] != NULL)
        append_list(self, "Endpoints", values[PEER_ENDPOINTS], append_endpoint);
    if (values[PEER_ALLOWED] != NULL)
        append_list(self, "AllowedIPs", values[PEER_ALLOWED], append_network);
    if (values[PEER_BASIC] != NULL)
        append_flag(self, "Basic", values[PEER_BASIC]);
    if (values[PEER_EXCHANGER] != NULL)
        append_flag(self, "FactExchanger", values[PEER_EXCHANGER]);
    self->peer = NULL;
    return TRUE;
}

/* What the file says of wirelink itself. */
static void
warn_of_foreign(Import *self, ApJson *const *values)
{
    for (guint i = FILE_FIRST_FOREIGN; i < G_N_ELEMENTS(file_keys); i++) {
        if (values[i] != NULL)
            warn(self, _("%s is left out: it has no counterpart"), file_keys[i]);
    }
}

/* Zero is what wirelink works out from WireGuard's own port, which is ours for the usual one. */
static gboolean
append_port(Import *self, ApJson *value, GError **error)
{
    gint64 port;

    if (!ap_json_as_int(value, 0, G_MAXUINT16, &port)) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, _("“%s” is not known"), "Port");
        return FALSE;
    }
    if (port != 0)
        g_string_append_printf(self->out, "\n[Gossip]\nPort=%d\n", (int) port);
    return TRUE;
}

static gboolean
append_file(Import *self, ApJson *root, GError **error)
{
    ApJson *values[G_N_ELEMENTS(file_keys)] = {NULL};

    if (!read_members(root, file_keys, G_N_ELEMENTS(file_keys), values, error))
        return FALSE;

    warn_of_foreign(self, values);
    if (values[FILE_PORT] != NULL && !append_port(self, values[FILE_PORT], error))
        return FALSE;
    g_string_append_printf(self->out, "\n[Tunnel %s]\nGossip=yes\n", self->tunnel);
    if (values[FILE_PEERS] != NULL && !ap_json_is_array(values[FILE_PEERS])) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, _("%s is not a list"), "Peers");
        return FALSE;
    }
    for (guint i = 0; i < ap_json_n_items(values[FILE_PEERS]); i++) {
        if (!append_peer(self, ap_json_item(values[FILE_PEERS], i), error))
            return FALSE;
    }
    return TRUE;
}

/**
 * Finds for which tunnel a file of wirelink is by its name: "wirelink.wg0.json" is for wg0.
 *
 * @error: AP_ERROR_INVALID
 *
 * Returns: (transfer full): an interface name
 */
char *
ap_import_tunnel(const char *path, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_auto(GStrv) words = g_strsplit(name, ".", -1);
    const guint n = g_strv_length(words);

    /* An interface's name may have dots in it, a program's has none here. */
    if (n >= 3 && strcmp(words[n - 1], "json") == 0) {
        const char *begin = name + strlen(words[0]) + 1;
        g_autofree char *tunnel = g_strndup(begin, strlen(begin) - strlen(".json"));

        if (*tunnel != '\0' && strlen(tunnel) < IF_NAMESIZE && strpbrk(tunnel, " \t") == NULL)
            return g_steal_pointer(&tunnel);
    }

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_INVALID,
                _("“%s” does not say for which interface it is, as wirelink.wg0.json does"),
                name);
    return NULL;
}

/**
 * Turns a JSON file of wirelink into text for a file in conf.d.
 *
 * @tunnel: the interface that it is for
 * @text: @n_bytes bytes; needs no final NUL
 * @warnings: (element-type utf8): gets a line, fit to be shown, for each thing that was left out
 * @error: AP_ERROR_INVALID for a file that wirelink would refuse, too
 *
 * Returns: (transfer full)
 */
char *
ap_import_wirelink(const char *tunnel,
                   const char *text,
                   gsize n_bytes,
                   GPtrArray *warnings,
                   GError **error)
{
    g_autoptr(ApJson) root = ap_json_parse(text, n_bytes, MAX_VALUES, error);
    g_autoptr(GString) out = g_string_new("# Imported from wirelink; see wg-autopeer.conf(5).\n");
    Import self = {.tunnel = tunnel, .out = out, .warnings = warnings};

    if (root == NULL || !append_file(&self, root, error))
        return NULL;
    return g_string_free(g_steal_pointer(&out), FALSE);
}
