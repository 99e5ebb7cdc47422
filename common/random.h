/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Numbers that nobody can guess.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

void ap_random_fill(gpointer out, gsize n_bytes);

G_END_DECLS
