/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/remedy.h"

/** Port of BFD. Source: RFC 5881 section 4. */
#define PROBE_PORT 3784

static char *
open_wireguard(ApFirewall firewall, guint16 port)
{
    switch (firewall) {
    case AP_FIREWALL_NFT:
        return g_strdup_printf("nft insert rule inet filter input udp dport %u accept", port);
    case AP_FIREWALL_UFW:
        return g_strdup_printf("ufw allow %u/udp", port);
    case AP_FIREWALL_FIREWALLD:
        return g_strdup_printf("firewall-cmd --permanent --add-port=%u/udp && "
                               "firewall-cmd --reload",
                               port);
    case AP_N_FIREWALLS:
        break;
    }
    g_return_val_if_reached(g_strdup(""));
}

/* From link-local addresses, so that one line fits both computers, whatever the tunnel is called
 * on either. */
static char *
open_probe(ApFirewall firewall)
{
    switch (firewall) {
    case AP_FIREWALL_NFT:
        return g_strdup_printf("nft insert rule inet filter input "
                               "ip6 saddr fe80::/10 udp dport %d accept",
                               PROBE_PORT);
    case AP_FIREWALL_UFW:
        return g_strdup_printf("ufw allow proto udp from fe80::/10 to any port %d", PROBE_PORT);
    case AP_FIREWALL_FIREWALLD:
        return g_strdup_printf("firewall-cmd --permanent --add-rich-rule='rule family=\"ipv6\" "
                               "source address=\"fe80::/10\" port port=\"%d\" protocol=\"udp\" "
                               "accept' && firewall-cmd --reload",
                               PROBE_PORT);
    case AP_N_FIREWALLS:
        break;
    }
    g_return_val_if_reached(g_strdup(""));
}

/**
 * Writes the line that a person may copy into a terminal. It is never run by us.
 *
 * @listen_port: of WireGuard on this computer; 0: it has none yet
 *
 * Returns: (transfer full): empty where there is nothing to copy
 */
char *
ap_remedy_command(ApRemedy remedy, ApFirewall firewall, guint16 listen_port)
{
    switch (remedy) {
    case AP_REMEDY_NONE:
        return g_strdup("");
    case AP_REMEDY_OPEN_WIREGUARD:
        return listen_port != 0 ? open_wireguard(firewall, listen_port) : g_strdup("");
    case AP_REMEDY_OPEN_PROBE:
        return open_probe(firewall);
    }
    g_return_val_if_reached(g_strdup(""));
}
