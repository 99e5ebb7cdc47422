/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Which program keeps the rules of this computer's firewall.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What keeps the rules of this computer's firewall. */
typedef enum {
    AP_FIREWALL_NFT, /* nothing that we know: the kernel's own, with the table that Debian ships */
    AP_FIREWALL_UFW,
    AP_FIREWALL_FIREWALLD,
    AP_N_FIREWALLS,
} ApFirewall;

ApFirewall ap_firewall_find(const char *root);

G_END_DECLS
