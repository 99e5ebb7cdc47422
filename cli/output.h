/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Standard output, as it is at the moment.
 */

#pragma once

#include "cli/text.h"

G_BEGIN_DECLS

ApTextStyle ap_output_style(void);
gboolean ap_output_write(const char *text, gboolean json, GError **error);

G_END_DECLS
