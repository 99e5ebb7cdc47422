/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * BFD over UDP on one tunnel (RFC 5881): a socket that receives and one that sends, shared by
 * all sessions of the tunnel.
 */

#pragma once

#include "common/addr.h"
#include "helper/bfd/packet.h"

G_BEGIN_DECLS

typedef struct _ApBfdSocket ApBfdSocket;

/** Why a datagram was dropped before its bytes were looked at; each is a counter. */
typedef enum {
    AP_BFD_DROP_TRUNCATED,   /* longer than any packet that we use */
    AP_BFD_DROP_HOP_LIMIT,   /* not 255: it may have come from another link. RFC 5881 section 5 */
    AP_BFD_DROP_DESTINATION, /* not to our own link-local address on this device */
    AP_BFD_DROP_SOURCE,      /* not from a link-local address */
    AP_N_BFD_DROPS,
} ApBfdDrop;

/**
 * Takes a well-formed packet.
 *
 * @from: the source address, link-local; whether it is a peer's the callee judges
 *
 * The socket must not be freed from within.
 */
typedef void (*ApBfdSocketFunc)(const ApAddr *from, const ApBfdPacket *packet, gpointer user_data);

ApBfdSocket *ap_bfd_socket_new(const char *device,
                               const ApAddr *local,
                               ApBfdSocketFunc received,
                               gpointer user_data,
                               GError **error);
gboolean ap_bfd_socket_is_free(const char *device, GError **error);
gboolean ap_bfd_socket_send(ApBfdSocket *self,
                            const ApAddr *to,
                            const guint8 *payload,
                            gsize n_bytes,
                            GError **error);
guint64 ap_bfd_socket_n_dropped(const ApBfdSocket *self, ApBfdDrop drop);
guint64 ap_bfd_socket_n_refused(const ApBfdSocket *self, ApBfdRefusal refusal);
void ap_bfd_socket_drain(ApBfdSocket *self);
void ap_bfd_socket_free(ApBfdSocket *self);

const char *ap_bfd_drop_name(ApBfdDrop drop) G_GNUC_CONST;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApBfdSocket, ap_bfd_socket_free)

G_END_DECLS
