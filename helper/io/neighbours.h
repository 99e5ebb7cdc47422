/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The kernel's neighbour table: whether anybody on the LAN answers for an address (ARP, NDP).
 */

#pragma once

#include "helper/core/world.h"

struct nlmsghdr;

G_BEGIN_DECLS

GArray *ap_neighbours_read(GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_neighbours_parse(const struct nlmsghdr *message, ApLanHost *out);

G_END_DECLS
