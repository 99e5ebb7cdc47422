/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Prints the manual of all reasons in reStructuredText, from the words that the programs show.
 */

#include "helper/core/reason.h"

#include <stdio.h>

static const char head[] =
    ".. SPDX-License-Identifier: GPL-3.0-or-later\n\n"
    "===================\n"
    "wg-autopeer-reasons\n"
    "===================\n\n"
    "----------------------------------------------------------\n"
    "why a peer is direct or not, and what can be done about it\n"
    "----------------------------------------------------------\n\n"
    ":Manual section: 7\n"
    ":Manual group: wg-autopeer\n\n"
    "DESCRIPTION\n"
    "===========\n\n"
    "**wg-autopeer**\\(1) and the tray give a reason for whatever they show of a tunnel or a peer. These\n"
    "are all that there are. The words keep their meaning; the sentences may change.\n\n";

static const char foot[] =
    "SEE ALSO\n"
    "========\n\n"
    "**wg-autopeer**\\(1), **wg-autopeer-helper**\\(8), **wg-autopeer.conf**\\(5)\n";

/* Whether it says what was refused of an offer, and not how things stand. */
static gboolean
is_refusal(ApReason reason)
{
    const char *name = ap_reason_name(reason);

    return g_str_has_prefix(name, "key-") || g_str_has_prefix(name, "address-")
           || g_str_has_prefix(name, "endpoint-");
}

static void
print_section(const char *title, const char *underline, const char *intro, gboolean refusals)
{
    printf("%s\n%s\n\n%s\n\n", title, underline, intro);
    for (ApReason reason = AP_REASON_NONE + 1; reason < AP_N_REASONS; reason++) {
        if (is_refusal(reason) == refusals)
            printf("**%s**\n    %s %s\n",
                   ap_reason_name(reason),
                   ap_reason_sentence(reason),
                   ap_reason_advice(reason));
    }
    printf("\n");
}

int
main(void)
{
    printf("%s", head);
    print_section("TUNNELS AND PEERS", "=================", "How things stand:", FALSE);
    print_section("REFUSALS",
                  "========",
                  "What was refused of what a server or a peer said:",
                  TRUE);
    printf("%s", foot);
    return fflush(stdout) == 0 ? 0 : 1;
}
