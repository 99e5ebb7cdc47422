/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/configuration-value.h"

#include "common/error.h"
#include "common/text.h"
#include "helper/core/link.h"
#include "helper/core/policy.h"

#include <string.h>

static gboolean
set_invalid(GError **error, const char *value, const char *expected)
{
    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "'%s' is not %s", value, expected);
    return FALSE;
}

static gboolean
read_word(const char *const *names, const char *value, guint *out, GError **error)
{
    for (guint i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], value) == 0) {
            *out = i;
            return TRUE;
        }
    }

    g_autofree char *all = g_strjoinv(", ", (char **) names);
    g_autofree char *expected = g_strdup_printf("one of %s", all);
    return set_invalid(error, value, expected);
}

static gboolean
read_boolean(const char *value, gboolean *out, GError **error)
{
    static const char *const words[] = {"no", "yes", "false", "true", "0", "1", "off", "on", NULL};
    guint i;

    if (!read_word(words, value, &i, NULL))
        return set_invalid(error, value, "yes or no");

    *out = i % 2 == 1;
    return TRUE;
}

static gboolean
read_kinds(const char *value, guint *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit(value, ";", -1);
    guint kinds = 0;

    for (guint i = 0; words[i] != NULL; i++) {
        const char *word = g_strstrip(words[i]);
        guint kind = 0;

        if (*word == '\0')
            continue;
        while (kind < AP_N_LINK_KINDS && strcmp(ap_link_kind_name(kind), word) != 0)
            kind++;
        if (kind == AP_N_LINK_KINDS)
            return set_invalid(error, word, "a kind of interface");
        kinds |= 1U << kind;
    }

    *out = kinds;
    return TRUE;
}

/* Reads a list separated by semicolons with @parse, element by element, and replaces @out. */
static gboolean
read_list(const char *value,
          gboolean (*parse)(gpointer element, const char *text, GError **error),
          GArray *out,
          GError **error)
{
    g_auto(GStrv) words = g_strsplit(value, ";", -1);
    g_autoptr(GArray) list = g_array_new(FALSE, TRUE, g_array_get_element_size(out));

    for (guint i = 0; words[i] != NULL; i++) {
        const char *word = g_strstrip(words[i]);

        if (*word == '\0')
            continue;
        g_array_set_size(list, list->len + 1);
        gpointer element = list->data + (gsize) (list->len - 1) * g_array_get_element_size(list);
        if (!parse(element, word, error))
            return FALSE;
    }

    g_array_set_size(out, 0);
    g_array_append_vals(out, list->data, list->len);
    return TRUE;
}

static gboolean
parse_network(gpointer element, const char *text, GError **error)
{
    return ap_cidr_parse(element, text, error);
}

static gboolean
parse_key(gpointer element, const char *text, GError **error)
{
    return ap_key_parse(element, text, error);
}

static gboolean
parse_endpoint(gpointer element, const char *text, GError **error)
{
    return ap_endpoint_parse(element, text, error);
}

static gboolean
read_name(const char *value, char *out, GError **error)
{
    const gsize n = strlen(value);

    if (n > AP_PEER_NAME_MAX || !ap_text_is_harmless(value, n))
        return set_invalid(error, value, "a name of at most 64 bytes of text");

    (void) g_strlcpy(out, value, AP_PEER_NAME_MAX + 1);
    return TRUE;
}

static gboolean
read_server(const char *value, ApEndpoint *out, GError **error)
{
    ApEndpoint endpoint = {0};

    if (*value != '\0' && !ap_addr_parse(&endpoint.addr, value, NULL)
        && !ap_endpoint_parse(&endpoint, value, error))
        return FALSE;

    *out = endpoint;
    return TRUE;
}

static gboolean
read_number(const ApConfigKey *key, const char *value, guint *out, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(value, 10, key->min, key->max, &number, NULL)) {
        g_autofree char *expected = g_strdup_printf("a number from %u to %u", key->min, key->max);
        return set_invalid(error, value, expected);
    }

    *out = (guint) number;
    return TRUE;
}

/**
 * Reads @value into its place in @base.
 *
 * @base: an ApPolicy; an ApTunnelPolicy for a key of the group "Tunnel", an ApPeerPolicy for one
 *     of "Peer"
 * @error: AP_ERROR_INVALID; the place is then left as it was
 *
 * Returns: TRUE when the place was set
 */
