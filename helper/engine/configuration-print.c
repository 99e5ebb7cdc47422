/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The configuration as text: what is in force, and the sample.
 */

#include "helper/engine/configuration-keys.h"
#include "helper/engine/configuration.h"

#include <string.h>

/** The public key in the sample: one that was made up. */
#define SAMPLE_KEY "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY="

static void
print_group(GString *out, const char *title, const char *group, gconstpointer base)
{
    g_string_append_printf(out, "%s[%s]\n", out->len > 0 ? "\n" : "", title);
    for (gsize i = 0; i < ap_config_n_keys; i++) {
        if (strcmp(ap_config_keys[i].group, group) != 0)
            continue;
        g_string_append_printf(out, "%s=", ap_config_keys[i].key);
        ap_config_value_append(out, &ap_config_keys[i], base);
        g_string_append_c(out, '\n');
    }
}

/* Calls @visit for each group of which there is one, in the order of the table. */
static void
foreach_group(void (*visit)(GString *out, const char *group, gconstpointer data),
              GString *out,
              gconstpointer data)
{
    const char *last = "";

    for (gsize i = 0; i < ap_config_n_keys; i++) {
        const char *group = ap_config_keys[i].group;

        if (strcmp(group, last) != 0 && !ap_config_is_many(group))
            visit(out, group, data);
        last = group;
    }
}

static void
print_global_group(GString *out, const char *group, gconstpointer policy)
{
    print_group(out, group, group, policy);
}

static void
print_tunnel(GString *out, const ApTunnelPolicy *tunnel)
{
    g_autofree char *title = g_strdup_printf(AP_GROUP_TUNNEL " %s", tunnel->name);

    print_group(out, title, AP_GROUP_TUNNEL, tunnel);
    for (guint i = 0; i < tunnel->peers->len; i++) {
        const ApPeerPolicy *peer = g_ptr_array_index(tunnel->peers, i);
        g_autofree char *peer_title = NULL;
        char key[AP_KEY_TEXT_LEN];

        ap_key_to_text(&peer->key, key);
        peer_title = g_strdup_printf(AP_GROUP_PEER " %s %s", tunnel->name, key);
        print_group(out, peer_title, AP_GROUP_PEER, peer);
    }
}

/**
 * Writes the whole configuration in force, in the form in which it is read.
 *
 * Returns: (transfer full)
 */
char *
ap_config_print(const ApPolicy *policy)
{
    GString *out = g_string_new(NULL);

    foreach_group(print_global_group, out, policy);
    for (guint i = 0; i < policy->tunnels->len; i++)
        print_tunnel(out, g_ptr_array_index(policy->tunnels, i));
    return g_string_free(out, FALSE);
}

/* @off: "#" where the group itself would say something */
static void
sample_group(GString *out, const char *off, const char *title, const char *group)
{
    g_string_append_printf(out, "\n%s[%s]\n", off, title);
    for (gsize i = 0; i < ap_config_n_keys; i++) {
        if (strcmp(ap_config_keys[i].group, group) != 0)
            continue;

        g_auto(GStrv) lines = g_strsplit(ap_config_keys[i].doc, "\n", -1);
        for (guint line = 0; lines[line] != NULL; line++)
            g_string_append_printf(out, "# %s\n", lines[line]);
        g_string_append_printf(out, "#%s=%s\n", ap_config_keys[i].key, ap_config_keys[i].initial);
    }
}

static void
sample_global_group(GString *out, const char *group, gconstpointer unused)
{
    (void) unused;
    sample_group(out, "", group, group);
}

/**
 * Writes the sample file: every key with its explanation and default, all commented out.
 *
 * Returns: (transfer full)
 */
char *
ap_config_sample(void)
{
    GString *out =
        g_string_new("# wg-autopeer.conf: see wg-autopeer.conf(5). Every line shows the default.\n"
                     "# What is set here, or in conf.d/*.conf beside this file, wins.\n");

    foreach_group(sample_global_group, out, NULL);
    g_string_append(out, "\n# One group for each tunnel that needs something of its own.");
    sample_group(out, "", AP_GROUP_TUNNEL " wg0", AP_GROUP_TUNNEL);
    g_string_append(out,
                    "\n# One group for each peer of a tunnel of which gossip has more to know.");
    sample_group(out, "#", AP_GROUP_PEER " wg0 " SAMPLE_KEY, AP_GROUP_PEER);
    return g_string_free(out, FALSE);
}
