/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Shows changes as they come.
 */

#pragma once

#include "cli/commands.h"

G_BEGIN_DECLS

gboolean ap_monitor_run(ApSession *session, const ApCommandInput *input, GError **error);

G_END_DECLS
