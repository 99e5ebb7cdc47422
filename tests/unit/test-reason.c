/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/remedy.h"
#include "helper/io/neighbours.h"

#include <glib/gstdio.h>
#include <libmnl/libmnl.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define PORT 40011

static const struct {
    ApRemedy remedy;
    ApFirewall firewall;
    guint16 port;
    const char *command;
} remedy_cases[] = {
    {AP_REMEDY_NONE, AP_FIREWALL_UFW, PORT, ""},
    {AP_REMEDY_OPEN_WIREGUARD, AP_FIREWALL_UFW, 0, ""},
    {AP_REMEDY_OPEN_WIREGUARD,
     AP_FIREWALL_NFT,
     PORT,
     "nft insert rule inet filter input udp dport 40011 accept"},
    {AP_REMEDY_OPEN_WIREGUARD, AP_FIREWALL_UFW, PORT, "ufw allow 40011/udp"},
    {AP_REMEDY_OPEN_WIREGUARD,
     AP_FIREWALL_FIREWALLD,
     PORT,
     "firewall-cmd --permanent --add-port=40011/udp && firewall-cmd --reload"},
    {AP_REMEDY_OPEN_PROBE,
     AP_FIREWALL_NFT,
     0,
     "nft insert rule inet filter input ip6 saddr fe80::/10 udp dport 3784 accept"},
    {AP_REMEDY_OPEN_PROBE,
     AP_FIREWALL_UFW,
     PORT,
     "ufw allow proto udp from fe80::/10 to any port 3784"},
    {AP_REMEDY_OPEN_PROBE,
     AP_FIREWALL_FIREWALLD,
     PORT,
     "firewall-cmd --permanent --add-rich-rule='rule family=\"ipv6\" source "
     "address=\"fe80::/10\" port port=\"3784\" protocol=\"udp\" accept' && firewall-cmd --reload"},
};

static void
test_commands_are_exact(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(remedy_cases); i++) {
        g_autofree char *command = ap_remedy_command(remedy_cases[i].remedy,
                                                     remedy_cases[i].firewall,
                                                     remedy_cases[i].port);

        g_test_message("case %zu", i);
        g_assert_cmpstr(command, ==, remedy_cases[i].command);
    }
}

static const struct {
    const char *path;
    const char *text;
    ApFirewall firewall;
} firewall_cases[] = {
    {"etc/other", "", AP_FIREWALL_NFT},
    {"etc/ufw/ufw.conf", "# a comment\nENABLED=yes\nLOGLEVEL=low\n", AP_FIREWALL_UFW},
    {"etc/ufw/ufw.conf", "ENABLED=\"yes\"\n", AP_FIREWALL_UFW},
    {"etc/ufw/ufw.conf", "#ENABLED=yes\nENABLED=no\n", AP_FIREWALL_NFT},
    {"run/firewalld.pid", "1\n", AP_FIREWALL_FIREWALLD},
};

static void
test_firewalls_are_found(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(firewall_cases); i++) {
        g_autofree char *root = g_dir_make_tmp("firewall-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(root, firewall_cases[i].path, NULL);
        g_autofree char *directory = g_path_get_dirname(path);

        g_test_message("%s: %s", firewall_cases[i].path, firewall_cases[i].text);
        g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, firewall_cases[i].text, -1, NULL));
        g_assert_cmpint(ap_firewall_find(root), ==, firewall_cases[i].firewall);

        g_assert_cmpint(g_unlink(path), ==, 0);
        for (char *up = directory; strlen(up) > strlen(root); *strrchr(up, '/') = '\0')
            g_assert_cmpint(g_rmdir(up), ==, 0);
        g_assert_cmpint(g_rmdir(root), ==, 0);
    }
}

