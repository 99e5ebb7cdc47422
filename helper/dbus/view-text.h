/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A view as text for people, in the words of the bus. Pure.
 */

#pragma once

#include "helper/core/view.h"
#include "helper/io/firewall.h"

G_BEGIN_DECLS

/**
 * Most peers that are written: as many as one tunnel may have of ours (MaxPeers=). A hub may announce
 * thousands, and none of those tells more than their number.
 */
#define AP_VIEW_TEXT_MAX_PEERS 256

char *ap_view_text(const ApView *view, ApFirewall firewall);
char *ap_view_text_counters(const ApView *view);

G_END_DECLS
