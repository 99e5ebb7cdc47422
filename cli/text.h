/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a person reads on a terminal. Pure: views and the time go in, text comes out.
 */

#pragma once

#include "client/changes.h"
#include "client/view.h"
#include "common/text.h"

G_BEGIN_DECLS

/** How text is to look. */
typedef struct {
    gint64 now_real_usec;
    gboolean colour;
} ApTextStyle;

char *ap_text_duration(gint64 usec);
gboolean ap_text_parse_duration(const char *text, guint64 *sec, GError **error);
char *ap_text_headline(const ApClientView *view);
char *ap_text_status(const ApClientView *view, const ApTextStyle *style);
char *ap_text_explain(const ApClientPeer *peer, const ApTextStyle *style);
char *ap_text_change(const ApClientChange *change, const ApTextStyle *style);
char *ap_text_event(const char *event, const ApTextStyle *style);

G_END_DECLS
