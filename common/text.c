/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/text.h"

/* Characters that a terminal acts upon, or that hide or reorder others (CVE-2024-52337). */
static gboolean
is_harmless(gunichar c)
{
    switch ((int) g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_UNASSIGNED:
        return FALSE;
    }

    return TRUE;
}

/**
 * Makes text that came from elsewhere fit to be shown: characters that a terminal acts upon, or
 * that hide or reorder others, become "\u{1B}".
 *
 * @text: anything
 *
 * Returns: (transfer full): UTF-8 on one line
 */
char *
ap_text_escape(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);

    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (is_harmless(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_printf(out, "\\u{%X}", c);
    }

    return g_string_free(out, FALSE);
}

/** Returns: (transfer full): "2026-11-22T16:03:12.123Z"; "-" for what no calendar has */
char *
ap_text_instant(gint64 real_usec)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(real_usec / AP_USEC_PER_SEC);
    g_autofree char *sec = time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : NULL;

    if (sec == NULL || real_usec < 0)
        return g_strdup("-");
    return g_strdup_printf("%s.%03uZ",
                           sec,
                           (guint) (real_usec % AP_USEC_PER_SEC / AP_USEC_PER_MSEC));
}

/**
 * Cuts text that is too long for its place.
 *
 * @text: UTF-8
 *
 * Returns: (transfer full): at most @max_chars characters of @text, and "…" where more follow
 */
char *
ap_text_shorten(const char *text, glong max_chars)
{
    g_autofree char *start = NULL;

    if (g_utf8_strlen(text, -1) <= max_chars)
        return g_strdup(text);

    start = g_utf8_substring(text, 0, max_chars);
    return g_strconcat(start, "…", NULL);
}

/**
 * Tells whether text that came from elsewhere is fit to be shown as it is.
 *
 * @text: any bytes; needs no final NUL
 *
 * Returns: FALSE when it is not UTF-8, or ap_text_escape() would change it
 */
gboolean
ap_text_is_harmless(const char *text, gsize n_bytes)
{
    if (n_bytes == 0)
        return TRUE;
    if (!g_utf8_validate_len(text, n_bytes, NULL)) /* a NUL is no text, either */
        return FALSE;

    for (const char *p = text; p < text + n_bytes; p = g_utf8_next_char(p)) {
        if (!is_harmless(g_utf8_get_char(p)))
            return FALSE;
    }
    return TRUE;
}
