/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Opens TCP connections that cannot leave by another interface than the one named.
 */

#pragma once

#include "helper/io/fetcher.h"

G_BEGIN_DECLS

int ap_dial_start(const ApFetchTarget *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ap_dial_finish(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
