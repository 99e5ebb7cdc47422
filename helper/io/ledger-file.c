/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/ledger-file.h"

#include "common/error.h"
#include "common/fd.h"
#include "helper/io/ledger-text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/**
 * Translates errno.
 *
 * @what: reads as the end of "could not"
 * @error: AP_ERROR_DENIED or AP_ERROR_FAILED
 */
void
ap_ledger_file_set_error(GError **error, const char *what, const char *name)
{
    int saved = errno;
    gboolean denied = saved == EACCES || saved == EPERM || saved == EROFS;

    g_set_error(error,
                AP_ERROR,
                denied ? AP_ERROR_DENIED : AP_ERROR_FAILED,
                "could not %s %s: %s",
                what,
                name,
                g_strerror(saved));
}

/* These tell about the file; all others (no descriptors, no memory, a broken disk) about us. */
static gboolean
is_about_the_file(int code)
{
    return code == ELOOP || code == ENXIO || code == EACCES || code == EPERM || code == EISDIR
           || code == ENODEV;
}

static gboolean
check_file(int fd, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        ap_ledger_file_set_error(error, "look at", "the file");
        return FALSE;
    }

    if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0
        && st.st_nlink == 1 && st.st_size <= AP_LEDGER_MAX_BYTES)
        return TRUE;

    g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "it is not a file of ours");
    return FALSE;
}

/* One byte more than allowed is asked for, so that a file that grew is noticed. */
static GByteArray *
read_all(int fd, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_sized_new(4096);

    while (bytes->len <= AP_LEDGER_MAX_BYTES) {
        guint8 buffer[4096];
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ap_ledger_file_set_error(error, "read", "the file");
            return NULL;
        }
        if (n == 0)
            return g_steal_pointer(&bytes);
        g_byte_array_append(bytes, buffer, (guint) n);
    }

    g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "it is too large");
    return NULL;
}

static int
open_record(int directory, const char *name, GError **error)
{
    const int fd =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && is_about_the_file(errno))
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "could not open it: %s", g_strerror(errno));
    else if (fd < 0)
        ap_ledger_file_set_error(error, "open", name);
    return fd;
}

/**
 * Reads a record.
 *
 * @directory: of the ledger
 * @error: AP_ERROR_INVALID when the record is to blame: it is not a plain file, not ours alone, or
 *     longer than AP_LEDGER_MAX_BYTES; otherwise AP_ERROR_DENIED or AP_ERROR_FAILED
 *
 * Returns: (transfer full): NULL on error
 */
GByteArray *
ap_ledger_file_read(int directory, const char *name, GError **error)
{
    ap_autofd int fd = open_record(directory, name, error);

    if (fd < 0 || !check_file(fd, error))
        return NULL;
    return read_all(fd, error);
}

static gboolean
write_for_good(int fd, const char *text, GError **error)
{
    if (ap_fd_write_all(fd, text, strlen(text)) && fsync(fd) == 0)
        return TRUE;

    ap_ledger_file_set_error(error, "write", "the ledger");
    return FALSE;
}

static gboolean
sync_directory(int directory, GError **error)
{
    if (fsync(directory) == 0)
        return TRUE;

    ap_ledger_file_set_error(error, "write", "the ledger");
    return FALSE;
}

/**
 * Replaces a record as a whole, or makes it; it is on the disk when this returns.
 *
 * @directory: of the ledger
 * @name: shorter than AP_LEDGER_FILE_NAME_LEN by at least the length of ".new"
 * @error: AP_ERROR_DENIED or AP_ERROR_FAILED; the old record or the new one then stands
 */
gboolean
ap_ledger_file_write(int directory, const char *name, const char *text, GError **error)
{
    ap_autofd int fd = -1;
    char temporary[AP_LEDGER_FILE_NAME_LEN];

    g_snprintf(temporary, sizeof(temporary), "%s.new", name);
    (void) unlinkat(directory, temporary, 0);
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        ap_ledger_file_set_error(error, "make", temporary);
        return FALSE;
    }

    if (!write_for_good(fd, text, error)) {
        (void) unlinkat(directory, temporary, 0);
        return FALSE;
    }

    if (renameat(directory, temporary, directory, name) < 0) {
        ap_ledger_file_set_error(error, "rename", temporary);
        (void) unlinkat(directory, temporary, 0);
        return FALSE;
    }

    return sync_directory(directory, error);
}

/**
 * Removes a record, for good when this returns; one that is not there is no error.
 *
 * @directory: of the ledger
 * @error: AP_ERROR_DENIED or AP_ERROR_FAILED
 */
gboolean
ap_ledger_file_remove(int directory, const char *name, GError **error)
{
    if (unlinkat(directory, name, 0) == 0)
        return sync_directory(directory, error);
    if (errno == ENOENT)
        return TRUE;

    ap_ledger_file_set_error(error, "remove", name);
    return FALSE;
}
