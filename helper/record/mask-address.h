/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Addresses into other addresses, so that networks stay networks (the idea of Crypto-PAn: Xu, Fan,
 * Ammar, Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002).
 */

#pragma once

#include "common/cidr.h"

G_BEGIN_DECLS

/** What a mask of addresses goes by. */
typedef struct {
    const guint8 *key;      /* (not owned) outlives us: of AP_MASK_KEY_LEN bytes */
    const GArray *networks; /* (not owned) outlives us: (element-type ApCidr) whose edges stay */
} ApAddressMask;

guint64 ap_mask_hash(const guint8 *key, const char *purpose, const guint8 *data, gsize n);
ApAddr ap_mask_address(const ApAddressMask *self, const ApAddr *addr);

G_END_DECLS
