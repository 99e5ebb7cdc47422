/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The table of all configuration keys.
 */

#pragma once

#include "helper/engine/configuration-value.h"

G_BEGIN_DECLS

/* Groups of which there may be many, by name: "Tunnel wg0", "Peer wg0 KEY". */
#define AP_GROUP_TUNNEL "Tunnel"
#define AP_GROUP_PEER "Peer"

extern const ApConfigKey ap_config_keys[];
extern const gsize ap_config_n_keys;

const ApConfigKey *ap_config_find_key(const char *group, const char *name) G_GNUC_PURE;
gboolean ap_config_is_many(const char *group) G_GNUC_PURE;

G_END_DECLS
