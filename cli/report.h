/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a script reads: one JSON object a line, with a version of its form ("schema"). Members are
 * never removed or renamed within a schema; more may come. Pure.
 */

#pragma once

#include "client/changes.h"
#include "client/view.h"

G_BEGIN_DECLS

/** The form of the output; rises when a member goes or changes its meaning. */
#define AP_REPORT_SCHEMA 1

char *ap_report_status(const ApClientView *view);
char *ap_report_explain(const GPtrArray *peers);
char *ap_report_change(const ApClientChange *change, gint64 now_real_usec);
char *ap_report_helper(const ApClientView *view, gint64 now_real_usec);

G_END_DECLS
