/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The rtnetlink sockets: one hears that something changed, the other reads what is.
 */

#pragma once

#include "helper/core/link.h"

G_BEGIN_DECLS

typedef struct _ApRtnetlink ApRtnetlink;

ApRtnetlink *ap_rtnetlink_new(GError **error);
int ap_rtnetlink_get_fd(const ApRtnetlink *self);
gboolean ap_rtnetlink_drain(ApRtnetlink *self);
GPtrArray *ap_rtnetlink_read(ApRtnetlink *self, GError **error);
void ap_rtnetlink_free(ApRtnetlink *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApRtnetlink, ap_rtnetlink_free)

G_END_DECLS
