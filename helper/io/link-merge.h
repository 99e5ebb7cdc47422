/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Adds what NetworkManager knows to the kernel's list of links. Pure.
 */

#pragma once

#include "helper/core/link.h"

G_BEGIN_DECLS

/** Most name servers taken of one link: more than resolvers use, and a bound on our memory. */
#define AP_LINK_MERGE_MAX_DNS 16

/** What NetworkManager says about one interface. A hint: it may be late, or not from it. */
typedef struct {
    char name[IF_NAMESIZE];
    ApLinkKind kind;     /* WIFI or MOBILE; anything else adds nothing */
    gboolean activating; /* it is just setting addresses and routes */
    GArray *dns;         /* (owned) (element-type ApAddr) */
} ApNmDevice;

ApNmDevice *ap_nm_device_new(const char *name);
void ap_nm_device_free(ApNmDevice *self);

gboolean ap_link_merge(GPtrArray *links,
                       const GPtrArray *devices,
                       const GPtrArray *before,
                       gboolean may_hold);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApNmDevice, ap_nm_device_free)

G_END_DECLS
