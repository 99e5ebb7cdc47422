/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/survey.h"

#include "common/error.h"

#include <net/if.h>
#include <string.h>

/** Most bytes of the list that are read: a thousand names. */
#define MAX_LIST_BYTES (1000 * IF_NAMESIZE)

/* A piece of the text, not a copy: private keys stand beside it. */
typedef struct {
    const char *at;
    gsize n;
} Piece;

static Piece
strip(const char *at, gsize n)
{
    while (n > 0 && g_ascii_isspace(at[n - 1]))
        n--;
    while (n > 0 && g_ascii_isspace(at[0])) {
        at++;
        n--;
    }
    return (Piece){at, n};
}

static gboolean
piece_is(Piece piece, const char *word)
{
    return piece.n == strlen(word) && g_ascii_strncasecmp(piece.at, word, piece.n) == 0;
}

/**
 * Tells whether a configuration of wg-quick has SaveConfig=true. Like wg-quick it takes the last
 * one, in sections [Interface] only, in upper or lower case. Nothing of @text is copied.
 *
 * @text: NUL-terminated; of any encoding
 */
gboolean
ap_survey_says_save(const char *text)
{
    gboolean in_interface = FALSE;
    gboolean saves = FALSE;

    while (text[0] != '\0') {
        const gsize n_line = strcspn(text, "\n");
        const char *comment = memchr(text, '#', n_line);
        const Piece line = strip(text, comment != NULL ? (gsize) (comment - text) : n_line);
        const char *equals = memchr(line.at, '=', line.n);

        text += text[n_line] == '\n' ? n_line + 1 : n_line;
        if (line.n > 0 && line.at[0] == '[') {
            in_interface = piece_is(line, "[Interface]");
        } else if (in_interface && equals != NULL) {
            const gsize n_key = (gsize) (equals - line.at);

            if (piece_is(strip(line.at, n_key), "SaveConfig"))
                saves = piece_is(strip(equals + 1, line.n - n_key - 1), "true");
        }
    }
    return saves;
}

/* The interface that a file is for; NULL: none. */
static char *
interface_of(const char *file)
{
    if (!g_str_has_suffix(file, ".conf") || strlen(file) >= IF_NAMESIZE + strlen(".conf"))
        return NULL;
    return g_strndup(file, strlen(file) - strlen(".conf"));
}

static void
survey_file(const char *directory, const char *file, GString *out)
{
    g_autofree char *interface = interface_of(file);
    g_autofree char *path = g_build_filename(directory, file, NULL);
    g_autofree char *text = NULL;
    gsize n_bytes;

    if (interface == NULL || !g_file_get_contents(path, &text, &n_bytes, NULL))
        return;
    if (ap_survey_says_save(text))
        g_string_append_printf(out, "%s\n", interface);
    explicit_bzero(text, n_bytes);
}

/**
 * Writes the names of the tunnels in @directory that wg-quick saves to @path, one a line.
 *
 * Files that cannot be read are left out. Without @directory there are none.
 *
 * @error: AP_ERROR_FAILED when @directory cannot be read, or @path not be written; what was there
 *     stays
 */
gboolean
ap_survey_write(const char *directory, const char *path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &reason);
    g_autoptr(GString) out = g_string_new(NULL);
    const char *file;

    if (dir == NULL && !g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, reason->message);
        return FALSE;
    }

    while (dir != NULL && (file = g_dir_read_name(dir)) != NULL)
        survey_file(directory, file, out);

    g_clear_error(&reason);
    if (!g_file_set_contents_full(path,
                                  out->str,
                                  (gssize) out->len,
                                  G_FILE_SET_CONTENTS_CONSISTENT,
                                  0644,
                                  &reason)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, reason->message);
        return FALSE;
    }
    return TRUE;
}

/**
 * Reads what ap_survey_write() wrote. Names that cannot be those of an interface are skipped, and
 * a list that is not there is empty.
 *
 * Returns: (transfer full) (element-type utf8)
 */
GPtrArray *
ap_survey_load(const char *path)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;
    gsize n_bytes;

    if (!g_file_get_contents(path, &text, &n_bytes, NULL) || n_bytes > MAX_LIST_BYTES)
        return names;

    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && strlen(lines[i]) < IF_NAMESIZE)
            g_ptr_array_add(names, g_strdup(lines[i]));
    }
    return names;
}
