/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * How the process that reads the device tells the one that serves HTTP what it has read: only
 * differences, in messages of bounded size, without any key but the peers' public ones.
 */

#pragma once

#include "common/device.h"
#include "server/roster.h"

G_BEGIN_DECLS

/**
 * Most bytes of one message: well below the default send buffer of a Unix socket (212,992 bytes,
 * net.core.wmem_default of Linux 6.1), which a message must fit into.
 */
#define AP_SNAPSHOT_MAX_MESSAGE 32768

/** The only thing that is ever asked: read the device. */
#define AP_SNAPSHOT_ASK 'R'

/** The first byte of each message to the HTTP process. */
typedef enum {
    AP_SNAPSHOT_PUT = 'P',    /* peers, new or changed */
    AP_SNAPSHOT_REMOVE = 'X', /* keys of peers that are gone */
    AP_SNAPSHOT_END = 'E',    /* the roster is now what the device was */
    AP_SNAPSHOT_FAILED = 'F', /* the device could not be read; the rest is text for the log */
} ApSnapshotKind;

/** A decoded message; the arrays hold what its kind calls for and are empty otherwise. */
typedef struct {
    ApSnapshotKind kind;
    GArray *peers;   /* (owned) (element-type ApRosterPeer) */
    GArray *removed; /* (owned) (element-type ApKey) */
    char *text;      /* (owned) (nullable) */
} ApSnapshotMessage;

GArray *ap_snapshot_peers(const ApDevice *device);
GPtrArray *ap_snapshot_diff(const GArray *before, const GArray *after);
GBytes *ap_snapshot_failure(const char *text);

gboolean ap_snapshot_read(ApSnapshotMessage *out, const guint8 *bytes, gsize n, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_snapshot_message_clear(ApSnapshotMessage *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApSnapshotMessage, ap_snapshot_message_clear)

G_END_DECLS
