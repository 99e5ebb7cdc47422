/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Views in the words of the bus (resources/org.wgautopeer.Autopeer1.xml). Pure.
 */

#pragma once

#include "helper/core/view.h"
#include "helper/io/firewall.h"

G_BEGIN_DECLS

const char *ap_answer_state(const ApView *view);
GVariant *ap_answer_view(const ApView *view, ApFirewall firewall);
GVariant *
ap_answer_explain(const ApView *view, const char *key, ApFirewall firewall, GError **error);
GVariant *ap_answer_metrics(const ApView *view);

G_END_DECLS
