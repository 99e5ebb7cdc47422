/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/fd-watch.h"

/**
 * Calls @readable from the thread-default main context whenever @fd can be read.
 *
 * Nothing here runs a loop inside a callback. A source that may recurse is spared what protects
 * others from that: around each call they leave the set that is polled and come back to it, and
 * each time GLib writes to itself and polls once more. Source: block_source(), GLib 2.74.
 *
 * Returns: the source, for g_source_remove()
 */
guint
ap_fd_watch(int fd, GUnixFDSourceFunc readable, gpointer user_data)
{
    g_autoptr(GSource) source = g_unix_fd_source_new(fd, G_IO_IN);

    g_source_set_can_recurse(source, TRUE);
    g_source_set_callback(source, G_SOURCE_FUNC(readable), user_data, NULL);
    return g_source_attach(source, g_main_context_get_thread_default());
}
