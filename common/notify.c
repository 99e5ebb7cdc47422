/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/notify.h"

#include "common/fd.h"
#include "common/instant.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/**
 * Tells the service manager, if there is one that wants to know.
 *
 * @state: lines like "READY=1"
 */
void
ap_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ap_autofd int fd = -1;

    if (path == NULL || (path[0] != '/' && path[0] != '@')
        || g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
        return;

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    /* nobody can do anything about a manager that does not listen */
    (void) sendto(fd,
                  state,
                  strlen(state),
                  MSG_NOSIGNAL,
                  (const struct sockaddr *) &address,
                  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

/**
 * Tells how often the service manager wants to hear "WATCHDOG=1": twice as often as it says, as
 * sd_watchdog_enabled(3) recommends.
 *
 * Returns: in milliseconds; 0: never
 */
guint
ap_notify_watchdog_msec(void)
{
    const char *text = g_getenv("WATCHDOG_USEC");
    guint64 usec = 0;

    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &usec, NULL))
        return 0;
    return (guint) MAX(usec / 2 / AP_USEC_PER_MSEC, 1);
}
