/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The socket between the process that reads the device and the one that serves HTTP: messages
 * with descriptors beside them.
 */

#pragma once

#include "server/roster.h"

G_BEGIN_DECLS

/** Most descriptors beside one message. */
#define AP_PIPE_MAX_FDS AP_ROSTER_MAX_OWN

/**
 * What came.
 *
 * @n_bytes: 0 when the other end has gone
 * @fds: (owned) see ap_pipe_close_fds()
 */
typedef struct {
    gsize n_bytes;
    int fds[AP_PIPE_MAX_FDS];
    guint n_fds;
} ApPipeMessage;

gboolean ap_pipe_open(int out_fds[static 2], GError **error) G_GNUC_WARN_UNUSED_RESULT;
int ap_pipe_connect(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean ap_pipe_send(int fd, gconstpointer bytes, gsize n_bytes, const int *fds, guint n_fds);
gboolean ap_pipe_receive(int fd, guint8 *bytes, gsize n_max, ApPipeMessage *out)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_pipe_close_fds(int *fds, guint n_fds);

G_END_DECLS
