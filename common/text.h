/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Text of others on its way to a person. Pure.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *ap_text_escape(const char *text);

G_END_DECLS
