/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The form of a bundle: everything that those need who are to find out what went wrong, as one text
 * in sections. Pure.
 */

#pragma once

#include "common/instant.h"

G_BEGIN_DECLS

/** The form of a bundle; rises when a section goes or changes its own. tests/replay reads it. */
#define AP_BUNDLE_FORMAT 1

/** One section; all borrowed. */
typedef struct {
    const char *name;
    const char *text;
} ApBundleSection;

char *ap_bundle_write(const ApBundleSection *sections, gsize n_sections);
char *ap_bundle_hide_names(const char *policy);

G_END_DECLS
