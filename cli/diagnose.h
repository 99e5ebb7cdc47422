/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Everything that those need who are to find out what went wrong, in one file.
 */

#pragma once

#include "cli/commands.h"

G_BEGIN_DECLS

gboolean ap_diagnose_run(ApSession *session, const ApCommandInput *input, GError **error);

G_END_DECLS
