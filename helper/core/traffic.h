/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Whether a path is in use: a peer's counters without what BFD, keepalives and handshakes added
 * to them (decisions.md 6 and 9).
 */

#pragma once

#include "helper/core/path.h"

G_BEGIN_DECLS

void ap_traffic_begin(ApPath *path, const ApDevicePeer *peer, const ApProof *proof, ApInstant now);
void ap_traffic_note(ApPath *path, const ApDevicePeer *peer, const ApProof *proof, ApInstant now);
gboolean ap_traffic_is_flowing(const ApPath *path, ApInstant now) G_GNUC_PURE;

G_END_DECLS
