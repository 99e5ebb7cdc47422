/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the command line can do, in one table.
 */

#pragma once

#include "cli/session.h"

G_BEGIN_DECLS

/** One command; its @run writes to standard output and leaves messages of failure to its caller. */
typedef struct {
    const char *name;
    const char *operand; /* (nullable): what it needs besides its name, for the help */
    gboolean has_json;
    const char *help;
    gboolean (*run)(ApSession *session, const char *operand, gboolean json, GError **error);
} ApCommand;

const ApCommand *ap_command_find(const char *name);
void ap_command_append_help(GString *out);

G_END_DECLS
