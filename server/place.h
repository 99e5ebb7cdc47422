/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Where clients reach the server, as the reading process tells the one that speaks HTTP. Pure.
 */

#pragma once

#include "common/reader.h"
#include "server/roster.h"

#include <net/if.h>

G_BEGIN_DECLS

/**
 * The tunnel interface.
 *
 * @interface: empty while there is none
 * @port: on which clients ask
 * @own: its addresses
 * @has_socket: the socket that is to be served there comes along; in the same order
 */
typedef struct {
    char interface[IF_NAMESIZE];
    guint16 port;
    guint n;
    ApOwnAddress own[AP_ROSTER_MAX_OWN];
    gboolean has_socket[AP_ROSTER_MAX_OWN];
} ApPlace;

gboolean ap_place_holds(const ApPlace *self, const ApAddr *addr);
guint ap_place_n_sockets(const ApPlace *self);
char *ap_place_to_text(const ApPlace *self);

void ap_place_write(const ApPlace *self, GByteArray *out);
gboolean ap_place_read(ApPlace *out, ApReader *reader) G_GNUC_WARN_UNUSED_RESULT;
void ap_place_put_addr(GByteArray *out, const ApAddr *addr);
gboolean ap_place_take_addr(ApReader *reader, ApAddr *out) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
