/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The grounds of a reason, in lines for people: what was sent, what came back, and when.
 */

#pragma once

#include "cli/table.h"
#include "cli/text.h"

G_BEGIN_DECLS

void ap_text_add_line(ApTable *table, const char *name, const char *value);
char *ap_text_ago(gint64 real_usec, const ApTextStyle *style, const char *never);
void ap_evidence_add(ApTable *table, const ApClientEvidence *evidence, const ApTextStyle *style);

G_END_DECLS
