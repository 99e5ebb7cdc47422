/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "helper/engine/sessions.h"

#include <net/if.h>

static gpointer
open_socket(guint32 ifindex,
            const ApAddr *local,
            ApBfdSocketFunc received,
            gpointer user_data,
            GError **error)
{
    char name[IF_NAMESIZE];

    if (if_indextoname(ifindex, name) != NULL)
        return ap_bfd_socket_new(name, local, received, user_data, error);

    g_set_error(error, AP_ERROR, AP_ERROR_GONE, "no interface has index %u", ifindex);
    return NULL;
}

static gboolean
send_packet(gpointer socket, const ApAddr *to, const guint8 *payload, gsize n_bytes, GError **error)
{
    return ap_bfd_socket_send(socket, to, payload, n_bytes, error);
}

static guint64
n_dropped(gpointer socket, ApBfdDrop drop)
{
    return ap_bfd_socket_n_dropped(socket, drop);
}

static guint64
n_refused(gpointer socket, ApBfdRefusal refusal)
{
    return ap_bfd_socket_n_refused(socket, refusal);
}

static void
close_socket(gpointer socket)
{
    ap_bfd_socket_free(socket);
}

/** On the interfaces of this machine. */
const ApSessionsOps ap_sessions_sockets = {
    .open = open_socket,
    .send = send_packet,
    .n_dropped = n_dropped,
    .n_refused = n_refused,
    .close = close_socket,
};
