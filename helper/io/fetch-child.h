/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The process that reads HTTP for us: starting it, talking with it, getting rid of it. It is the
 * only program that the helper ever starts.
 */

#pragma once

#include "common/exchange.h"

G_BEGIN_DECLS

typedef struct _ApFetchChild ApFetchChild;

/**
 * Called from the main loop with what the child reports.
 *
 * @result: (nullable): NULL: the child died or sent nonsense; free it, nothing else will come
 */
typedef void (*ApFetchChildFunc)(ApExchangeResult *result, gpointer user_data);

ApFetchChild *ap_fetch_child_spawn(const char *program,
                                   ApFetchChildFunc report,
                                   gpointer user_data,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean
ap_fetch_child_send(ApFetchChild *self, const ApExchange *exchange, int connection, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_fetch_child_free(ApFetchChild *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApFetchChild, ap_fetch_child_free)

G_END_DECLS
