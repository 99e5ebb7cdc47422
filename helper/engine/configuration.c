/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/configuration.h"

#include "common/error.h"
#include "common/names.h"
#include "helper/engine/configuration-keys.h"

#include <string.h>

/* Sets the keys of @group, and of those alone, to their defaults. */
static void
set_initial(const char *group, gpointer base)
{
    for (gsize i = 0; i < ap_config_n_keys; i++) {
        if (strcmp(ap_config_keys[i].group, group) == 0)
            g_warn_if_fail(
                ap_config_value_read(&ap_config_keys[i], ap_config_keys[i].initial, base, NULL));
    }
}

static gboolean
is_interface_name(const char *name)
{
    const gsize n = strlen(name);

    return n > 0 && n < IF_NAMESIZE && strpbrk(name, "/ \t") == NULL;
}

/* The entry of a tunnel, made with defaults when it is the first mention. */
static ApTunnelPolicy *
tunnel_of_name(ApPolicy *policy, const char *name)
{
    ApTunnelPolicy *tunnel = (ApTunnelPolicy *) ap_policy_find_tunnel(policy, name);

    if (tunnel == NULL) {
        tunnel = ap_policy_add_tunnel(policy, name);
        set_initial(AP_GROUP_TUNNEL, tunnel);
    }
    return tunnel;
}

/*
 * Finds where the keys of a group belong: "Tunnel wg0" and "Peer wg0 KEY" have places of their
 * own, every other group is the policy's.
 *
 * @table_group: (out): what the group is called in the table
 *
 * Returns: (nullable): NULL when the name is not right for any group
 */
static gpointer
find_place(ApPolicy *policy, const char *group, const char **table_group)
{
    g_auto(GStrv) words = g_strsplit(group, " ", -1);
    const guint n = g_strv_length(words);
    ApKey key;

    *table_group = group;
    if (n == 1)
        return ap_config_is_many(group) ? NULL : policy;
    if (!is_interface_name(words[1]))
        return NULL;

    if (n == 2 && strcmp(words[0], AP_GROUP_TUNNEL) == 0) {
        *table_group = AP_GROUP_TUNNEL;
        return tunnel_of_name(policy, words[1]);
    }
    if (n == 3 && strcmp(words[0], AP_GROUP_PEER) == 0 && ap_key_parse(&key, words[2], NULL)) {
        *table_group = AP_GROUP_PEER;
        return ap_tunnel_policy_get_peer(tunnel_of_name(policy, words[1]), &key);
    }
    return NULL;
}

static void
apply_group(ApPolicy *policy,
            GKeyFile *file,
            const char *name,
            const char *group,
            GPtrArray *warnings)
{
    const char *table_group;
    gpointer base = find_place(policy, group, &table_group);
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

    for (guint i = 0; keys != NULL && keys[i] != NULL; i++) {
        const ApConfigKey *key = base != NULL ? ap_config_find_key(table_group, keys[i]) : NULL;
        g_autofree char *value = g_key_file_get_value(file, group, keys[i], NULL);
        g_autoptr(GError) error = NULL;

        if (key == NULL)
            g_ptr_array_add(warnings,
                            g_strdup_printf("%s: [%s] %s= is not known", name, group, keys[i]));
        else if (!ap_config_value_read(key, g_strstrip(value), base, &error))
            g_ptr_array_add(
                warnings,
                g_strdup_printf("%s: [%s] %s=: %s", name, group, keys[i], error->message));
    }
}

/**
 * Applies the text of one file on top of what @policy says already.
 *
 * A key that is not known or does not make sense keeps the value that it had: one typing
 * error must not switch everything off.
 *
 * @name: the file's name, for warnings
 * @warnings: (element-type utf8): gets a line for each thing that was left out
 */
void
ap_config_apply_text(ApPolicy *policy, const char *name, const char *text, GPtrArray *warnings)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &error)) {
        g_ptr_array_add(warnings, g_strdup_printf("%s: %s", name, error->message));
        return;
    }

    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (guint i = 0; groups[i] != NULL; i++)
        apply_group(policy, file, name, groups[i], warnings);
}

/**
 * Makes the policy of an installation without any file.
 *
 * Returns: (transfer full)
 */
ApPolicy *
ap_config_defaults(void)
{
    ApPolicy *policy = ap_policy_new();

    for (gsize i = 0; i < ap_config_n_keys; i++) {
        const char *group = ap_config_keys[i].group;
        const gboolean is_first = i == 0 || strcmp(group, ap_config_keys[i - 1].group) != 0;

        if (is_first && !ap_config_is_many(group))
            set_initial(group, policy);
    }
    return policy;
}

static void
apply_file(ApPolicy *policy, const char *path, gboolean must_exist, GPtrArray *warnings)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (g_file_get_contents(path, &text, NULL, &error))
        ap_config_apply_text(policy, path, text, warnings);
    else if (must_exist || !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_ptr_array_add(warnings, g_strdup(error->message));
}

static int
compare_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
apply_directory(ApPolicy *policy, const char *path, GPtrArray *warnings)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_strdup(name));
    }

    g_ptr_array_sort(names, compare_text);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *full = g_build_filename(path, g_ptr_array_index(names, i), NULL);

        apply_file(policy, full, TRUE, warnings);
    }
}

/* A server without a port of its own is asked on the common one, wherever that was set. */
static void
complete_servers(ApPolicy *policy)
{
    for (guint i = 0; i < policy->tunnels->len; i++) {
        ApTunnelPolicy *tunnel = g_ptr_array_index(policy->tunnels, i);

        if (ap_endpoint_is_set(&tunnel->server) && tunnel->server.port == 0)
            tunnel->server.port = policy->coord_port;
    }
}

/**
 * Reads the configuration: the vendor's file, the administrator's, then conf.d in the order
 * of names, then what was set over the bus; what comes later wins.
 *
 * @file: (nullable): read this one file instead of the vendor's and the administrator's
 * @options_file: (nullable): what was set over the bus; need not be there
 * @warnings: (element-type utf8): gets a line for each thing that was left out
 *
 * Returns: (transfer full): never NULL
 */
ApPolicy *
ap_config_load(const char *file, const char *options_file, GPtrArray *warnings)
{
    ApPolicy *policy = ap_config_defaults();

    if (file != NULL) {
        apply_file(policy, file, TRUE, warnings);
    } else {
        apply_file(policy, AP_CONFIG_VENDOR_DIR "/" AP_CONFIG_NAME, FALSE, warnings);
        apply_file(policy, AP_CONFIG_ADMIN_DIR "/" AP_CONFIG_NAME, FALSE, warnings);
        apply_directory(policy, AP_CONFIG_ADMIN_DIR "/conf.d", warnings);
    }

    if (options_file != NULL)
        apply_file(policy, options_file, FALSE, warnings);
    complete_servers(policy);
    return policy;
}

/**
 * Tells whether a file could say @value for the key @name of @group, which is not a tunnel's
 * or a peer's.
 *
 * @error: AP_ERROR_INVALID when there is no such key, or the value makes no sense for it
 */
gboolean
ap_config_check(const char *group, const char *name, const char *value, GError **error)
{
    g_autoptr(ApPolicy) scratch = ap_config_defaults();
    const ApConfigKey *key = !ap_config_is_many(group) ? ap_config_find_key(group, name) : NULL;

    if (key != NULL)
        return ap_config_value_read(key, value, scratch, error);

    g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "there is no key %s=", name);
    return FALSE;
}