gboolean
ap_config_value_read(const ApConfigKey *key, const char *value, gpointer base, GError **error)
{
    gpointer place = (guint8 *) base + key->offset;
    guint word;

    switch (key->type) {
    case AP_CONFIG_BOOLEAN:
        return read_boolean(value, place, error);
    case AP_CONFIG_NUMBER:
        return read_number(key, value, place, error);
    case AP_CONFIG_NUMBER16:
        if (!read_number(key, value, &word, error))
            return FALSE;
        *(guint16 *) place = (guint16) word;
        return TRUE;
    case AP_CONFIG_MANAGE:
        if (!read_word(ap_manage_names, value, &word, error))
            return FALSE;
        *(ApManage *) place = (ApManage) word;
        return TRUE;
    case AP_CONFIG_SCOPE:
        if (!read_word(ap_scope_names, value, &word, error))
            return FALSE;
        *(ApScope *) place = (ApScope) word;
        return TRUE;
    case AP_CONFIG_KINDS:
        return read_kinds(value, place, error);
    case AP_CONFIG_NETWORKS:
        return read_list(value, parse_network, *(GArray **) place, error);
    case AP_CONFIG_KEYS:
        return read_list(value, parse_key, *(GArray **) place, error);
    case AP_CONFIG_SERVER:
        return read_server(value, place, error);
    case AP_CONFIG_TRUST:
        if (!read_word(ap_trust_names, value, &word, error))
            return FALSE;
        *(ApTrustLevel *) place = (ApTrustLevel) word;
        return TRUE;
    case AP_CONFIG_PEER_NAME:
        return read_name(value, place, error);
    case AP_CONFIG_ENDPOINTS:
        return read_list(value, parse_endpoint, *(GArray **) place, error);
    }
    g_return_val_if_reached(FALSE);
}

static void
append_networks(GString *out, const GArray *networks)
{
    for (guint i = 0; i < networks->len; i++) {
        char text[AP_CIDR_TEXT_LEN];

        ap_cidr_to_text(&g_array_index(networks, ApCidr, i), text);
        g_string_append_printf(out, "%s%s", i > 0 ? ";" : "", text);
    }
}

static void
append_keys(GString *out, const GArray *keys)
{
    for (guint i = 0; i < keys->len; i++) {
        char text[AP_KEY_TEXT_LEN];

        ap_key_to_text(&g_array_index(keys, ApKey, i), text);
        g_string_append_printf(out, "%s%s", i > 0 ? ";" : "", text);
    }
}

static void
append_endpoints(GString *out, const GArray *endpoints)
{
    for (guint i = 0; i < endpoints->len; i++) {
        char text[AP_ENDPOINT_TEXT_LEN];

        ap_endpoint_to_text(&g_array_index(endpoints, ApEndpoint, i), text);
        g_string_append_printf(out, "%s%s", i > 0 ? ";" : "", text);
    }
}

static void
append_kinds(GString *out, guint kinds)
{
    const char *separator = "";

    for (guint kind = 0; kind < AP_N_LINK_KINDS; kind++) {
        if (kinds & 1U << kind) {
            g_string_append_printf(out, "%s%s", separator, ap_link_kind_name(kind));
            separator = ";";
        }
    }
}

/**
 * Appends the text that ap_config_value_read() would read.
 */
void
ap_config_value_append(GString *out, const ApConfigKey *key, gconstpointer base)
{
    gconstpointer place = (const guint8 *) base + key->offset;
    char text[AP_ENDPOINT_TEXT_LEN];

    switch (key->type) {
    case AP_CONFIG_BOOLEAN:
        g_string_append(out, *(const gboolean *) place ? "yes" : "no");
        break;
    case AP_CONFIG_NUMBER:
        g_string_append_printf(out, "%u", *(const guint *) place);
        break;
    case AP_CONFIG_NUMBER16:
        g_string_append_printf(out, "%u", *(const guint16 *) place);
        break;
    case AP_CONFIG_MANAGE:
        g_string_append(out, ap_manage_names[*(const ApManage *) place]);
        break;
    case AP_CONFIG_SCOPE:
        g_string_append(out, ap_scope_names[*(const ApScope *) place]);
        break;
    case AP_CONFIG_KINDS:
        append_kinds(out, *(const guint *) place);
        break;
    case AP_CONFIG_NETWORKS:
        append_networks(out, *(GArray *const *) place);
        break;
    case AP_CONFIG_KEYS:
        append_keys(out, *(GArray *const *) place);
        break;
    case AP_CONFIG_SERVER:
        ap_endpoint_to_text(place, text);
        g_string_append(out, text);
        break;
    case AP_CONFIG_TRUST:
        g_string_append(out, ap_trust_names[*(const ApTrustLevel *) place]);
        break;
    case AP_CONFIG_PEER_NAME:
        g_string_append(out, place);
        break;
    case AP_CONFIG_ENDPOINTS:
        append_endpoints(out, *(GArray *const *) place);
        break;
    }
}
