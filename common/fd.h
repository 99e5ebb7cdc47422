/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * File descriptors that close themselves: `ap_autofd int fd = open(…);`.
 */

#pragma once

#include <glib.h>

#include <errno.h>
#include <unistd.h>

G_BEGIN_DECLS

/** Closes *@fd unless it is -1, keeps errno, and leaves -1. */
static inline void
ap_fd_clear(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        (void) close(*fd);
    *fd = -1;
    errno = saved;
}

/** Gives *@fd away: the caller owns what is returned, and -1 stays behind. */
static inline int
ap_fd_steal(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

/**
 * Writes all of a text, also when signals come in between.
 *
 * Returns: FALSE with errno; some of @text may be written then
 */
static inline gboolean
ap_fd_write_all(int fd, const char *text, gsize n_bytes)
{
    while (n_bytes > 0) {
        const gssize n = write(fd, text, n_bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        text += n;
        n_bytes -= (gsize) n;
    }
    return TRUE;
}

#define ap_autofd __attribute__((cleanup(ap_fd_clear)))

G_END_DECLS
