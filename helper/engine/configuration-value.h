/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The values of configuration keys: text on one side, a place in a struct on the other.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What a value looks like, and how it is stored. */
typedef enum {
    AP_CONFIG_BOOLEAN,   /* gboolean */
    AP_CONFIG_NUMBER,    /* guint */
    AP_CONFIG_NUMBER16,  /* guint16 */
    AP_CONFIG_MANAGE,    /* ApManage */
    AP_CONFIG_SCOPE,     /* ApScope */
    AP_CONFIG_KINDS,     /* guint: bit set of ApLinkKind */
    AP_CONFIG_NETWORKS,  /* GArray of ApCidr */
    AP_CONFIG_KEYS,      /* GArray of ApKey */
    AP_CONFIG_SERVER,    /* ApEndpoint; port 0: the one of [Server] Port= */
    AP_CONFIG_TRUST,     /* ApTrustLevel */
    AP_CONFIG_PEER_NAME, /* char[AP_PEER_NAME_MAX + 1] */
    AP_CONFIG_ENDPOINTS, /* GArray of ApEndpoint */
} ApConfigType;

/**
 * One key.
 *
 * @offset: in bytes, in ApPolicy; in ApTunnelPolicy for the group "Tunnel", in ApPeerPolicy for
 *     the group "Peer"
 * @min, @max: bounds of a number
 * @initial: the default, as text
 * @doc: one sentence or two for the sample and the manual
 */
typedef struct {
    const char *group;
    const char *key;
    ApConfigType type;
    gsize offset;
    guint min, max;
    const char *initial;
    const char *doc;
} ApConfigKey;

gboolean
ap_config_value_read(const ApConfigKey *key, const char *value, gpointer base, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_config_value_append(GString *out, const ApConfigKey *key, gconstpointer base);

G_END_DECLS
