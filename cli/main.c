/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "cli/commands.h"
#include "cli/text.h"
#include "common/error.h"

#include <locale.h>
#include <unistd.h>

/** What was asked for on the command line. */
typedef struct {
    gboolean version;
    gboolean json;
    GStrv words; /* (owned) (nullable) the command and its operand */
} Arguments;

static GOptionContext *
make_context(Arguments *arguments)
{
    const GOptionEntry entries[] = {
        {"json",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &arguments->json,
         "For scripts: one JSON object a line",
         NULL},
        {"version",
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_NONE,
         &arguments->version,
         "Show the version of this program",
         NULL},
        {G_OPTION_REMAINING,
         0,
         G_OPTION_FLAG_NONE,
         G_OPTION_ARG_STRING_ARRAY,
         &arguments->words,
         NULL,
         "COMMAND"},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(NULL);
    g_autoptr(GString) summary = g_string_new("Commands:\n");

    ap_command_append_help(summary);
    g_string_truncate(summary, summary->len - 1);
    g_option_context_set_summary(context, summary->str);
    g_option_context_set_description(
        context,
        "PEER is a public key, four or more characters of its beginning, or a tunnel address.\n"
        "See wg-autopeer(1) for the members of the JSON objects and the exit codes.");
    g_option_context_add_main_entries(context, entries, NULL);
    return context;
}

static const ApCommand *
find_command(const Arguments *arguments, GError **error)
{
    guint n = arguments->words != NULL ? g_strv_length(arguments->words) : 0;
    const ApCommand *command = n > 0 ? ap_command_find(arguments->words[0]) : NULL;

    if (n == 0) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "a command is missing");
        return NULL;
    }

    if (command == NULL)
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "there is no command “%s”",
                    arguments->words[0]);
    else if (n < 2 && command->operand != NULL)
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "%s needs a %s",
                    command->name,
                    command->operand);
    else if (n > (command->operand != NULL ? 2 : 1))
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_INVALID,
                    "“%s” is too much for %s",
                    arguments->words[n - 1],
                    command->name);
    else if (arguments->json && !command->has_json)
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "%s has no --json", command->name);
    else
        return command;

    return NULL;
}

/* What the bus writes about a call that its policy forbids is meant for its log. */
static ApExit
complain(const GError *error)
{
    g_autofree char *message = ap_text_escape(error->message);
    ApExit code = ap_session_exit_code(error);

    if (code == AP_EXIT_DENIED && geteuid() != 0)
        g_printerr("wg-autopeer: not allowed: only root may ask the helper\n");
    else
        g_printerr("wg-autopeer: %s\n", message);

    return code;
}

static ApExit
run(const ApCommand *command, const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ApSession) session = ap_session_open(&error);
    const char *operand = command->operand != NULL ? arguments->words[1] : NULL;

    if (session == NULL || !ap_session_check(session, &error)
        || !command->run(session, operand, arguments->json, &error))
        return complain(error);

    return AP_EXIT_DONE;
}

static ApExit
run_arguments(const Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    const ApCommand *command;

    if (arguments->version) {
        g_print("wg-autopeer %s\n", AP_VERSION);
        return AP_EXIT_DONE;
    }

    command = find_command(arguments, &error);
    if (command == NULL) {
        (void) complain(error);
        g_printerr("Try: wg-autopeer --help\n");
        return AP_EXIT_USAGE;
    }

    return run(command, arguments);
}

int
main(int argc, char **argv)
{
    Arguments arguments = {0};
    g_autoptr(GOptionContext) context = make_context(&arguments);
    g_autoptr(GError) error = NULL;
    ApExit code;

    (void) setlocale(LC_ALL, "");
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        (void) complain(error);
        return AP_EXIT_USAGE;
    }

    code = run_arguments(&arguments);
    g_strfreev(arguments.words);
    return code;
}
