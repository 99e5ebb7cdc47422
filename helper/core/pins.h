/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whose an address was a moment ago: security rule A8. Without it a server could hand an address
 * from key to key in the time between two looks at the device.
 */

#pragma once

#include "common/device.h"
#include "common/instant.h"
#include "helper/core/world.h"

G_BEGIN_DECLS

void ap_pins_add(ApPath *self, const ApAddr *addr, ApInstant now);
void ap_pins_hold(ApPath *self, const ApDevicePeer *peer, ApInstant now);
gboolean ap_pins_last(const ApPath *self, ApInstant now) G_GNUC_PURE;

G_END_DECLS
