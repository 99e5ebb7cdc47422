/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The command line of the helper.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
    char *config;      /* (owned) (nullable): one file instead of the standard ones */
    char *runtime_dir; /* (owned) */
    char *state_dir;   /* (owned) */
    char *fetch;       /* (owned) */
    char *user;        /* (owned) */
    gboolean on_demand;
    gboolean undo;
    gboolean survey;
    gboolean print_config;
    gboolean print_sample;
    gboolean verbose;
    gboolean version;
} ApOptions;

gboolean ap_options_parse(ApOptions *out, int *argc, char ***argv, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ap_options_clear(ApOptions *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApOptions, ap_options_clear)

G_END_DECLS
