/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the command line can do, in one table.
 */

#pragma once

#include "cli/session.h"

G_BEGIN_DECLS

/** What was typed besides the command's name. */
typedef struct {
    const char *operand; /* (nullable) */
    gboolean json;
    gboolean wait;
    const char *output; /* (nullable) */
} ApCommandInput;

typedef enum {
    AP_COMMAND_JSON = 1 << 0,   /* it has --json */
    AP_COMMAND_WAIT = 1 << 1,   /* it has --wait */
    AP_COMMAND_BLIND = 1 << 2,  /* it is for those, too, who may not see the helper's view */
    AP_COMMAND_START = 1 << 3,  /* it starts the helper: it need not be there */
    AP_COMMAND_LOCAL = 1 << 4,  /* it has nothing to do with the helper: it gets no session */
    AP_COMMAND_OUTPUT = 1 << 5, /* it has --output */
} ApCommandFlags;

/**
 * One command.
 *
 * @operand: (nullable): what it needs besides its name; in brackets when it can do without
 * @check: (nullable): judges the operand before anybody is asked
 * @run: is given a session unless it is AP_COMMAND_LOCAL; writes to standard output and leaves
 *     messages of failure to its caller
 */
typedef struct {
    const char *name;
    const char *operand;
    guint flags;
    const char *help;
    gboolean (*check)(const char *operand, GError **error);
    gboolean (*run)(ApSession *session, const ApCommandInput *input, GError **error);
} ApCommand;

const ApCommand *ap_command_find(const char *name);
gboolean ap_command_needs_operand(const ApCommand *self);
void ap_command_append_help(GString *out);

G_END_DECLS
