/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One call of a method of the helper, with the errors of the bus in our own words.
 */

#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/**
 * How long a call may take, in milliseconds: the helper answers from memory, and a person waits.
 */
#define AP_REMOTE_TIMEOUT_MSEC 5000

/**
 * How long a call may take that a person may be asked for a password for, in milliseconds. The
 * helper waits 120 s for that person (AP_AUTHORITY_PROMPT_MSEC); 5 s more and its answer is here.
 */
#define AP_REMOTE_PROMPT_MSEC 125000

typedef enum {
    AP_REMOTE_PLAIN = 0,
    AP_REMOTE_MAY_PROMPT = 1 << 0, /* a person may be asked for a password */
    AP_REMOTE_MAY_START = 1 << 1,  /* the bus may start the helper for it */
} ApRemoteFlags;

/** One call; all borrowed but @arguments. */
typedef struct {
    const char *destination; /* (nullable): a name on the bus; NULL: it is not there */
    const char *interface;
    const char *method;
    GVariant *arguments;    /* (transfer floating) */
    const char *reply_type; /* what the answer must be */
    ApRemoteFlags flags;
} ApRemoteCall;

void ap_remote_call_async(GDBusConnection *connection,
                          const ApRemoteCall *call,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
GVariant *ap_remote_call_finish(GAsyncResult *result, GError **error);
GVariant *
ap_remote_call_finish_with_files(GAsyncResult *result, GUnixFDList **files, GError **error);

G_END_DECLS
