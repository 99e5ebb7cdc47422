/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/settings.h"

#include "common/error.h"
#include "helper/engine/configuration.h"

#include <string.h>

#define SETTINGS_FILE "options.conf"

/**
 * What may be set. Nothing that decides which peers and tunnels are acceptable, or what a server is
 * told: that is for the files, which only an administrator with an editor changes.
 */
static const struct {
    const char *name; /* "Group.Key" */
    const char *type;
} settable[] = {
    {"General.Persistent", "b"},
    {"Peers.Keepalive", "u"},
    {"Peers.MaxPeers", "u"},
};

static const char *
find_type(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(settable); i++) {
        if (strcmp(settable[i].name, name) == 0)
            return settable[i].type;
    }
    return NULL;
}

/* The value as the file has it; NULL when it is of another type. */
static char *
to_text(GVariant *value, const char *type)
{
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE(type)))
        return NULL;

    switch (type[0]) {
    case 'b':
        return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
    case 'u':
        return g_strdup_printf("%u", g_variant_get_uint32(value));
    }
    return NULL;
}

static gboolean
is_empty_text(GVariant *value)
{
    return g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
           && g_variant_get_string(value, NULL)[0] == '\0';
}

/**
 * Returns: (transfer full): the file in @directory that keeps what was set, in the form of
 *     wg-autopeer.conf(5); it need not be there
 */
char *
ap_settings_path(const char *directory)
{
    return g_build_filename(directory, SETTINGS_FILE, NULL);
}

static gboolean
store(const char *directory, char *const *words, const char *text, GError **error)
{
    g_autofree char *path = ap_settings_path(directory);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) reason = NULL;

    /* A file that is not there or broken is begun anew. */
    (void) g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    if (text != NULL)
        g_key_file_set_value(file, words[0], words[1], text);
    else
        (void) g_key_file_remove_key(file, words[0], words[1], NULL);

    if (g_key_file_save_to_file(file, path, &reason))
        return TRUE;

    g_set_error(error,
                AP_ERROR,
                AP_ERROR_FAILED,
                "could not save the setting: %s",
                reason->message);
    return FALSE;
}

/**
 * Keeps a setting for good.
 *
 * @directory: where the file is kept; must be there
 * @name: "Group.Key"
 * @value: of the key's own type; an empty string takes back what was set
 * @error: AP_ERROR_INVALID when @name may not be set or @value makes no sense for it,
 *     AP_ERROR_FAILED when it cannot be saved
 */
gboolean
ap_settings_set(const char *directory, const char *name, GVariant *value, GError **error)
{
    const char *type = find_type(name);
    g_auto(GStrv) words = g_strsplit(name, ".", 2);
    g_autofree char *text = NULL;

    if (type == NULL) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "“%s” cannot be set here", name);
        return FALSE;
    }
    if (is_empty_text(value))
        return store(directory, words, NULL, error);

    text = to_text(value, type);
    if (text == NULL) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "%s needs a value of type %s", name, type);
        return FALSE;
    }
    return ap_config_check(words[0], words[1], text, error) && store(directory, words, text, error);
}
