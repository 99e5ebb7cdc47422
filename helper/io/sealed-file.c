/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/sealed-file.h"

#include "common/error.h"
#include "common/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/** Nobody who has the file, we included, may write, grow, shrink or unseal it: fcntl(2). */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static gboolean
fill(int fd, const char *text)
{
    return ap_fd_write_all(fd, text, strlen(text)) && lseek(fd, 0, SEEK_SET) == 0
           && fcntl(fd, F_ADD_SEALS, SEALS) == 0;
}

/**
 * Makes a file in memory that lasts as long as somebody has it open, and can only be read.
 *
 * @name: for /proc alone
 * @text: NUL-terminated; its end is the file's
 * @error: AP_ERROR_FAILED with the system's reason
 *
 * Returns: (transfer full): at its beginning; -1 after an error
 */
int
ap_sealed_file_new(const char *name, const char *text, GError **error)
{
    ap_autofd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || !fill(fd, text)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not make a file in memory: %s",
                    g_strerror(errno));
        return -1;
    }
    return ap_fd_steal(&fd);
}
