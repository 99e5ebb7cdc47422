/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * One IPv6 address of an interface, added or taken away by rtnetlink.
 */

#pragma once

#include "common/addr.h"

G_BEGIN_DECLS

/** How addresses are edited; tests have others. See ap_address_system. */
typedef struct {
    gboolean (*add)(guint32 ifindex, const ApAddr *addr, gboolean *was_there, GError **error);
    gboolean (*remove)(guint32 ifindex, const ApAddr *addr, GError **error);
} ApAddressOps;

extern const ApAddressOps ap_address_system;

gboolean ap_address_add(guint32 ifindex, const ApAddr *addr, gboolean *was_there, GError **error);
gboolean ap_address_remove(guint32 ifindex, const ApAddr *addr, GError **error);
gboolean ap_address_is_possible(guint32 ifindex, GError **error);

G_END_DECLS
