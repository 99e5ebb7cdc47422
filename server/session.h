/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The server in one piece: a process that reads the device, one that speaks HTTP, and the first
 * process, which starts both, waits, and does nothing else.
 */

#pragma once

#include "server/options.h"

G_BEGIN_DECLS

int ap_session_run(const ApOptions *options);

G_END_DECLS
