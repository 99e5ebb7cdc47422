/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Commands that make the helper do something.
 */

#pragma once

#include "cli/commands.h"

G_BEGIN_DECLS

gboolean ap_wish_resync(ApSession *session, const ApCommandInput *input, GError **error);
gboolean ap_wish_enable(ApSession *session, const ApCommandInput *input, GError **error);
gboolean ap_wish_disable(ApSession *session, const ApCommandInput *input, GError **error);
gboolean ap_wish_check_pause(const char *operand, GError **error);
gboolean ap_wish_pause(ApSession *session, const ApCommandInput *input, GError **error);
gboolean ap_wish_resume(ApSession *session, const ApCommandInput *input, GError **error);
gboolean ap_wish_hold(ApSession *session, const ApCommandInput *input, GError **error);

G_END_DECLS
