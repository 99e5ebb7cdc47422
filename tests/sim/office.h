/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The coordination server of the hub: the real one without its sockets. A library of its own, as
 * names inside the server and inside the helper need not differ.
 */

#pragma once

#include "common/endpoint.h"
#include "common/instant.h"
#include "common/key.h"

G_BEGIN_DECLS

typedef struct _Office Office;

typedef struct {
    /* An answer to the question with that number. */
    void (*answer)(gpointer data, guint serial, guint status, const char *body);
    /* The server looks at the device: office_show() for each peer. */
    void (*look)(gpointer data);
} OfficeOps;

Office *office_new(guint32 seed, const OfficeOps *ops, gpointer data);
void office_free(Office *self, ApInstant now);
void office_show(Office *self,
                 const ApKey *key,
                 const ApAddr *address,
                 const ApEndpoint *endpoint,
                 gint64 handshake_real_usec,
                 ApInstant now);
void
office_submit(Office *self, guint serial, const ApAddr *source, const char *body, ApInstant now);
void office_withdraw(Office *self, guint serial);
void office_turn(Office *self, ApInstant now);
gint64 office_deadline(const Office *self);

G_END_DECLS
