/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/random.h"
#include "helper/engine/gossiper.h"

#include <net/if.h>

static gpointer
open_socket(guint32 ifindex,
            const ApAddr *local,
            guint16 port,
            ApGossipSocketFunc received,
            gpointer user_data,
            GError **error)
{
    char name[IF_NAMESIZE];

    if (if_indextoname(ifindex, name) == NULL) {
        g_set_error(error, AP_ERROR, AP_ERROR_GONE, "no interface has index %u", ifindex);
        return NULL;
    }
    return ap_gossip_socket_new(name, local, port, received, user_data, error);
}

static gboolean
send_datagram(gpointer socket,
              const ApAddr *to,
              const guint8 *payload,
              gsize n_bytes,
              GError **error)
{
    return ap_gossip_socket_send(socket, to, payload, n_bytes, error);
}

static void
close_socket(gpointer socket)
{
    ap_gossip_socket_free(socket);
}

/** On the interfaces of this machine. */
const ApGossiperOps ap_gossiper_system = {
    .open = open_socket,
    .send = send_datagram,
    .close = close_socket,
    .randomize = ap_random_fill,
};
