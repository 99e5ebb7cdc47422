/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/json/values.h"

#include <string.h>

/**
 * Reads the member @name as a WireGuard public key in canonical base64 (security rule K1).
 *
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_get_key(ApJson *object, const char *name, ApKey *out)
{
    const char *text = ap_json_get_string(object, name, AP_JSON_MAX_TEXT);

    return text != NULL && ap_key_parse(out, text, NULL);
}

/**
 * Reads a bare address in canonical form that carries no other address inside (security rule A2).
 *
 * @value: (nullable): any value
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_as_addr(ApJson *value, ApAddr *out)
{
    const char *text = ap_json_as_string(value, AP_JSON_MAX_TEXT);
    ApAddr addr;

    if (text == NULL || !ap_addr_parse_strict(&addr, text, NULL) || ap_addr_is_embedded_v4(&addr))
        return FALSE;

    *out = addr;
    return TRUE;
}

/**
 * Reads {"ip": address, "port": 1 to 65535}; other members are ignored.
 *
 * @object: (nullable): any value
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 * @why: (out caller-allocates): which part was refused, only when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_as_endpoint(ApJson *object, ApEndpoint *out, ApDrop *why)
{
    ApEndpoint endpoint = {0};
    gint64 port;

    if (!ap_json_as_addr(ap_json_member(object, "ip"), &endpoint.addr)) {
        *why = AP_DROP_ENDPOINT;
        return FALSE;
    }
    if (!ap_json_get_int(object, "port", 1, G_MAXUINT16, &port)) {
        *why = AP_DROP_PORT;
        return FALSE;
    }

    endpoint.port = (guint16) port;
    *out = endpoint;
    return TRUE;
}

/**
 * Reads {"ip": …, "port": …, "prio": 0 to 2^32-1}; without a usable "prio" the rank is 0.
 *
 * See ap_json_as_endpoint() for the parameters.
 */
gboolean
ap_json_as_ranked(ApJson *object, ApRankedEndpoint *out, ApDrop *why)
{
    gint64 prio = 0;

    if (!ap_json_as_endpoint(object, &out->endpoint, why))
        return FALSE;

    (void) ap_json_get_int(object, "prio", 0, G_MAXUINT32, &prio);
    out->prio = (guint32) prio;
    return TRUE;
}

/**
 * Reads the member @name as a token: see ap_token_is_valid().
 *
 * @out: (out caller-allocates): left as it was when the function returns FALSE
 *
 * Returns: TRUE when @out was set
 */
gboolean
ap_json_get_token(ApJson *object, const char *name, char out[static AP_COORD_TOKEN_LEN])
{
    const char *text = ap_json_get_string(object, name, AP_COORD_TOKEN_LEN - 1);

    if (text == NULL || !ap_token_is_valid(text))
        return FALSE;

    (void) g_strlcpy(out, text, AP_COORD_TOKEN_LEN);
    return TRUE;
}

/**
 * Appends an address as a JSON string.
 */
void
ap_json_append_addr(GString *out, const ApAddr *addr)
{
    char text[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(addr, text);
    ap_json_append_string(out, text);
}

/**
 * Appends a key as a JSON string.
 */
void
ap_json_append_key(GString *out, const ApKey *key)
{
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(key, text);
    ap_json_append_string(out, text);
}

/**
 * Appends an array of {"ip":…,"port":…,"prio":…}, in the given order.
 */
void
ap_json_append_ranked(GString *out, const ApRankedEndpoint *items, guint n_items)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < n_items; i++) {
        g_string_append(out, i == 0 ? "{\"ip\":" : ",{\"ip\":");
        ap_json_append_addr(out, &items[i].endpoint.addr);
        g_string_append_printf(out,
                               ",\"port\":%u,\"prio\":%u}",
                               items[i].endpoint.port,
                               items[i].prio);
    }
    g_string_append_c(out, ']');
}
