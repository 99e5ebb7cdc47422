/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Views as the helper would send them, for the programs that test what the tray makes of them.
 */

#pragma once

#include "client/view.h"

G_BEGIN_DECLS

#define TEST_TUNNEL                                                                                \
    "{'interface': <'wg0'>, 'state': <'managed'>, 'reason': <'managed'>, 'server': "               \
    "<'10.9.0.1:80'>}"
#define TEST_LEFT_ALONE                                                                            \
    "{'interface': <'wg1'>, 'state': <'unmanaged'>, 'reason': <'no-hub'>, 'reason-text': "         \
    "<\"No configured peer leads to this tunnel's own network.\">}"

ApClientView *
test_tray_view(const char *properties, const char *tunnels, guint n_peers, guint n_direct);
ApClientView *test_tray_view_of_peers(const char *peers);

G_END_DECLS
