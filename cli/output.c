/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/output.h"

#include "common/clock.h"
#include "common/error.h"

#include <glib/gi18n.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* https://no-color.org: any value but the empty one. */
static gboolean
wants_colour(void)
{
    const char *no_color = g_getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0')
           && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

/** Returns: how text is to look that is written now */
ApTextStyle
ap_output_style(void)
{
    return (ApTextStyle){
        .now_real_usec = ap_clock_now().real_usec,
        .colour = wants_colour(),
    };
}

/**
 * Writes at once: people's text in their character set, JSON in UTF-8 everywhere.
 *
 * @error: AP_ERROR_FAILED with the system's reason
 */
gboolean
ap_output_write(const char *text, gboolean json, GError **error)
{
    if (json)
        (void) fputs(text, stdout);
    else
        g_print("%s", text);

    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return TRUE;

    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, _("could not write: %s"), g_strerror(errno));
    return FALSE;
}
