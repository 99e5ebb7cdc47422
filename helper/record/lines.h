/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Worlds, policies and plans as lines of text, each as the difference from the one before.
 *
 * "+path 7 KEY state=direct …" is an item that was not there, "~path 7 KEY held=yes" one that
 * changed, "-path 7 KEY" one that is gone; "twin=1" means the second item of that name. A list
 * whose items have no name is written as a whole: "=change" empties it. Lines of a plan begin
 * with ">".
 */

#pragma once

#include "helper/core/plan.h"

G_BEGIN_DECLS

/** What begins a line of a plan. */
#define AP_LINES_PLAN ">"

/** The token that tells items of one name apart; its number counts from 0, which is left out. */
#define AP_LINES_TWIN "twin="

void ap_lines_write_policy(const ApPolicy *policy, GString *out);
void ap_lines_write_world(const ApWorld *old, const ApWorld *world, GString *out);
void ap_lines_write_plan(const ApPlan *old, const ApPlan *plan, GString *out);

G_END_DECLS
