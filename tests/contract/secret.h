/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * A private key that this process never holds as a whole, and a search for it in memory.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** The key as `wg set … private-key` takes it; secret_byte() gives its bytes one by one. */
#define SECRET_BASE64 "SE9WXWRrcnlAR05VXGNqcXh/Rk1UW2JpcHd+RUxTWmE="

guint8 secret_byte(guint i);
guint secret_count_in_memory(void);

G_END_DECLS
