/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/firewall.h"

/** What firewalld writes while it runs. Source: firewalld 1.3, src/firewall/config/__init__.py. */
#define FIREWALLD_PID "run/firewalld.pid"

/** Says whether ufw was switched on. Source: ufw(8), "REMOTE MANAGEMENT", ufw 0.36. */
#define UFW_CONF "etc/ufw/ufw.conf"

static gboolean
is_ufw_on(const char *root)
{
    g_autofree char *path = g_build_filename(root, UFW_CONF, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL)
           && g_regex_match_simple("^\\s*ENABLED=[\"']?yes\\b",
                                   text,
                                   G_REGEX_MULTILINE | G_REGEX_CASELESS,
                                   0);
}

/**
 * Looks for traces of the firewalls that we know; runs nothing.
 *
 * @root: "/", or another directory for tests
 *
 * Returns: AP_FIREWALL_NFT where none of them shows
 */
ApFirewall
ap_firewall_find(const char *root)
{
    g_autofree char *firewalld = g_build_filename(root, FIREWALLD_PID, NULL);

    if (g_file_test(firewalld, G_FILE_TEST_EXISTS))
        return AP_FIREWALL_FIREWALLD;
    return is_ufw_on(root) ? AP_FIREWALL_UFW : AP_FIREWALL_NFT;
}
