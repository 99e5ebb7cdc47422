/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What the tray says of the whole, in the person's language. Pure.
 */

#pragma once

#include "tray/facts.h"

G_BEGIN_DECLS

/** How things stand, as the icon shows it. */
typedef enum {
    AP_ICON_OFF,
    AP_ICON_NO_TUNNEL,
    AP_ICON_RELAYED,
    AP_ICON_WORKING,
    AP_ICON_DIRECT,
    AP_ICON_PROBLEM,
    AP_N_ICONS,
} ApIcon;

ApIcon ap_words_icon(const ApTrayFacts *facts);
const char *ap_words_icon_name(ApIcon icon);

char *ap_words_headline(const ApTrayFacts *facts);
char *ap_words_note(const ApTrayFacts *facts);
char *ap_words_complaint(const GError *error);
char *ap_words_resync(const ApResync *resync);

G_END_DECLS
