/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray-view.h"

static ApClientView *
make_view(const char *properties, const char *tunnels, const char *peers)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dict = g_strdup_printf("{%s}", properties);
    g_autofree char *reply = g_strdup_printf("(1, [%s], [%s])", tunnels, peers);
    g_autoptr(GVariant) first = g_variant_parse(G_VARIANT_TYPE_VARDICT, dict, NULL, NULL, &error);
    g_autoptr(GVariant) second =
        error == NULL
            ? g_variant_parse(G_VARIANT_TYPE("(taa{sv}aa{sv})"), reply, NULL, NULL, &error)
            : NULL;

    g_assert_no_error(error);
    return ap_client_view_new(first, second);
}

/* Peers 10.9.0.1 and so on, of which the first @n_direct are direct and the others do not answer. */
ApClientView *
test_tray_view(const char *properties, const char *tunnels, guint n_peers, guint n_direct)
{
    g_autoptr(GString) peers = g_string_new(NULL);

    for (guint i = 0; i < n_peers; i++)
        g_string_append_printf(peers,
                               "%s{'tunnel': <'wg0'>, 'public-key': <'%04u='>, 'state': <'%s'>, "
                               "'reason': <'%s'>, 'addresses': <['10.9.%u.%u']>}",
                               i > 0 ? "," : "",
                               i,
                               i < n_direct ? "direct" : "waiting",
                               i < n_direct ? "proven" : "no-handshake",
                               (i + 1) / 256,
                               (i + 1) % 256);
    return make_view(properties, tunnels, peers->str);
}

ApClientView *
test_tray_view_of_peers(const char *peers)
{
    return make_view("'State': <'relayed'>", TEST_TUNNEL, peers);
}
