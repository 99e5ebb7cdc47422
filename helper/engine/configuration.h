/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The configuration files. One table of keys drives reading, `--print-config` and the sample.
 */

#pragma once

#include "helper/core/policy.h"

G_BEGIN_DECLS

ApPolicy *ap_config_load(const char *file, const char *options_file, GPtrArray *warnings);
void
ap_config_apply_text(ApPolicy *policy, const char *name, const char *text, GPtrArray *warnings);
ApPolicy *ap_config_defaults(void);
gboolean ap_config_check(const char *group, const char *name, const char *value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *ap_config_print(const ApPolicy *policy);
char *ap_config_sample(void);

G_END_DECLS