static const struct {
    guint16 type;
    guint8 family;
    guint16 state;
    guint n_bytes; /* of the address */
    gboolean is_read;
    ApPresence presence;
} neighbour_cases[] = {
    {RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 4, TRUE, AP_PRESENCE_THERE},
    {RTM_NEWNEIGH, AF_INET6, NUD_STALE, 16, TRUE, AP_PRESENCE_THERE},
    {RTM_NEWNEIGH, AF_INET, NUD_DELAY, 4, TRUE, AP_PRESENCE_THERE},
    {RTM_NEWNEIGH, AF_INET, NUD_INCOMPLETE, 4, TRUE, AP_PRESENCE_ABSENT},
    {RTM_NEWNEIGH, AF_INET6, NUD_FAILED, 16, TRUE, AP_PRESENCE_ABSENT},
    {RTM_NEWNEIGH, AF_INET, NUD_PERMANENT, 4, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_NEWNEIGH, AF_INET, NUD_NOARP, 4, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 16, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_NEWNEIGH, AF_INET6, NUD_REACHABLE, 4, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_NEWNEIGH, AF_INET, NUD_REACHABLE, 0, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_NEWNEIGH, AF_BRIDGE, NUD_REACHABLE, 4, FALSE, AP_PRESENCE_UNKNOWN},
    {RTM_DELNEIGH, AF_INET, NUD_REACHABLE, 4, FALSE, AP_PRESENCE_UNKNOWN},
};

static void
test_neighbours_are_read(void)
{
    static const guint8 address[16] = {192, 0, 2, 7};

    for (gsize i = 0; i < G_N_ELEMENTS(neighbour_cases); i++) {
        guint8 buffer[128] __attribute__((aligned(NLMSG_ALIGNTO)));
        struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
        struct ndmsg *body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
        ApLanHost host = {.presence = AP_PRESENCE_UNKNOWN};

        g_test_message("case %zu", i);
        head->nlmsg_type = neighbour_cases[i].type;
        body->ndm_family = neighbour_cases[i].family;
        body->ndm_state = neighbour_cases[i].state;
        if (neighbour_cases[i].n_bytes > 0)
            mnl_attr_put(head, NDA_DST, neighbour_cases[i].n_bytes, address);
        g_assert_cmpint(ap_neighbours_parse(head, &host), ==, neighbour_cases[i].is_read);
        g_assert_cmpint(host.presence, ==, neighbour_cases[i].presence);
        if (neighbour_cases[i].is_read)
            g_assert_cmpmem(host.addr.bytes,
                            neighbour_cases[i].n_bytes,
                            address,
                            neighbour_cases[i].n_bytes);
    }
}

static void
test_the_table_of_this_machine_is_readable(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) hosts = ap_neighbours_read(&error);

    g_assert_no_error(error);
    g_assert_nonnull(hosts);
}

/* A line to copy comes with the reasons that a firewall causes, and with no other. */
static void
test_firewalls_have_a_remedy(void)
{
    guint n = 0;

    for (guint i = 0; i < AP_N_REASONS; i++)
        n += ap_reason_remedy((ApReason) i) != AP_REMEDY_NONE;
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmpint(ap_reason_remedy(AP_REASON_NO_ANSWER), ==, AP_REMEDY_OPEN_WIREGUARD);
    g_assert_cmpint(ap_reason_remedy(AP_REASON_PROBE_BLOCKED), ==, AP_REMEDY_OPEN_PROBE);
    g_assert_cmpint(ap_reason_remedy(AP_REASON_ONE_WAY), ==, AP_REMEDY_OPEN_PROBE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reason/commands-are-exact", test_commands_are_exact);
    g_test_add_func("/reason/firewalls-are-found", test_firewalls_are_found);
    g_test_add_func("/reason/firewalls-have-a-remedy", test_firewalls_have_a_remedy);
    g_test_add_func("/reason/neighbours-are-read", test_neighbours_are_read);
    g_test_add_func("/reason/table-is-readable", test_the_table_of_this_machine_is_readable);
    return g_test_run();
}
