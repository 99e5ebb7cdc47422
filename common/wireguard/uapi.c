/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/uapi.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/wireguard/trouble.h"
#include "common/wireguard/uapi-message.h"

#include <sodium.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/** What follows the name of the device in the name of its socket. */
#define SOCKET_SUFFIX ".sock"

/** Bytes taken by one recv(): wireguard-go writes through a buffer of 4 KiB, the kernel joins. */
#define CHUNK_SIZE 65536

typedef struct {
    ApWireguard parent;
    char *dir; /* (owned) */
} ApUapi;

/** A connection to one daemon; -1: none. Closes itself. */
typedef struct {
    int fd;
    gint64 deadline_boot_usec;
} Connection;

static void
connection_clear(Connection *self)
{
    if (self->fd >= 0)
        (void) close(self->fd);
    self->fd = -1;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Connection, connection_clear)

static void
set_call_error(GError **error, int errnum, const ApDeviceId *id)
{
    /* The daemon is dead and left its socket behind, or took it away. */
    if (errnum == ECONNREFUSED || errnum == ENOENT)
        errnum = ENODEV;
    ap_wireguard_set_error(error, errnum, "reach the daemon of", id->name);
}

/* The daemon may be as slow in taking the connection as with all else. */
static gboolean
limit_connect(const Connection *self)
{
    const struct timeval limit = {
        .tv_sec = AP_WIREGUARD_UAPI_TIMEOUT_USEC / AP_USEC_PER_SEC,
        .tv_usec = AP_WIREGUARD_UAPI_TIMEOUT_USEC % AP_USEC_PER_SEC,
    };

    return setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0;
}

/*
 * After a call that failed: TRUE when it may be tried again. Waits for @events where it would have
 * had to wait, and no longer than the connection may take. On failure errno tells why.
 */
