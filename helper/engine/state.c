/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/state.h"

#include "common/error.h"

#define STATE_FILE "state"
#define STATE_GROUP "State"
#define STATE_ENABLED "Enabled"
#define STATE_PAUSE "Pause"
#define STATE_UNTIL "PausedUntil"
#define STATE_NETWORK "PausedNetwork"

static void
load_pause(GKeyFile *file, ApMode *mode, ApInstant now)
{
    g_autofree char *scope = g_key_file_get_string(file, STATE_GROUP, STATE_PAUSE, NULL);

    if (scope == NULL || !ap_pause_scope_parse(scope, &mode->pause))
        return;

    mode->until_real_usec = g_key_file_get_int64(file, STATE_GROUP, STATE_UNTIL, NULL);
    mode->network = g_key_file_get_uint64(file, STATE_GROUP, STATE_NETWORK, NULL);
    ap_mode_restore_pause(mode, now);
}

/**
 * Brings back what was last saved.
 *
 * @directory: absolute
 * @mode: what is not in the file, or cannot be read, is left as it is
 */
void
ap_state_load(const char *directory, ApMode *mode, ApInstant now)
{
    g_autofree char *path = g_build_filename(directory, STATE_FILE, NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return;

    const gboolean enabled = g_key_file_get_boolean(file, STATE_GROUP, STATE_ENABLED, &error);
    if (error == NULL)
        mode->switched_on = enabled;
    load_pause(file, mode, now);
}

/**
 * Saves the choice of the user; the file is replaced as a whole. Whether somebody holds the helper
 * is not saved.
 *
 * @error: AP_ERROR_FAILED with the system's reason
 */
gboolean
ap_state_save(const char *directory, const ApMode *mode, GError **error)
{
    g_autofree char *path = g_build_filename(directory, STATE_FILE, NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) reason = NULL;

    g_key_file_set_boolean(file, STATE_GROUP, STATE_ENABLED, mode->switched_on);
    if (mode->pause != AP_PAUSE_NONE)
        g_key_file_set_string(file, STATE_GROUP, STATE_PAUSE, ap_pause_scope_name(mode->pause));
    if (mode->pause == AP_PAUSE_TIME)
        g_key_file_set_int64(file, STATE_GROUP, STATE_UNTIL, mode->until_real_usec);
    if (mode->pause == AP_PAUSE_NETWORK)
        g_key_file_set_uint64(file, STATE_GROUP, STATE_NETWORK, mode->network);

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
