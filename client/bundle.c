/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/bundle.h"

#include "common/error.h"
#include "common/fd.h"

#include <gio/gunixinputstream.h>

#include <string.h>
#include <unistd.h>

/** Bytes that are read at once. */
#define CHUNK 65536

static gboolean
fail(GError **error, ApError code, const char *why)
{
    g_set_error(error, AP_ERROR, code, "could not read what the helper wrote: %s", why);
    return FALSE;
}

/* Reads from the beginning, wherever the place of the open file is that we share. */
static gboolean
read_all(int fd, GString *out, GError **error)
{
    g_autofree char *chunk = g_malloc(CHUNK);
    g_autoptr(GInputStream) stream = g_unix_input_stream_new(fd, FALSE);

    if (lseek(fd, 0, SEEK_SET) < 0)
        return fail(error, AP_ERROR_FAILED, g_strerror(errno));

    for (;;) {
        g_autoptr(GError) reason = NULL;
        const gssize n = g_input_stream_read(stream, chunk, CHUNK, NULL, &reason);

        if (n < 0)
            return fail(error, AP_ERROR_FAILED, reason->message);
        if (n == 0)
            return TRUE;
        if (out->len + (gsize) n > AP_CLIENT_MAX_BUNDLE)
            return fail(error, AP_ERROR_LIMIT, "it is too long");
        g_string_append_len(out, chunk, n);
    }
}

/**
 * Reads the file that came with the answer of Diagnose.
 *
 * @reply: of type (h)
 * @files: (nullable): that came with it
 * @error: AP_ERROR_INVALID when there is no such file or it is not text, AP_ERROR_LIMIT when it is
 *     longer than AP_CLIENT_MAX_BUNDLE, AP_ERROR_FAILED with the system's reason
 *
 * Returns: (transfer full): UTF-8
 */
char *
ap_client_bundle_read(GVariant *reply, GUnixFDList *files, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gint32 handle;
    ap_autofd int fd = -1;

    g_variant_get(reply, "(h)", &handle);
    if (files != NULL && handle >= 0 && handle < g_unix_fd_list_get_length(files))
        fd = g_unix_fd_list_get(files, handle, NULL);
    if (fd < 0) {
        (void) fail(error, AP_ERROR_INVALID, "there is no file");
        return NULL;
    }

    if (!read_all(fd, text, error))
        return NULL;
    if (strlen(text->str) != text->len || !g_utf8_validate(text->str, (gssize) text->len, NULL)) {
        (void) fail(error, AP_ERROR_INVALID, "it is not text");
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
