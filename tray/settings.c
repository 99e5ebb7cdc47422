/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/settings.h"

#include "common/error.h"

#include <glib/gstdio.h>

#include <errno.h>

#define GROUP "Tray"

/** Rights of a directory that is made: the person's alone. Source: XDG Base Directory 0.8. */
#define DIRECTORY_MODE 0700

static char *
file_path(void)
{
    return g_build_filename(g_get_user_config_dir(), "wg-autopeer", "tray.conf", NULL);
}

static gboolean
read_boolean(GKeyFile *file, const char *key, gboolean otherwise)
{
    g_autoptr(GError) error = NULL;
    const gboolean value = g_key_file_get_boolean(file, GROUP, key, &error);

    return error == NULL ? value : otherwise;
}

/** Reads what was saved; what is missing or broken is as in the beginning. */
void
ap_settings_load(ApSettings *self)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = file_path();

    (void) g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    self->notifications = read_boolean(file, "Notifications", TRUE);
    self->told_no_icon = read_boolean(file, "ToldNoIcon", FALSE);
}

/**
 * Writes everything, and makes the directory if need be.
 *
 * @error: AP_ERROR_FAILED
 */
gboolean
ap_settings_save(const ApSettings *self, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = file_path();
    g_autofree char *directory = g_path_get_dirname(path);
    g_autoptr(GError) file_error = NULL;

    g_key_file_set_boolean(file, GROUP, "Notifications", self->notifications);
    g_key_file_set_boolean(file, GROUP, "ToldNoIcon", self->told_no_icon);
    if (g_mkdir_with_parents(directory, DIRECTORY_MODE) != 0) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not make %s: %s",
                    directory,
                    g_strerror(errno));
        return FALSE;
    }

    if (!g_key_file_save_to_file(file, path, &file_error)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, file_error->message);
        return FALSE;
    }

    return TRUE;
}
