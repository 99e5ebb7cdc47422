/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/bundle.h"

#include <string.h>

/* Calls @append with each line of @text, without its end. */
static void
foreach_line(GString *out, const char *text, void (*append)(GString *, const char *, gsize))
{
    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');

        append(out, text, (gsize) (end - text));
        text = *end == '\n' ? end + 1 : end;
    }
}

/* What looks like the head of a section, and is none, is moved in. */
static void
append_line(GString *out, const char *line, gsize n_bytes)
{
    if (line[0] == '[')
        g_string_append_c(out, ' ');
    g_string_append_len(out, line, (gssize) n_bytes);
    g_string_append_c(out, '\n');
}

/**
 * Puts sections together.
 *
 * Returns: (transfer full): the first line tells the format; a section is its name in brackets, its
 *     lines, none of which begins with a bracket, and an empty line
 */
char *
ap_bundle_write(const ApBundleSection *sections, gsize n_sections)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "wg-autopeer bundle %u\n\n", AP_BUNDLE_FORMAT);
    for (gsize i = 0; i < n_sections; i++) {
        g_string_append_printf(out, "[%s]\n", sections[i].name);
        foreach_line(out, sections[i].text, append_line);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

static void
append_unless_name(GString *out, const char *line, gsize n_bytes)
{
    static const char name[] = "Name=";

    if (n_bytes > strlen(name) && g_str_has_prefix(line, name))
        g_string_append(out, "Name=(left out)");
    else
        g_string_append_len(out, line, (gssize) n_bytes);
    g_string_append_c(out, '\n');
}

/**
 * Leaves out what people call their peers: it is theirs, and nothing is decided by it.
 *
 * @policy: as ap_config_print() has it
 *
 * Returns: (transfer full)
 */
char *
ap_bundle_hide_names(const char *policy)
{
    GString *out = g_string_new(NULL);

    foreach_line(out, policy, append_unless_name);
    return g_string_free(out, FALSE);
}
