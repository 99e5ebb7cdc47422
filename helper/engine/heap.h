/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Memory that is free goes back to the system.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

void ap_heap_bound(void);
void ap_heap_tidy(gint64 *tidied_boot_usec, ApInstant now);

G_END_DECLS
