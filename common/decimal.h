/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Numbers as text, where there are so many that printf() would take most of the time.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Digits of the longest number: 18,446,744,073,709,551,615. */
#define AP_DECIMAL_MAX_DIGITS 20

/** Appends @number in decimal, without a sign or leading zeros. */
static inline void
ap_decimal_append(GString *out, guint64 number)
{
    char digits[AP_DECIMAL_MAX_DIGITS];
    gsize at = sizeof(digits);

    do {
        digits[--at] = (char) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    g_string_append_len(out, digits + at, (gssize) (sizeof(digits) - at));
}

G_END_DECLS
