/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "helper/engine/options.h"

#include "common/error.h"
#include "common/names.h"

static void
set_default(char **option, const char *value)
{
    if (*option == NULL)
        *option = g_strdup(value);
}

/**
 * Reads the command line; `--help` prints and exits.
 *
 * @out: (out caller-allocates): every text but @config is set; clear it in any case
 * @error: AP_ERROR_INVALID when an option is not known or incomplete
 */
gboolean
ap_options_parse(ApOptions *out, int *argc, char ***argv, GError **error)
{
    /* clang-format off */
    const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &out->config,
         "Read this file instead of the standard ones", "FILE"},
        {"runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &out->runtime_dir,
         "Where the ledger is kept [" AP_RUNTIME_DIR "]", "DIR"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &out->state_dir,
         "Where the user's choice is kept [" AP_STATE_DIR "]", "DIR"},
        {"fetch", 0, 0, G_OPTION_ARG_FILENAME, &out->fetch,
         "The program that talks HTTP", "PROGRAM"},
        {"user", 0, 0, G_OPTION_ARG_STRING, &out->user,
         "System user to become; root for wireguard-go's tunnels [" AP_USER "]", "NAME"},
        {"on-demand", 0, 0, G_OPTION_ARG_NONE, &out->on_demand,
         "Leave when nobody on the bus wants the helper", NULL},
        {"undo", 0, 0, G_OPTION_ARG_NONE, &out->undo,
         "Remove what the ledger says is ours, and exit", NULL},
        {"survey", 0, 0, G_OPTION_ARG_NONE, &out->survey,
         "Note which tunnels wg-quick saves (SaveConfig=true), and exit", NULL},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &out->print_config,
         "Print the configuration in force, and exit", NULL},
        {"print-sample", 0, 0, G_OPTION_ARG_NONE, &out->print_sample,
         "Print a sample configuration with every default, and exit", NULL},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &out->verbose, "Log more", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &out->version, "Print the version, and exit", NULL},
        {0},
    };
    /* clang-format on */
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) reason = NULL;

    *out = (ApOptions){0};
    g_option_context_set_summary(context,
                                 "Makes WireGuard peers on the same network talk directly. See "
                                 "wg-autopeer-helper(8).");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &reason)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, reason->message);
        return FALSE;
    }
    if (*argc > 1) {
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "'%s' is not an option", (*argv)[1]);
        return FALSE;
    }

    set_default(&out->runtime_dir, AP_RUNTIME_DIR);
    set_default(&out->state_dir, AP_STATE_DIR);
    set_default(&out->fetch, AP_LIBEXECDIR "/wg-autopeer-fetch");
    set_default(&out->user, AP_USER);
    return TRUE;
}

void
ap_options_clear(ApOptions *self)
{
    g_clear_pointer(&self->config, g_free);
    g_clear_pointer(&self->runtime_dir, g_free);
    g_clear_pointer(&self->state_dir, g_free);
    g_clear_pointer(&self->fetch, g_free);
    g_clear_pointer(&self->user, g_free);
}
