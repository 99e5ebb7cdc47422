/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The command line.
 */

#pragma once

#include "common/endpoint.h"
#include "common/names.h"

G_BEGIN_DECLS

/** The administrator's policy; without --policy it need not be there. */
#define AP_SERVER_POLICY AP_CONFIG_ADMIN_DIR "/server.conf"

/** Where the HTTP part finds a reading part that it did not start itself. */
#define AP_SERVER_READER_SOCKET "/run/wg-autopeer-server/reader"

/** Which of its parts the program is. */
typedef enum {
    AP_PART_ALL,
    AP_PART_HTTP,
    AP_PART_READER,
} ApPart;

/**
 * What the command line says.
 *
 * @interface: (owned) (nullable): the only one
 * @policy: (owned) (nullable): AP_SERVER_POLICY
 * @socket: (owned): of the reading part
 * @metrics: where those who watch the server ask; family 0: nowhere
 */
typedef struct {
    char *interface;
    char *policy;
    char *socket;
    guint16 port;
    ApEndpoint metrics;
    ApPart part;
    gboolean is_verbose;
    gboolean wants_version;
} ApOptions;

gboolean ap_options_parse(ApOptions *out, int argc, char **argv, GError **error);
void ap_options_clear(ApOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApOptions, ap_options_clear)

G_END_DECLS
