/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The process that speaks HTTP, with what the reading process hands it.
 */

#pragma once

#include "server/options.h"

G_BEGIN_DECLS

int ap_serve_run(int feed_fd, const ApOptions *options);

G_END_DECLS
