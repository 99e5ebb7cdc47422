/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The peers in the order in which people look for them. Pure.
 */

#pragma once

#include "client/view.h"

G_BEGIN_DECLS

GPtrArray *ap_peers_sorted(const ApClientView *view);

G_END_DECLS
