/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How the process that reads the device tells the one that serves HTTP what it has read: only
 * differences, in messages of bounded size, without any key but the peers' public ones.
 */

#pragma once

#include "common/device.h"
#include "server/place.h"

G_BEGIN_DECLS

/**
 * Most bytes of one message: well below the default send buffer of a Unix socket (212,992 bytes,
 * net.core.wmem_default of Linux 6.1), which a message must fit into.
 */
#define AP_SNAPSHOT_MAX_MESSAGE 32768

/**
 * All that is ever asked, one byte each: first where clients come to, with the sockets for them or
 * without, then again and again what the device is like.
 */
typedef enum {
    AP_ASK_SOCKETS = 'L',
    AP_ASK_PLACE = 'T',
    AP_ASK_DEVICE = 'R',
} ApAsk;

/** The first byte of each message to the HTTP process. */
typedef enum {
    AP_SNAPSHOT_PUT = 'P',     /* peers, new or changed */
    AP_SNAPSHOT_REMOVE = 'X',  /* keys of peers that are gone */
    AP_SNAPSHOT_END = 'E',     /* the roster is now what the device was */
    AP_SNAPSHOT_FAILED = 'F',  /* the device could not be read; the rest is text for the log */
    AP_SNAPSHOT_PLACE = 'A',   /* where clients come to has changed */
    AP_SNAPSHOT_METRICS = 'M', /* the socket for those who watch the server comes along */
    AP_SNAPSHOT_QUIT = 'Q',    /* an exit status, and why there is no sense in going on */
} ApSnapshotKind;

/** A decoded message; the arrays hold what its kind calls for and are empty otherwise. */
typedef struct {
    ApSnapshotKind kind;
    GArray *peers;   /* (owned) (element-type ApRosterPeer) */
    GArray *removed; /* (owned) (element-type ApKey) */
    ApPlace place;
    guint8 status;
    char *text; /* (owned) (nullable) */
} ApSnapshotMessage;

GArray *ap_snapshot_peers(const ApDevice *device);
GPtrArray *ap_snapshot_diff(const GArray *before, const GArray *after);
GByteArray *ap_snapshot_failure(const char *text);
GByteArray *ap_snapshot_place(const ApPlace *place);
GByteArray *ap_snapshot_metrics(void);
GByteArray *ap_snapshot_quit(guint8 status, const char *text);

gboolean ap_snapshot_read(ApSnapshotMessage *out, const guint8 *bytes, gsize n, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_snapshot_message_clear(ApSnapshotMessage *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApSnapshotMessage, ap_snapshot_message_clear)

G_END_DECLS
