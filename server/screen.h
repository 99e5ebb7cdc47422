/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Judges what a client says about itself before others are told (coordination-protocol.md 5,
 * "Own server").
 */

#pragma once

#include "common/offer.h"
#include "server/roster.h"

G_BEGIN_DECLS

guint ap_screen_request(ApRequest *request, const ApRoster *roster);

G_END_DECLS
