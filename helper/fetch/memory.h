/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Gives memory back that was needed to start, but is not needed to run.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void ap_memory_forget_files(void);
void ap_memory_trim_heap(void);

G_END_DECLS
