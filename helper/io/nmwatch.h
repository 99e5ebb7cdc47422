/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What NetworkManager says about interfaces, where and while it runs.
 */

#pragma once

#include "helper/io/link-merge.h"

G_BEGIN_DECLS

typedef struct _ApNmwatch ApNmwatch;

/** Called from the main loop when the list may have changed; often several times in a row. */
typedef void (*ApNmwatchFunc)(gpointer user_data);

ApNmwatch *ap_nmwatch_new(ApNmwatchFunc hint, gpointer user_data);
GPtrArray *ap_nmwatch_list(ApNmwatch *self);
const char *ap_nmwatch_get_version(const ApNmwatch *self);
void ap_nmwatch_free(ApNmwatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApNmwatch, ap_nmwatch_free)

G_END_DECLS
