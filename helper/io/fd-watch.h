/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Waiting for a descriptor, for those that cause most of a quiet helper's wake-ups.
 */

#pragma once

#include <glib-unix.h>

G_BEGIN_DECLS

guint ap_fd_watch(int fd, GUnixFDSourceFunc readable, gpointer user_data);

G_END_DECLS
