/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/inherit.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/** The first descriptor that is handed over: SD_LISTEN_FDS_START. */
#define FIRST_FD 3

static guint64
read_variable(const char *name)
{
    const char *text = g_getenv(name);
    guint64 number = 0;

    if (text != NULL)
        (void) g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &number, NULL);
    return number;
}

/**
 * Counts the descriptors that this very process was handed, from number 3 on.
 */
guint
ap_inherit_count(void)
{
    return read_variable("LISTEN_PID") == (guint64) getpid() ? (guint) read_variable("LISTEN_FDS")
                                                             : 0;
}

static gboolean
read_socket(int fd, ApInherited *out)
{
    struct sockaddr_storage sockaddr = {0};
    socklen_t n_bytes = sizeof(sockaddr), n_name = sizeof(out->interface), n_flag = sizeof(int);
    int is_listening = 0;

    *out = (ApInherited){.fd = fd};
    return getsockname(fd, (struct sockaddr *) &sockaddr, &n_bytes) == 0
           && ap_endpoint_from_sockaddr(&out->at, (const struct sockaddr *) &sockaddr)
           && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n_flag) == 0 && is_listening
           && getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, out->interface, &n_name) == 0
           && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/**
 * Takes over all sockets that we were handed.
 *
 * @out: (element-type ApInherited): appended to; also when the function fails
 * @error: AP_ERROR_INVALID when one of them is not a listening TCP socket, or there are too many
 */
gboolean
ap_inherit_sockets(GArray *out, GError **error)
{
    const char *all_names = g_getenv("LISTEN_FDNAMES");
    g_auto(GStrv) names = g_strsplit(all_names != NULL ? all_names : "", ":", -1);
    const guint n = ap_inherit_count();

    if (n > AP_INHERIT_MAX) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "%u sockets are too many", n);
        return FALSE;
    }

    for (guint i = 0; i < n; i++) {
        ApInherited inherited;

        if (!read_socket(FIRST_FD + (int) i, &inherited)) {
            g_set_error(error,
                        AP_ERROR,
                        AP_ERROR_INVALID,
                        "descriptor %d is not a TCP socket that accepts connections",
                        FIRST_FD + (int) i);
            return FALSE;
        }
        inherited.is_metrics =
            i < g_strv_length(names) && g_str_equal(names[i], AP_INHERIT_METRICS);
        g_array_append_val(out, inherited);
    }
    return TRUE;
}
