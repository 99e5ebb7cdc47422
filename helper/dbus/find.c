/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/find.h"

#include "common/error.h"

#include <string.h>

GQuark
ap_find_error_quark(void)
{
    return g_quark_from_static_string("ap-find-error-quark");
}

static gboolean
has_address(const ApVerdict *verdict, const ApAddr *addr)
{
    for (guint i = 0; i < verdict->n_addresses; i++) {
        if (ap_addr_equal(&verdict->addresses[i], addr))
            return TRUE;
    }

    return FALSE;
}

static gboolean
has_prefix(const ApVerdict *verdict, const char *prefix)
{
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(&verdict->key, text);
    return g_str_has_prefix(text, prefix);
}

/* Only characters of base64, and as many as a key may have. */
static gboolean
is_key_prefix(const char *text)
{
    gsize n = strlen(text);

    return n >= AP_FIND_MIN_PREFIX && n < AP_KEY_TEXT_LEN
           && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
                  == n;
}

static gboolean
is_one_key(const GPtrArray *peers)
{
    const ApPeerView *first = peers->pdata[0];

    for (guint i = 1; i < peers->len; i++) {
        const ApPeerView *peer = peers->pdata[i];

        if (!ap_key_equal(&peer->verdict.key, &first->verdict.key))
            return FALSE;
    }

    return TRUE;
}

/**
 * Finds the peer that @text names: a public key in base64, at least AP_FIND_MIN_PREFIX first
 * characters of one, or a tunnel address.
 *
 * A key that several tunnels know is one peer, listed once for each of them.
 *
 * @error: AP_ERROR_INVALID when @text can name no peer at all, AP_FIND_ERROR_NOT_FOUND,
 *     AP_FIND_ERROR_AMBIGUOUS when several keys begin with @text or hold that address
 *
 * Returns: (transfer container) (element-type ApPeerView): not empty; borrowed from @view
 */
GPtrArray *
ap_find_peers(const ApView *view, const char *text, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    ApAddr addr;
    gboolean is_address = ap_addr_parse(&addr, text, NULL);

    if (!is_address && !is_key_prefix(text)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "a peer is named by its public key, at least %d first characters of it, or a "
                    "tunnel address",
                    AP_FIND_MIN_PREFIX);
        return NULL;
    }

    for (guint i = 0; i < view->peers->len; i++) {
        ApPeerView *peer = &g_array_index(view->peers, ApPeerView, i);

        if (is_address ? has_address(&peer->verdict, &addr) : has_prefix(&peer->verdict, text))
            g_ptr_array_add(found, peer);
    }

    if (found->len == 0) {
        g_set_error(error, AP_FIND_ERROR, AP_FIND_ERROR_NOT_FOUND, "no peer fits “%s”", text);
        return NULL;
    }

    if (!is_one_key(found)) {
        g_set_error(error,
                    AP_FIND_ERROR,
                    AP_FIND_ERROR_AMBIGUOUS,
                    "%u peers fit “%s”; give more of the key",
                    found->len,
                    text);
        return NULL;
    }

    return g_steal_pointer(&found);
}
