/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/find.h"

#include "common/error.h"
#include "common/text.h"

#include <string.h>

/** Most keys that a question lists: more would not be read. */
#define MAX_CHOICES 4

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

/* A text that a peer may be called by, or that its key or address may begin with. */
static gboolean
may_name(const char *text)
{
    const gsize n = strlen(text);

    return n > 0 && n <= AP_PEER_NAME_MAX && ap_text_is_harmless(text, n);
}

/* People do not mind capitals. */
static gboolean
is_called(const ApPeerView *peer, const char *folded)
{
    g_autofree char *name = g_utf8_casefold(peer->name, -1);

    return name[0] != '\0' && g_str_equal(name, folded);
}

/* What is a whole key is nobody's name: whoever claims it as one must not hide its owner. */
static GPtrArray *
list_by_text(const ApView *view, const char *text)
{
    g_autofree char *folded = g_utf8_casefold(text, -1);
    const gboolean is_prefix = is_key_prefix(text);
    const gboolean is_whole_key = ap_key_parse(&(ApKey){0}, text, NULL);
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < view->peers->len; i++) {
        ApPeerView *peer = &g_array_index(view->peers, ApPeerView, i);

        if ((is_prefix && has_prefix(&peer->verdict, text))
            || (!is_whole_key && is_called(peer, folded)))
            g_ptr_array_add(found, peer);
    }
    return found;
}

static GPtrArray *
list_by_address(const ApView *view, const ApAddr *addr)
{
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < view->peers->len; i++) {
        ApPeerView *peer = &g_array_index(view->peers, ApPeerView, i);

        if (has_address(&peer->verdict, addr))
            g_ptr_array_add(found, peer);
    }
    return found;
}

/* Returns: (transfer full) (element-type utf8): each key once */
static GPtrArray *
list_keys(const GPtrArray *peers)
{
    GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < peers->len; i++) {
        const ApPeerView *peer = peers->pdata[i];
        char text[AP_KEY_TEXT_LEN];

        ap_key_to_text(&peer->verdict.key, text);
        if (!g_ptr_array_find_with_equal_func(keys, text, g_str_equal, NULL))
            g_ptr_array_add(keys, g_strdup(text));
    }
    return keys;
}

/* Names the first of them: whoever asked can choose one. */
static void
set_ambiguous(GError **error, const char *text, GPtrArray *keys)
{
    const guint n = keys->len;
    g_autofree char *some = NULL;

    g_ptr_array_set_size(keys, (int) MIN(n, MAX_CHOICES));
    g_ptr_array_add(keys, NULL);
    some = g_strjoinv(", ", (char **) keys->pdata);
    g_set_error(error,
                AP_FIND_ERROR,
                AP_FIND_ERROR_AMBIGUOUS,
                "%u peers fit “%s”; give the key of the one that you mean: %s%s",
                n,
                text,
                some,
                n > MAX_CHOICES ? ", …" : "");
}

/**
 * Finds the peer that @text names: a public key in base64, at least AP_FIND_MIN_PREFIX first
 * characters of one, a tunnel address, or what the peer is called, in capitals or not.
 *
 * A key that several tunnels know is one peer, listed once for each of them. Anybody may claim
 * any name: it is one way to find a peer, and never hides another one's key or address.
 *
 * @error: AP_ERROR_INVALID when @text can name no peer at all, AP_FIND_ERROR_NOT_FOUND,
 *     AP_FIND_ERROR_AMBIGUOUS when it fits several keys
 *
 * Returns: (transfer container) (element-type ApPeerView): not empty; borrowed from @view
 */
GPtrArray *
ap_find_peers(const ApView *view, const char *text, GError **error)
{
    g_autoptr(GPtrArray) found = NULL;
    g_autoptr(GPtrArray) keys = NULL;
    ApAddr addr;

    if (!may_name(text)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "a peer is named by its tunnel address, its name, its public key, or at least "
                    "%d first characters of that",
                    AP_FIND_MIN_PREFIX);
        return NULL;
    }

    found =
        ap_addr_parse(&addr, text, NULL) ? list_by_address(view, &addr) : list_by_text(view, text);
    if (found->len == 0) {
        g_set_error(error,
                    AP_FIND_ERROR,
                    AP_FIND_ERROR_NOT_FOUND,
                    "no peer fits “%s”, by its name, its address or its key",
                    text);
        return NULL;
    }

    keys = list_keys(found);
    if (keys->len > 1) {
        set_ambiguous(error, text, keys);
        return NULL;
    }
    return g_steal_pointer(&found);
}
