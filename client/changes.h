/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What happened to peers between two views. Pure.
 */

#pragma once

#include "client/view.h"

G_BEGIN_DECLS

/** One peer came, went, or got another state or reason. */
typedef struct {
    const ApClientPeer *before; /* (not owned) (nullable) of the older view; NULL: it is new */
    const ApClientPeer *after;  /* (not owned) (nullable) of the newer view; NULL: it is gone */
} ApClientChange;

GArray *ap_client_changes(const ApClientView *before, const ApClientView *after);

G_END_DECLS
