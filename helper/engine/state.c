/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/state.h"

#include "common/error.h"

#define STATE_FILE "state"
#define STATE_GROUP "State"
#define STATE_ENABLED "Enabled"

/**
 * Tells what was last saved.
 *
 * @directory: absolute
 * @otherwise: the answer when nothing readable is there
 */
gboolean
ap_state_load_enabled(const char *directory, gboolean otherwise)
{
    g_autofree char *path = g_build_filename(directory, STATE_FILE, NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return otherwise;

    const gboolean enabled = g_key_file_get_boolean(file, STATE_GROUP, STATE_ENABLED, &error);
    return error == NULL ? enabled : otherwise;
}

/**
 * Saves the choice of the user; the file is replaced as a whole.
 *
 * @error: AP_ERROR_FAILED with the system's reason
 */
gboolean
ap_state_save_enabled(const char *directory, gboolean enabled, GError **error)
{
    g_autofree char *path = g_build_filename(directory, STATE_FILE, NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) reason = NULL;

    g_key_file_set_boolean(file, STATE_GROUP, STATE_ENABLED, enabled);
    if (!g_key_file_save_to_file(file, path, &reason)) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_FAILED,
                    "could not save the choice: %s",
                    reason->message);
        return FALSE;
    }
    return TRUE;
}
