/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "helper/engine/voice.h"
#include "helper/io/address.h"

#include <net/if.h>

static gboolean
find_name(guint32 ifindex, char name[static IF_NAMESIZE], GError **error)
{
    if (if_indextoname(ifindex, name) != NULL)
        return TRUE;

    g_set_error(error, AP_ERROR, AP_ERROR_GONE, "no interface has index %u", ifindex);
    return FALSE;
}

static gboolean
is_free(guint32 ifindex, GError **error)
{
    char name[IF_NAMESIZE];

    return find_name(ifindex, name, error) && ap_bfd_socket_is_free(name, error);
}

static gpointer
open_socket(guint32 ifindex,
            const ApAddr *local,
            ApBfdSocketFunc received,
            gpointer user_data,
            GError **error)
{
    char name[IF_NAMESIZE];

    if (!find_name(ifindex, name, error))
        return NULL;
    return ap_bfd_socket_new(name, local, received, user_data, error);
}

static gboolean
send_packet(gpointer socket, const ApAddr *to, const guint8 *payload, gsize n_bytes, GError **error)
{
    return ap_bfd_socket_send(socket, to, payload, n_bytes, error);
}

static void
drain(gpointer socket)
{
    ap_bfd_socket_drain(socket);
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
const ApVoiceOps ap_voice_system = {
    .is_possible = ap_address_is_possible,
    .is_free = is_free,
    .open = open_socket,
    .send = send_packet,
    .drain = drain,
    .n_dropped = n_dropped,
    .n_refused = n_refused,
    .close = close_socket,
};
