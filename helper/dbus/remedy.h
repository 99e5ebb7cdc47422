/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Lines that a person may copy into a terminal, for the firewall that this computer has.
 */

#pragma once

#include "helper/core/reason.h"
#include "helper/io/firewall.h"

G_BEGIN_DECLS

char *ap_remedy_command(ApRemedy remedy, ApFirewall firewall, guint16 listen_port);

G_END_DECLS
