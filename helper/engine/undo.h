/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Undoing what is on record, for the time after a helper that could not do it itself.
 */

#pragma once

#include "helper/engine/apply.h"

G_BEGIN_DECLS

gboolean ap_undo(const ApApplyTools *tools, guint64 *n_changes, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
