/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * PURE. The text that userspace WireGuard daemons speak: "The Cross-Platform Userspace
 * Implementation", https://www.wireguard.com/xplatform/.
 */

#pragma once

#include "common/device.h"

G_BEGIN_DECLS

/** All that is ever asked. */
#define AP_UAPI_GET "get=1\n\n"

/**
 * Longest line that is taken, in bytes.
 *
 * WireGuard's own lines stay below 100; relatives of it (AmneziaWG's "i1=") send parameters
 * of a few thousand, which must be skipped rather than cut.
 */
#define AP_UAPI_MAX_LINE 16384

/** Finds the interface index of a scope's name, as if_nametoindex() does; 0: unknown. */
typedef unsigned int (*ApUapiScope)(const char *name);

typedef struct _ApUapiReader ApUapiReader;

void ap_uapi_write_set(GString *out, const ApPeerChange *changes, guint n_changes);

ApUapiReader *ap_uapi_reader_new(const ApDeviceId *id, ApUapiScope scope);
void ap_uapi_reader_keep_secret(ApUapiReader *self, ApSecretKey *out);
gboolean ap_uapi_reader_feed(ApUapiReader *self, const char *bytes, gsize n, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_uapi_reader_is_done(const ApUapiReader *self);
ApDevice *ap_uapi_reader_finish(ApUapiReader *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ap_uapi_reader_free(ApUapiReader *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApUapiReader, ap_uapi_reader_free)

G_END_DECLS