static gboolean
may_try_again(const Connection *self, short events)
{
    struct pollfd pollfd = {.fd = self->fd, .events = events};
    gint64 left_usec;
    int n;

    if (errno == EINTR)
        return TRUE;
    if (errno != EAGAIN)
        return FALSE;

    left_usec = self->deadline_boot_usec - ap_clock_now().boot_usec;
    if (left_usec <= 0) {
        errno = ETIMEDOUT;
        return FALSE;
    }

    n = poll(&pollfd, 1, (int) ((left_usec + AP_USEC_PER_MSEC - 1) / AP_USEC_PER_MSEC));
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* On failure errno tells why. */
static gboolean
connection_open(Connection *self, const char *dir, const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int n =
        g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s" SOCKET_SUFFIX, dir, name);

    if (n < 0 || (gsize) n >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return FALSE;
    }

    self->deadline_boot_usec = ap_clock_now().boot_usec + AP_WIREGUARD_UAPI_TIMEOUT_USEC;
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return self->fd >= 0 && limit_connect(self)
           && connect(self->fd, (const struct sockaddr *) (const void *) &addr, sizeof(addr)) == 0;
}

/* On failure errno tells why. */
static gboolean
connection_send(const Connection *self, const char *text, gsize n)
{
    while (n > 0) {
        const gssize n_sent = send(self->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n_sent < 0 && !may_try_again(self, POLLOUT))
            return FALSE;
        if (n_sent > 0) {
            text += n_sent;
            n -= (gsize) n_sent;
        }
    }
    return TRUE;
}

static gboolean
receive(const Connection *self, ApUapiReader *reader, const ApDeviceId *id, GError **error)
{
    g_autofree char *chunk = g_malloc(CHUNK_SIZE);
    gboolean ok = TRUE;

    while (ok && !ap_uapi_reader_is_done(reader)) {
        const gssize n = recv(self->fd, chunk, CHUNK_SIZE, MSG_DONTWAIT);

        if (n > 0) {
            ok = ap_uapi_reader_feed(reader, chunk, (gsize) n, error);
            sodium_memzero(chunk, (gsize) n);
        } else if (n == 0) {
            break; /* the reader knows whether that was the end */
        } else if (!may_try_again(self, POLLIN)) {
            set_call_error(error, errno, id);
            ok = FALSE;
        }
    }

    return ok;
}

/* Sends @request to the daemon of @id and reads its answer. @secret: (nullable): gets the key. */
static ApDevice *
call(ApUapi *self,
     const ApDeviceId *id,
     const char *request,
     gsize n,
     ApSecretKey *secret,
     GError **error)
{
    g_auto(Connection) connection = {.fd = -1};
    g_autoptr(ApUapiReader) reader = ap_uapi_reader_new(id, if_nametoindex);

    ap_uapi_reader_keep_secret(reader, secret);

    if (!connection_open(&connection, self->dir, id->name)) {
        set_call_error(error, errno, id);
        return NULL;
    }

    /*
     * The socket is known by name alone. Once connected we hold on to one daemon; if the name
     * still means the device that the caller means, then so does the daemon.
     */
    if (if_nametoindex(id->name) != id->ifindex) {
        set_call_error(error, ENODEV, id);
        return NULL;
    }
    if (!connection_send(&connection, request, n)) {
        set_call_error(error, errno, id);
        return NULL;
    }
    if (!receive(&connection, reader, id, error))
        return NULL;
    return ap_uapi_reader_finish(reader, error);
}

/* "wg0.sock": takes the name out when it can be that of an interface (dev_valid_name()). */
static gboolean
take_name(const char *file, char name[static IF_NAMESIZE])
{
    const gsize n_file = strlen(file);
    const gsize n_suffix = strlen(SOCKET_SUFFIX);

    if (n_file <= n_suffix || n_file - n_suffix >= IF_NAMESIZE
        || !g_str_has_suffix(file, SOCKET_SUFFIX))
        return FALSE;

    memcpy(name, file, n_file - n_suffix);
    name[n_file - n_suffix] = '\0';
    if (g_str_equal(name, ".") || g_str_equal(name, ".."))
        return FALSE;

    for (const char *c = name; *c != '\0'; c++) {
        if (*c == ':' || g_ascii_isspace(*c))
            return FALSE;
    }
    return TRUE;
}

/* A socket that nobody listens on any more is left alone: it is not ours to remove. */
static gboolean
is_alive(ApUapi *self, const char *name)
{
    g_auto(Connection) connection = {.fd = -1};

    return connection_open(&connection, self->dir, name)
           || (errno != ECONNREFUSED && errno != ENOENT);
}

static void
consider(ApUapi *self, int dir_fd, const char *file, GArray *out)
{
    ApDeviceId id = {.backend = AP_BACKEND_USERSPACE};
    struct stat st;

    if (!take_name(file, id.name) || fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0
        || !S_ISSOCK(st.st_mode))
        return;

    id.ifindex = if_nametoindex(id.name);
    if (id.ifindex != 0 && is_alive(self, id.name))
        g_array_append_val(out, id);
}

static gboolean
uapi_list(ApWireguard *base, GArray *out, GError **error)
{
    ApUapi *self = (ApUapi *) base;
    DIR *dir = opendir(self->dir);
    const struct dirent *entry;

    if (dir == NULL && errno == ENOENT)
        return TRUE;

    if (dir == NULL) {
        ap_wireguard_set_error(error, errno, "list", self->dir);
        return FALSE;
    }

    while ((entry = readdir(dir)) != NULL)
        consider(self, dirfd(dir), entry->d_name, out);
    (void) closedir(dir);
    return TRUE;
}

static ApDevice *
uapi_read(ApWireguard *base, const ApDeviceId *id, GError **error)
{
    return call((ApUapi *) base, id, AP_UAPI_GET, strlen(AP_UAPI_GET), NULL, error);
}

static gboolean
uapi_read_secret(ApWireguard *base, const ApDeviceId *id, ApSecretKey *out, GError **error)
{
    g_autoptr(ApDevice) device =
        call((ApUapi *) base, id, AP_UAPI_GET, strlen(AP_UAPI_GET), out, error);

    return device != NULL;
}

static gboolean
uapi_apply(ApWireguard *base,
           const ApDeviceId *id,
           const ApPeerChange *changes,
           guint n_changes,
           GError **error)
{
    g_autoptr(GString) request = g_string_new(NULL);
    g_autoptr(ApDevice) answer = NULL;

    ap_uapi_write_set(request, changes, n_changes);
    answer = call((ApUapi *) base, id, request->str, request->len, NULL, error);
    return answer != NULL;
}

static void
uapi_free(ApWireguard *base)
{
    ApUapi *self = (ApUapi *) base;

    g_free(self->dir);
    g_free(self);
}

static const ApWireguardOps uapi_ops = {
    .list = uapi_list,
    .read = uapi_read,
    .read_secret = uapi_read_secret,
    .apply = uapi_apply,
    .free = uapi_free,
};

/**
 * Makes the backend for userspace daemons.
 *
 * @dir: where their sockets are; copied
 *
 * A device is listed when its socket answers and an interface of its name is in this network
 * namespace. A socket that nobody listens on is not a device, and is never removed.
 *
 * Returns: (transfer full)
 */
ApWireguard *
ap_wireguard_uapi_new(const char *dir)
{
    ApUapi *self = g_new0(ApUapi, 1);

    self->parent.ops = &uapi_ops;
    self->dir = g_strdup(dir);
    return &self->parent;
}
